//! What the user can do about the errors of the rooms below: the warehouse, the spool and the pipeline.
//!
//! Those rooms do not know [`crate::exit`], so the implementations of [`Explain`] are here.

use crate::completeness::VerifyError;
use crate::exit::{Exit, Explain};
use crate::pipeline::PipelineError;
use crate::spool::SpoolError;
use crate::warehouse::{DISK_FULL, QueryError, WarehouseError};

impl Explain for SpoolError {
    fn hint(&self) -> Option<String> {
        SpoolError::hint(self)
    }
}

impl Explain for PipelineError {
    fn hint(&self) -> Option<String> {
        match self {
            PipelineError::Spool(error) => error.hint(),
            PipelineError::Thread(_) => {
                Some("lower readers and settlers, or raise the limit on processes".to_owned())
            }
        }
    }
}

impl Explain for QueryError {
    fn hint(&self) -> Option<String> {
        match self {
            QueryError::Statement { hint, .. } => hint.clone(),
            QueryError::Warehouse(error) => error.hint(),
            QueryError::Output(_) => None,
        }
    }
}

impl Explain for VerifyError {
    fn hint(&self) -> Option<String> {
        match self {
            VerifyError::Archive(error) => Some(error.hint()),
            VerifyError::Spool(error) => error.hint().or_else(|| {
                Some("run this command as the user of the worker, or check that --spool names the right folder".to_owned())
            }),
            VerifyError::Ledger(QueryError::Statement { .. }) => {
                Some("this may not be irispool's warehouse: --warehouse names it".to_owned())
            }
            VerifyError::Ledger(error) => error.hint(),
            VerifyError::VerifiedDays { path, .. } => {
                Some(format!("if you delete {}, irispool lists all days again", path.display()))
            }
            VerifyError::NoDataset => {
                Some("name one with --dataset, or check that --spool and --warehouse are the right ones".to_owned())
            }
            VerifyError::NothingJudged { .. } => {
                Some("choose other days with --day, or with --since and --until".to_owned())
            }
        }
    }

    fn exit(&self) -> Exit {
        Exit::Unknown
    }

    fn may_pass(&self) -> bool {
        matches!(self, VerifyError::Archive(_))
    }
}

impl Explain for WarehouseError {
    fn hint(&self) -> Option<String> {
        match self {
            WarehouseError::Later { why, .. } if why.contains(DISK_FULL) => {
                Some("free some space on the file system of the database".to_owned())
            }
            WarehouseError::Later { .. } => None,
            WarehouseError::Setup { hint, .. } => Some(hint.clone()),
        }
    }

    fn may_pass(&self) -> bool {
        matches!(self, WarehouseError::Later { .. })
    }
}
