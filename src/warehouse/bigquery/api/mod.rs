//! Requests to BigQuery's REST API: credentials, tokens, limits, retries, and what the answers mean.

pub(super) mod client;
pub(super) mod counters;
pub(super) mod credentials;
pub(super) mod errors;
pub(super) mod http_request;
pub(super) mod options;
pub(super) mod query;
pub(super) mod rate_limit;
pub(super) mod response;
pub(super) mod retry;
mod token_source;
mod tokens;
