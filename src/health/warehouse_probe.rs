//! Asks the warehouse whether it is there, and what it tells without charge.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::facts::WarehouseFacts;
use super::flow::{DatasetFlow, ask_ledger};
use crate::bq_dataset::BqDataset;
use crate::config::{Config, WarehouseSpec};
use crate::locks::Unpoisoned;
use crate::warehouse::bigquery::{BigQuery, Environment, Options};
use crate::warehouse::sqlite::SqliteReader;
use crate::warehouse::{LeftAlone, QueryError, WarehouseError};

/// How long the probe waits for a database that another process has locked.
const BUSY_TIMEOUT_MAX: Duration = Duration::from_secs(5);

/// How long one request to BigQuery may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);

/// How long the probe waits for BigQuery.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long BigQuery may take to list the user's own views, and how old the list may be.
const LEFT_ALONE_TIMEOUT: Duration = Duration::from_secs(3);
const LEFT_ALONE_AGE_MAX: Duration = Duration::from_secs(10 * 60);

/// Asks one warehouse, once or again and again.
#[derive(Debug)]
pub(super) struct WarehouseProbe {
    name: String,
    target: ProbeTarget,
}

#[derive(Debug)]
enum ProbeTarget {
    Sqlite { path: PathBuf, busy_timeout: Duration },
    BigQuery { bq_dataset: BqDataset, session: Mutex<BigQuerySession> },
}

/// What the probe keeps between two calls.
#[derive(Default)]
struct BigQuerySession {
    /// The client has a connection and a token.
    client: Option<Arc<BigQuery>>,
    /// A call that did not end before [`ANSWER_TIMEOUT`].
    pending: Option<Receiver<BigQueryAnswer>>,
    /// The user's own views, and when they were listed. Listing takes a request for each view, so it is not done every
    /// time.
    left_alone: Option<(Instant, Vec<LeftAlone>)>,
}

struct BigQueryAnswer {
    took: Duration,
    location: Result<Option<String>, WarehouseError>,
    /// None if they were not asked for, or not listed in time.
    left_alone: Option<Vec<LeftAlone>>,
}

impl WarehouseProbe {
    pub(super) fn new(config: &Config) -> WarehouseProbe {
        let name = config.warehouse.to_string();
        let target = match &config.warehouse {
            WarehouseSpec::Sqlite(path) => ProbeTarget::Sqlite {
                path: path.clone(),
                busy_timeout: config.busy_timeout.min(BUSY_TIMEOUT_MAX),
            },
            WarehouseSpec::BigQuery(bq_dataset) => {
                ProbeTarget::BigQuery { bq_dataset: bq_dataset.clone(), session: Mutex::default() }
            }
        };
        WarehouseProbe { name, target }
    }

    /// What the warehouse says of itself, and, if it has a ledger, the rows of each dataset.
    pub(super) fn ask(&self) -> (WarehouseFacts, Option<BTreeMap<String, DatasetFlow>>) {
        let facts = WarehouseFacts { name: self.name.clone(), ..WarehouseFacts::default() };
        match &self.target {
            ProbeTarget::Sqlite { path, busy_timeout } => ask_sqlite(facts, path, *busy_timeout),
            ProbeTarget::BigQuery { bq_dataset, session } => {
                let mut session = session.lock().unpoisoned();
                (ask_bigquery(facts, bq_dataset, &mut session), None)
            }
        }
    }
}

fn ask_sqlite(
    mut facts: WarehouseFacts,
    path: &Path,
    busy_timeout: Duration,
) -> (WarehouseFacts, Option<BTreeMap<String, DatasetFlow>>) {
    facts.there = match path.try_exists() {
        Ok(is_there) => is_there,
        Err(error) => {
            facts.error = Some(format!("cannot look at {}: {error}", path.display()));
            facts.hint = Some("may this user read it, and enter its folder?".to_owned());
            return (facts, None);
        }
    };
    if !facts.there {
        return (facts, Some(BTreeMap::new()));
    }
    let began = Instant::now();
    let asked = SqliteReader::open(path, busy_timeout)
        .map_err(QueryError::from)
        .and_then(|reader| Ok((ask_ledger(&reader)?, reader.left_alone().unwrap_or_default())));
    match asked {
        Ok((ledger, left_alone)) => {
            facts.left_alone = left_alone;
            facts.answered_ms = Some(began.elapsed().as_millis() as u64);
            facts.superseded = Some(ledger.superseded);
            (facts, Some(ledger.flows))
        }
        Err(error) => {
            facts.hint = match &error {
                QueryError::Warehouse(error) => hint_of(error),
                QueryError::Statement { hint, .. } => hint.clone(),
                QueryError::Output(_) => None,
            };
            facts.error = Some(error.to_string());
            (facts, None)
        }
    }
}

