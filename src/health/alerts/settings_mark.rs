//! Which workers send alerts by which settings.

use xxhash_rust::xxh3::xxh3_64;

use crate::config::{Config, Secret};
use crate::health::worker_status::WorkerStatus;
use crate::spool::{Layout, WorkerSeen, inspect};

/// A mark of the settings by which this worker sends alerts. The same settings have the same mark. A worker publishes
/// it, and it does not give away the secrets.
pub(crate) fn settings_mark(config: &Config, worker: &str) -> String {
    let Config { alert_webhook, alert_format, alert_command, alert_after, alert_remind, .. } = config;
    let Config { heartbeat_url, heartbeat_interval, .. } = config;
    let secrets =
        [alert_webhook, alert_command, heartbeat_url].map(|secret| secret.as_ref().map(Secret::expose));
    let settings = format!(
        "{worker} {secrets:?} {alert_format:?} {alert_after:?} {alert_remind:?} {heartbeat_interval:?}"
    );
    format!("{:016x}", xxh3_64(settings.as_bytes()))
}

/// The live workers that send alerts by other settings than these. A worker reads the settings once, when it starts.
pub(crate) fn workers_with_other_settings(config: &Config) -> Vec<WorkerSeen> {
    let workers = inspect(&Layout::at(&config.spool)).map(|seen| seen.workers).unwrap_or_default();
    let is_other = |worker: &WorkerSeen| {
        let published = WorkerStatus::read(&worker.published).and_then(|status| status.alerts);
        worker.alive && published.is_some_and(|mark| mark != settings_mark(config, &worker.name))
    };
    workers.into_iter().filter(is_other).collect()
}
