//! Whether data flows: the facts, and what they mean.
//!
//! The facts are looked up from outside, in the spool, in the warehouse and from what live workers publish, so that all
//! is known while no worker runs, too. When rows came is asked of SQLite's ledger; for BigQuery, where each such question
//! costs, it stands in the flow log, which the workers write into the spool. What they mean is decided in one place,
//! [`judge()`], for `status`, for the alerts and for whoever asks over HTTP.

mod absence;
pub mod alerts;
mod ask;
mod flow;
mod flow_log;
mod judge;
mod last_row;
mod ledger;
mod metrics;
mod news;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use absence::{Absence, absence};
use ask::Asker;
pub use ask::WarehouseFacts;
pub use flow::{Flow, Rhythm};
use flow_log::OldDays;
pub use flow_log::{Came, Minute};
use judge::words;
pub use judge::{Finding, Level, judge, level_of};
pub use metrics::{Endpoint, Opened};
pub use news::{News, ParkedNews, Publisher};

use crate::catalog;
use crate::config::{Config, WarehouseSpec};
use crate::spool::{AGES, DiskSpace, Inspection, Layout, Part, Queue, Sighting, WorkerSeen, inspect, now_ms};

/// All that is known at one moment. Written as JSON it is the answer of `irispool status --json`.
#[derive(Debug, Serialize)]
pub struct Facts {
    /// When it was looked, in ms since 1970 UTC.
    pub at_ms: i64,
    pub spool: PathBuf,
    /// The parts of the spool that can't be read, or not all of them, with why: more may be there than is counted.
    pub unread: BTreeMap<Part, String>,
    /// What lies in `incoming` where no worker takes it.
    pub stray: Sighting,
    pub too_deep: Sighting,
    /// By dataset, as the warehouse calls it.
    pub datasets: BTreeMap<String, DatasetFacts>,
    /// Messages that wait, over all datasets.
    pub ready: u64,
    pub claimed: u64,
    pub dead: u64,
    pub dead_bytes: u64,
    /// When the oldest waiting message was written, in ms since 1970 UTC.
    pub oldest_ready_ms: Option<i64>,
    pub backlog_ages: Vec<AgeClass>,
    pub workers: Vec<WorkerFacts>,
    pub warehouse: WarehouseFacts,
    /// Whether it could be found out when rows came.
    #[serde(skip)]
    pub is_flow_known: bool,
    pub disks: Vec<DiskFacts>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct DatasetFacts {
    pub ready: u64,
    pub ready_bytes: u64,
    pub oldest_ready_ms: Option<i64>,
    pub claimed: u64,
    pub dead: u64,
    /// None where the warehouse could not be asked.
    pub flow: Option<Flow>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AgeClass {
    /// In seconds; none for the oldest.
    pub up_to_s: Option<u64>,
    pub messages: u64,
}

#[derive(Debug, Serialize)]
pub struct WorkerFacts {
    pub name: String,
    pub host: String,
    pub pid: Option<u32>,
    pub alive: bool,
    pub since_ms: Option<i64>,
    /// Messages in its hands.
    pub claimed: u64,
    /// What it says of itself.
    pub news: Option<News>,
}

#[derive(Clone, Debug, Serialize)]
pub struct DiskFacts {
    /// What is on it.
    pub path: PathBuf,
    pub percent_used: u32,
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
    let layout = Layout::at(&config.spool);
    let mut inspection = inspect(&layout).unwrap_or_else(|error| {
        // Where there is no spool, nobody works on it, and nothing is dead.
        let unread = [(Part::Incoming, error.to_string())].into();
        Inspection { unread, ..Inspection::default() }
    });
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
        let Queue { ready, ready_bytes, oldest_ready_ms, claimed, dead, .. } = queue;
        let flow = is_flow_known.then(|| flows.get(name).cloned().unwrap_or_default());
        DatasetFacts { ready, ready_bytes, oldest_ready_ms, claimed, dead, flow }
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
        datasets,
        ready: total.ready,
        claimed: total.claimed,
        dead: total.dead,
        dead_bytes: total.dead_bytes,
        oldest_ready_ms: total.oldest_ready_ms,
        backlog_ages,
        workers,
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
    flow_log::read(&layout.flow(), warehouse, &current, at_ms, old_days)
        .map_err(|error| format!("cannot list {}: {error}", layout.flow().display()))
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
