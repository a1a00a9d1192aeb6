//! Writes rows as the JSON that BigQuery takes, straight from their cells.
//!
//! Streaming and load jobs differ in one thing. A streamed row has the value of a JSON column as a string with JSON
//! text. The row of a load job has it as plain JSON, because BigQuery would store a string as a string.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;

use serde::de::IgnoredAny;
use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

use super::tables::{MetaColumn, MetaColumns};
use crate::catalog::{self, ColumnKind, Field, Schema};
use crate::message::{Cell, Row};
use crate::warehouse::{Delivery, DeliveryMessage, folder_of_batch, id_in_folder};

/// How a row goes to BigQuery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowFormat {
    Stream,
    Load,
}

/// Writes rows of one schema for one table.
pub(super) struct RowWriter<'a> {
    schema: &'a Schema,
    meta: &'a MetaColumns,
    format: RowFormat,
    /// `"name":` for each column.
    names: Vec<String>,
}

/// A file that seems to be older than this when it is claimed has a wrong time. BigQuery streams nothing older than ten
/// years.
const AGE_MAX_MS: i64 = 9 * 365 * 24 * 60 * 60 * 1000;

/// A file may be written up to this much after its claim, because the client closed it meanwhile or the clock was set
/// back. Its time still counts: the time of the claim would be another one when another worker claims the file.
const AHEAD_MAX_MS: i64 = 24 * 60 * 60 * 1000;

/// The folder of messages that the client received without a subject.
const NO_SUBJECT: &str = "unknown";

/// What the rows of one message share.
pub(super) struct MessageContext<'a> {
    id: Cow<'a, str>,
    /// `2025-10-28T03:59:00.000`.
    ingested_utc: String,
    insert_id_base: String,
}

impl MessageContext<'_> {
    /// `ingested_utc` of all rows of a message is when its file was written, whenever and however often they are sent.
    /// The unified views hide the rows of a message that are older than its newest first row. With the time of the
    /// request, they would hide a row that Google remembers from an earlier try and keeps with its earlier time. If the
    /// file has an impossible time, the time of the claim counts instead.
    pub(super) fn new<'a>(delivery: &Delivery, message: &'a DeliveryMessage) -> MessageContext<'a> {
        let id = id_of_rows(delivery, message);
        let DeliveryMessage { hash, written_at_ms, claimed_at_ms, .. } = message;
        let possible = claimed_at_ms - AGE_MAX_MS..=claimed_at_ms + AHEAD_MAX_MS;
        let ingested = if possible.contains(written_at_ms) { *written_at_ms } else { *claimed_at_ms };
        let ingested_utc = jiff::Timestamp::from_millisecond(ingested)
            .unwrap_or_default()
            .strftime("%Y-%m-%dT%H:%M:%S.%3f")
            .to_string();
        // The same content that is sent again later is another message to the views, so Google must not mix their rows.
        let mut base = Xxh3::new();
        base.update(id.as_bytes());
        base.update(&[0]);
        base.update(&hash.to_le_bytes());
        base.update(&written_at_ms.to_le_bytes());
        MessageContext { id, ingested_utc, insert_id_base: format!("{:032x}", base.digest128()) }
    }

    /// The insertId of a row: 33 to 43 characters that are the same on every try by every worker. They come from the
    /// message's id, content and time, and the row's number.
    pub(super) fn insert_id(&self, message_row: u32) -> String {
        format!("{}-{message_row}", self.insert_id_base)
    }
}

/// The `message_id` of a message's rows.
///
/// BigQuery has no ledger that says whether another folder of the dataset had a file of that name. So the id of a
/// message contains its folder, unless it came in the folder that Elexon's client uses, its name begins with the
/// folder's name, or it came without a subject and has a name that Elexon gives to this dataset's messages.
fn id_of_rows<'a>(delivery: &Delivery, message: &'a DeliveryMessage) -> Cow<'a, str> {
    let (id, dataset) = (message.id.as_str(), &*delivery.dataset);
    let is_plain = |folder: &str| {
        catalog::is_own_folder(dataset, folder)
            || id.strip_prefix(folder).is_some_and(|rest| rest.starts_with('_'))
            || folder == NO_SUBJECT && catalog::dataset_of_file_name(id).as_deref() == Some(dataset)
    };
    match folder_of_batch(&delivery.batch) {
        Some(folder) if !is_plain(folder) => id_in_folder(id, folder).into(),
        _ => id.into(),
    }
}

