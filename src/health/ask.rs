//! The warehouse's answer: whether it is there, and what it says for nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::flow::{Flow, Rhythm};
use super::ledger;
use crate::config::{Config, WarehouseSpec};
use crate::warehouse::bigquery::{BigQuery, BqDataset, Environment, Options};
use crate::warehouse::sqlite::Reader;
use crate::warehouse::{LeftAlone, QueryError, WarehouseError};

/// How long a look may wait for a database that somebody has locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one request over the network may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(4);

/// How long a look waits for the network in all.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a look at the user's own things may take, and for how long it is good.
const LEFT_ALONE_TIME: Duration = Duration::from_secs(3);
const LEFT_ALONE_AGE_MAX: Duration = Duration::from_secs(10 * 60);

/// The warehouse's answer, and the rows of all datasets together.
#[derive(Clone, Debug, Default, Serialize)]
pub struct WarehouseFacts {
    /// As it is configured, `sqlite:irispool.db` or `bigquery:project.dataset`.
    pub name: String,
    /// Whether it is there; a SQLite file is made by the first run.
    pub there: bool,
    /// None where it answered.
    pub error: Option<String>,
    /// What to do about the error.
    pub hint: Option<String>,
    /// How long its answer took, in ms; none where there was none, or no file to ask.
    pub answered_ms: Option<u64>,
    /// Where a BigQuery dataset is.
    pub location: Option<String>,
    /// When the last row of any dataset came, in ms since 1970 UTC.
    pub last_row_ms: Option<i64>,
    /// What of the user's stands where irispool's views would be, or is left out of them.
    pub left_alone: Vec<LeftAlone>,
    /// How often rows of any dataset usually come; none without enough history.
    pub rhythm: Option<Rhythm>,
    /// Contents of messages that were never loaded, as other content under their name that was written later was in: they
    /// stand in `irispool_superseded`. None where there is no ledger to ask.
    pub superseded: Option<u64>,
}

/// Asks one warehouse, once or again and again.
#[derive(Debug)]
pub(super) struct Asker {
    name: String,
    what: What,
}

#[derive(Debug)]
enum What {
    Sqlite { path: PathBuf, busy_timeout: Duration },
    BigQuery { bq_dataset: BqDataset, caller: Mutex<Caller> },
}

/// What is kept between two calls.
#[derive(Default)]
struct Caller {
    /// With its connection and its token.
    client: Option<Arc<BigQuery>>,
    /// A call that had not ended when nobody waited for it any more.
    pending: Option<Receiver<Called>>,
    /// What was found of the user's own things, and when: it takes a request for each view, so not at every look.
    left_alone: Option<(Instant, Vec<LeftAlone>)>,
}

/// The answer to a call, or why there is none.
struct Called {
    took: Duration,
    answer: Result<Option<String>, WarehouseError>,
    /// None where it was not asked for, or not answered.
    left_alone: Option<Vec<LeftAlone>>,
}

impl Asker {
    pub(super) fn new(config: &Config) -> Asker {
        let name = config.warehouse.to_string();
        let what = match &config.warehouse {
            WarehouseSpec::Sqlite(path) => {
                What::Sqlite { path: path.clone(), busy_timeout: config.busy_timeout.min(BUSY_TIMEOUT) }
            }
            WarehouseSpec::BigQuery(bq_dataset) => {
                What::BigQuery { bq_dataset: bq_dataset.clone(), caller: Mutex::default() }
            }
        };
        Asker { name, what }
    }

    /// What it says of itself; and what came of each dataset, where it can be asked for that.
    pub(super) fn ask(&self) -> (WarehouseFacts, Option<BTreeMap<String, Flow>>) {
        let facts = WarehouseFacts { name: self.name.clone(), ..WarehouseFacts::default() };
        match &self.what {
            What::Sqlite { path, busy_timeout } => ask_sqlite(facts, path, *busy_timeout),
            What::BigQuery { bq_dataset, caller } => {
                let mut caller = caller.lock().unwrap_or_else(PoisonError::into_inner);
                (ask_bigquery(facts, bq_dataset, &mut caller), None)
            }
        }
    }
}

