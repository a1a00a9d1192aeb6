//! The figures of a run as metrics. What is common to all workers of a spool comes from the same facts as `status`; what
//! a worker has done comes from its own tally.

use std::sync::{Arc, OnceLock};

use super::{Facts, Finding, Latest, Level, Looker, Pulse, judge, level_of};
use crate::config::Config;
use crate::observe::http::{Request, Response};
use crate::observe::metrics::{Family, Format, Kind, Sample, Value, render};
use crate::pipeline::{DatasetFigures, Tally};
use crate::spool::now_ms;
use crate::warehouse::{Histogram, Measure, MeasureKind, Reading, Warehouse};

/// The warehouse, once it is open.
pub type Opened = Arc<OnceLock<Arc<dyn Warehouse>>>;

/// Answers whoever asks a worker over HTTP.
pub struct Endpoint {
    config: Config,
    looker: Looker,
    tally: Arc<Tally>,
    warehouse: Opened,
    pulse: Arc<Pulse>,
    latest: Arc<Latest>,
    started_ms: i64,
}

impl Endpoint {
    /// `latest`: what another thread of this process sees serves here, too.
    pub fn new(
        config: &Config,
        tally: Arc<Tally>,
        warehouse: Opened,
        pulse: Arc<Pulse>,
        latest: Arc<Latest>,
    ) -> Endpoint {
        let looker = Looker::new(config);
        Endpoint { config: config.clone(), looker, tally, warehouse, pulse, latest, started_ms: now_ms() }
    }

    /// `/metrics`, `/healthz` (it lives: restart it where this is not 200) and `/readyz` (it takes messages).
    pub fn answer(&self, request: &Request) -> Response {
        match request.path.as_str() {
            "/metrics" => self.metrics(Format::accepted(&request.accept)),
            "/healthz" => match self.pulse.hangs_for(&self.tally.figures) {
                None => Response::text(200, "ok\n"),
                Some(lasted) => Response::text(503, format!("no round for {} s\n", lasted.as_secs())),
            },
            "/readyz" => self.ready(),
            "/" => Response::text(200, "irispool\n/metrics\n/healthz\n/readyz\n"),
            _ => Response::text(404, "there are /metrics, /healthz and /readyz\n"),
        }
    }

    fn metrics(&self, format: Format) -> Response {
        match self.latest.get(|| self.looker.look()) {
            Some(facts) => {
                let body = render(&self.families(&facts), format);
                Response { status: 200, content_type: format.content_type(), body }
            }
            None => Response::text(503, "to look at the spool takes too long: does a disk hang?\n"),
        }
    }

    /// When the coordinator last went its round; at first, when the worker started.
    fn last_round_ms(&self) -> i64 {
        self.tally.figures.turned_at_ms().max(self.started_ms)
    }

    fn ready(&self) -> Response {
        if let Some(why) = self.tally.figures.waiting().and_then(|waiting| waiting.why) {
            return Response::text(503, format!("it waits for the warehouse: {why}\n"));
        }
        if self.tally.figures.turned_at_ms() == 0 {
            return Response::text(503, "starting\n");
        }
        let parked: Vec<String> = self.tally.figures.parked().keys().map(ToString::to_string).collect();
        match (self.pulse.hangs_for(&self.tally.figures), parked.is_empty()) {
            (Some(_), _) => Response::text(503, "it goes no rounds\n"),
            (None, false) => Response::text(503, format!("parked: {}\n", parked.join(", "))),
            (None, true) if self.claiming_has_stopped() => {
                Response::text(503, "dead/ is full: it claims no messages\n")
            }
            (None, true) => Response::text(200, "ready\n"),
        }
    }

    fn claiming_has_stopped(&self) -> bool {
        self.tally.figures.keeper.dead.is_full()
    }

    fn families(&self, facts: &Facts) -> Vec<Family> {
        let mut families = self.of_process();
        families.extend(self.of_datasets());
        let measures = self.warehouse.get().map(|warehouse| warehouse.measures()).unwrap_or_default();
        families.extend(measures.into_iter().map(of_warehouse));
        families.extend(of_spool(facts));
        families.extend(super::alerts::families());
        let findings = judge(facts, &self.config);
        let level = level_of(&findings);
        let levels = [Level::Ok, Level::Warning, Level::Critical, Level::Unknown];
        families.push(levels.into_iter().fold(
            Family::new(
                Kind::Gauge,
                "irispool_status",
                "1 for the level of irispool status, 0 for the others.",
            ),
            |family, one| family.with(&[("level", &one.word().to_lowercase())], u64::from(one == level)),
        ));
        let mut found = Family::new(
            Kind::Gauge,
            "irispool_finding",
            "1 for each thing that irispool status finds wrong.",
        );
        for Finding { key, level, .. } in &findings {
            found = found.with(&[("key", key), ("level", &level.word().to_lowercase())], 1_u64);
        }
        families.push(found);
        families
    }

