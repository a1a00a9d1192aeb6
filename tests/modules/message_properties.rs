//! The parser against serde_json, and times against jiff, on whatever proptest thinks of.

use std::collections::BTreeMap;

use irispool::catalog::{ColumnKind, Field, Schema};
use irispool::message::{Cell, EncodeMode, Rows, Scratch, UtcTime, encode};
use jiff::Timestamp;
use jiff::tz::Offset;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// The instant of a time in any form that the parser takes, as text.
fn normalise(text: &str) -> Option<String> {
    UtcTime::parse(text).map(|time| time.timestamp().to_owned())
}

/// The instant that is `ms` milliseconds after 1970 began, as the parser should write it.
fn utc(ms: i64) -> String {
    let instant = Timestamp::from_millisecond(ms).expect("years 0001 to 9999");
    instant.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Encodes into columns of every kind, each named after it.
fn schema() -> Schema {
    use ColumnKind::*;
    let record = vec![Field::new("int", Int64), Field::new("json", Json), Field::new("text", String)];
    Schema::new(
        "t",
        vec![
            Field::new("bool", Bool),
            Field::new("int", Int64),
            Field::new("float", Float64),
            Field::new("text", String),
            Field::new("json", Json),
            Field::new("record", Record(record.clone())),
            Field { repeated: true, ..Field::new("floats", Float64) },
            Field { repeated: true, ..Field::new("records", Record(record)) },
        ],
    )
}

/// An integer beyond 2⁵³ inside JSON is text.
fn in_json(kind: &ColumnKind, cell: Value) -> Value {
    match cell.as_i64() {
        Some(number) if *kind == ColumnKind::Int64 && number.unsigned_abs() > 1 << 53 => {
            json!(number.to_string())
        }
        _ => cell,
    }
}

/// What the cells of a record should be, by column, and what is rescued of it.
fn expected_row(schema: &Schema, record: &[(String, Value)]) -> (BTreeMap<usize, Value>, Map<String, Value>) {
    // Of each spelling the values, without those that say nothing beside the one before.
    let mut spellings: Vec<(&str, Vec<&Value>)> = Vec::new();
    for (name, value) in record.iter().filter(|(_, value)| !value.is_null()) {
        match spellings.iter_mut().find(|(spelt, _)| spelt == name) {
            None => spellings.push((name, vec![value])),
            Some((_, values)) if values.last() == Some(&value) => {}
            Some((_, values)) => values.push(value),
        }
    }
    let mut cells = BTreeMap::new();
    for (column, field) in schema.fields().iter().enumerate() {
        let exact = spellings.iter().position(|(name, _)| *name == field.name);
        let other = || spellings.iter().position(|(name, _)| field.name.eq_ignore_ascii_case(name));
        let Some(holder) = exact.or_else(other) else { continue };
        let values = &mut spellings[holder].1;
        let cell = expected(&field.kind, field.repeated, values[values.len() - 1]);
        if matches!(cell, Some((_, true))) {
            values.pop();
        }
        cells.extend(cell.map(|(cell, _)| (column, cell)));
    }
    let rescued = spellings.into_iter().filter(|(_, values)| !values.is_empty()).map(|(name, values)| {
        let value = if values.len() == 1 { values[0].clone() } else { json!(values) };
        (name.to_owned(), value)
    });
    (cells, rescued.collect())
}

/// The record as JSON, with all fields, also those of one name.
fn text_of(record: &[(String, Value)], pretty: bool) -> String {
    let field = |(name, value): &(String, Value)| {
        let name = Value::from(name.as_str());
        if pretty { format!("\n  {name}: {value:#}") } else { format!("{name}:{value}") }
    };
    format!("{{{}}}", record.iter().map(field).collect::<Vec<_>>().join(","))
}

/// What the cell of a kind should be, by plain means; for JSON text the value that it means. The second answer is
/// whether the whole value is in it.
fn expected(kind: &ColumnKind, repeated: bool, value: &Value) -> Option<(Value, bool)> {
    if value.is_null() {
        return None;
    }
    if repeated {
        let Value::Array(items) = value else {
            return expected(kind, false, value).map(|(item, whole)| (json!([in_json(kind, item)]), whole));
        };
        let cells = items.iter().filter_map(|item| expected(kind, false, item));
        let taken: Vec<_> = cells.map(|(item, whole)| (in_json(kind, item), whole)).collect();
        let whole = taken.len() == items.len() && taken.iter().all(|(_, whole)| *whole);
        return Some((taken.into_iter().map(|(item, _)| item).collect(), whole));
    }
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    let integral = |number: f64| (number.fract() == 0.0 && number.abs() < 9e18).then(|| json!(number as i64));
    let cell = match (kind, value) {
        (ColumnKind::Bool, Value::Bool(_)) => value.clone(),
        (ColumnKind::Bool, Value::String(text)) => json!(text.parse::<bool>().ok()?),
        (ColumnKind::Int64, Value::Number(number)) => match number.as_i64() {
            Some(number) => json!(number),
            None => integral(number.as_f64()?)?,
        },
        (ColumnKind::Int64, Value::String(text)) => match text.parse::<i64>() {
            Ok(number) => json!(number),
            Err(_) => integral(number(text)?)?,
        },
        (ColumnKind::Float64, Value::Number(number)) => json!(
            number
                .as_f64()
                .filter(|float| { number.is_f64() || number.as_i128() == Some(*float as i128) })?
        ),
        (ColumnKind::Float64, Value::String(text)) => json!(number(text).filter(|float| {
            text.parse::<i128>().is_ok_and(|integer| integer == *float as i128)
                || text.parse::<i128>().is_err()
        })?),
        (ColumnKind::String, Value::String(_)) => value.clone(),
        (ColumnKind::String, _) => json!(value.to_string()),
        (ColumnKind::Json, _) => value.clone(),
        (ColumnKind::Record(fields), Value::Object(object)) => {
            let mut record = Map::new();
            let is = |field: &Field, name: &str| field.name.eq_ignore_ascii_case(name);
            let mut whole = object.keys().all(|name| fields.iter().any(|field| is(field, name)));
            for field in fields {
                let spelt = || object.iter().filter(|(name, item)| is(field, name) && !item.is_null());
                let exact = object.get(&field.name).filter(|item| !item.is_null());
                let Some(item) = exact.or(spelt().next().map(|(_, item)| item)) else { continue };
                whole &= spelt().count() == 1;
                match expected(&field.kind, field.repeated, item) {
                    Some((item, item_whole)) => {
                        whole &= item_whole;
                        record.insert(field.name.clone(), in_json(&field.kind, item));
                    }
                    None => whole = false,
                }
            }
            return Some((Value::Object(record), whole));
        }
        _ => return None,
    };
    Some((cell, true))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-zA-Z0-9 ,.:/é\"\\\\\n\t{}\\[\\]-]{0,80}",
        any::<i64>().prop_map(|number| number.to_string()),
        (-1e6..1e6_f64).prop_map(|number| number.to_string()),
        Just("true".to_owned()),
        Just("2025-10-28T03:59:00.000Z".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1000..1000_i32).prop_map(|number| json!(f64::from(number))),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(name(), inner, 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec!["bool", "int", "float", "text", "json", "record", "floats", "records"])
            .prop_map(str::to_owned),
        3 => prop::sample::select(vec!["Bool", "INT", "Float", "FLOAT", "Text", "Record", "RECORD", "Json", "Floats"])
            .prop_map(str::to_owned),
        1 => "[a-z]{9,12}",
        1 => any::<String>().prop_filter("a column's name in other letters", |name| {
            !schema().fields().iter().any(|field| field.name.eq_ignore_ascii_case(name))
        }),
    ]
}

