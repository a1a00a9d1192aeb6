//! Elexon's public archive of IRIS: a container of Azure Blob Storage. It has every message under the name that the
//! client gives its file, `data/<DATASET>/<message id>`. Nobody needs an account to read it.
//!
//! Everything that irispool assumes about the archive is in this folder:
//!
//! - A listing is alphabetical and has at most 5,000 names on a page. Only an empty `NextMarker` ends it: a page may be
//!   short or empty and still have a marker.
//! - A cache may stand before the archive, so every address of a listing is unique, and an old answer is refused.
//! - A message's bytes may be compressed, or be JSON inside a JSON string. The client's file of the same message has
//!   other bytes and the same values.
//! - The minute in a message's name is UTC.
//!
//! The files:
//!
//! - `client`: sends requests at a polite rate, and again where that may help.
//! - `error`: why the archive gave no answer.
//! - `listing`: reads a page of names from XML.
//! - `days`: lists the names of one dataset's day.
//! - `body`: unpacks the message in a blob's bytes.
//! - `address`: the archive's address, and the addresses in it.

mod address;
mod body;
mod client;
mod days;
mod error;
mod listing;

pub use address::ArchiveUrl;
pub use client::{ArchiveOptions, ElexonArchive};
pub use days::{SentNames, Stems};
pub use error::ElexonArchiveError;
pub use listing::Blob;