    fn of_process(&self) -> Vec<Family> {
        let totals = self.tally.totals();
        let figures = &self.tally.figures;
        let counter = |name, help, value: u64| Family::new(Kind::Counter, name, help).with(&[], value);
        let gauge = |name, help, value: f64| Family::new(Kind::Gauge, name, help).with(&[], value);
        let histogram = |name, help, histogram: &Histogram| {
            let (classes, count, sum) = histogram.cumulated();
            Family::new(Kind::Histogram, name, help).with(&[], Value::Histogram { classes, count, sum })
        };
        vec![
            Family::new(Kind::Gauge, "irispool_build_info", "Always 1; the version is in the label.")
                .with(&[("version", env!("CARGO_PKG_VERSION"))], 1_u64),
            gauge(
                "irispool_start_time_seconds",
                "When this worker started, since 1970 UTC.",
                self.started_ms as f64 / 1e3,
            ),
            gauge(
                "irispool_last_round_timestamp_seconds",
                "When this worker last went its round, since 1970 UTC: it hangs where that is over a minute ago.",
                self.last_round_ms() as f64 / 1e3,
            ),
            counter(
                "irispool_messages_claimed",
                "Messages claimed, as counted when claiming.",
                totals.claimed,
            ),
            counter(
                "irispool_messages_already_loaded",
                "Messages that the warehouse had before, with the same content.",
                totals.already_loaded,
            ),
            counter(
                "irispool_messages_superseded",
                "Messages that gave way to newer content under their name.",
                totals.superseded,
            ),
            counter(
                "irispool_dead_letters_gone",
                "Dead letters that went by themselves, as their messages came whole.",
                totals.letters_gone,
            ),
            counter(
                "irispool_messages_given_back",
                "Messages put back because somebody writes them, or they can't be read.",
                totals.given_back,
            ),
            counter(
                "irispool_rows_dead",
                "Rows that went to dead although the rest of their message was delivered.",
                totals.dead_rows,
            ),
            counter(
                "irispool_batches_taken_over",
                "Batches taken over from dead workers.",
                totals.taken_over,
            ),
            counter("irispool_load_failures", "Loads that failed; each is tried again.", totals.failed_loads),
            histogram(
                "irispool_delay_seconds",
                "From a message's last write to its rows in the warehouse.",
                &figures.delay,
            ),
            histogram("irispool_load_duration_seconds", "Of one load by the warehouse.", &figures.load),
            gauge(
                "irispool_claiming_stopped",
                "1 while this worker claims no messages because dead/ holds as much as dead_max_bytes allows.",
                f64::from(u8::from(self.claiming_has_stopped())),
            ),
            gauge(
                "irispool_packing_failed",
                "1 while delivered messages stay in done/ because they can't be packed.",
                f64::from(u8::from(figures.keeper.packing_failure().is_some())),
            ),
            gauge("irispool_held_bytes", "Message bytes in memory now.", figures.held_bytes() as f64),
        ]
    }

    fn of_datasets(&self) -> Vec<Family> {
        let datasets = self.tally.figures.datasets();
        let counter = |name, help, value: fn(&DatasetFigures) -> u64| {
            datasets.iter().fold(Family::new(Kind::Counter, name, help), |family, (dataset, figures)| {
                family.with(&[("dataset", dataset)], value(figures))
            })
        };
        let mut dead = Family::new(
            Kind::Counter,
            "irispool_messages_dead",
            "Messages that went to dead, whole or for some of their rows.",
        );
        for (dataset, figures) in &datasets {
            for ((stage, reason), count) in &figures.dead {
                dead = dead.with(&[("dataset", dataset), ("stage", stage), ("reason", reason)], *count);
            }
        }
        let mut parked =
            Family::new(Kind::Gauge, "irispool_table_parked", "1 for each table that takes no rows for now.");
        for dataset in self.tally.figures.parked().keys() {
            parked = parked.with(&[("dataset", dataset)], 1_u64);
        }
        vec![
            counter("irispool_messages_delivered", "Messages whose rows are in the warehouse.", |of| {
                of.delivered
            }),
            counter("irispool_rows_loaded", "Rows put into the warehouse.", |of| of.rows),
            counter("irispool_rows_rescued", "Rows with something in rescued.", |of| of.rescued_rows),
            counter("irispool_delivered_bytes", "Bytes of delivered messages.", |of| of.bytes),
            dead,
            parked,
        ]
    }
}

/// What the warehouse counts of its own work, under names of this program.
fn of_warehouse(measure: Measure) -> Family {
    let kind = match measure.kind {
        MeasureKind::Counter => Kind::Counter,
        MeasureKind::Gauge => Kind::Gauge,
        MeasureKind::Distribution => Kind::Histogram,
    };
    let mut family = Family::new(kind, format!("irispool_warehouse_{}", measure.name), measure.help);
    for (labels, reading) in measure.readings {
        let value = match reading {
            Reading::Number(number) => Value::Number(number),
            Reading::Distribution { classes, count, sum } => Value::Histogram { classes, count, sum },
        };
        family.samples.push(Sample { labels, value });
    }
    family
}

