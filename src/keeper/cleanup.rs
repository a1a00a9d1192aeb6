//! Deletes what is over `keep_max_age` or `keep_max_bytes`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::settings::KeeperSettings;
use super::spool_failure::log_spool_failure;
use super::status::KeeperStatus;
use crate::observe::is_news;
use crate::signals::Stop;
use crate::spool::{Layout, Retention, RetentionLimits, now_ms, remove_over_limits};

/// How often the keeper checks the limits.
const CHECK_INTERVAL: Duration = Duration::from_secs(300);

/// The keeper checks less often if checking would take more than one part in this many of its time.
const CHECK_SHARE: u32 = 20;

pub(super) struct Cleanup {
    layout: Layout,
    settings: KeeperSettings,
    status: Arc<KeeperStatus>,
    stop: Stop,
    /// `None` before the first check.
    due: Option<Instant>,
}

impl Cleanup {
    pub(super) fn new(
        layout: Layout,
        settings: KeeperSettings,
        status: Arc<KeeperStatus>,
        stop: Stop,
    ) -> Cleanup {
        Cleanup { layout, settings, status, stop, due: None }
    }

    pub(super) fn run_when_due(&mut self) {
        if self.due.is_none_or(|due| Instant::now() >= due) {
            self.run();
        }
    }

    pub(super) fn run(&mut self) {
        let KeeperSettings { keep, max_age, max_bytes, .. } = self.settings;
        if max_age.is_none() && max_bytes.is_none() {
            return;
        }
        let began = Instant::now();
        // With any other setting, what is in `done/` may be for another worker to pack.
        let limits = RetentionLimits { max_age, max_bytes, done_is_kept: keep == Retention::Done };
        let now_seconds = now_ms().div_euclid(1_000);
        let removed = remove_over_limits(&self.layout, limits, now_seconds, &|| self.stop.requested());
        self.due = Some(Instant::now() + CHECK_INTERVAL.max(began.elapsed() * CHECK_SHARE));
        match removed {
            Ok(Some(removed)) => {
                if let Some(error) = &removed.first_error {
                    log_spool_failure(error);
                }
                self.status.set_cleanup_failure(removed.first_error.map(|error| error.to_string()));
                if removed.files + removed.messages > 0 {
                    tracing::info!(
                        archive_files = removed.files,
                        done_messages = removed.messages,
                        bytes = removed.bytes,
                        bytes_left = removed.bytes_left,
                        "removed what was kept, by keep_max_age and keep_max_bytes"
                    );
                }
                if max_bytes.is_some_and(|most| removed.bytes_left > most) && is_news("keep_max_bytes") {
                    tracing::warn!(
                        bytes_left = removed.bytes_left,
                        "more is kept than keep_max_bytes: today's part of the archive alone is larger"
                    );
                }
            }
            // Another worker of this spool is doing it now.
            Ok(None) => {}
            Err(error) => {
                log_spool_failure(&error);
                self.status.set_cleanup_failure(Some(error.to_string()));
            }
        }
    }
}
