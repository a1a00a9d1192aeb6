//! The names of the archive's files: `2025-10-28.tar.zst`.

use std::borrow::Cow;
use std::ffi::OsStr;

use super::Day;

/// What the name of an archive ends with.
pub(super) const ENDING: &str = ".tar.zst";

/// `2025-10-28.tar.zst`. Further files of a day are `2025-10-28~2.tar.zst` and so on.
pub(super) fn file_name(day: Day, number: u32) -> String {
    if number == 1 { format!("{day}{ENDING}") } else { format!("{day}~{number}{ENDING}") }
}

/// The day and the number in the name of an archive. None for any other name.
pub(super) fn parse_file_name(name: &OsStr) -> Option<(Day, u32)> {
    let stem = name.to_str()?.strip_suffix(ENDING)?;
    let (day, number) = stem.split_once('~').map_or((stem, "1"), |parts| parts);
    let (day, number) = (padded(day).parse().ok()?, number.parse().ok()?);
    (padded(stem) == file_name(day, number).trim_end_matches(ENDING)).then_some((day, number))
}

/// irispool 0.1 wrote years before 0 as `-002-12-17`, and then did not find those files: they are read as
/// `-000002-12-17`.
fn padded(day: &str) -> Cow<'_, str> {
    match day.strip_prefix('-').and_then(|rest| rest.split_once('-')) {
        Some((year, rest)) if matches!(year.len(), 3..=5) => format!("-{year:0>6}-{rest}").into(),
        _ => day.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_by_its_day() {
        let names = |day: Day| (file_name(day, 1), file_name(day, 2));
        let wanted = ("2025-10-28.tar.zst".into(), "2025-10-28~2.tar.zst".into());
        assert_eq!(names(Day::of(1_761_623_940)), wanted);
        for seconds in [i64::MIN, -62_167_219_201, 253_402_300_800, i64::MAX] {
            let (first, second) = names(Day::of(seconds));
            assert_eq!(parse_file_name(OsStr::new(&first)), Some((Day::of(seconds), 1)));
            assert_eq!(parse_file_name(OsStr::new(&second)), Some((Day::of(seconds), 2)));
        }
    }

    #[test]
    fn only_names_that_are_written_as_irispool_does_are_archives() {
        let number = |name: &str| parse_file_name(OsStr::new(name)).map(|(_, number)| number);
        assert_eq!(number("2025-10-28.tar.zst"), Some(1));
        assert_eq!(number("2025-10-28~12.tar.zst"), Some(12));
        assert_eq!(number("-002-12-17~2.tar.zst"), Some(2), "as irispool 0.1 called it");
        assert_eq!(parse_file_name(OsStr::new("-002-12-17.tar.zst")).unwrap().0.to_string(), "-000002-12-17");
        for name in [
            "2025-10-28~1.tar.zst",
            "2025-10-28~02.tar.zst",
            "20251028.tar.zst",
            "2025-10-28.tar.zst.tar.zst",
            "+002025-10-28.tar.zst",
            ".2025-10-28.tar.zst",
            "2025-13-28.tar.zst",
        ] {
            assert_eq!(number(name), None, "{name}");
        }
    }
}
