//! Publishes what a worker says about itself.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::alerts;
use super::flow::{FlowLogWriter, last_row_file};
use super::worker_status::{Stall, WorkerStatus};
use crate::config::{Config, WarehouseSpec};
use crate::pipeline::Tally;
use crate::spool::{Layout, now_ms, publish};

/// The time over which messages per second are counted.
const RATE_SPAN: Duration = Duration::from_secs(60);

/// Publishes the status of one worker, and notes in the spool what it delivered.
#[derive(Debug)]
pub(crate) struct StatusPublisher {
    layout: Layout,
    started_ms: i64,
    listen: Option<String>,
    config: Config,
    /// Messages delivered at some moments of the last minute, each with its time in ms since 1970 UTC.
    earlier: VecDeque<(i64, u64)>,
    /// None if the warehouse has a ledger.
    flow_log: Option<FlowLogWriter>,
    /// Whether the last line of the flow log could be written.
    is_log_written: bool,
    /// The last row that is noted in the spool, in ms since 1970 UTC.
    last_row_ms: i64,
}

impl StatusPublisher {
    /// A publisher for the worker of this process. `listen`: the address at which it serves metrics.
    pub(crate) fn new(layout: Layout, listen: Option<String>, config: &Config) -> StatusPublisher {
        let warehouse = &config.warehouse;
        let flow_log = match warehouse {
            WarehouseSpec::Sqlite(_) => None,
            WarehouseSpec::BigQuery(_) => Some(FlowLogWriter::new(layout.flow(), warehouse.to_string())),
        };
        StatusPublisher {
            layout,
            started_ms: now_ms(),
            listen,
            config: config.clone(),
            earlier: VecDeque::new(),
            flow_log,
            is_log_written: true,
            last_row_ms: 0,
        }
    }

    /// Publishes the current status. If that fails, because the disk is full, for example, the old status stays and
    /// ages.
    pub(crate) fn publish(&mut self, tally: &Tally) {
        let Some(worker) = tally.figures.worker() else { return };
        let now = now_ms();
        if let Some(log) = &mut self.flow_log {
            let written = log.note(now, worker, &tally.figures.datasets());
            self.warn_of_log(written);
        }
        self.note_last_row(tally);
        let status = self.status(tally, worker, now);
        let text = serde_json::to_vec(&status).expect("text and numbers can be written as JSON");
        let _ = publish(&self.layout, worker, &text);
    }

    /// Notes what arrived in the last minute of a worker that has ended.
    pub(crate) fn finish(&mut self, tally: &Tally) {
        let Some(worker) = tally.figures.worker() else { return };
        if let Some(log) = &mut self.flow_log {
            let written =
                log.note(now_ms(), worker, &tally.figures.datasets()).and_then(|()| log.write(worker));
            self.warn_of_log(written);
        }
        self.note_last_row(tally);
    }

    fn status(&mut self, tally: &Tally, worker: &str, now: i64) -> WorkerStatus {
        let (totals, figures) = (tally.totals(), &tally.figures);
        let parked = figures.parked().into_iter().map(|(dataset, parked)| {
            let stall = Stall {
                why: parked.why,
                hint: parked.hint,
                needs_person: parked.needs_person,
                since_ms: parked.since_ms,
            };
            (dataset.to_string(), stall)
        });
        let stall = |needs_person| {
            move |(why, since_ms): (String, i64)| Stall { why, hint: None, needs_person, since_ms }
        };
        let waits = figures.waiting().and_then(|waiting| Some((waiting.why?, waiting.since_ms)));
        WorkerStatus {
            irispool: env!("CARGO_PKG_VERSION").to_owned(),
            started_ms: self.started_ms,
            turned_ms: figures.turned_at_ms(),
            delivered: totals.delivered,
            rows: totals.rows,
            dead: totals.dead,
            files_per_second: self.files_per_second(totals.delivered + totals.dead, now),
            parked: parked.collect(),
            waits: waits.map(stall(false)),
            unpacked: figures.keeper.packing_failure().map(stall(true)),
            unlimited: figures.keeper.cleanup_failure().map(stall(true)),
            listen: self.listen.clone(),
            alerts: Some(alerts::settings_mark(&self.config, worker)),
            written_ms: figures.newest_written_ms(),
            minute: self.flow_log.as_ref().and_then(FlowLogWriter::current).cloned(),
        }
    }

    fn files_per_second(&mut self, files: u64, now: i64) -> f64 {
        let span_ms = RATE_SPAN.as_millis() as i64;
        while self.earlier.front().is_some_and(|(at, _)| now - at > span_ms) {
            self.earlier.pop_front();
        }
        let rate = self.earlier.front().map_or(0.0, |(at, before)| {
            let seconds = (now - at).max(1) as f64 / 1e3;
            ((files - before) as f64 / seconds * 10.0).round() / 10.0
        });
        self.earlier.push_back((now, files));
        rate
    }

    fn note_last_row(&mut self, tally: &Tally) {
        let datasets = tally.figures.datasets();
        let last_row_ms = datasets.values().map(|figures| figures.last_row_ms).max().unwrap_or(0);
        if last_row_ms > self.last_row_ms {
            last_row_file::note(&self.layout.last_row(), last_row_ms);
            self.last_row_ms = last_row_ms;
        }
    }

    /// Warns once when the flow log cannot be written, and again only after it could be.
    fn warn_of_log(&mut self, written: io::Result<()>) {
        if let Err(error) = &written
            && self.is_log_written
        {
            let folder = self.layout.flow();
            tracing::warn!(folder = %folder.display(), %error, "cannot write the flow log: irispool status misses these rows");
        }
        self.is_log_written = written.is_ok();
    }
}
