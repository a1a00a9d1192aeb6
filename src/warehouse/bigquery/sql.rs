//! SQL text: names and literals that nobody may trust, and the templates under `sql/bigquery/`.

use std::collections::HashMap;
use std::sync::OnceLock;

pub(super) use crate::warehouse::template::fill;

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

/// Whether it is one statement that only reads. BigQuery's own statements that write begin with a verb of their own,
/// and a script has a semicolon before its end.
pub(super) fn only_reads(statement: &str) -> bool {
    let bare = without_literals(statement);
    let bare = bare
        .trim()
        .trim_end_matches([';', ' ', '\n', '\t', '\r'])
        .trim_start_matches(['(', ' ', '\n', '\t', '\r']);
    let verb: String = bare.chars().take_while(char::is_ascii_alphabetic).collect();
    ["SELECT", "WITH", "FROM"].iter().any(|reading| verb.eq_ignore_ascii_case(reading)) && !bare.contains(';')
}

/// The statement without its comments, with nothing left between quotes.
fn without_literals(statement: &str) -> String {
    let mut bare = String::with_capacity(statement.len());
    let mut rest = statement;
    while let Some(letter) = rest.chars().next() {
        let comment_end = match rest {
            _ if rest.starts_with("--") || letter == '#' => Some("\n"),
            _ if rest.starts_with("/*") => Some("*/"),
            _ => None,
        };
        if let Some(end) = comment_end {
            // A comment that does not end covers all that follows, as BigQuery has it.
            rest = rest.find(end).map_or("", |at| &rest[at + end.len()..]);
            bare.push(' ');
            continue;
        }
        if matches!(letter, '\'' | '"' | '`') {
            let three = letter.to_string().repeat(3);
            let quote = if letter != '`' && rest.starts_with(&three) { three } else { letter.to_string() };
            rest = behind_quote(&rest[quote.len()..], &quote);
            bare.push(letter);
            continue;
        }
        bare.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    bare
}

/// What follows the closing quote. A backslash hides the letter behind it, in raw strings too.
fn behind_quote<'a>(text: &'a str, quote: &str) -> &'a str {
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix(quote) {
            return behind;
        }
        rest = &rest[letter.len_utf8()..];
        if letter == '\\' {
            rest = rest.chars().next().map_or("", |hidden| &rest[hidden.len_utf8()..]);
        }
    }
    rest
}

/// `value`, an expression of type `from`, as one of type `to`; NULL where there is no such conversion.
pub(super) fn convert(value: &str, from: &str, to: &str) -> String {
    convert_if(value, from, to).unwrap_or_else(|| null(to))
}

/// `value`, an expression of type `from`, as one of type `to`, where there is such a conversion. The types are those in
/// `conversions.sql`.
pub(super) fn convert_if(value: &str, from: &str, to: &str) -> Option<String> {
    static BY_TYPES: OnceLock<HashMap<(&str, &str), &str>> = OnceLock::new();
    if from == to {
        return Some(value.to_owned());
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
    Some(fill(by_types.get(&(from, to))?, &[("column", value)]))
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
    fn only_one_statement_that_reads_is_let_through() {
        for reads in [
            "SELECT 1",
            " -- a; b\n/* DROP */ # c\n(select ';', \"x;\\\";\", r'\\';', '''a'; b''', `a;b` FROM t) ; ",
            "with a as (select 1) select * from a",
        ] {
            assert!(only_reads(reads), "{reads}");
        }
        for writes in [
            "",
            "DROP TABLE t",
            "SELECT 1; DROP TABLE t",
            "/* SELECT */ DELETE FROM t",
            "SELECT '\\'; DROP TABLE t",
        ] {
            // The last one ends in the middle of a string: nothing of it runs.
            assert_eq!(only_reads(writes), writes.starts_with("SELECT '"), "{writes}");
        }
    }

    #[test]
    fn a_pair_of_types_without_a_conversion_gives_null() {
        assert_eq!(convert("`x`", "DATETIME", "TIMESTAMP"), "TIMESTAMP(`x`, 'UTC')");
        assert_eq!(convert("`x`", "DATE", "DATE"), "`x`");
        assert_eq!(convert("`x`", "INT64", "TIMESTAMP"), "CAST(NULL AS TIMESTAMP)");
    }
}
