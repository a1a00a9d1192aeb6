//! What `irispool query` does.

use std::io::{self, IsTerminal, Write};

use super::super::open_warehouse::open_bigquery;
use super::super::table::{Align, columns_and_text};
use super::super::terminal::{TerminalSize, say};
use super::args::QueryArgs;
use super::error::StatementError;
use super::named_query::{NAMED_QUERIES, NamedQuery};
use super::output_format::OutputFormat;
use super::print::print;
use super::screen_answer::TABLE_ROWS_MAX;
use crate::config::{Config, WarehouseSpec};
use crate::exit::{Exit, Failure};
use crate::warehouse::sqlite::SqliteReader;
use crate::warehouse::{Query, QueryError};

/// `irispool query`.
///
/// # Errors
/// If the warehouse cannot be opened, or refuses the statement.
pub(in crate::commands) fn run(config: &Config, args: &QueryArgs) -> Result<Exit, Failure> {
    if args.list {
        let names: Vec<Vec<String>> = NAMED_QUERIES.iter().map(|query| vec![query.name.to_owned()]).collect();
        let answers: Vec<&str> = NAMED_QUERIES.iter().map(NamedQuery::answers).collect();
        let width = TerminalSize::of_stdout().width;
        say(&columns_and_text(&[("NAME", Align::Left)], &names, "ANSWERS", &answers, width))?;
        return Ok(Exit::Done);
    }
    let sql = statement(args, &config.warehouse)?;
    match &config.warehouse {
        WarehouseSpec::Sqlite(path) => {
            print_to_stdout(&SqliteReader::open(path, config.busy_timeout)?, &sql, args.format)?;
        }
        WarehouseSpec::BigQuery(bq_dataset) => {
            print_to_stdout(&open_bigquery(config, bq_dataset)?, &sql, args.format)?;
        }
    }
    Ok(Exit::Done)
}

/// The statement that is named, typed or read, on the project and the dataset of the warehouse.
fn statement(args: &QueryArgs, warehouse: &WarehouseSpec) -> Result<String, StatementError> {
    let sql = match (&args.named, args.sql.as_deref()) {
        (Some(name), _) => NamedQuery::find(name)?.sql(warehouse).to_owned(),
        (None, Some("-")) => {
            io::read_to_string(io::stdin()).map_err(|source| StatementError::Unread { source })?
        }
        (None, sql) => sql.unwrap_or_default().to_owned(),
    };
    match warehouse {
        WarehouseSpec::BigQuery(bq_dataset) => {
            Ok(sql.replace("{project}", &bq_dataset.project).replace("{dataset}", &bq_dataset.name))
        }
        WarehouseSpec::Sqlite(_) if sql.contains("`{project}.{dataset}.") => Err(StatementError::ForBigQuery),
        WarehouseSpec::Sqlite(_) => Ok(sql),
    }
}

/// Runs the query and prints its rows to standard output. For people, it prints the number of rows to standard error. A
/// closed pipe is not an error: the reader has seen enough.
///
/// # Errors
/// If the warehouse refuses the statement, or standard output cannot be written.
pub(in crate::commands) fn print_to_stdout(
    warehouse: &dyn Query,
    sql: &str,
    format: Option<OutputFormat>,
) -> Result<(), QueryError> {
    let stdout = io::stdout();
    let usual = if stdout.is_terminal() { OutputFormat::Fitting } else { OutputFormat::Csv };
    let format = format.unwrap_or(usual);
    let width = TerminalSize::of_stdout().width;
    let mut out = io::BufWriter::new(stdout.lock());
    let asked = print(warehouse, sql, format, width, &mut out);
    match asked.and_then(|printed| out.flush().map(|()| printed).map_err(QueryError::from)) {
        Ok(printed) if format.is_for_people() => {
            let rows = printed.rows;
            let shown = if printed.rows_shown < rows {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_for_bigquery_names_the_dataset_of_the_warehouse() {
        let bigquery: WarehouseSpec = WarehouseSpec::BigQuery("my-project.elexon".parse().unwrap());
        let sqlite = WarehouseSpec::Sqlite("iris.db".into());
        let typed =
            |sql: &str| QueryArgs { sql: Some(sql.to_owned()), named: None, list: false, format: None };
        let asked = typed("SELECT 1 FROM `{project}.{dataset}.a`, `{project}`.{dataset}.b");
        assert_eq!(
            statement(&asked, &bigquery).unwrap(),
            "SELECT 1 FROM `my-project.elexon.a`, `my-project`.elexon.b"
        );
        assert!(matches!(statement(&asked, &sqlite), Err(StatementError::ForBigQuery)));
        let text = "SELECT '{project}.{dataset}'";
        assert_eq!(statement(&typed(text), &sqlite).unwrap(), text);
        for query in NAMED_QUERIES {
            let asked =
                QueryArgs { sql: None, named: Some(query.name.to_owned()), list: false, format: None };
            let sql = statement(&asked, &bigquery).unwrap();
            assert!(sql.contains("`my-project.elexon.") && !sql.contains('{'), "{sql}");
            assert!(!statement(&asked, &sqlite).unwrap().contains('{'));
        }
    }
}
