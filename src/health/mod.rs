//! Whether data flows.
//!
//! A collector looks at the spool and the warehouse from outside, and reads what live workers publish, so it needs no
//! worker that runs. The rules turn the facts into findings, for `status`, for the alerts and for the metrics.
//!
//! - `facts`: what is known at one moment.
//! - `collector`: collects the facts.
//! - `facts_cache`: the facts that one thread of a worker collected, for the others.
//! - `warehouse_probe`: asks the warehouse whether it is there.
//! - `client_facts`: what is known of Elexon's client.
//! - `client_probe`: looks whether it runs.
//! - `client_note`: the note in the spool about the client that was seen last.
//! - `client_watcher`: the thread of a worker that writes the note.
//! - `flow`: when rows of each dataset arrived.
//! - `drain_history`: when drains (`run --once`) ran.
//! - `worker_status`: what a worker publishes about itself.
//! - `status_publisher`: publishes it.
//! - `hang_detector`: notices a coordinator that makes no rounds.
//! - `finding`, `finding_key`: something that is not as it should be.
//! - `rules`: the rules by which facts become findings.
//! - `endpoint`: answers requests for metrics and health over HTTP.
//! - `worker_metrics`, `spool_metrics`: the metrics.
//! - `alerts`: who is alerted, and when.

pub(crate) mod alerts;
mod client_facts;
mod client_note;
mod client_probe;
mod client_watcher;
mod collector;
mod drain_history;
mod endpoint;
mod facts;
mod facts_cache;
mod finding;
mod finding_key;
mod flow;
mod hang_detector;
mod rules;
mod spool_metrics;
mod status_publisher;
mod warehouse_probe;
mod worker_metrics;
mod worker_status;

pub(crate) use client_probe::client_facts;
pub(crate) use client_watcher::ClientWatcher;
pub(crate) use collector::FactsCollector;
pub(crate) use drain_history::DrainHistory;
pub(crate) use endpoint::{Endpoint, OpenedWarehouse};
pub(crate) use facts::{DatasetFacts, Facts, WorkerFacts};
pub(crate) use facts_cache::FactsCache;
pub(crate) use finding::{Finding, Level, level_of};
pub(crate) use flow::DatasetFlow;
pub(crate) use hang_detector::HangDetector;
pub(crate) use rules::{evaluate, evaluate_client};
pub(crate) use status_publisher::StatusPublisher;
pub(crate) use worker_status::WorkerStatus;
