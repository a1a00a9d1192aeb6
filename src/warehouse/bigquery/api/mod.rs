//! Requests to BigQuery's REST API, and what the answers mean. This room knows nothing of tables or rows.
//!
//! | file | what it is for |
//! |---|---|
//! | `options` | the options of the whole BigQuery warehouse |
//! | `environment` | the environment variables about BigQuery |
//! | `client` | the client: one call with all its retries |
//! | `http_request` | one HTTP request and its answer |
//! | `op` | the methods of the API, with their names and permissions |
//! | `refusal` | what an answer that is not a success means |
//! | `call_error`, `explain` | why a request came to nothing, and how to tell a person |
//! | `retry` | how long a piece of work is retried |
//! | `rate_limit`, `concurrency` | how many requests go out per second, and how many are under way at once |
//! | `stop` | waits that end when the program stops |
//! | `credentials` | finds and reads the credentials |
//! | `token_source`, `tokens`, `auth_error` | fetch, share and renew the access token |
//! | `query` | the requests and pages of a SQL query |
//! | `dataset_requests` | finds and creates the dataset in BigQuery |
//! | `counters` | what the warehouse counts |

mod auth_error;
mod call_error;
mod client;
mod concurrency;
mod counters;
mod credentials;
pub(super) mod dataset_requests;
mod environment;
mod explain;
mod http_request;
mod op;
mod options;
mod query;
mod rate_limit;
mod refusal;
mod retry;
mod stop;
mod token_source;
mod tokens;

pub use self::call_error::CallError;
pub use self::client::Client;
pub use self::counters::Counters;
pub use self::environment::Environment;
pub(crate) use self::explain::NO_PROJECT;
pub(super) use self::http_request::Body;
pub use self::op::Op;
pub use self::options::{DeliveryMethod, Options};
pub(super) use self::query::percent_encoded;
pub use self::query::{QueryColumn, QueryPage};
pub(super) use self::refusal::{ErrorProto, RowMeaning, classify_row, meaning_of};
pub use self::refusal::{Meaning, Refusal};
pub(super) use self::retry::{RetryBudget, RetryCount};
pub use crate::bq_dataset::BqDataset;
