//! Elexon as a second source: what it has sent, and the bytes of it. This room knows no warehouse and no spool.
//!
//! - `elexon_archive/`: the public archive of every message that Elexon has sent over IRIS.

pub mod elexon_archive;
