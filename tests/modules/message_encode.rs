//! What becomes of each odd thing that a message can hold.

use std::collections::BTreeMap;

use irispool::catalog::{ColumnKind, Field, Schema};
use irispool::message::{
    Cell, DEPTH_MAX, EncodeMode, Encoded, MessageError, NEW_FIELDS_MAX, ROW_BYTES_MAX, ROWS_MAX, Rows,
    Scratch, datasets_in, encode,
};
use serde_json::{Value, json};

fn repeated(name: &str, kind: ColumnKind) -> Field {
    Field { repeated: true, ..Field::new(name, kind) }
}

fn schema() -> Schema {
    use ColumnKind::*;
    let step = vec![Field::new("startTime", Timestamp), Field::new("capacity", Float64)];
    Schema::new(
        "bmrs_test_iris",
        vec![
            Field::new("flag", Bool),
            Field::new("count", Int64),
            Field::new("level", Float64),
            Field::new("price", Numeric),
            Field::new("unit", String),
            Field::new("time", Timestamp),
            Field::new("local", Datetime),
            Field::new("day", Date),
            Field::new("raw", Json),
            Field::new("step", Record(step.clone())),
            repeated("profile", Record(step)),
            repeated("counts", Int64),
        ],
    )
}

/// A message's rows, each as the JSON object of its cells, and what is rescued of each.
struct Delivered {
    encoded: Encoded,
    rows: Vec<Value>,
    rescued: Vec<Option<Value>>,
    places: Vec<u32>,
}

fn try_deliver(message: &[u8], mode: EncodeMode) -> Result<Delivered, MessageError> {
    let schema = schema();
    let mut rows = Rows::default();
    let encoded = encode(message, &schema, mode, &mut rows, &mut Scratch::default());
    let Ok(encoded) = encoded else {
        assert!(rows.is_empty(), "a message that is refused leaves no rows");
        return Err(encoded.expect_err("it is no success"));
    };
    assert_eq!(encoded.good as usize, rows.len());
    let cells = rows.iter().map(|row| {
        let cells = row.cells().map(|(column, cell)| {
            let value = match cell {
                Cell::Bool(value) => json!(value),
                Cell::Int(value) => json!(value),
                Cell::Float(value) => json!(value),
                Cell::Text(text) => json!(text),
            };
            (schema.fields()[column].name.clone(), value)
        });
        Value::Object(cells.collect())
    });
    let rescued = rows.iter().map(|row| row.rescued().map(|text| serde_json::from_str(text).expect("JSON")));
    Ok(Delivered {
        rows: cells.collect(),
        rescued: rescued.collect(),
        places: rows.iter().map(|row| row.message_row()).collect(),
        encoded,
    })
}

fn deliver(message: impl AsRef<[u8]>) -> Delivered {
    try_deliver(message.as_ref(), EncodeMode::Evolve).expect("the message's top level is sound")
}

fn refused(message: impl AsRef<[u8]>) -> MessageError {
    try_deliver(message.as_ref(), EncodeMode::Evolve).err().expect("the message is refused")
}

/// The only bad row of a message that has one record, and it bad.
fn bad_row(message: impl AsRef<[u8]>) -> (u64, String) {
    let delivered = deliver(message);
    assert!(delivered.rows.is_empty());
    let [bad] = delivered.encoded.bad.as_slice() else { panic!("one bad row: {:?}", delivered.encoded) };
    assert_eq!(bad.row, 0);
    (bad.byte, bad.reason.clone())
}

