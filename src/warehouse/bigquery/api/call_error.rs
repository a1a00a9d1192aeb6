//! Why a request to the API came to nothing.

use super::refusal::Refusal;
use crate::warehouse::WarehouseError;

/// Why a request came to nothing, after all retries.
#[derive(Clone, Debug)]
pub enum CallError {
    /// BigQuery refused the request, and the caller may know what to do about it. The meaning is never one that only
    /// asks for another try.
    Refused(Refusal),
    /// irispool gives up for now, or a person must change something before any request can succeed.
    Warehouse(WarehouseError),
}
