//! irispool puts the messages of Elexon's IRIS client into a warehouse: every row, once, within seconds.

pub mod catalog;
pub mod commands;
pub mod message;
pub mod warehouse;
