//! The kind of values that is a date.

use jiff::civil::Date;
use toml::Value;

use super::kind::ValueKind;

/// A day: `2027-10-28`.
pub enum IsoDate {}

impl ValueKind for IsoDate {
    type Value = Date;
    const PLACEHOLDER: &'static str = "DATE";

    fn name() -> String {
        "date".to_owned()
    }

    fn right() -> String {
        "a date such as 2027-10-28".to_owned()
    }

    fn parse(text: &str) -> Option<Date> {
        let date = Date::strptime("%Y-%m-%d", text).ok()?;
        (date.to_string() == text).then_some(date)
    }

    /// TOML has dates without quotes, too.
    fn read(value: &Value) -> Option<Date> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Datetime(date) => Self::parse(&date.to_string()),
            _ => None,
        }
    }

    fn show(date: &Date) -> Value {
        date.to_string().into()
    }

    /// `28/10/2027`, `28.10.2027` and `2027-1-5`.
    fn guess(text: &str) -> Option<String> {
        let parts: Vec<&str> = text.split(['/', '.', '-', ' ']).collect();
        let [first, month, last] = parts[..] else { return None };
        let (year, day) = if first.len() == 4 { (first, last) } else { (last, first) };
        let (year, month, day) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
        let date = Date::new(year, month, day).ok().filter(|_| year > 1_999)?;
        Some(date.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_one_form_and_others_are_understood_as_guesses() {
        assert_eq!(IsoDate::parse("2027-10-28"), Some(Date::constant(2027, 10, 28)));
        for (wrong, meant) in [
            ("28/10/2027", Some("2027-10-28")),
            ("28.10.2027", Some("2027-10-28")),
            ("2027-1-5", Some("2027-01-05")),
            ("2027/10/28", Some("2027-10-28")),
            ("2027-02-30", None),
            ("10/28/2027", None),
            ("28/10/27", None),
            ("2027-10-28T00:00:00Z", None),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(IsoDate::parse(wrong), None, "{wrong}");
            assert_eq!(IsoDate::guess(wrong).as_deref(), meant, "{wrong}");
        }
    }

    #[test]
    fn toml_may_have_it_without_quotes() {
        for text in ["2027-10-28", "\"2027-10-28\""] {
            let value: Value = text.parse().unwrap();
            assert_eq!(IsoDate::read(&value), Some(Date::constant(2027, 10, 28)), "{text}");
        }
    }
}
