//! Collects the facts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use super::client_probe::ClientProbe;
use super::drain_history::DrainHistory;
use super::facts::{AgeClass, DatasetFacts, DiskFacts, Facts, WorkerFacts};
use super::flow::{DatasetFlow, MinuteLog, OldDays, last_row_file, read_log, rhythm_of_all};
use super::warehouse_probe::WarehouseProbe;
use super::worker_status::WorkerStatus;
use crate::catalog;
use crate::config::{Config, WarehouseSpec};
use crate::locks::Unpoisoned;
use crate::spool::{
    AGES, DatasetQueue, DiskSpace, Inspection, Label, Layout, SpoolPart, WorkerSeen, inspect, now_ms,
};

/// Collects the facts of one spool again and again. It keeps the connection to the warehouse from one time to the next.
#[derive(Debug)]
pub(crate) struct FactsCollector {
    config: Config,
    probe: WarehouseProbe,
    client: ClientProbe,
    old_days: Mutex<OldDays>,
}

impl FactsCollector {
    /// A collector for the spool and the warehouse of these settings.
    pub(crate) fn new(config: &Config) -> FactsCollector {
        FactsCollector {
            config: config.clone(),
            probe: WarehouseProbe::new(config),
            client: ClientProbe::new(config),
            old_days: Mutex::default(),
        }
    }

    /// Collects all facts, and changes nothing. There are no errors: that something cannot be read is a fact. It takes
    /// seconds at most, even if the network hangs.
    pub(crate) fn collect(&self) -> Facts {
        let config = &self.config;
        let at_ms = now_ms();
        let layout = Layout::at(&config.spool).with_temporary_names(config.temporary_names.clone());
        let mut inspection = inspected(&layout);
        let workers: Vec<WorkerFacts> =
            std::mem::take(&mut inspection.workers).into_iter().map(worker_facts).collect();
        let (mut warehouse, ledger) = self.probe.ask();
        let flows = match &config.warehouse {
            WarehouseSpec::Sqlite(_) => ledger,
            WarehouseSpec::BigQuery(_) => {
                match self.flows_of_log(&layout, &warehouse.name, &workers, at_ms) {
                    Ok(flows) => Some(flows),
                    Err(error) => {
                        inspection.unread.insert(SpoolPart::Flow, error);
                        None
                    }
                }
            }
        };
        let is_flow_known = flows.is_some();
        let flows = flows.unwrap_or_default();
        let last_row_ms = flows.values().filter_map(|flow| flow.last_row_ms).max();
        warehouse.last_row_ms = last_row_ms.or_else(|| last_row_file::read(&layout.last_row()));
        warehouse.rhythm = rhythm_of_all(&flows);
        let queues = queues_by_dataset(std::mem::take(&mut inspection.queues));
        let mut total = DatasetQueue::default();
        queues.values().for_each(|queue| total.add(queue));
        let age_limits = AGES.iter().map(|end| Some(end.as_secs())).chain([None]);
        let backlog_ages =
            age_limits.zip(total.ages).map(|(up_to_s, messages)| AgeClass { up_to_s, messages }).collect();
        let newest_ms = queues.values().filter_map(|queue| queue.newest_ms).max();
        let delivered_ms = workers.iter().filter_map(|worker| worker.status.as_ref()?.written_ms).max();
        let wrote_ms = newest_ms.max(delivered_ms).or(warehouse.last_row_ms).map(|ms| ms.min(at_ms));
        Facts {
            at_ms,
            spool: config.spool.clone(),
            unread: inspection.unread,
            stray: inspection.stray,
            too_deep: inspection.too_deep,
            temporary: inspection.temporary,
            datasets: dataset_facts(&queues, &flows, is_flow_known),
            ready: total.ready,
            claimed: total.claimed,
            dead: total.dead,
            dead_bytes: total.dead_bytes,
            oldest_ms: total.oldest_ms,
            backlog_ages,
            workers,
            client: self.client.facts(wrote_ms),
            drains: DrainHistory::read(&layout.drains()),
            warehouse,
            is_flow_known,
            disks: disks(config),
        }
    }

