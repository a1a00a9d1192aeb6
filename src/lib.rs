//! irispool puts the messages of Elexon's IRIS client into a warehouse: every row, once, within seconds.
//!
//! `ARCHITECTURE.md` has the bird's-eye view. A module uses only those below it:
//! [`cli`], [`commands`], `health`, `pipeline`, [`warehouse`], [`spool`], [`signals`], [`feed`], [`message`],
//! [`catalog`], `https`, [`config`], [`exit`], `paste`, [`observe`]. The last four are for the program round the pipeline.

#![warn(clippy::unwrap_used)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod catalog;
pub mod cli;
pub mod commands;
pub mod config;
pub mod exit;
pub mod feed;
#[allow(unreachable_pub)]
mod health;
mod https;
pub mod message;
pub mod observe;
mod paste;
#[allow(unreachable_pub)]
mod pipeline;
pub mod signals;
pub mod spool;
pub mod warehouse;
