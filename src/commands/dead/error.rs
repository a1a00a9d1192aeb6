//! The errors of `irispool dead`.

use std::io;
use std::path::PathBuf;

use crate::exit::{Exit, Explain};

#[derive(Debug, thiserror::Error)]
pub(super) enum DeadError {
    #[error("no dead letter was chosen")]
    NoChoice,
    #[error("cannot ask whether to delete {count} dead letters: this is not a terminal")]
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
                "name messages, or choose them with --dataset and --reason, or use --all".to_owned()
            }
            DeadError::NobodyToAsk { .. } => "add --yes to delete them without a question".to_owned(),
            DeadError::NotThere { .. } => {
                "see irispool dead list; somebody may have retried them already".to_owned()
            }
            DeadError::Copy { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                "export never overwrites a file: choose an empty folder".to_owned()
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
