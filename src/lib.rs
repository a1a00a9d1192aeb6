//! irispool puts the messages of Elexon's IRIS client into a warehouse: every row, once, within seconds.

pub mod catalog;
pub mod cli;
pub mod commands;
pub mod config;
pub mod exit;
pub mod feed;
pub mod message;
pub mod observe;
pub mod pipeline;
pub mod signals;
pub mod spool;
pub mod warehouse;
