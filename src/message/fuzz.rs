//! What must hold for any bytes: one function for the test below and for the fuzz target in `fuzz/`.

use serde_json::Value;

use super::encode::{Scratch, encode};
use super::encode_mode::EncodeMode;
use super::error::MessageError;
use super::parse::escape_raw_breaks;
use super::rows::Rows;
use super::scan::string_end;
use super::split::{Element, Elements};
use crate::catalog::Schema;

/// Splits, joins and encodes a message.
///
/// # Panics
/// If the splitter loses a byte that matters, or if the parser and serde_json do not agree about a record.
pub fn check(message: &[u8]) {
    let whole = serde_value(message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message));
    let schema = Schema::new("t", Vec::new());
    let mut rows = Rows::default();
    let encoded = encode(message, &schema, EncodeMode::Rescue, &mut rows, &mut Scratch::default());
    let elements = match split(message) {
        Ok(elements) => elements,
        Err(error) => {
            let is_container = matches!(whole, Some(Value::Array(_) | Value::Object(_)));
            let is_refused_by_its_content = matches!(error, MessageError::ApiError { .. });
            assert!(is_refused_by_its_content || !is_container, "serde_json reads it: {error}");
            assert_eq!(encoded, Err(error));
            assert!(rows.is_empty(), "a message that is refused has rows");
            return;
        }
    };
    let encoded = encoded.expect("the message could be split");
    let texts: Vec<&[u8]> = elements.iter().map(|element| &message[element.start..element.end]).collect();
    assert_eq!(encoded.good as usize + encoded.bad.len(), texts.len(), "each element is a row or a bad row");
    check_join(whole, &texts);
    let mut bad = encoded.bad.iter().peekable();
    let mut rows = rows.iter();
    for (number, (element, text)) in elements.iter().zip(&texts).enumerate() {
        let by_serde = serde_value(text).filter(Value::is_object);
        match bad.next_if(|bad| bad.row as usize == number) {
            Some(bad) => {
                let is_refused_by_its_content = element.no_record().is_some() || bad.reason.contains(" API");
                assert!(
                    is_refused_by_its_content || by_serde.is_none(),
                    "serde_json reads row {number}: {bad:?}"
                );
                assert!((element.start..=element.end).contains(&(bad.byte as usize)), "{bad:?} is elsewhere");
            }
            None => {
                let row = rows.next().expect("an element that is not a bad row is a row");
                let by_serde = by_serde.expect("serde_json reads what the parser reads");
                assert_eq!(row.message_row() as usize, number);
                if fields_written(text) == fields_read(&by_serde) {
                    let rescued = serde_value(row.rescued().unwrap_or("{}").as_bytes());
                    check_record(&by_serde, &rescued.expect("what is rescued is JSON"));
                }
            }
        }
    }
}

fn split(message: &[u8]) -> Result<Vec<Element>, MessageError> {
    let mut elements = Elements::of(message)?;
    std::iter::from_fn(|| elements.next().transpose()).collect()
}

/// What serde_json reads, or `None` if it refuses the text. Raw breaks inside strings, which the parser takes, are
/// escaped for it.
fn serde_value(text: &[u8]) -> Option<Value> {
    let mut escaped = Vec::with_capacity(text.len());
    escape_raw_breaks(text, &mut escaped);
    serde_json::from_slice(&escaped).ok()
}

/// Checks that the elements, joined by commas, mean what the message means.
fn check_join(whole: Option<Value>, elements: &[&[u8]]) {
    let joined = serde_value(&[b"[", &*elements.join(&b","[..]), b"]"].concat());
    match (whole, joined) {
        (Some(Value::Array(whole)), joined) => assert_eq!(joined, Some(Value::Array(whole))),
        (Some(whole), Some(Value::Array(joined))) => {
            let is_envelope = whole.get("data").is_some_and(Value::is_array) && joined.len() != 1;
            let is_alone = joined.len() == 1 && (joined[0] == whole || whole["data"].is_array());
            assert!(is_envelope || is_alone, "{whole} became {joined:?}");
        }
        // Elements that are not JSON: together they are not JSON either.
        (_, joined) => assert_eq!(joined, None),
    }
}

/// How many fields an element has as it is written, at all depths.
fn fields_written(element: &[u8]) -> usize {
    let (mut at, mut fields) = (0, 0);
    while let Some(byte) = element.get(at) {
        at = if *byte == b'"' { string_end(element, at + 1).unwrap_or(element.len()) } else { at + 1 };
        fields += usize::from(*byte == b':');
    }
    fields
}

/// How many fields are left after serde_json has dropped all but the last one of each name.
fn fields_read(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(fields_read).sum(),
        Value::Object(fields) => fields.values().map(|value| 1 + fields_read(value)).sum(),
        _ => 0,
    }
}

