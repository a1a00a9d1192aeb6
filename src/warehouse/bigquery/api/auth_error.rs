//! Why irispool has no access token.

use std::time::Duration;

use crate::warehouse::WarehouseError;

/// How long a delivery waits after no token could be fetched.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Why there is no access token.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum AuthError {
    /// A person must change something.
    #[error("{why}")]
    Setup { why: String, hint: String },
    /// It may succeed later without anybody doing anything.
    #[error("{why}")]
    Later { why: String },
}

impl From<AuthError> for WarehouseError {
    fn from(error: AuthError) -> WarehouseError {
        match error {
            AuthError::Setup { why, hint } => WarehouseError::Setup { why, hint },
            AuthError::Later { why } => WarehouseError::Later { why, after: RETRY_AFTER },
        }
    }
}
