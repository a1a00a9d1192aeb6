//! Lists claimed batches and hands their entries to the readers, a few at a time and in turn. So a small batch never
//! waits for a large one, and no batch waits for another one's table.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, after, bounded, never, select};
use rayon::ThreadPool;

use super::outlets::{Outlets, Reading};
use super::read::read_entries;
use super::run_context::RunContext;
use super::table_lookup::{TableLookup, TableLookups};
use super::work::{PassWatch, Ticket};
use crate::keeper::log_spool_failure;
use crate::spool::{Entry, SpoolError};

/// Entries that a reader takes at once.
const ENTRIES_AT_ONCE: usize = 64;

/// Lists of entries that are handed out and not read, for each reader.
const TASKS_PER_READER: usize = 2;

/// A batch whose folder could not be listed is tried again after this time.
const LIST_RETRY: Duration = Duration::from_secs(5);

/// The most whole batches between their listing and their end. More would fill the channels to the few threads that
/// finish them, and all readers would wait there while small batches wait for a reader.
const WHOLE_BATCHES_MAX: usize = 12;

/// While there are [`WHOLE_BATCHES_MAX`], how often the lister checks whether one has ended.
const WHOLE_BATCHES_CHECK: Duration = Duration::from_millis(50);

/// A batch that is being listed.
struct BatchListing {
    reading: Reading,
    entries: Box<dyn Iterator<Item = Result<Entry, SpoolError>>>,
    table: TableLookup,
    has_begun: bool,
}

impl BatchListing {
    fn is_whole(&self) -> bool {
        self.reading.is_whole()
    }

    /// The next entries, up to [`ENTRIES_AT_ONCE`], and what comes after them.
    fn next_entries(&mut self) -> (Vec<Entry>, Rest) {
        let mut entries = Vec::with_capacity(ENTRIES_AT_ONCE);
        while entries.len() < ENTRIES_AT_ONCE {
            match self.entries.next() {
                Some(Ok(entry)) => entries.push(entry),
                Some(Err(error)) => return (entries, Rest::Failed(error)),
                None => return (entries, Rest::Nothing),
            }
        }
        (entries, Rest::Unknown)
    }
}

/// What of a folder is still to be listed.
enum Rest {
    Unknown,
    Nothing,
    Failed(SpoolError),
}

/// The batches that are being listed.
#[derive(Default)]
struct BatchListings {
    /// In turn.
    streamed: VecDeque<BatchListing>,
    /// One after the other: a whole batch is delivered only when it is complete, so the first one is delivered while
    /// the others are read.
    whole: VecDeque<BatchListing>,
    is_turn_of_whole: bool,
    /// The whole batches that have begun and not ended.
    whole_under_way: Vec<PassWatch>,
}

impl BatchListings {
    fn add(&mut self, listing: BatchListing) {
        if listing.is_whole() { self.whole.push_back(listing) } else { self.streamed.push_back(listing) }
    }

    /// Takes back what [`Self::next`] gave, when it has more entries.
    fn put_back(&mut self, listing: BatchListing) {
        if listing.is_whole() { self.whole.push_front(listing) } else { self.streamed.push_back(listing) }
    }

    fn is_empty(&self) -> bool {
        self.streamed.is_empty() && self.whole.is_empty()
    }

    /// Takes out the next one that can go on: its table is known, and there are not too many whole batches. `any`:
    /// takes out any, because all are to be given up.
    fn next(&mut self, any: bool) -> Option<BatchListing> {
        self.is_turn_of_whole = !self.is_turn_of_whole;
        self.whole_under_way.retain(|pass| !pass.is_over());
        let may_begin_whole = self.whole_under_way.len() < WHOLE_BATCHES_MAX;
        let (first, second) = match self.is_turn_of_whole {
            true => (&mut self.whole, &mut self.streamed),
            false => (&mut self.streamed, &mut self.whole),
        };
        let take = |listings: &mut VecDeque<BatchListing>| {
            let can_go_on = |listing: &BatchListing| {
                any || listing.table.is_done()
                    && (may_begin_whole || listing.has_begun || !listing.is_whole())
            };
            let index = listings.iter().position(can_go_on)?;
            listings.remove(index)
        };
        let mut next = take(first).or_else(|| take(second))?;
        if !next.has_begun && next.is_whole() {
            self.whole_under_way.push(next.reading.pass());
        }
        next.has_begun = true;
        Some(next)
    }

