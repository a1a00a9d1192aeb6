//! What must come of the messages that were written: which rows, with which values, and which dead letters. It reads the
//! messages with serde_json, in its own way.

use std::collections::{BTreeMap, BTreeSet};

use irispool::catalog::{self, ColumnKind, table_name};
use irispool::feed::FeedMessage;
use rusqlite::types::Value as Cell;
use serde_json::{Map, Value};

use super::Site;

/// The last content of each message, by dataset and message id.
#[derive(Default)]
pub(crate) struct Expected {
    messages: BTreeMap<(String, String), Content>,
}

struct Content {
    folder: String,
    hash: String,
    /// By place in the message.
    rows: BTreeMap<i64, Map<String, Value>>,
    /// Some of it can't be rows.
    dead: bool,
}

type Place = (String, String, i64);

impl Expected {
    pub(crate) fn add(&mut self, folder: &str, name: &str, body: &[u8]) {
        let (rows, dead) = read(body);
        let hash = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(body));
        let content = Content { folder: folder.to_owned(), hash, rows, dead };
        self.messages.insert((dataset_of(folder, &content.rows), name.to_owned()), content);
    }

    /// This reading and the feed's own count agree.
    pub(crate) fn check_rows(&self, message: &FeedMessage) {
        let key = (catalog::dataset_name(&message.folder), message.name.clone());
        assert_eq!(self.messages[&key].rows.len(), message.rows as usize, "{message:?}");
    }

    pub(crate) fn messages(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn rows(&self) -> usize {
        self.messages.values().map(|content| content.rows.len()).sum()
    }

    pub(crate) fn dead(&self) -> BTreeSet<String> {
        let dead = self.messages.iter().filter(|(_, content)| content.dead);
        dead.map(|((_, name), content)| format!("{}/{name}", content.folder)).collect()
    }

    /// How many messages have a line in the ledger in the end, whatever else is dead.
    pub(crate) fn loaded(&self) -> i64 {
        self.messages.values().filter(|content| !content.dead || !content.rows.is_empty()).count() as i64
    }

    /// All is delivered, or dead where it must be; nothing twice, nothing else, nothing left in the queue.
    #[track_caller]
    pub(crate) fn assert_exact(&self, site: &Site) {
        site.assert_nothing_incoming();
        site.assert_nothing_claimed();
        self.assert_rows(site);
        assert_eq!(site.dead(), self.dead(), "dead letters (left: there, right: expected)");
        for name in self.dead() {
            let (folder, name) = name.split_once('/').unwrap();
            assert_eq!(site.report(folder, name).message_id, name);
        }
    }

    /// The tables and the ledger hold what they must, and nothing else.
    #[track_caller]
    pub(crate) fn assert_rows(&self, site: &Site) {
        let mut wanted: BTreeSet<Place> = BTreeSet::new();
        for ((dataset, name), content) in &self.messages {
            wanted.extend(content.rows.keys().map(|row| (table_name(dataset), name.clone(), *row)));
        }
        let mut wrong = Vec::new();
        let by_table: BTreeMap<String, &str> =
            self.messages.keys().map(|(dataset, _)| (table_name(dataset), dataset.as_str())).collect();
        for table in
            site.texts("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'bmrs%iris'")
        {
            self.compare_table(site, &table, by_table.get(&table).copied(), &mut wanted, &mut wrong);
        }
        wrong.extend(wanted.into_iter().map(|place| format!("missing: {place:?}")));
        self.compare_ledger(site, &mut wrong);
        assert!(
            wrong.is_empty(),
            "{} faults, such as\n{}",
            wrong.len(),
            wrong[..wrong.len().min(20)].join("\n")
        );
    }

    fn compare_table(
        &self,
        site: &Site,
        table: &str,
        dataset: Option<&str>,
        wanted: &mut BTreeSet<Place>,
        wrong: &mut Vec<String>,
    ) {
        let connection = site.connection();
        let mut statement = connection.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let name: String = row.get("message_id").unwrap();
            let place: i64 = row.get("message_row").unwrap();
            let here = (table.to_owned(), name.clone(), place);
            if !wanted.remove(&here) {
                wrong.push(format!("unexpected or twice: {here:?}"));
                continue;
            }
            let dataset = dataset.unwrap();
            let fields = &self.messages[&(dataset.to_owned(), name)].rows[&place];
            let rescued: Option<String> = row.get("rescued").unwrap();
            for (field, value) in fields {
                let column = columns.iter().position(|column| column.eq_ignore_ascii_case(field));
                let cell = column.map_or(Cell::Null, |column| row.get(column).unwrap());
                if !agree(dataset, field, value, &cell, rescued.as_deref()) {
                    wrong.push(format!("other content: {here:?} {field} is {cell:?}, not {value}"));
                }
            }
        }
    }

    fn compare_ledger(&self, site: &Site, wrong: &mut Vec<String>) {
        let lines = site
            .texts("SELECT dataset || '/' || content_hash || '/' || message_id FROM irispool_load_history");
        let lines: BTreeSet<String> = lines.into_iter().collect();
        let mut surplus = lines.clone();
        for ((dataset, name), content) in &self.messages {
            let line = format!("{dataset}/{}/{name}", content.hash);
            surplus.remove(&line);
            // Of a message that is dead as a whole there may be no line.
            let may_lack = content.dead && content.rows.is_empty();
            if !may_lack && !lines.contains(&line) {
                wrong.push(format!("not in the ledger with its last content: {line}"));
            }
        }
        wrong.extend(surplus.into_iter().map(|line| format!("should not be in the ledger: {line}")));
    }
}

