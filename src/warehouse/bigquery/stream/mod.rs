//! Delivers rows by streaming (`insertAll`), which takes them at least once.
//!
//! | file | what it is for |
//! |---|---|
//! | `requests` | cuts deliveries into requests and sends them |
//! | `request_queue` | the order in which the requests of a load go out |
//! | `load_progress`, `table_rows` | what is known of the deliveries of a load, and of those for one table |
//! | `insert` | sends the rows of one request until each is settled |
//! | `target`, `pending_row` | where rows go, and a row on its way |
//! | `request_body` | the body of a request |
//! | `refused_rows` | what to do about rows that BigQuery refuses |
//! | `lag`, `stream_state` | which tables streaming does not know yet, and which requests are being retried |

mod insert;
mod lag;
mod load_progress;
mod pending_row;
mod refused_rows;
mod request_body;
mod request_queue;
mod requests;
mod stream_state;
mod table_rows;
mod target;

pub(super) use self::requests::load;
pub(super) use self::stream_state::StreamState;
