//! The times that the spool writes and compares.

/// Milliseconds since 1970 UTC.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A file's time in ms, from seconds since 1970 UTC and the nanoseconds of the second.
///
/// A file system may have times that do not fit into 64 bits of ms. They are moved so near that differences between
/// them do not overflow either.
pub(super) fn file_time_ms(seconds: i64, nanoseconds: i64) -> i64 {
    const FARTHEST: i64 = i64::MAX / 4;
    (seconds.saturating_mul(1_000)).clamp(-FARTHEST, FARTHEST) + nanoseconds / 1_000_000
}

/// The time now, as reports have it: `2025-10-28T03:59:00.000Z`.
pub(super) fn now_text() -> String {
    let now = jiff::Timestamp::from_millisecond(now_ms()).unwrap_or_default();
    now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
