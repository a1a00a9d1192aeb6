//! The day of a message's last write (UTC), which names a file of the archive.
//!
//! A file system may have any time that fits into 64 bits, and the calendars of libraries end in the year 9999. So this
//! counts days itself, and computes the date of the Gregorian calendar for each of them.

use std::fmt;
use std::str::FromStr;

const SECONDS: i64 = 86_400;
/// The days of 400 years, after which the calendar repeats.
const CYCLE_DAYS: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01. Years that begin in March have their leap day at their end.
const DAYS_BEFORE_1970: i64 = 719_468;

/// A day, UTC. It is written as in ISO 8601: `2025-10-28`. Years before 0 and after 9999 have a sign and at least six
/// digits: `-000005-02-28`, `+012025-10-28`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// Days since 1970-01-01.
    number: i64,
}

impl Day {
    /// The day of a time in seconds since 1970 UTC.
    pub fn of(seconds: i64) -> Day {
        Day { number: seconds.div_euclid(SECONDS) }
    }

    /// When it begins, in seconds since 1970 UTC, as far as 64 bits reach.
    pub(super) fn begin(self) -> i64 {
        self.number.saturating_mul(SECONDS)
    }

    /// When it ends, in seconds since 1970 UTC, as far as 64 bits reach.
    pub(super) fn end(self) -> i64 {
        (self.number + 1).saturating_mul(SECONDS)
    }

    fn of_date(year: i64, month: i64, day: i64) -> Day {
        let year = if month > 2 { year } else { year - 1 };
        let of_cycle = year.rem_euclid(400);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let of_cycle = of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year;
        Day { number: year.div_euclid(400) * CYCLE_DAYS + of_cycle - DAYS_BEFORE_1970 }
    }

    /// Year, month and day of the month.
    fn date(self) -> (i64, i64, i64) {
        let days = self.number + DAYS_BEFORE_1970;
        let of_cycle = days.rem_euclid(CYCLE_DAYS);
        let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
        let of_year = of_cycle - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let year = year + days.div_euclid(CYCLE_DAYS) * 400;
        if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        match year {
            0..=9_999 => write!(out, "{year:04}-{month:02}-{day:02}"),
            _ => write!(out, "{year:+07}-{month:02}-{day:02}"),
        }
    }
}

/// The text is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a day such as 2025-10-28")]
pub struct NotADay;

impl FromStr for Day {
    type Err = NotADay;

    /// Reads a day only as [`Day`] is written.
    fn from_str(text: &str) -> Result<Day, NotADay> {
        let mut parts = text.rsplitn(3, '-');
        let mut part = || parts.next().ok_or(NotADay);
        let (day, month, year) = (part()?, part()?, part()?);
        let number = |text: &str| text.parse::<i64>().map_err(|_| NotADay);
        let (year, month, day) = (number(year)?, number(month)?, number(day)?);
        // No time of 64 bits is further away.
        let is_near = (-300_000_000_000..=300_000_000_000).contains(&year);
        if !is_near || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return Err(NotADay);
        }
        let read = Day::of_date(year, month, day);
        if read.to_string() == text { Ok(read) } else { Err(NotADay) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_goes_from_midnight_to_midnight_utc() {
        let day = Day::of(1_761_623_940);
        assert_eq!(day.to_string(), "2025-10-28");
        assert_eq!((day.begin(), day.end()), (1_761_609_600, 1_761_696_000));
    }

    #[test]
    fn every_day_of_the_calendar_is_what_the_calendar_says() {
        let mut date = jiff::civil::date(-9_999, 1, 3);
        let first = Day::of(jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).unwrap().as_second());
        let mut day = first;
        while let Ok(next) = date.tomorrow() {
            let found = day.date();
            assert_eq!(found, (date.year().into(), date.month().into(), date.day().into()));
            assert_eq!(Day::of_date(found.0, found.1, found.2), day);
            (date, day) = (next, Day { number: day.number + 1 });
        }
    }

    #[test]
    fn what_is_beyond_the_calendar_has_a_day_of_its_own_that_is_read_as_it_is_written() {
        for (seconds, text) in [
            (-62_167_219_201, "-000001-12-31"),
            (-62_167_219_200, "0000-01-01"),
            (253_402_300_799, "9999-12-31"),
            (253_402_300_800, "+010000-01-01"),
            (i64::MIN, "-292277022657-01-27"),
            (i64::MAX, "+292277026596-12-04"),
        ] {
            let day = Day::of(seconds);
            assert_eq!(day.to_string(), text);
            assert_eq!(text.parse(), Ok(day));
            assert!(day.begin() <= seconds && day.end() >= seconds, "{text}");
        }
    }

    #[test]
    fn text_that_is_written_otherwise_is_no_day() {
        for text in [
            "",
            "2025",
            "2025-10",
            "2025-13-28",
            "2025-02-29",
            "2025-1-28",
            "20251028",
            "+2025-10-28",
            "+002025-10-28",
            "-0005-01-01",
            "10000-01-01",
            "2025-10-28-",
            "2025-10--8",
            "999999999999999-01-01",
        ] {
            assert_eq!(text.parse::<Day>(), Err(NotADay), "{text:?}");
        }
    }
}