impl<'a> RowWriter<'a> {
    pub(super) fn new(schema: &'a Schema, meta: &'a MetaColumns, format: RowFormat) -> RowWriter<'a> {
        let names = schema.fields().iter().map(|field| key(&field.name)).collect();
        RowWriter { schema, meta, format, names }
    }

    /// Appends the row as one JSON object. Values of the columns in `refused` go to `rescued`.
    pub(super) fn write(
        &self,
        out: &mut Vec<u8>,
        row: Row<'_>,
        message: &MessageContext<'_>,
        refused: &[usize],
    ) {
        out.push(b'{');
        for (column, cell) in row.cells().filter(|(column, _)| !refused.contains(column)) {
            out.extend_from_slice(self.names[column].as_bytes());
            self.write_cell(out, &self.schema.fields()[column], cell);
            out.push(b',');
        }
        if let Some(MetaColumn { name, kind }) = &self.meta.ingested_utc {
            write_key(out, name);
            let zone = if *kind == ColumnKind::Datetime { "" } else { "Z" };
            let now = &message.ingested_utc;
            let length = if *kind == ColumnKind::Date { "2025-10-28".len() } else { now.len() };
            let zone = if *kind == ColumnKind::Date { "" } else { zone };
            out.extend_from_slice(format!("\"{}{zone}\",", &now[..length]).as_bytes());
        }
        if let Some(MetaColumn { name, .. }) = &self.meta.source {
            write_key(out, name);
            out.extend_from_slice(b"\"IRIS\",");
        }
        if let Some(MetaColumn { name, kind }) = &self.meta.message_row {
            write_key(out, name);
            let quote = if *kind == ColumnKind::String { "\"" } else { "" };
            out.extend_from_slice(format!("{quote}{}{quote},", row.message_row()).as_bytes());
        }
        if let Some(MetaColumn { name, kind }) = &self.meta.rescued {
            let rescued = if refused.is_empty() { None } else { Some(self.rescuing(row, refused)) };
            let rescued =
                rescued.as_deref().map(|text| std::str::from_utf8(text).expect("JSON text is UTF-8"));
            if let Some(text) = rescued.or(row.rescued()) {
                write_key(out, name);
                self.write_json_text(out, kind, text);
                out.push(b',');
            }
        }
        if let Some(MetaColumn { name, .. }) = &self.meta.message_id {
            write_key(out, name);
            write_string(out, &message.id);
            out.push(b',');
        }
        if out.last() == Some(&b',') {
            out.pop();
        }
        out.push(b'}');
    }

    fn write_cell(&self, out: &mut Vec<u8>, field: &Field, cell: Cell<'_>) {
        match cell {
            Cell::Text(text) if field.repeated || matches!(field.kind, ColumnKind::Record(_)) => {
                out.extend_from_slice(text.as_bytes());
            }
            Cell::Text(text) if field.kind == ColumnKind::Json => {
                self.write_json_text(out, &ColumnKind::Json, text)
            }
            Cell::Text(text) => write_string(out, text),
            Cell::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
            Cell::Int(value) => write_int(out, value),
            Cell::Float(value) => write_float(out, value),
        }
    }

    fn write_json_text(&self, out: &mut Vec<u8>, kind: &ColumnKind, text: &str) {
        if *kind == ColumnKind::Json && self.format == RowFormat::Load {
            out.extend_from_slice(text.as_bytes());
        } else {
            write_string(out, text);
        }
    }

    /// The JSON for `rescued`: what the row had rescued already, and the values of the columns in `refused`, each under
    /// its column's name. If only a part of a value fitted the column, `rescued` has the whole value already. The JSON
    /// of the row is copied as it is: serde_json would give some floats another last digit.
    fn rescuing(&self, row: Row<'_>, refused: &[usize]) -> Vec<u8> {
        let before = row.rescued().unwrap_or("{}");
        let known: HashMap<String, IgnoredAny> = serde_json::from_str(before).unwrap_or_default();
        let mut out = before.as_bytes()[..before.len() - 1].to_vec();
        for (column, cell) in row.cells().filter(|(column, _)| refused.contains(column)) {
            let field = &self.schema.fields()[column];
            if known.contains_key(&field.name) {
                continue;
            }
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend_from_slice(self.names[column].as_bytes());
            let is_json = field.repeated || matches!(field.kind, ColumnKind::Record(_) | ColumnKind::Json);
            match cell {
                Cell::Text(text) if is_json => out.extend_from_slice(text.as_bytes()),
                Cell::Text(text) => write_string(&mut out, text),
                Cell::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
                Cell::Int(value) => write!(out, "{value}").expect("a Vec takes all bytes"),
                Cell::Float(value) => write_float(&mut out, value),
            }
        }
        out.push(b'}');
        out
    }
}

fn key(name: &str) -> String {
    format!("{}:", Value::from(name))
}

fn write_key(out: &mut Vec<u8>, name: &str) {
    write_string(out, name);
    out.push(b':');
}

/// Many programs read JSON numbers as doubles, so an integer beyond 53 bits is written as text, which BigQuery takes
/// too.
fn write_int(out: &mut Vec<u8>, value: i64) {
    let quote = if value.unsigned_abs() > 1 << 53 { "\"" } else { "" };
    write!(out, "{quote}{value}{quote}").expect("a Vec takes all bytes");
}

fn write_float(out: &mut Vec<u8>, value: f64) {
    serde_json::to_writer(out, &value).expect("a Vec takes all bytes, and a float is plain JSON");
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a Vec takes all bytes, and text is plain JSON");
}