/// Asks once where the dataset is, which is free of charge. A thread of its own makes the call, as there is no other
/// limit to how long the look-up of a host name takes.
fn ask_bigquery(
    mut facts: WarehouseFacts,
    bq_dataset: &BqDataset,
    session: &mut BigQuerySession,
) -> WarehouseFacts {
    let pending = match session.pending.take() {
        Some(pending) => pending,
        None => match session.client(bq_dataset) {
            Ok(client) => {
                let is_old = |at: &Instant| at.elapsed() > LEFT_ALONE_AGE_MAX;
                call(client, session.left_alone.as_ref().is_none_or(|(at, _)| is_old(at)))
            }
            Err(error) => return without_answer(facts, &error),
        },
    };
    let too_late = |facts| {
        let why = format!("no answer within {} s", ANSWER_TIMEOUT.as_secs());
        without_answer(facts, &WarehouseError::Later { why, after: Duration::ZERO })
    };
    match pending.recv_timeout(ANSWER_TIMEOUT) {
        Ok(BigQueryAnswer { took, location: Ok(location), left_alone }) => {
            if let Some(left_alone) = left_alone {
                session.left_alone = Some((Instant::now(), left_alone));
            }
            facts.left_alone = session.left_alone.as_ref().map_or(Vec::new(), |(_, left)| left.clone());
            facts.there = true;
            facts.answered_ms = Some(took.as_millis() as u64);
            facts.location = location;
            facts
        }
        Ok(BigQueryAnswer { location: Err(error), .. }) => without_answer(facts, &error),
        Err(RecvTimeoutError::Timeout) => {
            session.pending = Some(pending);
            too_late(facts)
        }
        // The thread could not be started, or it panicked.
        Err(RecvTimeoutError::Disconnected) => too_late(facts),
    }
}

fn without_answer(mut facts: WarehouseFacts, error: &WarehouseError) -> WarehouseFacts {
    let network = "is the network up, and does a worker's log say the same?";
    facts.hint = hint_of(error).or_else(|| Some(network.to_owned()));
    facts.error = Some(error.to_string());
    facts
}

fn hint_of(error: &WarehouseError) -> Option<String> {
    match error {
        WarehouseError::Setup { hint, .. } => Some(hint.clone()),
        WarehouseError::Later { .. } => None,
    }
}

impl fmt::Debug for BigQuerySession {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("BigQuerySession").finish_non_exhaustive()
    }
}

impl BigQuerySession {
    fn client(&mut self, bq_dataset: &BqDataset) -> Result<Arc<BigQuery>, WarehouseError> {
        if let Some(client) = &self.client {
            return Ok(Arc::clone(client));
        }
        let options = Options {
            patience: Duration::ZERO,
            call_timeout: REQUEST_TIMEOUT,
            environment: Environment::of_process(),
            ..Options::default()
        };
        let client = Arc::new(BigQuery::open(bq_dataset.clone(), options)?);
        self.client = Some(Arc::clone(&client));
        Ok(client)
    }
}

fn call(client: Arc<BigQuery>, with_views: bool) -> Receiver<BigQueryAnswer> {
    let (sender, receiver) = channel();
    let work = move || {
        let began = Instant::now();
        let location = client.ask_location();
        let took = began.elapsed();
        // Whether the warehouse answers matters more than its views. They get a time of their own.
        let left_alone = match &location {
            Ok(_) if with_views => within(LEFT_ALONE_TIMEOUT, move || client.left_alone().ok()),
            _ => None,
        };
        let _ = sender.send(BigQueryAnswer { took, location, left_alone });
    };
    // If no thread can be started, the sender is dropped, and the receiver notices.
    let _ = thread::Builder::new().name("ask".to_owned()).spawn(work);
    receiver
}

/// The answer of `ask`, if it comes within this time.
fn within<T: Send + 'static>(time: Duration, ask: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    let (sender, receiver) = channel();
    thread::Builder::new().name("ask-views".to_owned()).spawn(move || drop(sender.send(ask()))).ok()?;
    receiver.recv_timeout(time).ok().flatten()
}
