//! Names and times as SQL text.

use jiff::Timestamp;

/// A name as an identifier: `"order"`, `"a""b"`.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `2025-10-28T03:59:00.000Z`: text that sorts as time does. Times before the year 0 or after the year 9999 become
/// the nearest time within.
pub(super) fn utc_text(ms: i64) -> String {
    const FIRST: i64 = -62_167_219_200_000;
    const LAST: i64 = 253_402_207_199_999;
    let time = Timestamp::from_millisecond(ms.clamp(FIRST, LAST)).expect("years 0 to 9999 are times");
    format!("{time:.3}")
}

pub(super) fn now_text() -> String {
    utc_text(Timestamp::now().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_whatever_they_hold() {
        assert_eq!(quoted("order"), "\"order\"");
        assert_eq!(quoted("a\"; DROP TABLE b; --"), "\"a\"\"; DROP TABLE b; --\"");
    }

    #[test]
    fn times_sort_as_text() {
        assert_eq!(utc_text(1_761_623_940_000), "2025-10-28T03:59:00.000Z");
        assert_eq!(utc_text(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(utc_text(i64::MIN), "0000-01-01T00:00:00.000Z");
        assert!(utc_text(i64::MAX).starts_with("9999-12-30"));
    }
}
