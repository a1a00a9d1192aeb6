//! Kinds of values that are numbers: sizes, durations and counts.

use std::time::Duration;

use toml::Value;

use super::guess;
use super::kind::ValueKind;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// A number of bytes: `8MiB`, `64 MB`, `1048576`. It is shown in the largest unit that divides it.
pub enum Size {}

impl ValueKind for Size {
    type Value = u64;
    const PLACEHOLDER: &'static str = "SIZE";

    fn name() -> String {
        "size".to_owned()
    }

    fn right() -> String {
        "a size such as 8MiB, 64 MB or 1048576".to_owned()
    }

    fn parse(text: &str) -> Option<u64> {
        text.parse().map(|size: bytesize::ByteSize| size.as_u64()).ok()
    }

    fn show(bytes: &u64) -> Value {
        let unit = [(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")]
            .into_iter()
            .find(|(unit, _)| bytes >= unit && bytes.is_multiple_of(*unit));
        match unit {
            Some((unit, name)) => format!("{}{name}", bytes / unit).into(),
            None => bytes.to_string().into(),
        }
    }

    fn amount(bytes: &u64) -> Option<u128> {
        Some(u128::from(*bytes))
    }
}

/// A duration of up to some minutes: `200ms`, `5s`, `1m 30s`.
pub enum Span {}

impl ValueKind for Span {
    type Value = Duration;
    const PLACEHOLDER: &'static str = "DURATION";

    fn name() -> String {
        "duration".to_owned()
    }

    fn right() -> String {
        "a duration such as 200ms, 5s or 1m".to_owned()
    }

    fn parse(text: &str) -> Option<Duration> {
        humantime::parse_duration(text).ok()
    }

    fn show(duration: &Duration) -> Value {
        humantime::format_duration(*duration).to_string().into()
    }

    fn amount(duration: &Duration) -> Option<u128> {
        Some(duration.as_nanos())
    }

    fn guess(text: &str) -> Option<String> {
        guess::with_unit(text, "s")
    }
}

/// A duration of hours or days: `12h`, `90days`.
pub enum Age {}

impl ValueKind for Age {
    type Value = Duration;
    const PLACEHOLDER: &'static str = Span::PLACEHOLDER;

    fn name() -> String {
        Span::name()
    }

    fn right() -> String {
        "a duration such as 12h or 90days".to_owned()
    }

    fn parse(text: &str) -> Option<Duration> {
        Span::parse(text)
    }

    fn show(duration: &Duration) -> Value {
        Span::show(duration)
    }

    fn amount(duration: &Duration) -> Option<u128> {
        Span::amount(duration)
    }

    fn guess(text: &str) -> Option<String> {
        guess::with_unit(text, "d")
    }
}

/// A whole number.
pub enum Count {}

impl ValueKind for Count {
    type Value = usize;
    const PLACEHOLDER: &'static str = "N";

    fn name() -> String {
        "number".to_owned()
    }

    fn right() -> String {
        "a whole number".to_owned()
    }

    fn parse(text: &str) -> Option<usize> {
        text.parse().ok()
    }

    fn show(count: &usize) -> Value {
        Value::Integer(*count as i64)
    }

    fn amount(count: &usize) -> Option<u128> {
        Some(*count as u128)
    }
}

/// A percentage.
pub enum Percent {}

impl ValueKind for Percent {
    type Value = usize;
    const PLACEHOLDER: &'static str = "PERCENT";

    fn name() -> String {
        "percent".to_owned()
    }

    fn right() -> String {
        Count::right()
    }

    fn parse(text: &str) -> Option<usize> {
        Count::parse(text)
    }

    fn show(percent: &usize) -> Value {
        Count::show(percent)
    }

    fn amount(percent: &usize) -> Option<u128> {
        Count::amount(percent)
    }
}

/// A number of threads. `auto` is 4 per core, because the threads wait for the disk most of the time, and at least 8.
pub enum Threads {}

impl ValueKind for Threads {
    type Value = usize;
    const PLACEHOLDER: &'static str = "N";
    const WORD: Option<&'static str> = Some("auto");

    fn name() -> String {
        Count::name()
    }

    fn right() -> String {
        "a whole number, or \"auto\" for 4 per core".to_owned()
    }

    fn parse(text: &str) -> Option<usize> {
        match text {
            "auto" => {
                let cores = std::thread::available_parallelism().map_or(2, usize::from);
                Some((4 * cores).clamp(8, 256))
            }
            _ => text.parse().ok(),
        }
    }

    fn show(threads: &usize) -> Value {
        Count::show(threads)
    }

    fn amount(threads: &usize) -> Option<u128> {
        Count::amount(threads)
    }
}

/// A number per second. `none` and 0 mean no limit.
pub enum Rate {}

impl ValueKind for Rate {
    type Value = Option<u32>;
    const PLACEHOLDER: &'static str = "N";
    const WORD: Option<&'static str> = Some("none");

    fn name() -> String {
        Count::name()
    }

    fn right() -> String {
        "a whole number, or \"none\" for no limit".to_owned()
    }

    fn parse(text: &str) -> Option<Option<u32>> {
        match text {
            "none" | "0" => Some(None),
            _ => text.parse().ok().map(Some),
        }
    }

    fn show(rate: &Option<u32>) -> Value {
        rate.map_or_else(|| "none".into(), |rate| Value::Integer(i64::from(rate)))
    }

    fn amount(rate: &Option<u32>) -> Option<u128> {
        rate.map(u128::from)
    }
}
