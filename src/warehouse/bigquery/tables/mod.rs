//! Tables and views in BigQuery: reads them, creates them, and keeps them in step with the messages.
//!
//! | file | what it is for |
//! |---|---|
//! | `known_tables` | the tables for IRIS rows: reads, creates and extends them |
//! | `table_resource` | a table as the API describes it |
//! | `columns` | BigQuery's types as kinds of the catalog, and irispool's own columns |
//! | `listing` | the list of all tables and views |
//! | `live_table` | the columns of a table as the SQL of a view sees them |
//! | `views`, `sql` | the SQL of the views, and what all SQL text needs |
//! | `dataset_views` | the views of a dataset as they should be |
//! | `own_views`, `old_views` | create and change irispool's views, and recognise those of version 0.1.0 |
//! | `view_makers`, `view_upkeep`, `view_states` | threads that keep views in step with the tables |
//! | `setup`, `setup_plan` | `irispool setup`, and what it would do |
//! | `in_parallel` | the same work for many datasets |

mod columns;
mod dataset_views;
mod in_parallel;
mod known_tables;
mod listing;
mod live_table;
mod old_views;
mod own_views;
pub(super) mod setup;
mod setup_plan;
mod sql;
mod table_resource;
mod view_makers;
mod view_states;
mod view_upkeep;
pub mod views;

pub(super) use self::columns::{MetaColumn, MetaColumns};
pub(super) use self::in_parallel::for_each_dataset;
pub(super) use self::known_tables::KnownTables;
pub use self::setup_plan::SetupPlan;
pub(super) use self::setup_plan::plan;
pub(super) use self::sql::{only_reads, quoted};
pub(super) use self::table_resource::{BqTable, read_table, table_path};
pub(super) use self::view_makers::ViewMakers;