fn record() -> impl Strategy<Value = Value> {
    btree_map(name(), value(), 0..9).prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

/// A record in which a name may be twice; now and then a value is there twice, too.
fn fields() -> impl Strategy<Value = Vec<(String, Value)>> {
    vec((name(), value(), any::<prop::sample::Index>(), 0..8_u8), 0..9).prop_map(|fields| {
        let mut record: Vec<(String, Value)> = Vec::new();
        for (name, value, other, again) in fields {
            let earlier = (again == 0 && !record.is_empty()).then(|| other.get(&record).clone());
            record.push(earlier.unwrap_or((name, value)));
        }
        record
    })
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    (vec(record(), 0..6), any::<bool>(), any::<bool>()).prop_map(|(records, pretty, ascii)| {
        let records = Value::Array(records);
        let text = if pretty { format!("{records:#}") } else { records.to_string() };
        if ascii { escape_non_ascii(&text).into_bytes() } else { text.into_bytes() }
    })
}

/// The digits of a number from the first to the last that is not 0.
fn significant(number: &str) -> String {
    let digits: String =
        number.split(['e', 'E']).take(1).flat_map(str::chars).filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

/// As Python writes it.
fn escape_non_ascii(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if letter.is_ascii() {
            escaped.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}

/// The raw breaks inside strings that the parser takes, as escapes for serde_json, which does not.
fn with_escaped_breaks(message: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::new();
    let mut bytes = message.iter();
    let mut in_string = false;
    while let Some(&byte) = bytes.next() {
        match byte {
            0x08 | b'\t' | b'\n' | 0x0c | b'\r' if in_string => {
                escaped.extend(format!("\\u{byte:04x}").into_bytes());
            }
            b'\\' if in_string => {
                escaped.push(byte);
                escaped.extend(bytes.next());
            }
            _ => {
                in_string ^= byte == b'"';
                escaped.push(byte);
            }
        }
    }
    escaped
}

#[derive(Clone, Debug)]
enum Mutation {
    Set(u8),
    Insert(u8),
    Remove(usize),
    Truncate,
    Repeat(usize),
}

fn mutations() -> impl Strategy<Value = Vec<(prop::sample::Index, Mutation)>> {
    let byte = || {
        prop_oneof![
            4 => prop::sample::select(b"{}[]\",:\\ \t\n\r\x0c0123456789.eE+-nulltruefalseNaN\0\x1f\xff\xc3".to_vec()),
            1 => any::<u8>(),
        ]
    };
    let mutation = prop_oneof![
        4 => byte().prop_map(Mutation::Set),
        4 => byte().prop_map(Mutation::Insert),
        4 => (1..4_usize).prop_map(Mutation::Remove),
        1 => Just(Mutation::Truncate),
        1 => (1..40_usize).prop_map(Mutation::Repeat),
    ];
    vec((any::<prop::sample::Index>(), mutation), 1..4)
}

fn mutate(message: &mut Vec<u8>, mutations: &[(prop::sample::Index, Mutation)]) {
    for (place, mutation) in mutations {
        let at = place.index(message.len() + 1);
        let rest = message.len() - at;
        match mutation {
            Mutation::Set(byte) if rest > 0 => message[at] = *byte,
            Mutation::Set(byte) | Mutation::Insert(byte) => message.insert(at, *byte),
            Mutation::Remove(count) => drop(message.drain(at..at + rest.min(*count))),
            Mutation::Truncate => message.truncate(at),
            Mutation::Repeat(count) => {
                let part = message[at..at + rest.min(*count)].to_vec();
                message.splice(at..at, part);
            }
        }
    }
}

/// Says whether serde_json and the parser agree about a message.
fn agree(message: &[u8]) -> Result<(), TestCaseError> {
    let mut rows = Rows::default();
    let encoded = encode(message, &schema(), EncodeMode::Evolve, &mut rows, &mut Scratch::default());
    if let Ok(encoded) = &encoded {
        prop_assert_eq!(rows.len(), encoded.good as usize);
        let rescued = rows.iter().filter_map(|row| row.rescued());
        for text in rescued {
            prop_assert!(serde_json::from_str::<Map<String, Value>>(text).is_ok(), "rescued {}", text);
        }
    } else {
        prop_assert!(rows.is_empty());
    }
    let counts = encoded.map(|encoded| (encoded.good as usize, encoded.bad.len()));
    match serde_json::from_slice::<Value>(&with_escaped_breaks(message)) {
        Ok(Value::Array(items)) => {
            let records = items.iter().filter(|item| item.is_object()).count();
            prop_assert_eq!(counts, Ok((records, items.len() - records)));
        }
        Ok(Value::Object(_)) => prop_assert_eq!(counts, Ok((1, 0))),
        Ok(_) => prop_assert!(counts.is_err(), "{:?}", counts),
        Err(_) => {
            prop_assert!(!matches!(counts, Ok((_, 0))), "serde_json refuses it, encode gave {:?}", counts)
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cells_and_rescued_are_what_serde_json_says(records in vec(fields(), 0..5), pretty: bool, ascii: bool) {
        let schema = schema();
        let text: Vec<_> = records.iter().map(|record| text_of(record, pretty)).collect();
        let text = format!("[{}]", text.join(","));
        let text = if ascii { escape_non_ascii(&text) } else { text };
        let mut rows = Rows::default();
        let encoded = encode(text.as_bytes(), &schema, EncodeMode::Evolve, &mut rows, &mut Scratch::default())
            .expect("it is an array of objects");
        prop_assert_eq!(encoded.good as usize, records.len());
        prop_assert!(encoded.bad.is_empty());
        for (row, record) in rows.iter().zip(&records) {
            let (mut cells, rescued) = expected_row(&schema, record);
            for (column, cell) in row.cells() {
                let field = &schema.fields()[column];
                let expected = cells.remove(&column).unwrap_or(Value::Null);
                match cell {
                    Cell::Bool(value) => prop_assert_eq!(json!(value), expected),
                    Cell::Int(value) => prop_assert_eq!(json!(value), expected),
                    Cell::Float(value) => prop_assert_eq!(json!(value), expected),
                    Cell::Text(text) if field.kind == ColumnKind::String => prop_assert_eq!(json!(text), expected),
                    // As text: serde_json reads some floats back with another last digit.
                    Cell::Text(text) => prop_assert_eq!(text, expected.to_string()),
                }
            }
            prop_assert!(cells.is_empty(), "cells lack: {:?}", cells);
            let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
            let found = row.rescued().map(read);
            let expected = (!rescued.is_empty()).then(|| read(&Value::Object(rescued).to_string()));
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn of_no_number_is_a_digit_lost(
        number in "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?",
        nested: bool,
    ) {
        let schema = schema();
        let message = match nested {
            false => format!(r#"[{{"float": {number}, "int": {number}, "text": {number}}}]"#),
            true => format!(r#"[{{"floats": [{{}}, {number}], "record": {{"int": {number}, "text": {number}}}}}]"#),
        };
        let mut rows = Rows::default();
        encode(message.as_bytes(), &schema, EncodeMode::Evolve, &mut rows, &mut Scratch::default()).expect("it is JSON");
        let row = rows.iter().next().expect("one row");
        let rescued = row.rescued().unwrap_or_default();
        let text = format!("\"{number}\"");
        let as_integer = number.parse::<i128>().ok();
        let digits = significant(&number);
        let is_short = digits.len() <= 15;
        if nested {
            let nearest: f64 = number.parse().expect("a number");
            let places = digits.len().max(1) - 1;
            let is_held = significant(&format!("{nearest:.places$e}")) == digits;
            prop_assert!(rescued.contains(&text) || is_held || as_integer.is_some(), "{}: {}", number, rescued);
            return Ok(());
        }
        let rescued: Map<String, Value> = serde_json::from_str(if rescued.is_empty() { "{}" } else { rescued }).expect("JSON");
        for (column, cell) in row.cells() {
            let name = schema.fields()[column].name.as_str();
            let kept = rescued.get(name).map(|value| value.as_str().map_or(value.to_string(), str::to_owned));
            match (cell, as_integer) {
                (Cell::Float(value), Some(integer)) => prop_assert_eq!(value as i128, integer),
                (Cell::Int(value), Some(integer)) => prop_assert_eq!(i128::from(value), integer),
                (Cell::Float(value), None) => {
                    prop_assert_eq!(value, number.parse::<f64>().expect("a number"));
                    prop_assert!(kept.is_none() || !is_short, "{}: {:?}", number, kept);
                    prop_assert!(kept.is_none_or(|kept| kept == number));
                }
                (Cell::Text(text), _) => prop_assert_eq!(significant(text), digits.clone()),
                _ => {}
            }
        }
        for name in ["float", "int"] {
            let column = schema.position(name);
            let in_column = row.cells().any(|(place, _)| Some(place) == column);
            prop_assert!(in_column || rescued.contains_key(name), "{} is nowhere: {}", name, number);
        }
    }

    #[test]
    fn broken_messages_give_what_serde_json_would_take(mut message in message(), mutations in mutations()) {
        mutate(&mut message, &mutations);
        agree(&message)?;
    }

    #[test]
    fn an_envelope_changes_nothing_but_the_places_of_bytes(records in vec(record(), 0..5), pretty: bool, mutations in mutations()) {
        let array = Value::Array(records);
        let array = if pretty { format!("{array:#}") } else { array.to_string() };
        let start = r#"{"metadata": {"datasets": ["T"]}, "links": [], "data": "#;
        let mut envelope = format!("{start}{array}, \"totalRecords\": 2}}").into_bytes();
        let (mut plain, mut unwrapped) = (Rows::default(), Rows::default());
        let encode_into = |message: &[u8], rows: &mut Rows| {
            encode(message, &schema(), EncodeMode::Evolve, rows, &mut Scratch::default())
        };
        let expected = encode_into(array.as_bytes(), &mut plain);
        prop_assert_eq!(encode_into(&envelope, &mut unwrapped), expected);
        let all = |rows: &Rows| -> Vec<_> {
            rows.iter().map(|row| (row.message_row(), format!("{:?} {:?}", row.cells().collect::<Vec<_>>(), row.rescued()))).collect()
        };
        prop_assert_eq!(all(&unwrapped), all(&plain));
        mutate(&mut envelope, &mutations);
        let mut rows = Rows::default();
        match encode_into(&envelope, &mut rows) {
            Ok(encoded) => {
                prop_assert_eq!(rows.len(), encoded.good as usize);
                for bad in &encoded.bad {
                    prop_assert!(bad.byte as usize <= envelope.len());
                }
            }
            Err(_) => prop_assert!(rows.is_empty()),
        }
    }

    #[test]
    fn any_bytes_are_answered(message in vec(any::<u8>(), 0..200)) {
        agree(&message)?;
    }

    #[test]
    fn text_of_json_letters_is_answered(message in "[\\[{]?[\\[\\]{},:\"a1 \n\\\\-]{0,24}[\\]}]?") {
        agree(message.as_bytes())?;
    }

    #[test]
    fn a_time_in_every_form_is_the_same_instant(
        ms in -62_135_596_800_000..253_402_300_800_000_i64,
        east_minutes in -23 * 60 - 59..=23 * 60 + 59_i32,
        digits in 0..9_usize,
        separator in prop::sample::select(vec!["T", "t", " "]),
        zone_form in 0..4_usize,
    ) {
        let instant = Timestamp::from_millisecond(ms).expect("years 0001 to 9999");
        let civil = Offset::UTC.to_datetime(instant);
        prop_assert_eq!(normalise(&utc(ms)), Some(utc(ms)));
        for (form, step) in [("%Y-%m-%dT%H:%M:%SZ", 1_000), ("%Y-%m-%d %H:%M", 60_000), ("%Y-%m-%d", 86_400_000)] {
            let text = civil.strftime(form).to_string();
            prop_assert_eq!(normalise(&text), Some(utc(ms.div_euclid(step) * step)), "{}", text);
        }

        let east_minutes = if zone_form == 0 { 0 } else { east_minutes };
        let offset = Offset::from_seconds(east_minutes * 60).expect("less than a day");
        let local = offset.to_datetime(instant);
        prop_assume!((1..=9999).contains(&local.year()));
        let sign = if east_minutes < 0 { '-' } else { '+' };
        let (hours, minutes) = (east_minutes.abs() / 60, east_minutes.abs() % 60);
        let (zone, lost_minutes) = match zone_form {
            0 => (String::new(), 0),
            1 => (format!("{sign}{hours:02}:{minutes:02}"), 0),
            2 => (format!("{sign}{hours:02}{minutes:02}"), 0),
            _ => (format!("{sign}{hours:02}"), east_minutes.signum() * minutes),
        };
        let decimals = format!("{:09}", local.subsec_nanosecond());
        let decimals = if digits == 0 { String::new() } else { format!(".{}", &decimals[..digits]) };
        let text = format!("{}{separator}{}{decimals}{zone}", local.strftime("%Y-%m-%d"), local.strftime("%H:%M:%S"));
        let step = [1000, 100, 10, 1][digits.min(3)];
        let expected = ms.div_euclid(step) * step + i64::from(lost_minutes) * 60_000;
        let is_in_range = (-62_135_596_800_000..253_402_300_800_000).contains(&expected);
        prop_assert_eq!(normalise(&text), is_in_range.then(|| utc(expected)), "{}", text);
    }

    #[test]
    fn the_calendar_is_that_of_jiff(year in 0..=9999, month in 0..=13, day in 0..=32, hour in 0..=25, minute in 0..=61, second in 0..=61) {
        for text in [
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"),
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.123Z"),
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"),
        ] {
            let civil = jiff::civil::DateTime::new(
                year as i16, month as i8, day as i8, hour as i8, minute as i8, second as i8, 0,
            );
            let expected = civil.ok().filter(|_| year > 0).map(|civil| {
                utc(Offset::UTC.to_timestamp(civil).expect("in range").as_millisecond())
            });
            let seconds = normalise(&text).map(|time| time.replace(".123Z", ".000Z"));
            prop_assert_eq!(seconds, expected, "{}", text);
        }
    }

    #[test]
    fn no_text_makes_times_panic(any in any::<String>(), near in "[0-9]{4}-[0-1][0-9]-[0-3][0-9][T ]?[0-9:.,Z+é-]{0,16}") {
        for text in [any, near] {
            if let Some(normal) = normalise(&text) {
                prop_assert!(normal.parse::<Timestamp>().is_ok(), "{}", normal);
                prop_assert_eq!(normalise(&normal), Some(normal.clone()));
            }
        }
    }
}
