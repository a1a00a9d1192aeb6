//! What can go wrong with `irispool dead` through the user's choice.

use std::io;
use std::path::PathBuf;

use crate::exit::{Exit, Explain};

#[derive(Debug, thiserror::Error)]
pub(super) enum DeadError {
    #[error("no dead letter was chosen")]
    NoChoice,
    #[error("there is nobody to ask whether {count} dead letters may be deleted")]
    NobodyToAsk { count: usize },
    #[error("not in dead: {messages}")]
    NotThere { messages: String },
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Copy { action: &'static str, path: PathBuf, source: io::Error },
}

impl Explain for DeadError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            DeadError::NoChoice => {
                "name messages, or choose by --dataset and --reason, or say --all".to_owned()
            }
            DeadError::NobodyToAsk { .. } => "add --yes to delete them without being asked".to_owned(),
            DeadError::NotThere { .. } => {
                "irispool dead list; or has somebody retried it already?".to_owned()
            }
            DeadError::Copy { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                "nothing is overwritten: export into an empty folder".to_owned()
            }
            DeadError::Copy { .. } => return None,
        })
    }

    fn exit(&self) -> Exit {
        match self {
            DeadError::NoChoice | DeadError::NobodyToAsk { .. } => Exit::Usage,
            DeadError::NotThere { .. } | DeadError::Copy { .. } => Exit::CannotRun,
        }
    }
}
