//! Deliveries by `insertAll`.

mod insert;
mod refused_rows;
pub(super) mod requests;
