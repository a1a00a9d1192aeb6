//! Whether data flows: the facts, and what they mean.
//!
//! The facts are looked up from outside, in the spool, in the warehouse and from what live workers publish, so that all
//! is known while no worker runs, too. When rows came is asked of SQLite's ledger; for BigQuery, where each such question
//! costs, it stands in the flow log, which the workers write into the spool. What they mean is decided in one place,
//! [`judge()`], for `status`, for the alerts and for whoever asks over HTTP.

mod absence;
pub mod alerts;
mod ask;
pub mod drains;
mod flow;
mod flow_log;
mod judge;
mod last_row;
mod latest;
mod ledger;
mod metrics;
mod news;
mod pulse;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use absence::{Absence, absence};
use ask::Asker;
pub use ask::WarehouseFacts;
use drains::Drains;
pub use flow::Flow;
pub use flow_log::Minute;
use flow_log::OldDays;
use judge::words;
pub use judge::{Finding, Level, judge, level_of};
pub use latest::Latest;
pub use metrics::{Endpoint, Opened};
use news::NEWS_AGE_MAX;
pub use news::{News, ParkedNews, Publisher};
pub use pulse::Pulse;

use crate::catalog;
use crate::config::{Config, WarehouseSpec};
use crate::spool::{AGES, DiskSpace, Inspection, Layout, Part, Queue, Sighting, WorkerSeen, inspect, now_ms};

/// All that is known at one moment. Written as JSON, with the level and the findings before it, it is the answer of
/// `irispool status --json`; there may be more fields some day, none of these goes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Facts {
    /// When it was looked, in ms since 1970 UTC.
    pub at_ms: i64,
    /// The spool's path as it is configured.
    pub spool: PathBuf,
    /// The parts of the spool that can't be read, or not all of them, with why: more may be there than is counted.
    pub unread: BTreeMap<Part, String>,
    /// Files and links directly in `incoming`, and folders there that are set aside: no worker takes them.
    pub stray: Sighting,
    /// Folders inside datasets' folders with something in them, where no worker looks.
    pub too_deep: Sighting,
    /// Files in `incoming` under temporary names, an hour old or older: no worker takes them.
    pub temporary: Sighting,
    /// By dataset, as the warehouse calls it: all that wait, are claimed or dead, or ever came.
    pub datasets: BTreeMap<String, DatasetFacts>,
    /// Messages that wait in `incoming`, over all datasets.
    pub ready: u64,
    /// Messages in the hands of workers, alive or dead.
    pub claimed: u64,
    /// Messages in `dead`.
    pub dead: u64,
    /// What `dead` takes of the disk, with its reports.
    pub dead_bytes: u64,
    /// When the oldest message that waits or is claimed was written, in ms since 1970 UTC; none where there is none.
    pub oldest_ms: Option<i64>,
    /// The messages that wait or are claimed, by age: each is in one class, the youngest come first.
    pub backlog_ages: Vec<AgeClass>,
    /// Those with a folder in `claimed`: a dead one's stays until another worker has finished its work.
    pub workers: Vec<WorkerFacts>,
    /// The last drains; none where none has ended yet.
    pub drains: Option<Drains>,
    /// What the warehouse said, and when rows came.
    pub warehouse: WarehouseFacts,
    /// Whether it could be found out when rows came.
    #[serde(skip)]
    pub is_flow_known: bool,
    /// The file systems of the spool and of a warehouse that is a file.
    pub disks: Vec<DiskFacts>,
}

/// The messages and rows of one dataset.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DatasetFacts {
    /// Messages that wait in `incoming`.
    pub ready: u64,
    /// Messages in the hands of workers, alive or dead.
    pub claimed: u64,
    /// The size of all that wait or are claimed.
    pub backlog_bytes: u64,
    /// When the oldest of them was written, in ms since 1970 UTC; none where there is none.
    pub oldest_ms: Option<i64>,
    /// Messages in `dead`.
    pub dead: u64,
    /// When rows came; none where that could not be found out, or none ever came.
    pub flow: Option<Flow>,
}

/// How many messages of about one age are not delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AgeClass {
    /// They are younger than so many seconds, and not in an earlier class; none for the oldest.
    pub up_to_s: Option<u64>,
    pub messages: u64,
}

/// One worker, as it is seen from outside.
#[derive(Clone, Debug, Serialize)]
pub struct WorkerFacts {
    /// That of its folder, `host-pid-random`.
    pub name: String,
    /// The first part of its name.
    pub host: String,
    /// Its process id, on its host; none where its name has none.
    pub pid: Option<u32>,
    /// Whether a process holds the lock of its folder.
    pub alive: bool,
    /// When it started, in ms since 1970 UTC; none where that can't be seen.
    pub since_ms: Option<i64>,
    /// Messages in its hands.
    pub claimed: u64,
    /// What it says of itself, once a second while it lives; none where it has said nothing that can be read.
    pub news: Option<News>,
}

impl WorkerFacts {
    /// For how long it has gone no round, where that is too long: it hangs.
    pub fn hangs_for(&self, at_ms: i64) -> Option<Duration> {
        let turned_ms = self.news.as_ref().filter(|_| self.alive)?.turned_ms;
        let age = Duration::from_millis(u64::try_from(at_ms - turned_ms).unwrap_or(0));
        (turned_ms > 0 && age > NEWS_AGE_MAX).then_some(age)
    }
}

/// One file system.
#[derive(Clone, Debug, Serialize)]
pub struct DiskFacts {
    /// What is on it: the spool, or the folder of the database.
    pub path: PathBuf,
    /// How full it is, or its inodes where they are fuller.
    pub percent_used: u32,
    /// What this user may still write.
    pub free_bytes: u64,
}

