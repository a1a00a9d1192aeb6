//! What a file holds that is no message as IRIS sends it: an API's envelope or error, a web page, packed or other text.

use irispool::catalog::{self, ColumnKind, Schema};
use irispool::message::{EncodeMode, Encoded, MessageError, Rows, Scratch, datasets_in, encode};
use serde_json::{Map, Value, json};

fn try_encode(message: &[u8]) -> Result<(Encoded, Vec<u32>), MessageError> {
    let (schema, mut rows) = (Schema::new("bmrs_new_iris", Vec::new()), Rows::default());
    let encoded = encode(message, &schema, EncodeMode::Rescue, &mut rows, &mut Scratch::default())?;
    Ok((encoded, rows.iter().map(|row| row.message_row()).collect()))
}

fn rescued(message: &str) -> Vec<Value> {
    let (schema, mut rows) = (Schema::new("bmrs_new_iris", Vec::new()), Rows::default());
    encode(message.as_bytes(), &schema, EncodeMode::Rescue, &mut rows, &mut Scratch::default())
        .expect("a message");
    rows.iter().map(|row| serde_json::from_str(row.rescued().unwrap_or("{}")).expect("JSON")).collect()
}

fn refused(message: impl AsRef<[u8]>) -> MessageError {
    try_encode(message.as_ref()).expect_err("the message is refused")
}