    /// Ready when another whole batch may perhaps begin. Never ready if that is not what a batch waits for.
    fn whole_may_begin(&self) -> Receiver<Instant> {
        if self.whole_under_way.len() < WHOLE_BATCHES_MAX { never() } else { after(WHOLE_BATCHES_CHECK) }
    }
}

/// Hands the entries of all batches to the readers, until no more batches will come.
pub(super) fn list_all(
    run: &Arc<RunContext>,
    mut lookups: TableLookups,
    readers: &ThreadPool,
    batches: &Receiver<Ticket>,
    outlets: &Outlets,
) {
    let tasks_max = run.settings.readers * TASKS_PER_READER;
    let (task_done, free_task) = bounded::<()>(tasks_max);
    for _ in 0..tasks_max {
        let _ = task_done.send(());
    }
    let mut listings = BatchListings::default();
    loop {
        let new_batch = if listings.is_empty() { batches.recv().ok() } else { batches.try_recv().ok() };
        match new_batch {
            Some(ticket) => {
                begin(run, &mut lookups, outlets, &mut listings, ticket);
                continue;
            }
            None if listings.is_empty() => return,
            None => {}
        }
        let is_stopping = run.stop.requested();
        let Some(mut listing) = listings.next(is_stopping) else {
            let whole_may_begin = listings.whole_may_begin();
            select! {
                recv(batches) -> ticket => match ticket {
                    Ok(ticket) => begin(run, &mut lookups, outlets, &mut listings, ticket),
                    // No more batches will come, and `batches` is always ready.
                    Err(_) => select! {
                        recv(whole_may_begin) -> _ => {}
                        recv(lookups.done()) -> _ => {}
                        recv(run.stop.channel()) -> _ => {}
                    },
                },
                recv(lookups.done()) -> _ => {}
                recv(whole_may_begin) -> _ => {}
                recv(run.stop.channel()) -> _ => {}
            }
            continue;
        };
        if is_stopping {
            // Messages that are not handed out stay in the folder, and the coordinator gives them back.
            listing.reading.leave_for_later(Duration::ZERO);
            end_listing(run, outlets, listing.reading);
            continue;
        }
        let (entries, rest) = listing.next_entries();
        if !entries.is_empty() {
            // It waits for a free reader. The sender lives in this function.
            let _ = free_task.recv();
            run.upstream.fetch_add(1, Ordering::AcqRel);
            let (run, reading) = (Arc::clone(run), Arc::clone(&listing.reading));
            let (outlets, task_done) = (outlets.clone(), task_done.clone());
            readers.spawn(move || {
                read_entries(&run, &reading, entries, &outlets);
                outlets.end_reading(reading);
                run.upstream.fetch_sub(1, Ordering::AcqRel);
                let _ = task_done.send(());
            });
        }
        match rest {
            Rest::Unknown => listings.put_back(listing),
            Rest::Nothing => end_listing(run, outlets, listing.reading),
            Rest::Failed(error) => fail(run, outlets, listing.reading, &error),
        }
    }
}

fn begin(
    run: &Arc<RunContext>,
    lookups: &mut TableLookups,
    outlets: &Outlets,
    listings: &mut BatchListings,
    ticket: Ticket,
) {
    let table = lookups.look_up(run, ticket.batch.label());
    let reading = Reading::new(ticket);
    match reading.batch.entries() {
        Ok(entries) => {
            listings.add(BatchListing { reading, entries: Box::new(entries), table, has_begun: false });
        }
        Err(error) => fail(run, outlets, reading, &error),
    }
}

fn fail(run: &RunContext, outlets: &Outlets, reading: Reading, error: &SpoolError) {
    log_spool_failure(error);
    reading.leave_for_later(LIST_RETRY);
    end_listing(run, outlets, reading);
}

fn end_listing(run: &RunContext, outlets: &Outlets, reading: Reading) {
    outlets.end_reading(reading);
    run.upstream.fetch_sub(1, Ordering::AcqRel);
}
