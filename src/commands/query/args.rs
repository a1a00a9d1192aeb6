//! The arguments of `irispool query`.

use super::output_format::OutputFormat;

/// The arguments of `irispool query`.
#[derive(Debug, clap::Args)]
pub struct QueryArgs {
    /// One statement in the warehouse's SQL, or - to read it from standard input
    ///
    /// With BigQuery, irispool puts the names of your project and dataset in place of {project} and {dataset}.
    #[arg(
        value_name = "SQL",
        allow_hyphen_values = true,
        required_unless_present_any = ["named", "list"],
        conflicts_with_all = ["named", "list"]
    )]
    pub sql: Option<String>,
    /// Run one of the queries that come with irispool
    #[arg(long, value_name = "NAME", conflicts_with = "list")]
    pub named: Option<String>,
    /// List the queries that come with irispool
    #[arg(long, conflicts_with = "format")]
    pub list: bool,
    /// Output format; the default on a terminal is a table, or records if the table is too wide, and csv elsewhere
    #[arg(long, value_enum)]
    pub format: Option<OutputFormat>,
}
