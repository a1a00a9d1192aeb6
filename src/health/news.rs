//! What a worker says of itself, in its lock file, once a second.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::flow_log::{FlowLog, Minute};
use super::{alerts, last_row};
use crate::config::{Config, WarehouseSpec};
use crate::pipeline::Tally;
use crate::spool::{Layout, now_ms, publish};

/// Over which time a rate is taken.
const RATE_SPAN: Duration = Duration::from_secs(60);

/// A worker whose news are older than this does not go its rounds any more.
pub(super) const NEWS_AGE_MAX: Duration = Duration::from_secs(60);

/// A worker's word about itself. Fields that one version has and another has not are left out or passed over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct News {
    /// Its version.
    pub irispool: String,
    /// When it started, in ms since 1970 UTC.
    pub started_ms: i64,
    /// When its coordinator last went its round, in ms since 1970 UTC; 0 before the first.
    pub turned_ms: i64,
    /// Messages delivered since it started.
    pub delivered: u64,
    /// Rows of them.
    pub rows: u64,
    /// Messages that it moved to `dead`.
    pub dead: u64,
    /// Messages delivered or dead, over the last minute.
    pub files_per_second: f64,
    /// Tables that take no rows for now, by dataset.
    #[serde(default)]
    pub parked: BTreeMap<String, ParkedNews>,
    /// For the warehouse to open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<ParkedNews>,
    /// Why it can't pack delivered messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpacked: Option<ParkedNews>,
    /// Why it can't keep to the limits of what is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlimited: Option<ParkedNews>,
    /// The address at which it serves metrics.
    #[serde(default)]
    pub listen: Option<String>,
    /// A mark of the settings by which it sends alerts ([`alerts::mark`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<String>,
    /// What came in the minute that is not over yet and so not in the flow log; where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minute: Option<Minute>,
}

/// What does not go on for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedNews {
    pub why: String,
    /// What a person can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Waiting does not help.
    pub needs_person: bool,
    /// Since when, in ms since 1970 UTC.
    pub since_ms: i64,
}

fn for_a_person((why, since_ms): (String, i64)) -> ParkedNews {
    ParkedNews { why, hint: None, needs_person: true, since_ms }
}

impl News {
    /// What was published; there may be the end of an older, longer text behind it.
    pub fn read(published: &[u8]) -> Option<News> {
        serde_json::Deserializer::from_slice(published).into_iter().next()?.ok()
    }
}

/// Tells the news of one worker.
#[derive(Debug)]
pub struct Publisher {
    layout: Layout,
    started_ms: i64,
    listen: Option<String>,
    config: Config,
    /// Messages delivered, at some moments of the last minute.
    earlier: VecDeque<(i64, u64)>,
    /// For a warehouse without a ledger.
    flow_log: Option<FlowLog>,
    /// Whether the last line of the log could be written.
    is_noted: bool,
    /// The last row that is noted in the spool.
    last_row_ms: i64,
}

impl Publisher {
    pub fn new(layout: Layout, listen: Option<String>, config: &Config) -> Publisher {
        let warehouse = &config.warehouse;
        let flow_log = match warehouse {
            WarehouseSpec::Sqlite(_) => None,
            WarehouseSpec::BigQuery(_) => Some(FlowLog::new(layout.flow(), warehouse.to_string())),
        };
        let (started_ms, earlier) = (now_ms(), VecDeque::new());
        let config = config.clone();
        Publisher { layout, started_ms, listen, config, earlier, flow_log, is_noted: true, last_row_ms: 0 }
    }

    /// The worker has ended: what came in its last minute is noted.
    pub fn finish(&mut self, tally: &Tally) {
        let Some(worker) = tally.figures.worker() else { return };
        if let Some(log) = &mut self.flow_log {
            let noted =
                log.note(now_ms(), worker, &tally.figures.datasets()).and_then(|()| log.write(worker));
            self.tell_of_log(noted);
        }
        self.note_last_row(tally);
    }

    fn note_last_row(&mut self, tally: &Tally) {
        let datasets = tally.figures.datasets();
        let last_row_ms = datasets.values().map(|figures| figures.last_row_ms).max().unwrap_or(0);
        if last_row_ms > self.last_row_ms {
            last_row::note(&self.layout.last_row(), last_row_ms);
            self.last_row_ms = last_row_ms;
        }
    }

    /// Says once that the flow log can't be written, and not again until it could.
    fn tell_of_log(&mut self, noted: io::Result<()>) {
        if let Err(error) = &noted
            && self.is_noted
        {
            let folder = self.layout.flow();
            tracing::warn!(folder = %folder.display(), %error, "what was delivered can't be noted for irispool status");
        }
        self.is_noted = noted.is_ok();
    }

    /// Publishes how things are. Where that fails, for want of disk space, say, the news get old.
    pub fn publish(&mut self, tally: &Tally) {
        let Some(worker) = tally.figures.worker() else { return };
        let now = now_ms();
        if let Some(log) = &mut self.flow_log {
            let noted = log.note(now, worker, &tally.figures.datasets());
            self.tell_of_log(noted);
        }
        self.note_last_row(tally);
        let totals = tally.totals();
        let delivered = totals.delivered + totals.dead;
        let span_ms = RATE_SPAN.as_millis() as i64;
        while self.earlier.front().is_some_and(|(at, _)| now - at > span_ms) {
            self.earlier.pop_front();
        }
        let files_per_second = self.earlier.front().map_or(0.0, |(at, before)| {
            let seconds = (now - at).max(1) as f64 / 1e3;
            ((delivered - before) as f64 / seconds * 10.0).round() / 10.0
        });
        self.earlier.push_back((now, delivered));
        let parked = tally.figures.parked().into_iter().map(|(dataset, parked)| {
            let news = ParkedNews {
                why: parked.why,
                hint: parked.hint,
                needs_person: parked.needs_person,
                since_ms: parked.since_ms,
            };
            (dataset.to_string(), news)
        });
        let news = News {
            irispool: env!("CARGO_PKG_VERSION").to_owned(),
            started_ms: self.started_ms,
            turned_ms: tally.figures.turned_at_ms(),
            delivered: totals.delivered,
            rows: totals.rows,
            dead: totals.dead,
            files_per_second,
            parked: parked.collect(),
            waits: tally.figures.waiting().and_then(|waiting| {
                Some(ParkedNews {
                    why: waiting.why?,
                    hint: None,
                    needs_person: false,
                    since_ms: waiting.since_ms,
                })
            }),
            unpacked: tally.figures.unpacked().map(for_a_person),
            unlimited: tally.figures.unlimited().map(for_a_person),
            listen: self.listen.clone(),
            alerts: Some(alerts::mark(&self.config, worker)),
            minute: self.flow_log.as_ref().and_then(FlowLog::current).cloned(),
        };
        let text = serde_json::to_vec(&news).expect("text and numbers can be written as JSON");
        let _ = publish(&self.layout, worker, &text);
    }
}
