//! Google BigQuery, by its REST API.
//!
//! Streaming (`insertAll`) delivers rows at least once. Every try has the same insertIds, and the unified views drop
//! the rows that arrive twice nevertheless. Load jobs deliver a batch exactly once, because the id of the job is the
//! batch's.
//!
//! Every wait has a limit. Rows that are not delivered within [`Options::patience`] go back to the queue as files.
//!
//! | file | what it is for |
//! |---|---|
//! | `warehouse` | the type [`BigQuery`] |
//! | `api/` | requests to the API, and what the answers mean |
//! | `tables/` | tables and views |
//! | `stream/` | deliveries by streaming |
//! | `load/` | deliveries by load jobs |
//! | `rows` | rows as the JSON that BigQuery takes |
//! | `check` | what `irispool check` asks |
//! | `select` | `irispool query` |
//!
//! `stream` and `load` know `tables` and `api`. `tables` knows `api`. `api` knows none of them.

mod api;
mod check;
mod load;
mod rows;
mod select;
mod stream;
mod tables;
mod warehouse;

pub(crate) use self::api::NO_PROJECT;
pub use self::api::{
    BqDataset, CallError, Client, Counters, DeliveryMethod, Environment, Meaning, Op, Options, QueryColumn,
    QueryPage, Refusal,
};
pub use self::check::{Allowed, Permission, UnusableTable};
pub use self::tables::{SetupPlan, views};
pub use self::warehouse::BigQuery;