/// Looks again and again; what it takes to ask the warehouse is kept between two looks.
#[derive(Debug)]
pub struct Looker {
    config: Config,
    asker: Asker,
    old_days: Mutex<OldDays>,
}

impl Looker {
    pub fn new(config: &Config) -> Looker {
        Looker { config: config.clone(), asker: Asker::new(config), old_days: Mutex::default() }
    }

    /// Looks everything up. Nothing is changed, and nothing that can't be looked up is an error: it is a fact. It takes
    /// seconds at most, whatever the network does.
    pub fn look(&self) -> Facts {
        let mut old_days = self.old_days.lock().unwrap_or_else(PoisonError::into_inner);
        look_with(&self.config, &self.asker, &mut old_days)
    }
}

fn look_with(config: &Config, asker: &Asker, old_days: &mut OldDays) -> Facts {
    let at_ms = now_ms();
    let layout = Layout::at(&config.spool).with_temporary_names(config.temporary_names.clone());
    let mut inspection = inspect(&layout).unwrap_or_else(|error| {
        // Where there is no spool, nobody works on it, and nothing is dead.
        let unread = [(Part::Incoming, error.to_string())].into();
        Inspection { unread, ..Inspection::default() }
    });
    if !layout.is_there() {
        let why = format!("there is no spool in {}", layout.root().display());
        inspection.unread = [(Part::Incoming, why.clone()), (Part::Claimed, why)].into();
    }
    let workers: Vec<WorkerFacts> = inspection.workers.into_iter().map(worker_facts).collect();
    let (mut warehouse, ledger) = asker.ask();
    let flows = match &config.warehouse {
        WarehouseSpec::Sqlite(_) => ledger,
        WarehouseSpec::BigQuery { .. } => {
            match flows_of_log(&layout, &warehouse.name, &workers, at_ms, old_days) {
                Ok(flows) => Some(flows),
                Err(error) => {
                    inspection.unread.insert(Part::Flow, error);
                    None
                }
            }
        }
    };
    let is_flow_known = flows.is_some();
    let flows = flows.unwrap_or_default();
    let last_row_ms = flows.values().filter_map(|flow| flow.last_row_ms).max();
    warehouse.last_row_ms = last_row_ms.or_else(|| last_row::read(&layout.last_row()));
    warehouse.rhythm = flow::rhythm_of_all(&flows);
    let mut queues: BTreeMap<String, Queue> = BTreeMap::new();
    for (label, queue) in inspection.queues {
        queues.entry(catalog::dataset_name(&label)).or_default().add(&queue);
    }
    let names: BTreeSet<&String> = queues.keys().chain(flows.keys()).collect();
    let of = |name: &String| {
        let queue = queues.get(name).cloned().unwrap_or_default();
        let Queue { ready, claimed, backlog_bytes, oldest_ms, dead, .. } = queue;
        let flow = is_flow_known.then(|| flows.get(name).cloned().unwrap_or_default());
        DatasetFacts { ready, claimed, backlog_bytes, oldest_ms, dead, flow }
    };
    let datasets = names.into_iter().map(|name| (name.clone(), of(name))).collect();
    let mut total = Queue::default();
    queues.values().for_each(|queue| total.add(queue));
    let ends = AGES.iter().map(|end| Some(end.as_secs())).chain([None]);
    let backlog_ages =
        ends.zip(total.ages).map(|(up_to_s, messages)| AgeClass { up_to_s, messages }).collect();
    Facts {
        at_ms,
        spool: config.spool.clone(),
        unread: inspection.unread,
        stray: inspection.stray,
        too_deep: inspection.too_deep,
        temporary: inspection.temporary,
        datasets,
        ready: total.ready,
        claimed: total.claimed,
        dead: total.dead,
        dead_bytes: total.dead_bytes,
        oldest_ms: total.oldest_ms,
        backlog_ages,
        workers,
        drains: drains::read(&layout.drains()),
        warehouse,
        is_flow_known,
        disks: disks(config),
    }
}

fn worker_facts(seen: WorkerSeen) -> WorkerFacts {
    let news = News::read(&seen.published);
    let WorkerSeen { name, host, pid, alive, since_ms, claimed, .. } = seen;
    let since_ms = news.as_ref().map(|news| news.started_ms).or(since_ms);
    WorkerFacts { name, host, pid, alive, since_ms, claimed, news }
}

fn flows_of_log(
    layout: &Layout,
    warehouse: &str,
    workers: &[WorkerFacts],
    at_ms: i64,
    old_days: &mut OldDays,
) -> Result<BTreeMap<String, Flow>, String> {
    let current: Vec<(&str, &Minute)> = workers
        .iter()
        .filter_map(|worker| Some((worker.name.as_str(), worker.news.as_ref()?.minute.as_ref()?)))
        .collect();
    flow_log::read(&layout.flow(), warehouse, &current, at_ms, old_days).map_err(|error| error.to_string())
}

/// The file systems of the spool and of a warehouse that is a file; one that both are on counts once.
fn disks(config: &Config) -> Vec<DiskFacts> {
    let mut paths = vec![config.spool.as_path()];
    if let WarehouseSpec::Sqlite(file) = &config.warehouse {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        paths.push(folder.unwrap_or(Path::new(".")));
    }
    let mut seen = BTreeSet::new();
    let mut disks = Vec::new();
    for path in paths {
        use std::os::unix::fs::MetadataExt;
        let (Ok(metadata), Ok(space)) = (path.metadata(), DiskSpace::of(path)) else { continue };
        if seen.insert(metadata.dev()) {
            let (percent_used, free_bytes) = (space.percent_used(), space.free_bytes);
            disks.push(DiskFacts { path: path.to_owned(), percent_used, free_bytes });
        }
    }
    disks
}