fn ask_sqlite(
    mut facts: WarehouseFacts,
    path: &Path,
    busy_timeout: Duration,
) -> (WarehouseFacts, Option<BTreeMap<String, Flow>>) {
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
    let asked = Reader::open(path, busy_timeout)
        .map_err(QueryError::from)
        .and_then(|reader| Ok((ledger::ask(&reader)?, reader.left_alone().unwrap_or_default())));
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

/// One call that costs nothing, tried once: where the dataset is. It is made by a thread of its own, as nothing else
/// bounds how long looking up a name may take.
fn ask_bigquery(mut facts: WarehouseFacts, bq_dataset: &BqDataset, caller: &mut Caller) -> WarehouseFacts {
    let pending = match caller.pending.take() {
        Some(pending) => pending,
        None => match caller.client(bq_dataset) {
            Ok(client) => {
                let is_old = |at: &Instant| at.elapsed() > LEFT_ALONE_AGE_MAX;
                call(client, caller.left_alone.as_ref().is_none_or(|(at, _)| is_old(at)))
            }
            Err(error) => return without_answer(facts, &error),
        },
    };
    let silent = |facts| {
        let why = format!("no answer within {} s", ANSWER_TIMEOUT.as_secs());
        without_answer(facts, &WarehouseError::Later { why, after: Duration::ZERO })
    };
    match pending.recv_timeout(ANSWER_TIMEOUT) {
        Ok(Called { took, answer: Ok(location), left_alone }) => {
            if let Some(left_alone) = left_alone {
                caller.left_alone = Some((Instant::now(), left_alone));
            }
            facts.left_alone = caller.left_alone.as_ref().map_or(Vec::new(), |(_, left)| left.clone());
            facts.there = true;
            facts.answered_ms = Some(took.as_millis() as u64);
            facts.location = location;
            facts
        }
        Ok(Called { answer: Err(error), .. }) => without_answer(facts, &error),
        Err(RecvTimeoutError::Timeout) => {
            caller.pending = Some(pending);
            silent(facts)
        }
        // The thread could not be started, or it panicked.
        Err(RecvTimeoutError::Disconnected) => silent(facts),
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

impl fmt::Debug for Caller {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Caller").finish_non_exhaustive()
    }
}

impl Caller {
    fn client(&mut self, bq_dataset: &BqDataset) -> Result<Arc<BigQuery>, WarehouseError> {
        if let Some(client) = &self.client {
            return Ok(Arc::clone(client));
        }
        let options = Options {
            patience: Duration::ZERO,
            call_timeout: CALL_TIMEOUT,
            environment: Environment::of_process(),
            ..Options::default()
        };
        let client = Arc::new(BigQuery::open(bq_dataset.clone(), options)?);
        self.client = Some(Arc::clone(&client));
        Ok(client)
    }
}

fn call(client: Arc<BigQuery>, with_views: bool) -> Receiver<Called> {
    let (sender, receiver) = channel();
    let work = move || {
        let began = Instant::now();
        let answer = client.ask_location();
        let took = began.elapsed();
        // Whether the warehouse answers is worth more than what is in it: that is looked up in what time is left.
        let left_alone = match &answer {
            Ok(_) if with_views => within(LEFT_ALONE_TIME, move || client.left_alone().ok()),
            _ => None,
        };
        let _ = sender.send(Called { took, answer, left_alone });
    };
    // Where no thread can be started, the sender is gone, and the receiver says so.
    let _ = thread::Builder::new().name("ask".to_owned()).spawn(work);
    receiver
}

/// What `ask` answers, if it does so in that time.
fn within<T: Send + 'static>(time: Duration, ask: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    let (sender, receiver) = channel();
    thread::Builder::new().name("ask-views".to_owned()).spawn(move || drop(sender.send(ask()))).ok()?;
    receiver.recv_timeout(time).ok().flatten()
}
