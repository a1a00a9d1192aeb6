//! The metrics of what one worker did, from its own tally.

use crate::metrics::{Histogram, MetricFamily};
use crate::pipeline::{DatasetFigures, Tally};

/// All metrics of one worker. `started_ms`: when it started, in ms since 1970 UTC.
pub(super) fn families(tally: &Tally, started_ms: i64) -> Vec<MetricFamily> {
    let mut families = of_process(tally, started_ms);
    families.extend(of_datasets(tally));
    families
}

fn of_process(tally: &Tally, started_ms: i64) -> Vec<MetricFamily> {
    let totals = tally.totals();
    let figures = &tally.figures;
    // Before the first round, the round counts from the start.
    let last_round_ms = figures.turned_at_ms().max(started_ms);
    let claiming_has_stopped = figures.keeper.dead.is_full();
    let counter = |name, help, value: u64| MetricFamily::counter(name, help).with(&[], value);
    let gauge = |name, help, value: f64| MetricFamily::gauge(name, help).with(&[], value);
    let histogram =
        |name, help, histogram: &Histogram| MetricFamily::histogram(name, help).with(&[], histogram);
    vec![
        MetricFamily::gauge("irispool_build_info", "Always 1; the version is in the label.")
            .with(&[("version", env!("CARGO_PKG_VERSION"))], 1_u64),
        gauge(
            "irispool_start_time_seconds",
            "When this worker started, since 1970 UTC.",
            started_ms as f64 / 1e3,
        ),
        gauge(
            "irispool_last_round_timestamp_seconds",
            "When this worker last went its round, since 1970 UTC: it hangs where that is over a minute ago.",
            last_round_ms as f64 / 1e3,
        ),
        counter("irispool_messages_claimed", "Messages claimed, as counted when claiming.", totals.claimed),
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
        counter("irispool_batches_taken_over", "Batches taken over from dead workers.", totals.taken_over),
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
            f64::from(u8::from(claiming_has_stopped)),
        ),
        gauge(
            "irispool_packing_failed",
            "1 while delivered messages stay in done/ because they can't be packed.",
            f64::from(u8::from(figures.keeper.packing_failure().is_some())),
        ),
        gauge("irispool_held_bytes", "Message bytes in memory now.", figures.held_bytes() as f64),
    ]
}

fn of_datasets(tally: &Tally) -> Vec<MetricFamily> {
    let datasets = tally.figures.datasets();
    let counter = |name, help, value: fn(&DatasetFigures) -> u64| {
        datasets.iter().fold(MetricFamily::counter(name, help), |family, (dataset, figures)| {
            family.with(&[("dataset", dataset)], value(figures))
        })
    };
    let mut dead = MetricFamily::counter(
        "irispool_messages_dead",
        "Messages that went to dead, whole or for some of their rows.",
    );
    for (dataset, figures) in &datasets {
        for ((stage, reason), count) in &figures.dead {
            dead = dead.with(&[("dataset", dataset), ("stage", stage), ("reason", reason)], *count);
        }
    }
    let mut parked =
        MetricFamily::gauge("irispool_table_parked", "1 for each table that takes no rows for now.");
    for dataset in tally.figures.parked().keys() {
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
