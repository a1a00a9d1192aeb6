//! What the user can do about the errors of the rooms below: the warehouse, the spool and the pipeline.
//!
//! Those rooms do not know [`crate::exit`], so the implementations of [`Explain`] are here.

use crate::exit::Explain;
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
