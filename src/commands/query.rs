//! `irispool query`: prints the rows as a table for people, or as CSV or JSON for programs.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Row, Table};

use super::open_warehouse::open_bigquery;
use super::terminal::TerminalSize;
use crate::config::{Config, WarehouseSpec};
use crate::exit::{Exit, Explain, Failure};
use crate::warehouse::sqlite::SqliteReader;
use crate::warehouse::{Query, QueryError, QueryValue, RowSink};

/// A table needs all its rows in memory before it is drawn, so it shows at most this many.
const TABLE_ROWS_MAX: u64 = 10_000;
/// The longest value in a table, in characters, before the table is fitted to the terminal.
const TABLE_CELL_CHARS_MAX: usize = 2_000;

/// The arguments of `irispool query`.
#[derive(Clone, Debug, clap::Args)]
pub struct QueryArgs {
    /// One statement in the warehouse's SQL, or - to read it from standard input
    #[arg(value_name = "SQL", allow_hyphen_values = true)]
    pub sql: String,
    /// Output format; the default is table on a terminal and csv elsewhere
    #[arg(long, value_enum)]
    pub format: Option<OutputFormat>,
}

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Columns side by side, cut to the terminal's width
    Table,
    /// RFC 4180, with a header; null is an empty field
    Csv,
    /// One array of objects
    Json,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot read the statement from standard input: {source}")]
struct NoStatementError {
    source: io::Error,
}

impl Explain for NoStatementError {}

/// `irispool query`.
///
/// # Errors
/// If the warehouse cannot be opened, or refuses the statement.
pub(super) fn start(config: &Config, args: &QueryArgs) -> Result<Exit, Failure> {
    let mut args = args.clone();
    if args.sql == "-" {
        args.sql = io::read_to_string(io::stdin()).map_err(|source| NoStatementError { source })?;
    }
    match &config.warehouse {
        WarehouseSpec::Sqlite(path) => run(&args, &SqliteReader::open(path, config.busy_timeout)?)?,
        WarehouseSpec::BigQuery(bq_dataset) => run(&args, &open_bigquery(config, bq_dataset)?)?,
    }
    Ok(Exit::Done)
}

/// Runs the query and prints its rows to standard output. Under a table, it prints the number of rows to standard
/// error. A closed pipe is not an error: the reader has seen enough.
pub(super) fn run(args: &QueryArgs, warehouse: &dyn Query) -> Result<(), QueryError> {
    let stdout = io::stdout();
    let terminal = stdout.is_terminal();
    let format = args.format.unwrap_or(if terminal { OutputFormat::Table } else { OutputFormat::Csv });
    let width = TerminalSize::of_stdout().width.filter(|_| terminal).map(|chars| chars as u16);
    let mut out = io::BufWriter::new(stdout.lock());
    let asked = print(warehouse, &args.sql, format, width, &mut out);
    match asked.and_then(|rows| out.flush().map(|()| rows).map_err(QueryError::from)) {
        Ok(rows) if format == OutputFormat::Table => {
            let shown = if rows > TABLE_ROWS_MAX {
                format!(", the first {TABLE_ROWS_MAX} shown; --format csv prints all")
            } else {
                String::new()
            };
            eprintln!("{rows} row{}{shown}", if rows == 1 { "" } else { "s" });
            Ok(())
        }
        Err(QueryError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map(drop),
    }
}

/// Runs the query, writes its rows to `out` in that format, and returns the number of rows. A table is cut to `width`
/// characters.
///
/// # Errors
/// If the warehouse refuses the statement, or `out` cannot be written.
pub fn print(
    warehouse: &dyn Query,
    sql: &str,
    format: OutputFormat,
    width: Option<u16>,
    out: &mut dyn Write,
) -> Result<u64, QueryError> {
    match format {
        OutputFormat::Table => {
            let mut answer = TableAnswer { table: Table::new(), rows: 0 };
            let rows = warehouse.query(sql, &mut answer)?;
            answer.draw(width, out)?;
            Ok(rows)
        }
        OutputFormat::Csv => warehouse.query(sql, &mut CsvAnswer { out }),
        OutputFormat::Json => {
            let mut answer = JsonAnswer { out, keys: Vec::new(), rows: 0 };
            let rows = warehouse.query(sql, &mut answer)?;
            answer.end()?;
            Ok(rows)
        }
    }
}

struct TableAnswer {
    table: Table,
    rows: u64,
}

impl RowSink for TableAnswer {
    fn columns(&mut self, names: &[String]) -> io::Result<()> {
        self.table.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
        self.table.set_header(names);
        Ok(())
    }

    fn row(&mut self, values: &[QueryValue<'_>]) -> io::Result<()> {
        self.rows += 1;
        if self.rows > TABLE_ROWS_MAX {
            return Ok(());
        }
        let cells = values.iter().map(|value| match value {
            QueryValue::Int(_) | QueryValue::Float(_) => {
                Cell::new(text(value)).set_alignment(CellAlignment::Right)
            }
            _ => Cell::new(one_line(&text(value))),
        });
        let mut row = Row::from(cells.collect::<Vec<Cell>>());
        row.max_height(1);
        self.table.add_row(row);
        Ok(())
    }
}

impl TableAnswer {
    fn draw(mut self, width: Option<u16>, out: &mut dyn Write) -> io::Result<()> {
        if let Some(width) = width {
            self.table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        self.table.set_truncation_indicator("…");
        if self.table.column_count() == 0 {
            return Ok(());
        }
        for line in self.table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

struct CsvAnswer<'a> {
    out: &'a mut dyn Write,
}

impl CsvAnswer<'_> {
    fn line<'t>(&mut self, fields: impl Iterator<Item = std::borrow::Cow<'t, str>>) -> io::Result<()> {
        for (index, field) in fields.enumerate() {
            if index > 0 {
                self.out.write_all(b",")?;
            }
            if field.contains([',', '"', '\r', '\n']) {
                write!(self.out, "\"{}\"", field.replace('"', "\"\""))?;
            } else {
                self.out.write_all(field.as_bytes())?;
            }
        }
        self.out.write_all(b"\r\n")
    }
}

impl RowSink for CsvAnswer<'_> {
    fn columns(&mut self, names: &[String]) -> io::Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        self.line(names.iter().map(|name| name.into()))
    }

    fn row(&mut self, values: &[QueryValue<'_>]) -> io::Result<()> {
        self.line(values.iter().map(text))
    }
}

struct JsonAnswer<'a> {
    out: &'a mut dyn Write,
    keys: Vec<String>,
    rows: u64,
}

