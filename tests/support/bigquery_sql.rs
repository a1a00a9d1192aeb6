//! What the tests of BigQuery's SQL share: tables and queries, Google's analyzer, an emulator.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use irispool::catalog::{ColumnKind, Field};
use irispool::warehouse::bigquery::views::LiveTable;
use serde_json::{Value, json};

pub use super::emulator::{Emulator, Turn, installed};
use super::root;

/// The queries of `tests/support/existing_queries.sql`, each with its heading, on that project and dataset.
pub fn existing_queries(project: &str, dataset: &str) -> Vec<(String, String)> {
    let text = include_str!("existing_queries.sql").replace("`P.D.", &format!("`{project}.{dataset}."));
    let queries: Vec<_> = text
        .split(';')
        .filter_map(|part| {
            let (heading, sql) = part.trim().rsplit_once("-- ")?.1.split_once('\n')?;
            Some((heading.to_owned(), sql.trim().to_owned()))
        })
        .collect();
    assert_eq!(queries.len(), 14, "the file has fourteen queries");
    queries
}

/// The files under `sql/bigquery/queries`, each with its name, on that project and dataset.
pub fn shipped_queries(project: &str, dataset: &str) -> Vec<(String, String)> {
    let folder = root().join("sql/bigquery/queries");
    let mut queries: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let sql = std::fs::read_to_string(&path).unwrap();
            let sql = sql.replace("{project}", project).replace("{dataset}", dataset);
            (path.file_name().unwrap().to_string_lossy().into_owned(), sql)
        })
        .collect();
    queries.sort();
    assert!(!queries.is_empty());
    queries
}

/// The queries in `docs/migrate.md`, on that project and dataset.
pub fn documented_queries(project: &str, dataset: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join("docs/migrate.md")).unwrap();
    let blocks = text.split("```sql\n").skip(1).map(|block| block.split("```").next().unwrap());
    let queries: Vec<_> = blocks
        .filter(|sql| sql.starts_with("SELECT"))
        .map(|sql| {
            ("docs/migrate.md".to_owned(), sql.replace("my-project.elexon", &format!("{project}.{dataset}")))
        })
        .collect();
    assert!(!queries.is_empty());
    queries
}

/// A table with its rows: its columns as `name TYPE`, and each row's values as SQL, ` | ` between them.
pub struct TableRows {
    pub name: &'static str,
    pub columns: &'static str,
    pub partition_field: Option<&'static str>,
    pub rows: &'static [&'static str],
}

impl TableRows {
    pub fn live(&self) -> LiveTable {
        LiveTable {
            name: self.name.to_owned(),
            columns: self.columns.split(" | ").map(column).collect(),
            times_of_day: Vec::new(),
            partition_field: self.partition_field.map(str::to_owned),
        }
    }

    /// A query without tables that gives its rows.
    pub fn query(&self) -> String {
        let select = |row: &&str| {
            assert_eq!(row.split(" | ").count(), self.columns.split(" | ").count(), "{}: {row}", self.name);
            let cells = self.columns.split(" | ").zip(row.split(" | ")).map(|(column, value)| {
                let (name, kind) = column.split_once(' ').unwrap();
                format!("CAST({value} AS {kind}) AS {name}")
            });
            format!("SELECT {}", cells.collect::<Vec<_>>().join(", "))
        };
        self.rows.iter().map(select).collect::<Vec<_>>().join("\nUNION ALL\n")
    }
}

/// The column of `name TYPE`.
pub fn column(text: &str) -> Field {
    let (name, kind) = text.split_once(' ').unwrap();
    field(name, kind)
}

/// A column of that type, as SQL writes it; nested fields don't matter to a view.
pub fn field(name: &str, kind: &str) -> Field {
    let (repeated, kind) = kind.strip_prefix("ARRAY<").map_or((false, kind), |element| (true, element));
    let kind = match kind.split(['<', '>']).next().unwrap_or(kind) {
        "BOOL" => ColumnKind::Bool,
        "INT64" => ColumnKind::Int64,
        "FLOAT64" => ColumnKind::Float64,
        "NUMERIC" | "BIGNUMERIC" => ColumnKind::Numeric,
        "STRING" => ColumnKind::String,
        "TIMESTAMP" => ColumnKind::Timestamp,
        "DATETIME" => ColumnKind::Datetime,
        "DATE" => ColumnKind::Date,
        "JSON" => ColumnKind::Json,
        "STRUCT" => ColumnKind::Record(Vec::new()),
        other => panic!("{other} is no type"),
    };
    Field { name: name.to_owned(), kind, repeated }
}

/// A column's type, as SQL writes it.
pub fn type_name(field: &Field) -> String {
    let kind = match &field.kind {
        ColumnKind::Bool => "BOOL".to_owned(),
        ColumnKind::Int64 => "INT64".to_owned(),
        ColumnKind::Float64 => "FLOAT64".to_owned(),
        ColumnKind::Numeric => "NUMERIC".to_owned(),
        ColumnKind::String => "STRING".to_owned(),
        ColumnKind::Timestamp => "TIMESTAMP".to_owned(),
        ColumnKind::Datetime => "DATETIME".to_owned(),
        ColumnKind::Date => "DATE".to_owned(),
        ColumnKind::Json => "JSON".to_owned(),
        ColumnKind::Record(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|field| format!("`{}` {}", field.name, type_name(field))).collect();
            format!("STRUCT<{}>", fields.join(", "))
        }
    };
    if field.repeated { format!("ARRAY<{kind}>") } else { kind }
}

/// What the analyzer says of one statement.
#[derive(Debug, serde::Deserialize)]
pub struct Answer {
    pub name: String,
    pub error: Option<String>,
    #[serde(default)]
    pub columns: Vec<Column>,
    #[serde(default)]
    pub rows: Vec<Vec<Option<String>>>,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
}

/// Tables and statements for the analyzer.
#[derive(Default)]
pub struct Analysis {
    tables: Vec<Value>,
    statements: Vec<Value>,
}

impl Analysis {
    pub fn table(&mut self, path: &str, columns: &[Field]) {
        let columns: Vec<_> =
            columns.iter().map(|field| json!({"name": field.name, "type": type_name(field)})).collect();
        self.tables.push(json!({"name": path, "columns": columns}));
    }

    pub fn table_of(&mut self, path: &str, query: &str) {
        self.tables.push(json!({"name": path, "query": query}));
    }

    pub fn statement(&mut self, name: &str, sql: &str) {
        self.statements.push(json!({"name": name, "sql": sql}));
    }

    pub fn run(&mut self, name: &str, sql: &str) {
        self.statements.push(json!({"name": name, "sql": sql, "run": true}));
    }

    /// What BigQuery itself has in every dataset.
    pub fn dataset(&mut self, path: &str) {
        let tables = [field("table_name", "STRING"), field("table_type", "STRING")];
        self.table(&format!("{path}.INFORMATION_SCHEMA.TABLES"), &tables);
        let sizes = [field("table_id", "STRING"), field("size_bytes", "INT64"), field("row_count", "INT64")];
        self.table(&format!("{path}.__TABLES__"), &sizes);
    }

    /// The analyzer's answers, in the statements' order.
    pub fn answers(&self) -> Vec<Answer> {
        let mut analyzer = Command::new(root().join("scripts/bq-analyze"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = json!({"tables": self.tables, "statements": self.statements}).to_string();
        analyzer.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = analyzer.wait_with_output().unwrap();
        assert!(output.status.success(), "scripts/bq-analyze failed");
        let answers: Vec<Answer> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answers.len(), self.statements.len());
        answers
    }
}
