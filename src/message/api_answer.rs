//! An API's answer in place of a message: the records in an envelope, or an error.
//!
//! `{"data": […]}`, with `metadata`, `links` or the like beside it, stands for the array in it. The body of an error
//! is not data. All names of an object decide: one name that neither envelopes nor errors have, such as `dataset`,
//! makes the object a record. No dataset of the catalog has records with only such names.

use serde_json::{Map, Value};
use simd_json::Node;

use super::{scan, tape};

/// The names that envelopes have, in lower case.
#[rustfmt::skip]
const OF_ENVELOPES: &[&str] = &[
    "data", "metadata", "meta", "links", "_links", "totalrecords", "total", "totalcount", "count", "recordcount", "page",
    "pagenumber", "pagesize", "perpage", "per_page", "pages", "totalpages", "total_pages", "pagination", "paging", "next",
    "nextpage", "previous", "prev", "limit", "offset", "cursor", "hasmore", "has_more", "success",
];

/// The names that the bodies of errors have, in lower case.
#[rustfmt::skip]
const OF_ERRORS: &[&str] = &[
    "statuscode", "status", "code", "message", "error", "errors", "title", "type", "detail", "details", "instance",
    "traceid", "trace_id", "requestid", "request_id", "correlationid", "activityid", "path", "method", "fault", "reason",
    "description", "error_description", "error_uri", "errorcode", "error_code", "errormessage", "errortype",
    "exceptionmessage", "exceptiontype", "exception", "stacktrace", "__type", "help", "httpstatus", "httpstatuscode",
    "innererror", "retryafter", "documentation_url", "timestamp",
];

/// The names under which an error may give its HTTP status.
const STATUS: &[&str] =
    &["statuscode", "status", "code", "httpstatus", "httpstatuscode", "errorcode", "error_code"];

/// The names under which an error may say in words what it is, the best first.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "message", "detail", "title", "error_description", "errormessage", "exceptionmessage", "error", "description", "reason",
    "details", "faultstring", "code",
];

/// With only these names, an object that has a `message` is an error even without a status. A record would have at
/// least a time.
#[rustfmt::skip]
const BESIDE_MESSAGE: &[&str] = &[
    "message", "code", "__type", "requestid", "request_id", "traceid", "trace_id", "correlationid", "activityid", "path",
    "details", "detail", "documentation_url", "help", "errorcode", "error_code", "innererror", "retryafter",
];

/// What an object at the top of a message is if it is not a record.
pub(super) enum ApiAnswer {
    /// An envelope. `start` is the offset of the opening bracket of its records, and `end` is the offset behind the
    /// closing one.
    Records { start: usize, end: usize },
    /// An error. `said` is what it says, shortened.
    Error { said: String },
}

impl ApiAnswer {
    /// Looks at the object that begins at `at`. Returns `None` if it is a record, or is broken.
    pub(super) fn of(message: &[u8], at: usize) -> Option<ApiAnswer> {
        let mut beside = Map::new();
        let mut records = None;
        for (name, value) in scan::fields_of_known_names(message, at, is_known)? {
            let bytes = &message[value.clone()];
            let lower = name.to_ascii_lowercase();
            if lower == "data" && holds_records(bytes) {
                if records.replace(value).is_some() {
                    return None;
                }
            } else if beside.insert(lower, serde_json::from_slice(bytes).ok()?).is_some() {
                return None;
            }
        }
        if is_error(&beside, true, records.is_some()) {
            return Some(ApiAnswer::Error { said: said(&beside) });
        }
        let records = records.filter(|_| is_envelope(&beside))?;
        Some(ApiAnswer::Records { start: records.start, end: records.end })
    }
}

