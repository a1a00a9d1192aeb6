//! The datasets that IRIS publishes: names, aliases, fields, keys.
//!
//! Pure: no file, no network. The facts are data, in `datasets.json` beside this file, which is compiled in.
//!
//! - `dataset`: what is known of each dataset
//! - `names`: from the names that messages carry to datasets, and from datasets to tables
//! - `schema`: columns and tables, in BigQuery's terms

mod dataset;
mod names;
mod schema;
#[cfg(test)]
mod tests;

pub use dataset::{Dataset, LatestRule, Synonym, all, known_kind};
pub use names::{
    dataset_name, dataset_of_file_name, find, historic_table_names, is_own_folder, minute_of_message_id,
    stem_and_minute, table_name, view_name,
};
pub use schema::{ColumnKind, Field, META_COLUMNS, Schema, is_meta_column};