#[test]
fn the_records_in_an_envelope_are_the_rows() {
    let records = [json!({"a": 1}), json!({"a": 2})];
    for envelope in [
        r#"{"data":[{"a":1},{"a":2}]}"#,
        r#"{"data" : [ {"a":1}, {"a":2} ] }"#,
        r#"{"metadata":{"datasets":["FREQ"]},"data":[{"a":1},{"a":2}]}"#,
        r#"{"data":[{"a":1},{"a":2}],"metadata":{"x":"]}"},"links":[{"href":"…","rel":"next"}],"totalRecords":2}"#,
        r#"{"links":[],"totalRecords":2,"data":[{"a":1},{"a":2}]}"#,
        r#"{"status":200,"message":"OK","error":null,"errors":[],"data":[{"a":1},{"a":2}]}"#,
        r#"{"success":true,"status":"success","data":[{"a":1},{"a":2}],"pagination":{"page":1,"next":null}}"#,
        r#"{"Data":[{"a":1},{"a":2}],"TotalCount":2}"#,
    ] {
        for text in [envelope.to_owned(), format!("\u{feff}\n{envelope}\r\n")] {
            assert_eq!(rescued(&text), records, "{text}");
        }
    }
    assert_eq!(try_encode(br#"{"data":[],"totalRecords":0}"#), Ok((Encoded::default(), Vec::new())));
}

#[test]
fn bad_rows_in_an_envelope_have_their_place_in_the_array_and_in_the_file() {
    let message = r#"{"metadata":{},"data":[{"a":1}, 7, {"a":NaN}, {"a":4}],"links":[]}"#;
    let (encoded, places) = try_encode(message.as_bytes()).expect("a message");
    assert_eq!(places, [0, 3]);
    let bad: Vec<_> = encoded.bad.iter().map(|bad| (bad.row, bad.byte as usize)).collect();
    assert_eq!(bad, [(1, message.find('7').unwrap()), (2, message.find("NaN").unwrap())]);
}

#[test]
fn an_envelope_that_is_cut_off_or_has_text_behind_it_delivers_nothing() {
    let message = r#"{"data":[{"a":1},{"a":2}],"links":["]"],"totalRecords":2}"#;
    for byte in 1..message.len() {
        refused(&message[..byte]);
    }
    assert!(matches!(refused(format!("{message} x")), MessageError::NotJson { .. }));
}

#[test]
fn the_records_in_an_envelope_name_the_dataset() {
    let message = br#"{"metadata":{"dataset":"X"},"data":[{"dataset":"BOALF"}]}"#;
    assert_eq!(datasets_in(message, &mut Scratch::default()), ["BOALF"]);
    let message = br#"[{"dataset":"BOALF","dataset":null}]"#;
    assert_eq!(datasets_in(message, &mut Scratch::default()), ["BOALF"]);
}

#[test]
fn an_error_that_an_api_answered_is_no_row() {
    for (body, said) in [
        (r#"{"statusCode":429,"message":"Rate limit is exceeded."}"#, "429 Rate limit is exceeded."),
        (r#"{ "statusCode": 500 }"#, "500"),
        (r#"{"error":"Too many requests"}"#, "Too many requests"),
        (r#"{"error":{"code":"ServiceUnavailable","message":"try later"}}"#, "try later"),
        (r#"{"errors":[{"code":1}]}"#, r#"{"errors":[{"code":1}]}"#),
        (r#"{"data":null,"errors":[{"message":"no"}]}"#, r#"{"data":null,"errors":[{"message":"no"}]}"#),
        (
            r#"{"type":"https://tools.ietf.org/html/rfc7231","title":"Bad Request","status":400,"detail":"no date","traceId":"0"}"#,
            "400 no date",
        ),
        (r#"{"type":"about:blank","title":"Not Found"}"#, "Not Found"),
        (
            r#"{"title":"One or more validation errors occurred.","status":400,"errors":{"from":["is required"]}}"#,
            "400 One or more validation errors occurred.",
        ),
        (r#"{"code":"TooManyRequests","message":"slow down"}"#, "slow down"),
        (r#"{"code":"429","message":"slow down"}"#, "429 slow down"),
        (r#"{"message":"Forbidden"}"#, "Forbidden"),
        (r#"{"Message":"An error has occurred.","ExceptionMessage":"x"}"#, "An error has occurred."),
        (r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#, "Rate exceeded"),
        (r#"{"errorMessage":"timed out","errorType":"Timeout"}"#, "timed out"),
        (r#"{"fault":{"faultstring":"Quota violation","detail":{"errorcode":"q"}}}"#, "Quota violation"),
        (
            r#"{"timestamp":"2025-10-28T03:59:00Z","status":503,"error":"Service Unavailable","path":"/x"}"#,
            "503 Service Unavailable",
        ),
        (r#"{"success":false,"message":"no","data":[]}"#, "no"),
        (r#"{"status":"error","message":"no"}"#, "no"),
    ] {
        let error = refused(body);
        assert!(matches!(error, MessageError::ApiError { .. }), "{body}: {error}");
        let expected = format!("the message is an error that an API answered, not data: {said}");
        assert_eq!(error.to_string(), expected, "{body}");
    }
    let long = refused(format!(r#"{{"error":"{}"}}"#, "é".repeat(100_000)));
    assert!(long.to_string().len() < 400);
}

#[test]
fn records_are_no_envelopes_and_no_errors() {
    for record in [
        r#"{"dataset":"NEW","data":[{"a":1}]}"#,
        r#"{"dataset":"NEW","statusCode":429,"message":"x"}"#,
        r#"{"data":[1,2,3]}"#,
        r#"{"data":"x"}"#,
        r#"{"data":{"a":1}}"#,
        r#"{"data":null,"status":"A"}"#,
        r#"{"status":"Active","data":[{"a":1}]}"#,
        r#"{"status":"Active","message":"unit is back","publishTime":"2025-10-28T03:59:00Z"}"#,
        r#"{"status":"Active","message":"unit is back"}"#,
        r#"{"status":3,"code":"T_1","type":"A"}"#,
        r#"{"message":"warning","timestamp":"2025-10-28T03:59:00Z"}"#,
        r#"{"error":0.5,"status":"F"}"#,
        r#"{"code":450,"type":"MW"}"#,
        r#"{"title":"Notice","type":"WARN"}"#,
        r#"{"timestamp":"2025-10-28T03:59:00Z","data":[{"a":1}]}"#,
        "{}",
    ] {
        let whole: Value = serde_json::from_str(record).unwrap();
        let mut expected = whole.as_object().unwrap().clone();
        expected.retain(|_, value| !value.is_null());
        for message in [record.to_owned(), format!("[{record}]")] {
            assert_eq!(rescued(&message), [Value::Object(expected.clone())], "{message}");
        }
    }
    // Alone they are an error's body; among others in an array they may be what a new dataset has.
    for record in [r#"{"message":"x"}"#, r#"{"code":"A","message":"x"}"#, r#"{"error":"none","status":"ok"}"#]
    {
        assert_eq!(rescued(&format!("[{record}]")).len(), 1, "{record}");
    }
}

#[test]
fn records_of_no_dataset_are_taken_for_an_answer() {
    assert_eq!(catalog::all().len(), 88);
    for dataset in catalog::all() {
        // Any value that might mislead, in all fields, and all fields that one may lack.
        for value in [json!(429), json!("error"), json!([{"a": 1}]), json!({"message": "x"}), Value::Null] {
            let own = dataset.fields.iter().filter(|field| !matches!(field.kind, ColumnKind::Record(_)));
            let full: Map<_, _> = own.map(|field| (field.name.clone(), value.clone())).collect();
            let mut without = full.clone();
            without.remove("dataset");
            for record in [full, without].map(Value::Object) {
                for message in [record.to_string(), format!("[{record}]")] {
                    let (encoded, _) = try_encode(message.as_bytes()).expect("a message");
                    assert_eq!((encoded.good, encoded.bad.len()), (1, 0), "{message}");
                }
            }
        }
    }
}

#[test]
fn an_answer_among_records_is_a_bad_row_and_hurts_no_other() {
    let message = r#"[{"a":0}, {"data":[{"a":1}],"totalRecords":1}, {"statusCode":429,"message":"slow down"}, [{"a":3}], {"a":4},
        {"error":{"code":500,"message":"no"}}]"#;
    let (encoded, places) = try_encode(message.as_bytes()).expect("a message");
    assert_eq!(places, [0, 4]);
    let bad: Vec<_> = encoded.bad.iter().map(|bad| (bad.row, bad.reason.as_str())).collect();
    assert_eq!(
        bad,
        [
            (
                1,
                "the record is the answer of an API with the records in its field \"data\": put those into the array instead"
            ),
            (2, "the record is an error that an API answered, not data: 429 slow down"),
            (3, "there is an array where a record should be"),
            (5, "the record is an error that an API answered, not data: no"),
        ]
    );
}

#[test]
fn a_web_page_is_told_as_one() {
    for (page, reason) in [
        (
            "<!DOCTYPE html>\n<html><head><title>503 Service Unavailable</title></head></html>",
            "an HTML page that a web server or a proxy answered, not data: 503 Service Unavailable",
        ),
        ("\u{feff}\n <!doctype HTML>", "an HTML page that a web server or a proxy answered, not data"),
        ("<html>", "an HTML page that a web server or a proxy answered, not data"),
        (
            "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
            "XML that a web server or a proxy answered, not data: Access Denied",
        ),
        ("<response/>", "XML that a web server or a proxy answered, not data"),
    ] {
        assert_eq!(refused(page).to_string(), format!("the message is {reason}"));
    }
}

#[test]
fn text_that_is_not_utf8_says_what_it_is_and_what_to_do() {
    let message = r#"[{"a": "é"}]"#;
    let units: Vec<u16> = message.encode_utf16().collect();
    let utf16_le: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let utf16_be: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let utf32_le: Vec<u8> = message.chars().flat_map(|letter| u32::from(letter).to_le_bytes()).collect();
    let utf32_be: Vec<u8> = message.chars().flat_map(|letter| u32::from(letter).to_be_bytes()).collect();
    for (bytes, mark, form, name) in [
        (utf16_le, &[0xff, 0xfe][..], "UTF-16, little-endian", "UTF-16LE"),
        (utf16_be, &[0xfe, 0xff], "UTF-16, big-endian", "UTF-16BE"),
        (utf32_le, &[0xff, 0xfe, 0, 0], "UTF-32, little-endian", "UTF-32LE"),
        (utf32_be, &[0, 0, 0xfe, 0xff], "UTF-32, big-endian", "UTF-32BE"),
    ] {
        for bytes in [bytes.clone(), [mark, &bytes[..]].concat()] {
            let reason = refused(&bytes).to_string();
            assert!(reason.starts_with(&format!("the message is text in {form}, ")), "{reason}");
            assert!(reason.contains(&format!("`iconv -f {name} -t UTF-8`")), "{reason}");
        }
    }
}

#[test]
fn packed_messages_say_how_they_are_packed_and_what_to_do() {
    for (start, form, tool) in [
        (&b"\x1f\x8b\x08\0"[..], "gzip", "gzip -dc"),
        (b"\x28\xb5\x2f\xfd\x04", "zstd", "zstd -dc"),
        (b"PK\x03\x04\x14", "zip", "unzip -p"),
        (b"\xfd7zXZ\0\0", "xz", "xz -dc"),
        (b"BZh91AY&SY", "bzip2", "bzip2 -dc"),
    ] {
        let reason = refused(start).to_string();
        assert!(reason.starts_with(&format!("the message is packed ({form}), ")), "{reason}");
        assert!(reason.contains(&format!("`{tool}`")), "{reason}");
    }
}
