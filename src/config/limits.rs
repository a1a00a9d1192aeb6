//! How small and how large each setting may be.

use std::fmt;
use std::time::Duration;

use super::values::show_bytes;
use super::{Config, GIB, KIB, MIB};

/// An amount that has a least and a greatest value.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Amount {
    Bytes(u64),
    Count(usize),
    Time(Duration),
}

impl fmt::Display for Amount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Amount::Bytes(bytes) => out.write_str(&show_bytes(*bytes)),
            Amount::Count(count) => write!(out, "{count}"),
            Amount::Time(time) => write!(out, "{}", humantime::format_duration(*time)),
        }
    }
}

/// The first setting that is beyond its limits, and what would be right.
pub(super) fn beyond(config: &Config) -> Option<(&'static str, String)> {
    use Amount::{Bytes, Count, Time};
    let (millis, secs) = (Duration::from_millis, Duration::from_secs);
    let amounts = [
        (
            "keep_max_age",
            Time(config.keep_max_age.unwrap_or(secs(3_600))),
            Time(secs(3_600)),
            Time(secs(100 * 31_557_600)),
        ),
        ("keep_max_bytes", Bytes(config.keep_max_bytes.unwrap_or(MIB)), Bytes(MIB), Bytes(16_384 * GIB)),
        ("dead_max_bytes", Bytes(config.dead_max_bytes.unwrap_or(GIB)), Bytes(KIB), Bytes(16_384 * GIB)),
        ("max_file_bytes", Bytes(config.max_file_bytes), Bytes(KIB), Bytes(GIB)),
        ("in_flight_bytes", Bytes(config.in_flight_bytes), Bytes(MIB), Bytes(16 * GIB)),
        ("batch_rows", Count(config.batch_rows), Count(1), Count(1_000_000)),
        ("flush_interval", Time(config.flush_interval()), Time(millis(1)), Time(secs(60))),
        ("scan_interval", Time(config.scan_interval), Time(millis(100)), Time(secs(3600))),
        ("claim_files", Count(config.claim_files), Count(1), Count(100_000)),
        ("write_age", Time(config.write_age), Time(millis(100)), Time(secs(3600))),
        ("busy_timeout", Time(config.busy_timeout), Time(millis(100)), Time(secs(3600))),
        ("stream_rows", Count(config.stream_rows), Count(1), Count(50_000)),
        ("requests_in_flight", Count(config.requests_in_flight), Count(1), Count(256)),
        (
            "requests_per_second",
            Count(config.requests_per_second.map_or(1, |rate| rate as usize)),
            Count(1),
            Count(100_000),
        ),
        ("load_threshold_files", Count(config.load_threshold_files), Count(1), Count(10_000_000)),
        ("readers", Count(config.readers), Count(1), Count(256)),
        ("settlers", Count(config.settlers), Count(1), Count(256)),
        ("stop_timeout", Time(config.stop_timeout), Time(millis(100)), Time(secs(3600))),
        ("status_backlog_warn", Count(config.status_backlog_warn), Count(0), Count(100_000_000)),
        ("status_backlog_critical", Count(config.status_backlog_critical), Count(0), Count(100_000_000)),
        ("status_stale_after", Time(config.status_stale_after), Time(secs(1)), Time(secs(7 * 86_400))),
        ("status_disk_critical", Count(config.status_disk_critical), Count(1), Count(100)),
        ("alert_after", Time(config.alert_after), Time(secs(0)), Time(secs(3600))),
        ("alert_remind", Time(config.alert_remind), Time(secs(1)), Time(secs(30 * 86_400))),
        ("heartbeat_interval", Time(config.heartbeat_interval), Time(secs(1)), Time(secs(86_400))),
        ("log_file_bytes", Bytes(config.log_file_bytes), Bytes(4 * KIB), Bytes(16 * GIB)),
        ("log_files_kept", Count(config.log_files_kept), Count(0), Count(10_000)),
    ];
    let wrong =
        |(_, amount, least, greatest): &(_, Amount, Amount, Amount)| !(*least..=*greatest).contains(amount);
    let (key, _, least, greatest) = amounts.into_iter().find(wrong)?;
    Some((key, format!("from {least} to {greatest}")))
}
