//! Brings times in every form that IRIS uses into one: UTC with milliseconds.
//!
//! The parser accepts `2025-10-28T03:59:00.000Z`, `2025-10-28T03:59:00Z`, a space for the `T`, no seconds, any number
//! of decimals (it cuts those after the third), an offset such as `+01:00`, no zone (which means UTC), and a date
//! alone (which means midnight UTC). Years go from 0001 to 9999. It refuses a leap second, 24:00, and a day that the
//! month does not have.

use jiff::SignedDuration;
use jiff::civil::DateTime;

/// An instant as its text, `2025-10-28T03:59:00.000Z`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UtcTime([u8; 24]);

impl UtcTime {
    /// Parses a time in any form that IRIS uses. Returns `None` if `text` is not a time.
    pub fn parse(text: &str) -> Option<UtcTime> {
        let bytes = text.as_bytes();
        common_form(bytes).or_else(|| any_form(bytes))
    }

    /// `2025-10-28T03:59:00.000Z`
    pub fn timestamp(&self) -> &str {
        self.text(24)
    }

    /// `2025-10-28T03:59:00.000`
    pub fn datetime(&self) -> &str {
        self.text(23)
    }

    /// `2025-10-28`, if the time is midnight.
    pub fn date(&self) -> Option<&str> {
        (&self.0[11..23] == b"00:00:00.000").then(|| self.text(10))
    }

    fn text(&self, length: usize) -> &str {
        std::str::from_utf8(&self.0[..length]).expect("digits and signs are ASCII")
    }

    fn from_civil(time: DateTime) -> Option<UtcTime> {
        let year = u16::try_from(time.year()).ok().filter(|year| *year > 0)?;
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut put = |at: usize, width: usize, mut value: u16| {
            for digit in text[at..at + width].iter_mut().rev() {
                *digit = b'0' + (value % 10) as u8;
                value /= 10;
            }
        };
        put(0, 4, year);
        put(5, 2, time.month() as u16);
        put(8, 2, time.day() as u16);
        put(11, 2, time.hour() as u16);
        put(14, 2, time.minute() as u16);
        put(17, 2, time.second() as u16);
        put(20, 3, time.millisecond() as u16);
        Some(UtcTime(text))
    }
}

/// The two forms that nearly all times of IRIS have, `2025-10-28T03:59:00.000Z` and `2025-10-28T03:59:00Z`.
fn common_form(bytes: &[u8]) -> Option<UtcTime> {
    let mut text = *b"0000-00-00T00:00:00.000Z";
    match bytes.len() {
        24 => text.copy_from_slice(bytes),
        20 if bytes[19] == b'Z' => text[..19].copy_from_slice(&bytes[..19]),
        _ => return None,
    }
    let signs = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')];
    let mut sound = signs.iter().all(|&(at, sign)| text[at] == sign);
    let mut two = |at: usize| {
        let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
        sound &= tens < 10 && ones < 10;
        u32::from(tens) * 10 + u32::from(ones)
    };
    let (century, year) = (two(0), two(2));
    let (month, day) = (two(5), two(8));
    let (hour, minute, second) = (two(11), two(14), two(17));
    two(20);
    sound &= text[22].is_ascii_digit() && hour < 24 && minute < 60 && second < 60;
    (sound && is_day(century * 100 + year, month, day)).then_some(UtcTime(text))
}

fn is_day(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    year > 0 && (1..=days).contains(&day)
}

fn any_form(bytes: &[u8]) -> Option<UtcTime> {
    let mut text = TimeText(bytes);
    let year = text.digits(4)?;
    text.take(b"-")?;
    let month = text.digits(2)?;
    text.take(b"-")?;
    let day = text.digits(2)?;
    let (mut hour, mut minute, mut second, mut ms, mut offset_minutes) = (0, 0, 0, 0, 0);
    if !text.at_end() {
        text.take(b"Tt ")?;
        hour = text.digits(2)?;
        text.take(b":")?;
        minute = text.digits(2)?;
        if text.take(b":").is_some() {
            second = text.digits(2)?;
            if text.take(b".,").is_some() {
                ms = text.decimals()?;
            }
        }
        offset_minutes = text.zone()?;
    }
    if !text.at_end() {
        return None;
    }
    let [month, day, hour, minute, second] = [month, day, hour, minute, second].map(|part| part as i8);
    let civil = DateTime::new(year as i16, month, day, hour, minute, second, ms * 1_000_000).ok()?;
    UtcTime::from_civil(civil.checked_sub(SignedDuration::from_mins(offset_minutes)).ok()?)
}

/// The rest of a text that is being parsed.
struct TimeText<'t>(&'t [u8]);

impl TimeText<'_> {
    fn at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes one byte, if it is one of `wanted`.
    fn take(&mut self, wanted: &[u8]) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        if !wanted.contains(&first) {
            return None;
        }
        self.0 = rest;
        Some(first)
    }

    /// Takes a number of `count` digits, at most 4.
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        digits.iter().try_fold(0, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
        })
    }

    /// Takes all digits, at least one, and returns the first three as thousandths.
    fn decimals(&mut self) -> Option<i32> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        let digit_at = |at: usize| digits.get(at).map_or(0, |digit| i32::from(digit - b'0'));
        (count > 0).then(|| digit_at(0) * 100 + digit_at(1) * 10 + digit_at(2))
    }

    /// Takes a zone: `Z`, `+01:00`, `+0100`, `+01`, or none, which is UTC. Returns minutes east of UTC.
    fn zone(&mut self) -> Option<i64> {
        let sign = match self.take(b"Zz+-") {
            None | Some(b'Z' | b'z') => return Some(0),
            Some(b'-') => -1,
            Some(_) => 1,
        };
        let hours = self.digits(2).filter(|hours| *hours < 24)?;
        let colon = self.take(b":").is_some();
        let minutes =
            if self.at_end() && !colon { 0 } else { self.digits(2).filter(|minutes| *minutes < 60)? };
        Some(sign * i64::from(hours * 60 + minutes))
    }
}
