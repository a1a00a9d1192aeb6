//! irispool puts the messages of Elexon's IRIS client into a warehouse: every row, once, within seconds.
//!
//! `ARCHITECTURE.md` has the bird's-eye view. A module uses only those below it:
//! [`cli`], [`commands`], `health`, [`completeness`], `pipeline`, `keeper`, [`warehouse`], [`source`], [`spool`],
//! [`signals`], [`feed`], [`message`], [`catalog`], `https`, [`metrics`], [`config`], [`exit`], `paste`, `secret`,
//! [`bq_dataset`], `client`, [`observe`].
//! Only the program around the pipeline uses [`config`], [`exit`], `paste` and [`observe`].

#![warn(clippy::unwrap_used)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod bq_dataset;
pub mod catalog;
pub mod cli;
mod client;
pub mod commands;
pub mod completeness;
pub mod config;
pub mod exit;
pub mod feed;
mod hashed_name;
mod health;
mod https;
mod keeper;
mod locks;
pub mod message;
pub mod metrics;
pub mod observe;
mod paste;
mod pipeline;
mod secret;
pub mod signals;
pub mod source;
pub mod spool;
pub mod warehouse;
