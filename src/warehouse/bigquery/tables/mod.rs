//! Tables and views in BigQuery.

pub(super) mod columns;
pub(super) mod known_tables;
pub(super) mod listing;
mod old_views;
mod own_views;
pub(super) mod setup;
pub(super) mod sql;
pub(super) mod table_resource;
pub(super) mod view_makers;
pub mod views;
