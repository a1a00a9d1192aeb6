//! What a run has done so far; counted after it is done, never before.

use std::sync::atomic::{AtomicU64, Ordering};

use super::run_details::Figures;

macro_rules! tally {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters of one worker since its start.
        #[derive(Debug, Default)]
        pub struct Tally {
            $($(#[$doc])* pub(super) $name: AtomicU64,)*
            /// What is known in more detail.
            pub figures: Figures,
        }

        /// The values of a [`Tally`] at one moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Totals {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Tally {
            pub fn totals(&self) -> Totals {
                Totals { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

tally! {
    /// Messages claimed, as counted when claiming.
    claimed,
    /// Messages whose rows are in the warehouse and whose files are settled.
    delivered,
    /// Of those, messages that were in the warehouse before.
    already_loaded,
    /// Of those, messages that gave way to newer content under their name.
    superseded,
    /// Rows put into the warehouse.
    rows,
    /// Rows with something in `rescued`.
    rescued_rows,
    /// Bytes of delivered messages.
    bytes,
    /// Messages that went to dead, whole or for some of their rows.
    dead,
    /// Rows that went to dead although the rest of their message was delivered.
    dead_rows,
    /// Dead letters that went by themselves, as their messages came whole.
    letters_gone,
    /// Messages put back because somebody writes them, or they can't be read.
    given_back,
    /// Batches taken over from dead workers.
    taken_over,
    /// Failed deliveries, each tried again later.
    failed_loads,
    /// Messages left in the spool at the last look because they can't be read.
    unreadable,
}

impl Tally {
    pub(super) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}