/// The cell and the rescued value of a field `name` of a record that has just this field.
fn cell(name: &str, literal: &str) -> (Value, Option<Value>) {
    let delivered = deliver(format!(r#"[{{"{name}": {literal}}}]"#));
    let rescued = delivered.rescued[0].clone();
    assert_eq!(delivered.encoded.rescued, u32::from(rescued.is_some()));
    (delivered.rows[0].get(name).cloned().unwrap_or(Value::Null), rescued)
}

#[track_caller]
fn fits(name: &str, literal: &str, wire: Value) {
    assert_eq!(cell(name, literal), (wire, None), "{name}: {literal}");
}

#[track_caller]
fn does_not_fit(name: &str, literal: &str) {
    let original: Value = serde_json::from_str(literal).expect("the literal is JSON");
    assert_eq!(cell(name, literal), (Value::Null, Some(json!({ name: original }))), "{name}: {literal}");
}

#[test]
fn an_array_a_single_object_an_empty_array_and_a_bom_are_messages() {
    let rows = [json!({"count": 1}), json!({"count": 2})];
    assert_eq!(deliver(r#"[{"count": 1}, {"count": 2}]"#).rows, rows);
    assert_eq!(deliver("\u{feff} \r\n[{\"count\":1}\n,\t{\"count\":2} ]\n\n").rows, rows);
    assert_eq!(deliver(r#"{"count": 1}"#).rows, rows[..1]);
    assert_eq!(deliver("\u{feff}{\"count\": 1}\n").rows, rows[..1]);
    assert_eq!(deliver("[]").encoded, Encoded::default());
    assert_eq!(deliver(" [ \n ] ").encoded, Encoded::default());
    assert_eq!(deliver("[{}]").rows, [json!({})]);
}

#[test]
fn indented_utf8_and_one_line_escapes_are_the_same_text() {
    let node = "[\n  {\n    \"unit\": \"café – 😀 \\\"Z\\\"\\nT\"\n  }\n]\n";
    let python = r#"[{"unit": "caf\u00e9 \u2013 \ud83d\ude00 \"Z\"\nT"}]"#;
    let expected = [json!({"unit": "café – 😀 \"Z\"\nT"})];
    assert_eq!(deliver(node).rows, expected);
    assert_eq!(deliver(python).rows, expected);
}

#[test]
fn a_message_that_is_no_array_of_records_is_refused_as_a_whole() {
    assert_eq!(refused(""), MessageError::Empty);
    assert_eq!(refused("\u{feff} \n"), MessageError::Empty);
    assert_eq!(refused("12"), MessageError::NotRecords { found: "a number" });
    assert_eq!(refused("\"BOALF\""), MessageError::NotRecords { found: "a string" });
    assert_eq!(refused("null"), MessageError::NotRecords { found: "null" });
    assert_eq!(refused("\"BOA"), MessageError::CutOff { byte: 4 });
    assert!(matches!(refused("\0\0\0\0"), MessageError::NotJson { byte: 0, .. }));
    assert!(matches!(refused("NaN"), MessageError::NotJson { .. }));
}

#[test]
fn a_message_cut_off_anywhere_delivers_nothing() {
    let message = r#"[{"count": 1, "raw": {"a": [1, "x]}"]}}, {"count": 2, "unit": "a\"b"}]"#;
    for byte in 1..message.len() {
        let cut = &message[..byte];
        // An inner bracket at the cut looks like the end of the message.
        if cut.ends_with(']') {
            assert!(matches!(refused(cut), MessageError::NotJson { .. }), "{cut}");
        } else {
            assert_eq!(refused(cut), MessageError::CutOff { byte: byte as u64 }, "{cut}");
        }
    }
    assert_eq!(refused(r#"{"count": 1"#), MessageError::CutOff { byte: 11 });
}

#[test]
fn text_behind_the_end_refuses_the_message() {
    for message in [
        r#"[{"count": 1}] x"#,
        r#"[{"count": 1}]]"#,
        r#"{"count": 1} {"count": 2}"#,
        "[]\0",
        r#"[],{"count":1}"#,
    ] {
        let error = refused(message);
        assert!(matches!(error, MessageError::NotJson { .. }), "{message}: {error}");
        assert!(error.to_string().contains("behind the end"), "{error}");
    }
}

#[test]
fn a_quote_too_many_says_in_which_record() {
    let message = r#"[{"count": 1}, {"unit": "5" pipe"}, {"count": 3}]"#;
    assert!(matches!(refused(message), MessageError::NotJson { byte: 15, .. }), "{}", refused(message));
}

#[test]
fn elements_that_are_no_records_are_bad_and_hurt_no_other() {
    let message = r#"[{"count": 0}, 1, null, "x", [{"count": 4}], true, {"count": 6}, nonsense, ]"#;
    let delivered = deliver(message);
    assert_eq!(delivered.rows, [json!({"count": 0}), json!({"count": 6})]);
    assert_eq!(delivered.places, [0, 6]);
    let bad: Vec<_> = delivered.encoded.bad.iter().map(|bad| (bad.row, bad.byte)).collect();
    assert_eq!(bad, [(1, 15), (2, 18), (3, 24), (4, 29), (5, 45), (7, 65), (8, 75)]);
    let reasons: Vec<_> = delivered.encoded.bad.iter().map(|bad| bad.reason.as_str()).collect();
    assert_eq!(reasons[0], "there is a number where a record should be");
    assert_eq!(reasons[3], "there is an array where a record should be");
    assert_eq!(reasons[6], "there is nothing where a record should be");
}

#[test]
fn a_row_that_is_no_json_is_bad_where_it_breaks() {
    for (row, byte) in [
        (r#"{"level": NaN}"#, 11),
        (r#"{"level": Infinity}"#, 11),
        (r#"{"level": -Infinity}"#, 12),
        (r#"{"level": 1e999}"#, 15),
        (r#"{"level": 01}"#, 12),
        (r#"{"unit": "\ud800"}"#, 17),
        (r#"{"unit": "\udc00 x"}"#, 16),
        (r#"{"unit": "\x"}"#, 12),
        (r#"{"count": 1,}"#, 13),
        (r#"{"count": 1 "unit": 2}"#, 13),
        (r#"{"count": 1} {"count": 2}"#, 14),
        ("{\"unit\": \"a\0b\"}", 12),
        ("{\"unit\": \"a\x1bb\"}", 12),
    ] {
        let message = format!(r#"[{row}, {{"count": 2}}]"#);
        let delivered = deliver(&message);
        assert_eq!(delivered.rows, [json!({"count": 2})], "{row}");
        let [bad] = delivered.encoded.bad.as_slice() else { panic!("one bad row: {message}") };
        assert_eq!(bad.row, 0);
        assert!(bad.reason.starts_with("not JSON: "), "{}", bad.reason);
        assert!(bad.byte.abs_diff(byte) <= 2, "{row}: byte {} and not near {byte}", bad.byte);
    }
}

#[test]
fn invalid_utf8_makes_its_row_bad() {
    let delivered = deliver(b"[{\"unit\": \"caf\xe9\"}, {\"count\": 1}, {\"unit\": \"\xed\xa0\x80\"}]");
    assert_eq!(delivered.places, [1]);
    assert_eq!(delivered.encoded.bad.len(), 2);
}

#[test]
fn line_breaks_and_tabs_that_someone_unescaped_are_taken() {
    let delivered = deliver("[\n{\"unit\": \"one\ntwo\tthree\r\nfour \\\" \\\\\n\"}\n]");
    assert_eq!(delivered.rows, [json!({"unit": "one\ntwo\tthree\r\nfour \" \\\n"})]);
}

#[test]
fn nul_as_an_escape_is_text() {
    fits("unit", r#""a\u0000b""#, json!("a\0b"));
}

#[test]
fn deep_nesting_makes_a_row_bad_and_overflows_nothing() {
    let nest = |depth: usize| format!(r#"{{"raw": {}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    let deepest = DEPTH_MAX as usize;
    assert_eq!(deliver(nest(deepest)).rows.len(), 1);
    assert_eq!(bad_row(nest(deepest + 1)).1, "the row is nested 101 deep; at most 100 can be read");
    let delivered = deliver(format!("[{}, {}, {{}}]", nest(1000), nest(1_000_000)));
    assert_eq!(delivered.places, [2]);
    assert!(matches!(refused("[".repeat(100_000)), MessageError::CutOff { .. }));
    assert!(matches!(refused("{\"a\":".repeat(100_000)), MessageError::CutOff { .. }));
    assert!(matches!(refused("]".repeat(100_000)), MessageError::NotJson { .. }));
    assert!(matches!(refused(format!("[{}", "}".repeat(100_000))), MessageError::CutOff { .. }));
    let brackets = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(deliver(brackets).encoded.bad.len(), 1);
}

#[test]
fn thirty_megabytes_of_rows_are_rows_and_of_one_row_are_not() {
    let row = format!(r#"{{"count": 7, "unit": "{}"}}"#, "x".repeat(270));
    let count = (30 << 20) / (row.len() + 1);
    let message = format!("[{}]", vec![row; count].join(","));
    assert_eq!(deliver(message).encoded.good as usize, count);

    let long = format!(r#"{{"raw": [{}]}}"#, vec!["1"; ROW_BYTES_MAX].join(","));
    let delivered = deliver(format!(r#"[{long}, {{"count": 1}}]"#));
    assert_eq!(delivered.places, [1]);
    assert!(delivered.encoded.bad[0].reason.contains("bytes; at most"), "{:?}", delivered.encoded.bad);
}

#[test]
fn a_message_has_a_limit_on_rows() {
    let message = |rows: u32| format!("[{}{{}}]", "{},".repeat(rows as usize - 1));
    assert_eq!(deliver(message(ROWS_MAX)).encoded.good, ROWS_MAX);
    assert_eq!(refused(message(ROWS_MAX + 1)), MessageError::TooManyRows { rows_max: ROWS_MAX });
}

#[test]
fn a_refused_message_leaves_the_rows_of_others() {
    let (schema, mut rows, mut scratch) = (schema(), Rows::default(), Scratch::default());
    let mut feed =
        |message: &str| encode(message.as_bytes(), &schema, EncodeMode::Rescue, &mut rows, &mut scratch);
    feed(r#"[{"unit": "one", "count": "x"}]"#).expect("a sound message");
    feed(r#"[{"unit": "two"}, {"unit": "three"}] x"#).expect_err("text behind the end");
    feed(r#"[{"unit": "four", "more": "y"}]"#).expect("a sound message");
    let texts: Vec<_> = rows.iter().map(|row| (row.cells().collect::<Vec<_>>(), row.rescued())).collect();
    assert_eq!(
        texts,
        [
            (vec![(4, Cell::Text("one"))], Some(r#"{"count":"x"}"#)),
            (vec![(4, Cell::Text("four"))], Some(r#"{"more":"y"}"#)),
        ]
    );
}

#[test]
fn of_fields_with_one_name_the_last_value_counts_and_the_others_are_rescued() {
    let delivered = deliver(
        r#"[{"count": 1, "new": 1, "unit": "a", "unit": "a", "count": "x", "new": 2, "count": 3, "unit": null}]"#,
    );
    assert_eq!(delivered.rows, [json!({"unit": "a", "count": 3})]);
    assert_eq!(delivered.rescued, [Some(json!({"count": [1, "x"], "new": [1, 2]}))]);
    let delivered =
        deliver(r#"[{"count": 1, "count": 2}, {"count": 1, "count": null}, {"count": null, "count": 1}]"#);
    assert_eq!(delivered.rows, [json!({"count": 2}), json!({"count": 1}), json!({"count": 1})]);
    assert_eq!(delivered.rescued, [Some(json!({"count": 1})), None, None]);
    let delivered = deliver(r#"[{"count": 1, "count": "x"}]"#);
    assert_eq!((&delivered.rows[0], &delivered.rescued[0]), (&json!({}), &Some(json!({"count": [1, "x"]}))));
}

#[test]
fn a_name_that_is_twice_in_a_nested_object_loses_no_value() {
    let (wire, rescued) = cell("raw", r#"{"a": 1, "b": 2, "a": 3, "c": {"d": 1, "d": null}}"#);
    assert_eq!(wire, r#"{"b":2,"a":3,"c":{"d":1}}"#);
    assert_eq!(rescued, Some(json!({"raw": {"a": [1, 3], "b": 2, "c": {"d": 1}}})));
    fits("raw", r#"{"a": 1, "a": 1, "a": null}"#, json!(r#"{"a":1}"#));
    let (wire, rescued) = cell("step", r#"{"capacity": 1, "capacity": 2}"#);
    assert_eq!((wire, rescued), (json!(r#"{"capacity":2.0}"#), Some(json!({"step": {"capacity": [1, 2]}}))));
    let many: String = (0..20).map(|name| format!(r#""n{}": {name}, "#, name % 10)).collect();
    let (wire, rescued) = cell("raw", &format!(r#"{{{many} "z": 0}}"#));
    assert_eq!(
        wire,
        r#"{"n0":10,"n1":11,"n2":12,"n3":13,"n4":14,"n5":15,"n6":16,"n7":17,"n8":18,"n9":19,"z":0}"#
    );
    assert_eq!(rescued.expect("ten values")["raw"]["n3"], json!([3, 13]));
}

#[test]
fn of_names_that_differ_in_case_the_exact_one_fills_the_column_and_no_value_is_lost() {
    for (record, row, rescued) in [
        (r#"{"level": 49.9, "Level": null}"#, json!({"level": 49.9}), None),
        (r#"{"Level": null, "level": 49.9}"#, json!({"level": 49.9}), None),
        (r#"{"level": null, "Level": 49.9}"#, json!({"level": 49.9}), None),
        (r#"{"Level": 49.9, "level": null}"#, json!({"level": 49.9}), None),
        (r#"{"level": null, "Level": null}"#, json!({}), None),
        (r#"{"level": 1, "Level": 2}"#, json!({"level": 1.0}), Some(json!({"Level": 2}))),
        (r#"{"Level": 2, "level": 1}"#, json!({"level": 1.0}), Some(json!({"Level": 2}))),
        (r#"{"level": 1, "Level": 1}"#, json!({"level": 1.0}), Some(json!({"Level": 1}))),
        (r#"{"LEVEL": 1, "Level": 2}"#, json!({"level": 1.0}), Some(json!({"Level": 2}))),
        (r#"{"LEVEL": null, "Level": 2}"#, json!({"level": 2.0}), None),
        (
            r#"{"LEVEL": 3, "level": 1, "Level": 2}"#,
            json!({"level": 1.0}),
            Some(json!({"LEVEL": 3, "Level": 2})),
        ),
        (r#"{"level": "x", "Level": 2}"#, json!({}), Some(json!({"level": "x", "Level": 2}))),
        (
            r#"{"Level": 5, "level": 1, "level": 2, "Level": 6}"#,
            json!({"level": 2.0}),
            Some(json!({"Level": [5, 6], "level": 1})),
        ),
    ] {
        let delivered = deliver(format!("[{record}]"));
        assert_eq!((&delivered.rows[0], &delivered.rescued[0]), (&row, &rescued), "{record}");
        assert_eq!(delivered.encoded.rescued, u32::from(rescued.is_some()), "{record}");
    }
}

#[test]
fn in_records_inside_records_too() {
    let (schema, mut rows) = (
        Schema::new(
            "t",
            vec![repeated(
                "outer",
                ColumnKind::Record(vec![Field::new(
                    "inner",
                    ColumnKind::Record(vec![Field::new("level", ColumnKind::Float64)]),
                )]),
            )],
        ),
        Rows::default(),
    );
    for (record, wire, is_whole) in [
        (r#"{"inner": {"level": 1, "Level": null}}"#, r#"[{"inner":{"level":1.0}}]"#, true),
        (r#"{"inner": {"Level": 1, "level": null}}"#, r#"[{"inner":{"level":1.0}}]"#, true),
        (r#"{"inner": {"Level": 1, "level": 2}}"#, r#"[{"inner":{"level":2.0}}]"#, false),
        (r#"{"inner": {"LEVEL": 1, "Level": 2}}"#, r#"[{"inner":{"level":1.0}}]"#, false),
        (r#"{"inner": {"level": 1}, "Inner": null}"#, r#"[{"inner":{"level":1.0}}]"#, true),
        (r#"{"inner": {"level": 1}, "Inner": {"level": 2}}"#, r#"[{"inner":{"level":1.0}}]"#, false),
    ] {
        rows.truncate(0);
        let message = format!(r#"[{{"outer": [{record}]}}]"#);
        encode(message.as_bytes(), &schema, EncodeMode::Evolve, &mut rows, &mut Scratch::default())
            .expect("sound");
        let row = rows.iter().next().expect("one row");
        assert_eq!(row.cells().collect::<Vec<_>>(), [(0, Cell::Text(wire))], "{record}");
        let original: Value = serde_json::from_str(record).expect("JSON");
        let rescued = row.rescued().map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
        assert_eq!(rescued, (!is_whole).then(|| json!({"outer": [original]})), "{record}");
    }
}

#[test]
fn strict_takes_another_spelling_of_null_and_refuses_one_of_a_value() {
    let message =
        r#"[{"level": 1, "Level": null}, {"Level": 2}, {"level": 3, "Level": 4}, {"level": 5, "level": 6}]"#;
    let delivered = try_deliver(message.as_bytes(), EncodeMode::Strict).expect("a sound message");
    assert_eq!(delivered.rows, [json!({"level": 1.0}), json!({"level": 2.0})]);
    let reasons: Vec<_> = delivered.encoded.bad.iter().map(|bad| bad.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            r#"field "Level": another field of the record has its column "level""#,
            r#"field "level": another field of the record has its column "level""#,
        ]
    );
}

#[test]
fn new_fields_in_two_spellings_become_one_column_and_lose_no_value() {
    let message = br#"[{"newLevel": 1, "newlevel": "x", "a_b": 1, "a-b": 2}, {"newlevel": 2}, {"NEWLEVEL": null, "newLevel": 3}]"#;
    let (mut rows, mut scratch) = (Rows::default(), Scratch::default());
    let bare = Schema::new("t", Vec::new());
    let first = encode(message, &bare, EncodeMode::Evolve, &mut rows, &mut scratch).expect("a sound message");
    assert_eq!(
        first.new_fields,
        [Field::new("newLevel", ColumnKind::Float64), Field::new("a_b", ColumnKind::Float64)]
    );
    rows.truncate(0);
    let grown = Schema::new("t", first.new_fields);
    encode(message, &grown, EncodeMode::Rescue, &mut rows, &mut scratch).expect("a sound message");
    let delivered: Vec<_> = rows.iter().map(|row| (row.cells().collect::<Vec<_>>(), row.rescued())).collect();
    assert_eq!(
        delivered,
        [
            (vec![(0, Cell::Float(1.0)), (1, Cell::Float(1.0))], Some(r#"{"newlevel":"x","a-b":2}"#)),
            (vec![(0, Cell::Float(2.0))], None),
            (vec![(0, Cell::Float(3.0))], None),
        ]
    );
}

#[test]
fn the_order_of_fields_does_not_matter() {
    let delivered = deliver(
        r#"[{"unit": "a", "count": 1, "level": 2}, {"level": 3, "unit": "b"}, {"x": 0, "count": 4, "Unit": "c"}]"#,
    );
    let expected = [
        json!({"unit": "a", "count": 1, "level": 2.0}),
        json!({"unit": "b", "level": 3.0}),
        json!({"unit": "c", "count": 4}),
    ];
    assert_eq!(delivered.rows, expected);
}

#[test]
fn booleans() {
    fits("flag", "true", json!(true));
    fits("flag", "\"false\"", json!(false));
    for literal in ["1", "0", "\"yes\"", "\"True\"", "[]"] {
        does_not_fit("flag", literal);
    }
}

#[test]
fn integers_by_the_column_not_by_the_literal() {
    for literal in ["350", "350.0", "3.5e2", "\"350\"", "\"350.0\"", "\"3.5e2\""] {
        fits("count", literal, json!(350));
    }
    fits("count", "-0.0", json!(0));
    fits("count", "9223372036854775807", json!(i64::MAX));
    fits("count", "-9223372036854775808", json!(i64::MIN));
    fits("count", "\"9223372036854775807.0\"", json!(i64::MAX));
    for literal in [
        "49.92",
        "\"49.92\"",
        "\"\"",
        "\" 1\"",
        "\"-\"",
        "\"inf\"",
        "true",
        "[1]",
        "{}",
        "1e300",
        "9223372036854775808",
        "18446744073709551615",
        "\"9223372036854775808\"",
    ] {
        does_not_fit("count", literal);
    }
}

/// What becomes of a number whose text is to be kept.
#[track_caller]
fn kept(name: &str, literal: &str, wire: Value) {
    assert_eq!(cell(name, literal), (wire, Some(json!({ name: literal }))), "{name}: {literal}");
}

#[test]
fn a_float_column_takes_no_whole_number_that_a_float_does_not_hold() {
    for literal in
        ["9007199254740992", "9007199254740994", "-9223372036854775808", "18446744073709551616", "1e23"]
    {
        let held: f64 = literal.parse().expect("a number");
        fits("level", literal, json!(held));
        fits("level", &format!("\"{literal}\""), json!(held));
    }
    for literal in ["9007199254740993", "-9007199254740993", "9223372036854775807", "18446744073709551615"] {
        does_not_fit("level", literal);
        does_not_fit("level", &format!("\"{literal}\""));
    }
    for literal in [
        "123456789012345678901234567890",
        "-9223372036854775809",
        "18446744073709551617",
        "9007199254740993.0",
        "9.007199254740993e15",
        "9007199254740993e0",
        "9007199254740993E0",
    ] {
        kept("level", literal, Value::Null);
        does_not_fit("level", &format!("\"{literal}\""));
    }
}

#[test]
fn of_a_fraction_with_more_digits_than_a_float_holds_the_column_has_the_nearest_and_rescued_the_rest() {
    for literal in [
        "0.1",
        "0.30000000000000004",
        "49.91999816894531",
        "0.1000000000000000055511151231257827",
        "2.2250738585072014e-308",
        "1.7976931348623157e308",
        "5e-324",
        "100000.00000000000000000",
        "123456789.123456e-3",
    ] {
        fits("level", literal, json!(literal.parse::<f64>().expect("a number")));
    }
    for literal in [
        "0.12345678901234567890",
        "-49.920000000000000001",
        "4503599627370497.3",
        // As near as 600000000000000.2, which is what the float is printed as.
        "600000000000000.3",
        "1e-400",
        "12345678901234567890e-15",
    ] {
        let nearest: f64 = literal.parse().expect("a number");
        kept("level", literal, json!(nearest));
    }
    let (wire, rescued) = cell("level", "\"0.12345678901234567890\"");
    assert_eq!(
        (wire, rescued),
        (json!(0.123_456_789_012_345_68), Some(json!({"level": "0.12345678901234567890"})))
    );
}

#[test]
fn other_columns_get_a_long_number_as_it_stands() {
    fits("count", "9007199254740993.0", json!(9_007_199_254_740_993_i64));
    kept("count", "4503599627370497.3", Value::Null);
    kept("count", "350.00000000000000001", Value::Null);
    kept("count", "9.007199254740993e15", Value::Null);
    kept("count", "123456789012345678901234567890", Value::Null);
    does_not_fit("count", "\"9.007199254740993e15\"");
    for literal in ["12345678901234567890123456789", "-0.12345678901234567890123456789012345678"] {
        fits("price", literal, json!(literal));
    }
    kept("price", "123456789012345678901234567890", Value::Null);
    kept("price", "1.23456789012345678901e5", Value::Null);
    does_not_fit("price", "\"1.23456789012345678901e5\"");
    // A float is near enough to print the number with its 17 digits, and would be printed with 16.
    fits("price", "300000000000.62622", json!("300000000000.62622"));
    fits("unit", "300000000000.62622", json!("300000000000.62622"));
    fits("level", "300000000000.62622", json!(300_000_000_000.626_2));
    fits("raw", "300000000000.62622", json!("300000000000.6262"));
    fits("unit", "0.12345678901234567890", json!("0.12345678901234567890"));
    fits("raw", "[1.5, 0.12345678901234567890]", json!(r#"[1.5,"0.12345678901234567890"]"#));
    kept("flag", "18446744073709551617", Value::Null);
    kept("time", "20251028035900000000000", Value::Null);
    kept("new", "123456789012345678901234567890", Value::Null);
}

#[test]
fn long_numbers_inside_records_and_arrays_are_kept_too() {
    let (wire, rescued) =
        cell("profile", r#"[{"capacity": 9007199254740993}, {"capacity": [1, 18446744073709551617]}]"#);
    assert_eq!(wire, "[{},{}]");
    let kept = json!({"profile": [{"capacity": 9_007_199_254_740_993_i64}, {"capacity": [1, "18446744073709551617"]}]});
    assert_eq!(rescued, Some(kept));
    let (wire, rescued) =
        cell("step", r#"{"a": {"b": [{}, 18446744073709551617, []]}, "capacity": 1.00000000000000000001}"#);
    assert_eq!(wire, r#"{"capacity":1.0}"#);
    let kept =
        json!({"step": {"a": {"b": [{}, "18446744073709551617", []]}, "capacity": "1.00000000000000000001"}});
    assert_eq!(rescued, Some(kept));
    // BigQuery reads the bare numbers of a row as doubles.
    fits("counts", "[1, -9007199254740993]", json!(r#"[1,"-9007199254740993"]"#));
    fits("counts", "9007199254740992", json!("[9007199254740992]"));
    let (wire, rescued) = cell("counts", "[18446744073709551615, 123456789012345678901]");
    assert_eq!((wire, rescued), (json!("[]"), Some(json!({"counts": [u64::MAX, "123456789012345678901"]}))));
}

#[test]
fn long_numbers_do_not_disturb_the_fields_round_them() {
    let message = r#"[{"raw": {"x": "1.00000000000000000001 \" 7", "y": [[0.10000000000000000001], {"z": -5}]}, "count": 7,
        "unit": "tab	", "level": 1.00000000000000000001}, {"count": 8}]"#;
    let delivered = deliver(message);
    let raw = r#"{"x":"1.00000000000000000001 \" 7","y":[["0.10000000000000000001"],{"z":-5}]}"#;
    assert_eq!(
        delivered.rows,
        [json!({"raw": raw, "count": 7, "unit": "tab\t", "level": 1.0}), json!({"count": 8})]
    );
    assert_eq!(delivered.rescued, [Some(json!({"level": "1.00000000000000000001"})), None]);
}

#[test]
fn a_new_field_of_long_fractions_is_a_float_and_one_of_long_whole_numbers_is_text() {
    let kind =
        |literal: &str| deliver(format!(r#"[{{"new": {literal}}}]"#)).encoded.new_fields[0].kind.clone();
    assert_eq!(kind("0.12345678901234567890"), ColumnKind::Float64);
    assert_eq!(kind("-9223372036854775809"), ColumnKind::String);
    assert_eq!(kind("18446744073709551615"), ColumnKind::String);
    assert_eq!(kind("9223372036854775808"), ColumnKind::Float64);
    assert_eq!(kind("9223372036854775807"), ColumnKind::Int64);
    assert_eq!(kind("\"0.12345678901234567890\""), ColumnKind::String);
}

#[test]
fn floats() {
    for literal in ["457", "457.0", "\"457\"", "4.57e2"] {
        fits("level", literal, json!(457.0));
    }
    fits("level", "-0.1", json!(-0.1));
    fits("level", "\"1e-3\"", json!(0.001));
    for literal in ["\"inf\"", "\"NaN\"", "\"1e999\"", "\"\"", "\"0x10\"", "\"1_000\"", "\"1,5\"", "true"] {
        does_not_fit("level", literal);
    }
}

#[test]
fn decimals_are_text_without_exponent() {
    fits("price", "12.50", json!("12.5"));
    fits("price", "-12", json!("-12"));
    fits("price", "\"12.50\"", json!("12.50"));
    fits("price", "\"0.1234567890123456789\"", json!("0.1234567890123456789"));
    fits("price", "1e-7", json!("0.0000001"));
    fits("price", "\"1.5e3\"", json!("1500"));
    fits("price", "18446744073709551615", json!("18446744073709551615"));
    for literal in ["1e30", "1e-300", "\"12.\"", "\".5\"", "\"1,5\"", "\"abc\"", "true"] {
        does_not_fit("price", literal);
    }
}

#[test]
fn text_is_left_alone_and_the_rest_becomes_text() {
    for text in ["2025-10-28T03:59:00Z", "T Z", "", " 350 ", "NaN", "2025-10-28 03:59"] {
        fits("unit", &json!(text).to_string(), json!(text));
    }
    fits("unit", "350", json!("350"));
    fits("unit", "350.0", json!("350.0"));
    fits("unit", "1e300", json!("1e+300"));
    fits("unit", "true", json!("true"));
    fits("unit", r#"{"a": [1, "\"\n\u0001/é"]}"#, json!(r#"{"a":[1,"\"\n\u0001/é"]}"#));
}

#[test]
fn json_takes_everything() {
    fits("raw", r#"{"b": 1.0, "a": [null, true]}"#, json!(r#"{"b":1.0,"a":[null,true]}"#));
    fits("raw", "\"x\"", json!("\"x\""));
    fits("raw", "12", json!("12"));
}

#[test]
fn times_in_every_form_are_utc_with_milliseconds() {
    for (text, wire) in [
        ("2025-10-28T03:59:00.000Z", "2025-10-28T03:59:00.000"),
        ("2025-09-17T14:26:47Z", "2025-09-17T14:26:47.000"),
        ("2026-05-07T02:00:00", "2026-05-07T02:00:00.000"),
        ("2023-07-12 05:00:00Z", "2023-07-12T05:00:00.000"),
        ("2023-09-25 18:30", "2023-09-25T18:30:00.000"),
        ("2022-09-20T00:00Z", "2022-09-20T00:00:00.000"),
        ("2023-07-12T05:00:18.74Z", "2023-07-12T05:00:18.740"),
        ("2023-07-12T05:00:18.9999999Z", "2023-07-12T05:00:18.999"),
        ("2023-07-12T00:30:00+01:00", "2023-07-11T23:30:00.000"),
        ("2023-07-12T23:30:00.5-0130", "2023-07-13T01:00:00.500"),
        ("2023-07-12T23:30+02", "2023-07-12T21:30:00.000"),
        ("2024-02-29", "2024-02-29T00:00:00.000"),
        ("2024-02-29t23:59:59z", "2024-02-29T23:59:59.000"),
    ] {
        let literal = json!(text).to_string();
        fits("time", &literal, json!(format!("{wire}Z")));
        fits("local", &literal, json!(wire));
    }
    for text in [
        "2025-02-29T00:00:00Z",
        "2025-02-29T00:00:00.000Z",
        "2025-13-01",
        "2025-00-10",
        "2025-04-31T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2025-10-28T24:00:00Z",
        "2025-10-28T23:60:00Z",
        "2025-10-28T23:59:60Z",
        "2025-10-28T",
        "2025-10-28T03",
        "2025-10-28T03:59:00.Z",
        "2025-10-28T03:59:00ZZ",
        "2025-10-28T03:59:00+1",
        "2025-10-28T03:59:00+25:00",
        "2025-10-28T03:59:00+01:",
        "9999-12-31T23:30:00-01:00",
        "28/10/2025",
        "20251028",
        "03:59",
        "",
        "TZ",
        "2025-1o-28T03:59:00Z",
        "２025-10-28",
    ] {
        does_not_fit("time", &json!(text).to_string());
    }
    for literal in ["1761623940", "true", "{}"] {
        does_not_fit("time", literal);
    }
}

#[test]
fn dates_are_dates_or_midnights() {
    for text in ["2025-10-28", "2025-10-28T00:00:00Z", "2025-10-28T00:00", "2025-10-28T01:00:00+01:00"] {
        fits("day", &json!(text).to_string(), json!("2025-10-28"));
    }
    does_not_fit("day", "\"2025-10-28T00:30:00Z\"");
    does_not_fit("day", "\"2025-02-30\"");
}

#[test]
fn records_hold_their_known_fields_in_wire_form() {
    fits(
        "step",
        r#"{"capacity": 413, "startTime": "2025-09-17T07:37:38Z"}"#,
        json!(r#"{"startTime":"2025-09-17T07:37:38.000Z","capacity":413.0}"#),
    );
    fits("step", r#"{"startTime": null}"#, json!("{}"));
    does_not_fit("step", "[]");
    does_not_fit("step", "\"{}\"");

    let original = json!({"capacity": "x", "startTime": "2025-09-17", "extra": [1]});
    let (wire, rescued) = cell("step", &original.to_string());
    assert_eq!(wire, r#"{"startTime":"2025-09-17T00:00:00.000Z"}"#);
    assert_eq!(rescued, Some(json!({"step": original})));
}

#[test]
fn repeated_columns_hold_what_fits() {
    fits("counts", r#"[1, 2.0, "3"]"#, json!("[1,2,3]"));
    fits("counts", "[]", json!("[]"));
    fits("counts", "7", json!("[7]"));
    does_not_fit("counts", "\"x\"");
    let (wire, rescued) = cell("counts", "[null, 1, \"x\", [2]]");
    assert_eq!((wire, rescued), (json!("[1]"), Some(json!({"counts": [null, 1, "x", [2]]}))));
    fits("profile", r#"[{"capacity": 1}, {}]"#, json!(r#"[{"capacity":1.0},{}]"#));
    fits("profile", r#"{"capacity": 1}"#, json!(r#"[{"capacity":1.0}]"#));
    let original = json!([{"capacity": 1, "unit": "MW"}, 3]);
    let (wire, rescued) = cell("profile", &original.to_string());
    assert_eq!((wire, rescued), (json!(r#"[{"capacity":1.0}]"#), Some(json!({"profile": original}))));
}

#[test]
fn unknown_fields_are_rescued_and_those_that_can_be_columns_reported() {
    let long = "x".repeat(301);
    let message = json!([
        {"count": 1, "newFlag": true, "newLevel": 457, "newText": "T Z", "newTime": "2025-10-28 03:59", "1st": 1},
        {"newDay": "2025-10-28", "newObject": {"a": 1}, "newSerial": 9_007_199_254_740_993_u64, "a-b": 1, "né": 1},
        {"Source": "x", "rescued": 1, "_PARTITIONTIME": 1, "": 1, "newNull": null, "newlevel": 350.5, long: 1},
    ]);
    let delivered = deliver(message.to_string());
    let new_fields = delivered.encoded.new_fields.iter();
    let found: BTreeMap<_, _> = new_fields.map(|field| (field.name.as_str(), field.kind.clone())).collect();
    let expected = [
        ("newFlag", ColumnKind::Bool),
        ("newLevel", ColumnKind::Float64),
        ("newText", ColumnKind::String),
        ("newTime", ColumnKind::Timestamp),
        ("newDay", ColumnKind::Date),
        ("newObject", ColumnKind::Json),
        ("newSerial", ColumnKind::Int64),
    ];
    assert_eq!(found, BTreeMap::from(expected));
    assert_eq!(delivered.encoded.rescued, 3);
    for (row, rescued) in delivered.rescued.iter().enumerate() {
        let mut original = message[row].as_object().expect("a record").clone();
        original.remove("count");
        original.remove("newNull");
        assert_eq!(rescued, &Some(Value::Object(original)));
    }

    let rescue = try_deliver(message.to_string().as_bytes(), EncodeMode::Rescue).expect("a sound message");
    assert_eq!(rescue.rescued, delivered.rescued);
    assert!(rescue.encoded.new_fields.is_empty());
}

#[test]
fn a_new_field_takes_the_kind_that_suits_all_its_rows() {
    let message = r#"[{"a": "2025-10-28", "b": 1, "c": 1, "d": true, "e": "x"},
                      {"a": "2025-10-28T01:00Z", "b": 9007199254740993, "c": "x", "d": 1, "e": []}]"#;
    let kinds: Vec<_> = deliver(message).encoded.new_fields.into_iter().map(|field| field.kind).collect();
    assert_eq!(
        kinds,
        [
            ColumnKind::Timestamp,
            ColumnKind::Float64,
            ColumnKind::String,
            ColumnKind::String,
            ColumnKind::Json
        ]
    );
}

#[test]
fn a_message_can_ask_for_so_many_columns_only() {
    let names: Vec<_> = (0..NEW_FIELDS_MAX + 50).map(|name| format!(r#""n{name}": 1"#)).collect();
    let delivered = deliver(format!("[{{{}}}]", names.join(",")));
    assert_eq!(delivered.encoded.new_fields.len(), NEW_FIELDS_MAX);
    let rescued = delivered.rescued[0].as_ref().and_then(Value::as_object).expect("all are rescued");
    assert_eq!(rescued.len(), names.len());
}

#[test]
fn encoding_again_with_the_new_columns_rescues_nothing() {
    let message = br#"[{"dataset": "NEW", "level": 1, "at": "2025-10-28T03:59:00Z"}, {"level": 2.5}]"#;
    let (mut rows, mut scratch) = (Rows::default(), Scratch::default());
    let bare = Schema::new("t", Vec::new());
    let first = encode(message, &bare, EncodeMode::Evolve, &mut rows, &mut scratch).expect("a sound message");
    assert_eq!((first.rescued, first.new_fields.len()), (2, 3));
    rows.truncate(0);
    let grown = Schema::new("t", first.new_fields);
    let second =
        encode(message, &grown, EncodeMode::Evolve, &mut rows, &mut scratch).expect("a sound message");
    assert_eq!(second, Encoded { good: 2, ..Encoded::default() });
}

#[test]
fn strict_makes_such_rows_bad() {
    let message =
        r#"[{"count": 1}, {"count": 49.92}, {"new": 1}, {"step": {"x": 1}}, {"unit": "b"}, {"new": null}]"#;
    let delivered = try_deliver(message.as_bytes(), EncodeMode::Strict).expect("a sound message");
    assert_eq!(delivered.places, [0, 4]);
    assert_eq!(delivered.rows, [json!({"count": 1}), json!({"unit": "b"})]);
    let bad: Vec<_> =
        delivered.encoded.bad.iter().map(|bad| (bad.row, bad.byte, bad.reason.as_str())).collect();
    assert_eq!(
        bad,
        [
            (1, 15, r#"field "count": 49.92 does not fit its column of type INT64"#),
            (2, 33, r#"field "new" has no column in table bmrs_test_iris"#),
            (3, 45, r#"field "step": {"x":1} does not fit as a whole its column of type RECORD"#),
            (5, 80, r#"field "new" has no column in table bmrs_test_iris"#),
        ]
    );
}

#[test]
fn the_records_name_the_datasets_that_they_are_of() {
    let mut scratch = Scratch::default();
    let mut named = |message: &str| datasets_in(message.as_bytes(), &mut scratch);
    let message =
        r#"[{"a": {"dataset": "X"}, "dataset": "BOALF"}, {}, {"dataset": "freq"}, {"dataset": "FREQ"}]"#;
    assert_eq!(named(message), ["BOALF", "FREQ"]);
    assert_eq!(named(r#"{"dataset": "FREQ"}"#), ["FREQ"]);
    for message in
        ["", "[]", "[1]", "[{}]", r#"[{"dataset": 1}]"#, r#"[{"dataset": ""}]"#, r#"[{"dataset": "BO"#, "x"]
    {
        assert!(named(message).is_empty(), "{message}");
    }
}