/// Why an object in an array is not a record, if it is an API's answer.
#[inline]
pub(super) fn in_array(record: &[Node<'_>]) -> Option<String> {
    match record.get(1) {
        Some(Node::String(first)) if *first != "dataset" && is_known(first) => in_array_named(record),
        _ => None,
    }
}

#[cold]
fn in_array_named(record: &[Node<'_>]) -> Option<String> {
    if !tape::fields(record).all(|(name, _)| is_known(name)) {
        return None;
    }
    let has_records = tape::fields(record).any(|(name, value)| {
        let first = tape::items(value).next();
        name.eq_ignore_ascii_case("data")
            && first.is_some_and(|first| matches!(first[0], Node::Object { .. }))
    });
    let mut beside = Map::new();
    for (name, value) in tape::fields(record).filter(|(name, _)| !name.eq_ignore_ascii_case("data")) {
        let mut text = String::new();
        tape::write(&mut text, value);
        beside.insert(name.to_ascii_lowercase(), serde_json::from_str(&text).ok()?);
    }
    if is_error(&beside, false, has_records) {
        return Some(format!("the record is an error that an API answered, not data: {}", said(&beside)));
    }
    (has_records && is_envelope(&beside)).then(|| {
        "the record is the answer of an API with the records in its field \"data\": put those into the array instead"
            .to_owned()
    })
}

fn is_known(name: &str) -> bool {
    OF_ENVELOPES.iter().chain(OF_ERRORS).any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether the value is an array of objects, or an empty array.
fn holds_records(value: &[u8]) -> bool {
    let mut bytes = value.iter().filter(|byte| !byte.is_ascii_whitespace());
    bytes.next() == Some(&b'[') && matches!(bytes.next(), Some(b'{' | b']'))
}

/// Whether the fields beside the records are those of an envelope that reports a success.
fn is_envelope(beside: &Map<String, Value>) -> bool {
    beside.iter().all(|(name, value)| match (name.as_str(), value) {
        (name, _) if OF_ENVELOPES.contains(&name) => true,
        ("status" | "statuscode" | "code", Value::Number(_)) | (_, Value::Null) => true,
        ("status", Value::String(text)) => ["ok", "success"].contains(&text.to_ascii_lowercase().as_str()),
        ("message", Value::String(_)) => true,
        ("errors", Value::Array(errors)) => errors.is_empty(),
        ("error", Value::Bool(error)) => !error,
        _ => false,
    })
}

/// Whether an object is the body of an error. In an array the signs must be clearer than for an object that is
/// `alone`, because records of a dataset that nobody knows yet may well have a message and a status.
fn is_error(fields: &Map<String, Value>, alone: bool, has_records: bool) -> bool {
    let get = |name: &str| fields.get(name).unwrap_or(&Value::Null);
    let text = |name: &str| get(name).as_str().is_some_and(|text| !text.trim().is_empty());
    let fails = |name: &str| http_status(get(name)).is_some();
    let filled = |value: &Value| match value {
        Value::Object(object) => !object.is_empty(),
        Value::Array(array) => !array.is_empty(),
        _ => false,
    };
    let in_words = WORDS.iter().any(|name| *name != "code" && text(name));
    let by_status = STATUS.iter().any(|name| fails(name)) && (in_words || filled(get("error")));
    if by_status || ["error", "fault"].iter().any(|name| get(name).is_object() && filled(get(name))) {
        return true;
    }
    let status = get("status").as_str().unwrap_or_default().to_ascii_lowercase();
    let address = get("type").as_str().unwrap_or_default();
    let only_message =
        fields.iter().all(|(name, value)| value.is_null() || BESIDE_MESSAGE.contains(&name.as_str()));
    alone
        && (fails("statuscode")
            || text("error")
            || text("errormessage")
            || text("exceptionmessage")
            || get("error") == &Value::Bool(true)
            || filled(get("errors"))
            || (get("success") == &Value::Bool(false) && in_words)
            || (["error", "fail", "failed", "failure"].contains(&status.as_str()) && in_words)
            || (text("title")
                && ["http", "about:", "urn:", "/"].iter().any(|start| address.starts_with(start)))
            || (text("message") && only_message && !has_records))
}

/// The HTTP status, if it is one of a failure.
fn http_status(value: &Value) -> Option<u64> {
    let status = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    (400..600).contains(&status).then_some(status)
}

/// What an error says, for the reason of a bad row: its status and its words, or else the beginning of its JSON.
fn said(fields: &Map<String, Value>) -> String {
    const CHARS_MAX: usize = 100;
    let status =
        STATUS.iter().find_map(|name| http_status(fields.get(*name)?)).map(|status| status.to_string());
    let inner = ["error", "fault"].iter().find_map(|name| fields.get(*name)?.as_object());
    let words = [Some(fields), inner].into_iter().flatten().find_map(|fields| {
        WORDS.iter().find_map(|name| fields.get(*name)?.as_str().filter(|text| !text.trim().is_empty()))
    });
    let parts = [status, words.map(|words| words.trim().to_owned())];
    let said = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let said = if said.is_empty() { Value::Object(fields.clone()).to_string() } else { said };
    match said.char_indices().nth(CHARS_MAX) {
        None => said,
        Some((end, _)) => format!("{}…", &said[..end]),
    }
}
