//! What all stages of a run share.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use super::burials::Burials;
use super::memory_budget::MemoryBudget;
use super::run_totals::Tally;
use super::settings::Settings;
use super::table_states::TableStates;
use crate::signals::Stop;
use crate::spool::Layout;

/// What all stages of a run share.
pub(super) struct RunContext {
    pub(super) settings: Settings,
    pub(super) layout: Layout,
    pub(super) worker_name: Arc<str>,
    pub(super) tables: TableStates,
    pub(super) budget: Arc<MemoryBudget>,
    pub(super) tally: Arc<Tally>,
    pub(super) burials: Burials,
    /// Batches that are not listed to their end, and lists of entries that are not read. At 0, no more rows come to the
    /// deliverers for now.
    pub(super) upstream: AtomicU64,
    /// Taken by the deliverer that collects parcels. If several did so at once, each would get a part of every table's
    /// rows.
    pub(super) collecting: Mutex<()>,
    pub(super) stop: Stop,
}
