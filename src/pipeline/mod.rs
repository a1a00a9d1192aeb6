//! The stages wired together: `discover → claim → parse → deliver → settle`.
//!
//! | stage | runs in | waits for |
//! |---|---|---|
//! | discover, claim | the coordinator ([`run()`]'s own thread) | events, timers, batches that came back |
//! | list | one lister | free readers, tables that are being asked about by a few threads more |
//! | parse | `readers` threads (rayon) | the disk, free memory, room before delivery |
//! | gather, finish (bulk batches only) | a few threads | the warehouse |
//! | deliver | as many threads as the warehouse has use for | the warehouse |
//! | settle | `settlers` threads | the disk |
//!
//! Beside them, for nobody to wait for, the keeper packs, tidies and counts ([`Keeper`]).
//!
//! Channels are bounded and the bytes in memory have a limit, so a slow stage slows those before it, and memory does
//! not grow with the backlog. A message that can't go on stays where it is on disk and is found again by listing.

mod ahead;
mod budget;
mod bulk;
mod burials;
mod coordinate;
mod dead_room;
mod deliver;
mod failures;
mod figures;
mod give_back;
mod keep;
mod letters;
mod list;
mod mended;
mod parcel;
mod parse;
mod run;
mod settle;
mod stages;
mod tables;
mod tally;
mod work;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use dead_room::Room;
pub use figures::{DatasetFigures, Figures};
pub use keep::{KeepSettings, Keeper};
pub use run::{Ended, PipelineError, run};
pub use tally::{Tally, Totals};

use crate::message::Mode;
use crate::signals::Stop;
use crate::spool::{Keep, Layout};

/// What can be set about a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Drain what is there, then end.
    pub once: bool,
    pub schema: Mode,
    pub keep: Keep,
    /// Larger messages are dead, unread.
    pub max_file_bytes: u64,
    /// Message bytes in memory at once.
    pub in_flight_bytes: u64,
    /// Rows in one load, about.
    pub batch_rows: u64,
    /// How long a row may wait for others to be loaded with.
    pub flush_interval: Duration,
    /// How often everything is listed although no event came, and dead workers are looked for.
    pub scan_interval: Duration,
    /// Messages claimed by single renames at once; a folder with more is claimed whole.
    pub claim_files: u64,
    /// Where the system can't tell who writes a file, how long one must have been left alone.
    pub write_age: Duration,
    pub readers: usize,
    pub settlers: usize,
    /// How long a stop may take before what is left is given back as it is.
    pub stop_timeout: Duration,
}

/// What all stages share.
pub(crate) struct Shared {
    settings: Settings,
    layout: Layout,
    worker_name: Arc<str>,
    tables: tables::Tables,
    budget: Arc<budget::Budget>,
    tally: Arc<Tally>,
    burials: burials::Burials,
    /// Batches to be listed and entries to be parsed: none means that nothing more comes to the deliverers for now.
    upstream: AtomicU64,
    /// One deliverer gathers at a time: if several did, each would get a part of every table's rows.
    gathering: Mutex<()>,
    stop: Stop,
}