    fn flows_of_log(
        &self,
        layout: &Layout,
        warehouse: &str,
        workers: &[WorkerFacts],
        at_ms: i64,
    ) -> Result<BTreeMap<String, DatasetFlow>, String> {
        let current: Vec<(&str, &MinuteLog)> = workers
            .iter()
            .filter_map(|worker| Some((worker.name.as_str(), worker.status.as_ref()?.minute.as_ref()?)))
            .collect();
        let mut old_days = self.old_days.lock().unpoisoned();
        read_log(&layout.flow(), warehouse, &current, at_ms, &mut old_days).map_err(|error| error.to_string())
    }
}

fn inspected(layout: &Layout) -> Inspection {
    let mut inspection = inspect(layout).unwrap_or_else(|error| {
        let unread = [(SpoolPart::Incoming, error.to_string())].into();
        Inspection { unread, ..Inspection::default() }
    });
    if !layout.is_there() {
        // Without a spool there are no workers, and nothing is dead. So the other parts count as read.
        let why = format!("there is no spool in {}", layout.root().display());
        inspection.unread = [(SpoolPart::Incoming, why.clone()), (SpoolPart::Claimed, why)].into();
    }
    inspection
}

fn worker_facts(seen: WorkerSeen) -> WorkerFacts {
    let status = WorkerStatus::read(&seen.published);
    let WorkerSeen { name, host, pid, alive, since_ms, claimed, .. } = seen;
    let since_ms = status.as_ref().map(|status| status.started_ms).or(since_ms);
    WorkerFacts { name, host, pid, alive, since_ms, claimed, status }
}

/// Several folders may hold messages of one dataset.
fn queues_by_dataset(queues_by_label: BTreeMap<Label, DatasetQueue>) -> BTreeMap<String, DatasetQueue> {
    let mut queues: BTreeMap<String, DatasetQueue> = BTreeMap::new();
    for (label, queue) in queues_by_label {
        queues.entry(catalog::dataset_name(&label)).or_default().add(&queue);
    }
    queues
}

fn dataset_facts(
    queues: &BTreeMap<String, DatasetQueue>,
    flows: &BTreeMap<String, DatasetFlow>,
    is_flow_known: bool,
) -> BTreeMap<String, DatasetFacts> {
    let names: BTreeSet<&String> = queues.keys().chain(flows.keys()).collect();
    let facts = |name: &String| {
        let queue = queues.get(name).cloned().unwrap_or_default();
        let DatasetQueue { ready, claimed, backlog_bytes, oldest_ms, dead, .. } = queue;
        let flow = is_flow_known.then(|| flows.get(name).cloned().unwrap_or_default());
        DatasetFacts { ready, claimed, backlog_bytes, oldest_ms, dead, flow }
    };
    names.into_iter().map(|name| (name.clone(), facts(name))).collect()
}

/// The file systems of the spool and of a warehouse that is a file. If both are on one, it counts once.
fn disks(config: &Config) -> Vec<DiskFacts> {
    use std::os::unix::fs::MetadataExt;
    let mut paths = vec![config.spool.as_path()];
    if let WarehouseSpec::Sqlite(file) = &config.warehouse {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        paths.push(folder.unwrap_or(Path::new(".")));
    }
    let mut devices = BTreeSet::new();
    let mut disks = Vec::new();
    for path in paths {
        let (Ok(metadata), Ok(space)) = (path.metadata(), DiskSpace::of(path)) else { continue };
        if devices.insert(metadata.dev()) {
            let (percent_used, free_bytes) = (space.percent_used(), space.free_bytes);
            disks.push(DiskFacts { path: path.to_owned(), percent_used, free_bytes });
        }
    }
    disks
}
