//! Instants as IRIS writes them, and the UK's settlement days and periods. Instants are ms since 1970 UTC.

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};

pub(super) const MINUTE_MS: i64 = 60_000;
pub(super) const HALF_HOUR_MS: i64 = 30 * MINUTE_MS;

/// A half hour of trading. Periods are counted from 1 at midnight UK time; a day has 46, 48 or 50.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settlement {
    pub(super) date: Date,
    pub(super) period: i64,
}

/// How an instant is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeForm {
    /// `2025-09-17T14:26:47Z`
    Seconds,
    /// `2025-10-28T03:59:00.000Z`
    Millis,
    /// `2026-05-07T02:00:00`, which is UTC too.
    NoZone,
}

/// Converts instants to settlement periods, and remembers the last few.
pub(super) struct Calendar {
    london: TimeZone,
    recent: [(i64, Settlement); 64],
}

impl Calendar {
    pub(super) fn new() -> Self {
        // The rule in force since 1996, written out because a machine may lack the time zone database.
        let london = TimeZone::posix("GMT0BST,M3.5.0/1,M10.5.0/2").expect("the rule is valid POSIX");
        Calendar { london, recent: [(i64::MIN, Settlement { date: Date::ZERO, period: 0 }); 64] }
    }

    pub(super) fn settlement(&mut self, ms: i64) -> Settlement {
        let half_hour = ms.div_euclid(HALF_HOUR_MS);
        let slot = half_hour.rem_euclid(64) as usize;
        if self.recent[slot].0 != half_hour {
            let date = self.london.to_datetime(timestamp(ms)).date();
            let midnight = self.london.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).compatible();
            let midnight_ms = midnight.map_or(ms, |midnight| midnight.as_millisecond());
            let settlement = Settlement { date, period: (ms - midnight_ms).div_euclid(HALF_HOUR_MS) + 1 };
            self.recent[slot] = (half_hour, settlement);
        }
        self.recent[slot].1
    }
}

pub(super) fn date_of(ms: i64) -> Date {
    Offset::UTC.to_datetime(timestamp(ms)).date()
}

pub(super) fn days_after(date: Date, days: i64) -> Date {
    date.saturating_add(days.days())
}

pub(super) fn floor(ms: i64, to_ms: i64) -> i64 {
    ms - ms.rem_euclid(to_ms)
}

pub(super) fn push_instant(out: &mut Vec<u8>, ms: i64, form: TimeForm) {
    let at = Offset::UTC.to_datetime(timestamp(ms));
    push_date(out, at.date());
    for (mark, part) in [(b'T', at.hour()), (b':', at.minute()), (b':', at.second())] {
        out.push(mark);
        push_two(out, part);
    }
    match form {
        TimeForm::Seconds => out.push(b'Z'),
        TimeForm::NoZone => {}
        TimeForm::Millis => {
            let ms = ms.rem_euclid(1000) as u16;
            out.extend([
                b'.',
                b'0' + (ms / 100) as u8,
                b'0' + (ms / 10 % 10) as u8,
                b'0' + (ms % 10) as u8,
                b'Z',
            ]);
        }
    }
}

/// `2025-10-28`
pub(super) fn push_date(out: &mut Vec<u8>, date: Date) {
    let year = date.year().max(0);
    push_two(out, (year / 100) as i8);
    push_two(out, (year % 100) as i8);
    out.push(b'-');
    push_two(out, date.month());
    out.push(b'-');
    push_two(out, date.day());
}

/// Appends `202510271648`, as file names have it.
pub(super) fn push_stamp(out: &mut String, ms: i64) {
    let mut text = Vec::with_capacity(20);
    push_instant(&mut text, ms, TimeForm::NoZone);
    out.extend(text[..16].iter().filter(|byte| byte.is_ascii_digit()).map(|&byte| char::from(byte)));
}

fn push_two(out: &mut Vec<u8>, value: i8) {
    let value = value.unsigned_abs();
    out.extend([b'0' + value / 10, b'0' + value % 10]);
}

fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settlement(time: &str) -> (String, i64) {
        let ms = time.parse::<Timestamp>().unwrap().as_millisecond();
        let found = Calendar::new().settlement(ms);
        (found.date.to_string(), found.period)
    }

    #[test]
    fn settlement_periods_follow_the_uk_clock() {
        for (time, date, period) in [
            ("2026-05-06T03:00:00Z", "2026-05-06", 9),
            ("2024-06-26T23:00:00Z", "2024-06-27", 1),
            ("2025-12-01T00:29:59Z", "2025-12-01", 1),
            // The short day ends with period 46, the long one with period 50.
            ("2025-03-30T22:30:00Z", "2025-03-30", 46),
            ("2025-10-26T23:59:00Z", "2025-10-26", 50),
            ("2025-10-26T01:00:00Z", "2025-10-26", 5),
        ] {
            assert_eq!(settlement(time), (date.to_owned(), period), "{time}");
        }
    }

    #[test]
    fn instants_are_written_in_the_forms_of_iris() {
        let ms = "2025-10-28T03:59:07.040Z".parse::<Timestamp>().unwrap().as_millisecond();
        for (form, text) in [
            (TimeForm::Seconds, "2025-10-28T03:59:07Z"),
            (TimeForm::Millis, "2025-10-28T03:59:07.040Z"),
            (TimeForm::NoZone, "2025-10-28T03:59:07"),
        ] {
            let mut out = Vec::new();
            push_instant(&mut out, ms, form);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
        let mut stamp = String::new();
        push_stamp(&mut stamp, ms);
        assert_eq!(stamp, "202510280359");
    }
}