/// Where the folder is no known dataset's, the rows say what they are.
fn dataset_of(folder: &str, rows: &BTreeMap<i64, Map<String, Value>>) -> String {
    let of_folder = catalog::dataset_name(folder);
    let named = rows.values().find_map(|row| row.get("dataset")?.as_str()).map(catalog::dataset_name);
    match named.filter(|named| catalog::find(&of_folder).is_none() && catalog::find(named).is_some()) {
        Some(named) => named,
        None => of_folder,
    }
}

/// Whether a cell holds the value of a message. How times and nested values are written is for other tests.
fn agree(dataset: &str, field: &str, value: &Value, cell: &Cell, rescued: Option<&str>) -> bool {
    let kept = || rescued.is_some_and(|text| text.contains(&format!("\"{field}\"")));
    let plain_text = catalog::find(dataset)
        .and_then(|dataset| dataset.field(field))
        .is_some_and(|known| known.kind == ColumnKind::String && !known.repeated);
    match (value, cell) {
        (Value::Null, cell) => *cell == Cell::Null,
        (_, Cell::Null) => kept(),
        (Value::Number(number), Cell::Integer(found)) => number.as_f64() == Some(*found as f64),
        (Value::Number(number), Cell::Real(found)) => number.as_f64() == Some(*found),
        (Value::Bool(value), Cell::Integer(found)) => i64::from(*value) == *found,
        (Value::String(value), Cell::Text(found)) => !plain_text || value == found,
        (Value::Array(_) | Value::Object(_), Cell::Text(_)) => true,
        (Value::Number(number), Cell::Text(found)) => {
            found.parse() == Ok(number.as_f64().unwrap_or(f64::NAN))
        }
        _ => false,
    }
}

/// A message's good rows by their place, and whether some of it is no row.
fn read(body: &[u8]) -> (BTreeMap<i64, Map<String, Value>>, bool) {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let elements: Vec<Option<Value>> = match serde_json::from_slice(body) {
        Ok(Value::Array(elements)) => elements.into_iter().map(Some).collect(),
        Ok(value) => vec![Some(value)],
        Err(_) => match split(body) {
            Some(texts) => texts.into_iter().map(|text| serde_json::from_slice(text).ok()).collect(),
            None => return (BTreeMap::new(), true),
        },
    };
    let mut rows = BTreeMap::new();
    let mut dead = false;
    for (place, element) in elements.into_iter().enumerate() {
        match element {
            Some(Value::Object(fields)) => drop(rows.insert(place as i64, fields)),
            _ => dead = true,
        }
    }
    (rows, dead)
}

/// The elements of an array some of which are not JSON; none where the array does not end.
fn split(body: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut depth, mut in_text, mut escaped) = (0, false, false);
    let (mut start, mut elements) = (1, Vec::new());
    for (place, &byte) in body.iter().enumerate() {
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'[' | b'{' => depth += 1,
            b',' if depth == 1 => {
                elements.push(&body[start..place]);
                start = place + 1;
            }
            b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    elements.push(&body[start..place]);
                    return Some(elements);
                }
            }
            _ => {}
        }
    }
    None
}