impl RowSink for JsonAnswer<'_> {
    fn columns(&mut self, names: &[String]) -> io::Result<()> {
        self.keys = names.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        self.out.write_all(b"[")
    }

    fn row(&mut self, values: &[QueryValue<'_>]) -> io::Result<()> {
        self.out.write_all(if self.rows == 0 { b"\n{" } else { b",\n{" })?;
        self.rows += 1;
        for (index, (key, value)) in self.keys.iter().zip(values).enumerate() {
            write!(self.out, "{}{key}: ", if index == 0 { "" } else { ", " })?;
            match value {
                QueryValue::Int(value) => write!(self.out, "{value}")?,
                // JSON has no infinity: it becomes null.
                QueryValue::Float(value) => serde_json::to_writer(&mut self.out, value)?,
                QueryValue::Null => self.out.write_all(b"null")?,
                QueryValue::Bool(value) => write!(self.out, "{value}")?,
                QueryValue::Json(json) => self.out.write_all(json.as_bytes())?,
                QueryValue::Text(_) | QueryValue::Bytes(_) => {
                    serde_json::to_writer(&mut self.out, &text(value))?
                }
            }
        }
        self.out.write_all(b"}")
    }
}

impl JsonAnswer<'_> {
    fn end(self) -> io::Result<()> {
        self.out.write_all(if self.rows == 0 { b"]\n" } else { b"\n]\n" })
    }
}

/// Null is empty; bytes are hexadecimal.
fn text<'a>(value: &QueryValue<'a>) -> std::borrow::Cow<'a, str> {
    match value {
        QueryValue::Null => "".into(),
        QueryValue::Int(value) => value.to_string().into(),
        // A float keeps its point, as in SQLite: 50.0, not 50.
        QueryValue::Float(value) => format!("{value:?}").into(),
        QueryValue::Bool(value) => value.to_string().into(),
        QueryValue::Text(value) | QueryValue::Json(value) => (*value).into(),
        QueryValue::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
    }
}

/// Line breaks and other control characters would break the table, or the terminal.
fn one_line(text: &str) -> String {
    let cut = text.chars().take(TABLE_CELL_CHARS_MAX);
    cut.map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
