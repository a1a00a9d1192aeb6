//! SQL text: names and literals that nobody may trust, and the templates under `sql/bigquery/`.

use std::collections::HashMap;
use std::sync::OnceLock;

const CONVERSIONS: &str = include_str!("../../../sql/bigquery/conversions.sql");

/// A name, or a path of names, as an identifier: `` `order` ``.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", escaped(name, '`'))
}

/// Text as a string literal: `'it\'s'`.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", escaped(text, '\''))
}

fn escaped(text: &str, quote: char) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            _ if letter == quote => escaped.extend(['\\', letter]),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// Puts values into a template's `{places}`. What is put in is not looked at again, so a column may be called `{x}`;
/// braces around anything but a name, as in a regular expression, stay. Comment lines before the statement are left
/// out.
pub(super) fn fill(template: &str, places: &[(&str, &str)]) -> String {
    let mut rest = template.trim();
    while rest.starts_with("--") {
        rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
    }
    let mut filled = String::with_capacity(rest.len() * 2);
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let name_end = after.find(|letter: char| !letter.is_ascii_lowercase() && letter != '_').unwrap_or(0);
        if name_end == 0 || !after[name_end..].starts_with('}') {
            filled.push('{');
            rest = after;
            continue;
        }
        let name = &after[..name_end];
        let (_, value) = places
            .iter()
            .find(|(place, _)| *place == name)
            .unwrap_or_else(|| panic!("the template has a place {{{name}}} that nobody fills"));
        filled.push_str(value);
        rest = &after[name_end + 1..];
    }
    filled.push_str(rest);
    filled
}

/// `value`, an expression of type `from`, as one of type `to`; NULL where there is no such conversion. The types are
/// those in `conversions.sql`.
pub(super) fn convert(value: &str, from: &str, to: &str) -> String {
    static BY_TYPES: OnceLock<HashMap<(&str, &str), &str>> = OnceLock::new();
    if from == to {
        return value.to_owned();
    }
    let by_types = BY_TYPES.get_or_init(|| {
        let entries = CONVERSIONS.split("\n-- to ").skip(1);
        entries
            .map(|entry| {
                let (types, expression) = entry.split_once('\n').expect("a conversion has an expression");
                let (to, from) = types.split_once(" from ").expect("a conversion is to a type from another");
                // What follows an empty line is a remark on the next entry.
                ((from, to), expression.split("\n\n").next().unwrap_or(expression))
            })
            .collect()
    });
    match by_types.get(&(from, to)) {
        Some(expression) => fill(expression, &[("column", value)]),
        None => null(to),
    }
}

/// A NULL of that type.
pub(super) fn null(kind: &str) -> String {
    format!("CAST(NULL AS {kind})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_literals_are_quoted_whatever_they_hold() {
        assert_eq!(quoted("p.d.order"), "`p.d.order`");
        assert_eq!(quoted("a`; DROP TABLE b; --"), "`a\\`; DROP TABLE b; --`");
        assert_eq!(literal("it's\n\\"), "'it\\'s\\n\\\\'");
    }

    #[test]
    fn a_value_is_not_taken_for_a_place_nor_a_regular_expression_for_one() {
        assert_eq!(
            fill("-- words\nSELECT {a}, r'\\d{6}{' FROM {b}\n", &[("a", "{b}"), ("b", "t")]),
            "SELECT {b}, r'\\d{6}{' FROM t"
        );
    }

    #[test]
    fn a_pair_of_types_without_a_conversion_gives_null() {
        assert_eq!(convert("`x`", "DATETIME", "TIMESTAMP"), "TIMESTAMP(`x`, 'UTC')");
        assert_eq!(convert("`x`", "DATE", "DATE"), "`x`");
        assert_eq!(convert("`x`", "INT64", "TIMESTAMP"), "CAST(NULL AS TIMESTAMP)");
    }
}
