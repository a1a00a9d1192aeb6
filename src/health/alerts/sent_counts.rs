//! How many alerts this process sent, and how many it could not send.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics::MetricFamily;

/// The names of the ways on which something goes out.
const NAMES: [&str; 3] = ["webhook", "command", "heartbeat"];

static SENT: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
static FAILED: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

/// Counts one try on this way.
pub(super) fn count(name: &str, is_sent: bool) {
    if let Some(index) = NAMES.iter().position(|known| *known == name) {
        let counts = if is_sent { &SENT } else { &FAILED };
        counts[index].fetch_add(1, Ordering::Relaxed);
    }
}

/// What this process counted.
pub(in crate::health) fn metric_families() -> [MetricFamily; 2] {
    let family = |name, help, counts: &[AtomicU64; 3]| {
        NAMES.iter().zip(counts).fold(MetricFamily::counter(name, help), |family, (channel, count)| {
            family.with(&[("channel", channel)], count.load(Ordering::Relaxed))
        })
    };
    [
        family("irispool_alerts_sent", "Alerts and heartbeats that this worker sent.", &SENT),
        family("irispool_alert_failures", "Tries of this worker to send one that failed.", &FAILED),
    ]
}