/// Checks what is rescued for a table without columns: every field that is not null.
fn check_record(by_serde: &Value, rescued: &Value) {
    let by_serde = by_serde.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let rescued = rescued.as_object().into_iter().flatten();
    let (by_serde, rescued): (Vec<_>, Vec<_>) = (by_serde.collect(), rescued.collect());
    assert_eq!(by_serde.len(), rescued.len(), "{by_serde:?} became {rescued:?}");
    for (one, other) in by_serde.into_iter().zip(rescued) {
        assert!(one.0 == other.0 && is_same(one.1, other.1), "{one:?} became {other:?}");
    }
}

fn is_same(by_serde: &Value, rescued: &Value) -> bool {
    match (by_serde, rescued) {
        (Value::Number(one), Value::Number(other)) => one == other || is_near(one.as_f64(), other.as_f64()),
        // A number that a float does not hold is kept as its text.
        (Value::Number(one), Value::String(other)) => is_near(one.as_f64(), other.parse().ok()),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |((name, one), (other_name, other))| name == other_name && is_same(one, other);
            one.len() == other.len() && one.iter().zip(other).all(same)
        }
        (one, other) => one == other,
    }
}

/// serde_json reads some floats with another last digit.
fn is_near(one: Option<f64>, other: Option<f64>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return false };
    one == other || (one - other).abs() <= one.abs() * 1e-15 || one.abs() < f64::MIN_POSITIVE * 2.0
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;

    /// Pieces that matter to a parser of JSON.
    #[rustfmt::skip]
    const PIECES: [&[u8]; 48] = [
        b"[", b"]", b"{", b"}", b",", b":", b"\"", b"\\", b" ", b"\n", b"\t", b"\r", b"\0", b"\x0c", b"\xff", b"\xc3",
        b"\xef\xbb\xbf", b"\"a\"", b"\"a\":", b"\"b\":1", b"\"data\":", b"\"error\":", b"\"message\":\"x\"", b"null",
        b"true", b"false", b"NaN", b"nul", b"0", b"-", b"-1", b"1.5", b"01", b"1e5", b"1E+400", b"1e-400", b".", b"e",
        b"9007199254740993", b"123456789012345678901234567890", b"0.1234567890123456789", b"\\u00e9", b"\\ud83d\\ude00",
        b"\\ud83d", b"\\n", b"\"\xc3\xa9\"", b"[[[[[[[[", b"]]]]]]]]",
    ];

    fn spaced(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
        (text, select(vec!["", "", " ", "\n  "])).prop_map(|(text, space)| format!("{space}{text}"))
    }

    fn json() -> impl Strategy<Value = String> {
        let scalar = prop_oneof![
            select(vec!["null", "true", "false", "0", "-0.0", "\"\"", "\"\\\"\"", "\"a, ]\"", "\"\u{e9}\""])
                .prop_map(str::to_owned),
            "-?(0|[1-9][0-9]{0,22})(\\.[0-9]{1,22})?([eE][+-]?[0-9]{1,2})?",
            any::<String>().prop_map(|text| Value::from(text).to_string()),
        ];
        spaced(scalar).prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                spaced(vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(",")))),
                spaced(fields(inner)),
            ]
        })
    }

    fn fields(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
        let name = select(vec!["a", "A", "b", "\\u0061", "data", "error", "message", "status"]);
        let field = (name, value).prop_map(|(name, value)| format!("\"{name}\":{value}"));
        vec(field, 0..5).prop_map(|fields| format!("{{{}}}", fields.join(",")))
    }

    fn message() -> impl Strategy<Value = Vec<u8>> {
        let array = vec(prop_oneof![4 => fields(json()), 1 => json()], 0..5)
            .prop_map(|items| format!("[{}]", items.join(",")))
            .boxed();
        let envelope = array.clone().prop_map(|array| format!("{{\"data\":{array},\"total\":1}}"));
        prop_oneof![8 => array, 1 => envelope, 1 => fields(json())].prop_map(String::into_bytes)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 6_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_message_keeps_its_records(
            mut message in message(),
            pieces in vec((any::<Index>(), select(PIECES.to_vec()), 0..3_usize), 0..4),
        ) {
            for (at, piece, removed) in pieces {
                let start = at.index(message.len() + 1);
                let end = (start + removed).min(message.len());
                message.splice(start..end, piece.iter().copied());
            }
            check(&message);
        }

        #[test]
        fn any_pieces_are_answered(pieces in vec(select(PIECES.to_vec()), 0..24)) {
            check(&pieces.concat());
        }
    }
}