/// The same from every worker of a spool.
fn of_spool(facts: &Facts) -> Vec<Family> {
    let gauge = |name, help| Family::new(Kind::Gauge, name, help);
    let mut backlog = gauge("irispool_backlog_messages", "Messages that wait in incoming or are claimed.");
    let mut oldest = gauge("irispool_backlog_oldest_age_seconds", "Age of the oldest of them.");
    let mut claimed =
        gauge("irispool_in_flight_messages", "Messages in the hands of a worker, alive or dead.");
    let mut dead = gauge("irispool_dead_letters", "Messages in dead.");
    let mut last = gauge("irispool_last_row_timestamp_seconds", "When the last row came, since 1970 UTC.");
    let mut day = gauge("irispool_recent_rows", "Rows of all workers in the last 24 hours.");
    let mut hour = gauge("irispool_last_hour_rows", "Rows of all workers in the last hour.");
    let mut bytes = gauge("irispool_backlog_bytes", "Bytes of the messages that wait or are claimed.");
    for (dataset, of) in &facts.datasets {
        let labels = [("dataset", dataset.as_str())];
        let age_ms = of.oldest_ms.map_or(0, |oldest| (facts.at_ms - oldest).max(0));
        backlog = backlog.with(&labels, of.ready + of.claimed);
        bytes = bytes.with(&labels, of.backlog_bytes);
        oldest = oldest.with(&labels, age_ms as f64 / 1e3);
        claimed = claimed.with(&labels, of.claimed);
        dead = dead.with(&labels, of.dead);
        if let Some(flow) = &of.flow {
            day = day.with(&labels, flow.rows_day);
            hour = hour.with(&labels, flow.rows_hour);
        }
        if let Some(last_ms) = of.flow.as_ref().and_then(|flow| flow.last_row_ms) {
            last = last.with(&labels, last_ms as f64 / 1e3);
        }
    }
    let alive = facts.workers.iter().filter(|worker| worker.alive).count() as u64;
    let workers = gauge("irispool_workers", "Workers of this spool.")
        .with(&[("state", "alive")], alive)
        .with(&[("state", "dead")], facts.workers.len() as u64 - alive);
    let mut disks = gauge("irispool_disk_used_ratio", "How full a disk is, or its inodes, from 0 to 1.");
    let mut free = gauge("irispool_disk_free_bytes", "What may still be written to a disk.");
    for disk in &facts.disks {
        let path = disk.path.to_string_lossy();
        disks = disks.with(&[("path", &path)], f64::from(disk.percent_used) / 100.0);
        free = free.with(&[("path", &path)], disk.free_bytes);
    }
    let mut ages = gauge(
        "irispool_backlog_age_messages",
        "Messages that wait or are claimed, by age: each is in one class, with its upper end in seconds.",
    );
    for class in &facts.backlog_ages {
        let end = class.up_to_s.map_or("+Inf".to_owned(), |end| end.to_string());
        ages = ages.with(&[("up_to", &end)], class.messages);
    }
    let stray = gauge(
        "irispool_stray_files",
        "Files, links and folders set aside directly in incoming, where no worker takes them.",
    )
    .with(&[], facts.stray.count);
    let too_deep = gauge(
        "irispool_too_deep_folders",
        "Folders inside datasets' folders with something in them, where no worker looks.",
    )
    .with(&[], facts.too_deep.count);
    let temporary = gauge(
        "irispool_temporary_files",
        "Files in incoming under temporary names that nobody has written to for an hour.",
    )
    .with(&[], facts.temporary.count);
    let dead_bytes = gauge("irispool_dead_bytes", "What dead takes of the disk, with its reports.")
        .with(&[], facts.dead_bytes);
    let warehouse = &facts.warehouse;
    let up = gauge("irispool_warehouse_up", "1 where the warehouse answered when it was looked at, else 0.")
        .with(&[], u64::from(warehouse.answered_ms.is_some()));
    let mut answer =
        gauge("irispool_warehouse_answer_seconds", "How long the warehouse took to answer then.");
    if let Some(ms) = warehouse.answered_ms {
        answer = answer.with(&[], ms as f64 / 1e3);
    }
    let mut newest = gauge(
        "irispool_newest_row_timestamp_seconds",
        "When the last row of any dataset came, since 1970 UTC; also where the ledger has been pruned since.",
    );
    if let Some(last_ms) = warehouse.last_row_ms {
        newest = newest.with(&[], last_ms as f64 / 1e3);
    }
    let mut superseded = gauge(
        "irispool_superseded_contents",
        "Contents of messages that were never loaded, as other content that was written later was in: in SQLite.",
    );
    if let Some(contents) = warehouse.superseded {
        superseded = superseded.with(&[], contents);
    }
    vec![
        backlog, bytes, ages, oldest, stray, too_deep, temporary, claimed, dead, dead_bytes, last, newest,
        hour, day, workers, disks, free, up, answer, superseded,
    ]
}
