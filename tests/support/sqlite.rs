//! What the tests of the SQLite warehouse share: messages in short words, and a plain connection to look behind it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use irispool::catalog::Schema;
use irispool::message::{Cell, Rows};
use irispool::warehouse::sqlite::Sqlite;
use irispool::warehouse::{Delivery, DeliveryMessage, MessageOutcome, Warehouse, WarehouseError};
use rusqlite::Connection;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with one database in it; gone at the end of the test.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("iris.db")
    }

    pub(crate) fn open(&self) -> Sqlite {
        Sqlite::open(self.path(), PATIENCE).unwrap()
    }

    /// A connection as any other program has one.
    pub(crate) fn other(&self) -> Connection {
        let connection = Connection::open(self.path()).unwrap();
        connection.busy_timeout(PATIENCE).unwrap();
        connection
    }

    /// The one number that a query answers.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.other().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// The first column of the answer, as text; null is `-`.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        let other = self.other();
        let mut statement = other.prepare(sql).unwrap();
        let texts = statement
            .query_map([], |row| row.get::<_, Option<String>>(0))
            .unwrap()
            .map(|text| text.unwrap().unwrap_or("-".into()));
        texts.collect()
    }
}

pub(crate) type Fields<'a> = &'a [(&'a str, Cell<'a>)];

/// A message of the given rows.
#[derive(Clone)]
pub(crate) struct Sent<'a> {
    pub(crate) id: &'a str,
    pub(crate) hash: u128,
    pub(crate) written_at_ms: i64,
    pub(crate) dead: u32,
    /// Each with its place in the message.
    pub(crate) rows: Vec<(u32, Fields<'a>)>,
}

pub(crate) fn sent<'a>(id: &'a str, hash: u128, rows: &[Fields<'a>]) -> Sent<'a> {
    let rows = rows.iter().enumerate().map(|(place, row)| (place as u32, *row)).collect();
    Sent { id, hash, written_at_ms: 1_761_623_940_000, dead: 0, rows }
}

pub(crate) fn delivery(dataset: &str, schema: &Arc<Schema>, messages: &[Sent<'_>]) -> Delivery {
    let mut rows = Rows::default();
    let mut list = Vec::new();
    for sent in messages {
        let first = rows.len();
        for (place, fields) in &sent.rows {
            for (name, cell) in *fields {
                rows.push(schema.position(name).unwrap_or_else(|| panic!("no column {name}")), *cell);
            }
            rows.end_row(*place, "");
        }
        list.push(DeliveryMessage {
            id: sent.id.into(),
            hash: sent.hash,
            bytes: 300,
            rows: first..rows.len(),
            rescued: 0,
            dead: sent.dead,
            written_at_ms: sent.written_at_ms,
            claimed_at_ms: sent.written_at_ms + 2_000,
        });
    }
    Delivery {
        dataset: dataset.into(),
        batch: "batch-1".into(),
        worker: "worker-1".into(),
        schema: schema.clone(),
        messages: list,
        rows,
    }
}

/// Loads messages of one dataset in one call.
pub(crate) fn load(warehouse: &Sqlite, dataset: &str, messages: &[Sent<'_>]) -> Vec<MessageOutcome> {
    let schema = warehouse.schema(dataset).unwrap();
    load_all(warehouse, &[delivery(dataset, &schema, messages)]).unwrap().remove(0)
}

/// Loads in one call; the first error, where there is one.
pub(crate) fn load_all(
    warehouse: &Sqlite,
    deliveries: &[Delivery],
) -> Result<Vec<Vec<MessageOutcome>>, WarehouseError> {
    warehouse.load(deliveries).into_iter().collect()
}
