//! How many alerts this process sent, and how many did not go out.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics::MetricFamily;

const NAMES: [&str; 3] = ["webhook", "command", "heartbeat"];

static SENT: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
static FAILED: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

pub(super) fn count(channel: &str, is_sent: bool) {
    if let Some(place) = NAMES.iter().position(|name| *name == channel) {
        let counts = if is_sent { &SENT } else { &FAILED };
        counts[place].fetch_add(1, Ordering::Relaxed);
    }
}

pub(in crate::health) fn families() -> [MetricFamily; 2] {
    let of = |name, help, counts: &[AtomicU64; 3]| {
        NAMES.iter().zip(counts).fold(MetricFamily::counter(name, help), |family, (channel, count)| {
            family.with(&[("channel", channel)], count.load(Ordering::Relaxed))
        })
    };
    [
        of("irispool_alerts_sent", "Alerts and heartbeats that this worker sent.", &SENT),
        of("irispool_alert_failures", "Tries of this worker to send one that failed.", &FAILED),
    ]
}
