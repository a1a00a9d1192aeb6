//! Batches are listed a handful of entries at a time, in turn, so that a small one never waits for a large one, nor any
//! for one whose table is not known yet.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, after, bounded, never, select};
use rayon::ThreadPool;

use super::Shared;
use super::parcel::Outlets;
use super::read::parse_entries;
use super::table_lookup::{Ahead, Known};
use super::work::Work;
use crate::keeper::log_spool_failure;
use crate::spool::{Entry, SpoolError};

/// Entries that a reader takes at once.
const ENTRIES_AT_ONCE: usize = 64;

/// Entry lists handed out and not finished, for each reader.
const TASKS_PER_READER: usize = 2;

/// A batch whose folder could not be listed is tried again after this.
const LIST_RETRY: Duration = Duration::from_secs(5);

/// Bulk batches between listing and end. More would fill the channels before the few threads that finish them, and all
/// readers would wait there while small batches wait for a reader.
const BULK_UNDERWAY_MAX: usize = 12;

/// While there is no room for another one, it is looked so often whether one has ended.
const ROOM_LOOK_AGAIN: Duration = Duration::from_millis(50);

type Entries = Box<dyn Iterator<Item = Result<Entry, SpoolError>>>;

struct Listing {
    work: Arc<Work>,
    entries: Entries,
    table: Known,
    begun: bool,
}

/// The batches that are being listed.
#[derive(Default)]
struct Listings {
    /// Each gets its turn.
    small: VecDeque<Listing>,
    /// Bulk batches, delivered only when they are complete: one after the other, so that the first one is delivered
    /// while the others are read.
    bulk: VecDeque<Listing>,
    is_turn_of_bulk: bool,
    /// Bulk batches that were begun, until their end.
    bulk_underway: Vec<Arc<Work>>,
}

impl Listings {
    fn add(&mut self, listing: Listing) {
        if listing.work.is_bulk() { self.bulk.push_back(listing) } else { self.small.push_back(listing) }
    }

    /// What was taken out and has more entries.
    fn put_back(&mut self, listing: Listing) {
        if listing.work.is_bulk() { self.bulk.push_front(listing) } else { self.small.push_back(listing) }
    }

    fn is_empty(&self) -> bool {
        self.small.is_empty() && self.bulk.is_empty()
    }

    /// Takes out the next one of those that can go on: one whose table is known, or any when all are to be given up.
    fn next(&mut self, any: bool) -> Option<Listing> {
        self.is_turn_of_bulk = !self.is_turn_of_bulk;
        self.bulk_underway.retain(|work| !work.is_ended());
        let has_room = self.bulk_underway.len() < BULK_UNDERWAY_MAX;
        let (first, second) = match self.is_turn_of_bulk {
            true => (&mut self.bulk, &mut self.small),
            false => (&mut self.small, &mut self.bulk),
        };
        let take = |listings: &mut VecDeque<Listing>| {
            let can_go_on = |listing: &Listing| {
                any || listing.table.get() && (has_room || listing.begun || !listing.work.is_bulk())
            };
            let place = listings.iter().position(can_go_on)?;
            listings.remove(place)
        };
        let mut next = take(first).or_else(|| take(second))?;
        if !next.begun && next.work.is_bulk() {
            self.bulk_underway.push(Arc::clone(&next.work));
        }
        next.begun = true;
        Some(next)
    }

    /// Ready when there may be room for another bulk batch, if that is what one waits for.
    fn room(&self) -> Receiver<Instant> {
        if self.bulk_underway.len() < BULK_UNDERWAY_MAX { never() } else { after(ROOM_LOOK_AGAIN) }
    }
}

/// Hands the entries of all batches to the readers, until no more batches will come.
pub(super) fn list_all(
    shared: &Arc<Shared>,
    mut ahead: Ahead,
    readers: &ThreadPool,
    works: &Receiver<Arc<Work>>,
    outlets: &Outlets,
) {
    let tasks_max = shared.settings.readers * TASKS_PER_READER;
    let (task_done, free_task) = bounded::<()>(tasks_max);
    for _ in 0..tasks_max {
        let _ = task_done.send(());
    }
    let mut listings = Listings::default();
    loop {
        let new_work = if listings.is_empty() { works.recv().ok() } else { works.try_recv().ok() };
        match new_work {
            Some(work) => {
                begin(shared, &mut ahead, outlets, &mut listings, work);
                continue;
            }
            None if listings.is_empty() => return,
            None => {}
        }
        let is_stopping = shared.stop.requested();
        let Some(mut listing) = listings.next(is_stopping) else {
            let room = listings.room();
            select! {
                recv(works) -> work => match work {
                    Ok(work) => begin(shared, &mut ahead, outlets, &mut listings, work),
                    // No more will come: only the tables are waited for.
                    Err(_) => select! {
                        recv(room) -> _ => {}
                        recv(ahead.answers()) -> _ => {}
                        recv(shared.stop.channel()) -> _ => {}
                    },
                },
                recv(ahead.answers()) -> _ => {}
                recv(room) -> _ => {}
                recv(shared.stop.channel()) -> _ => {}
            }
            continue;
        };
        if is_stopping {
            // What is not handed out stays in its folder, and goes back from there.
            listing.work.leave_for_later(Duration::ZERO);
            end_listing(shared, outlets, &listing.work);
            continue;
        }
        let mut entries = Vec::with_capacity(ENTRIES_AT_ONCE);
        let mut fault = None;
        let more = loop {
            match listing.entries.next() {
                Some(Ok(entry)) => entries.push(entry),
                Some(Err(error)) => {
                    fault = Some(error);
                    break false;
                }
                None => break false,
            }
            if entries.len() == ENTRIES_AT_ONCE {
                break true;
            }
        };
        if !entries.is_empty() {
            listing.work.begin(entries.len() as u64);
            // The sender of free tasks lives in this function.
            let _ = free_task.recv();
            shared.upstream.fetch_add(1, Ordering::AcqRel);
            let (shared, work) = (Arc::clone(shared), Arc::clone(&listing.work));
            let (outlets, task_done) = (outlets.clone(), task_done.clone());
            readers.spawn(move || {
                parse_entries(&shared, &work, entries, &outlets);
                shared.upstream.fetch_sub(1, Ordering::AcqRel);
                let _ = task_done.send(());
            });
        }
        match (more, fault) {
            (true, _) => listings.put_back(listing),
            (false, Some(error)) => fail(shared, outlets, &listing.work, &error),
            (false, None) => end_listing(shared, outlets, &listing.work),
        }
    }
}

fn begin(
    shared: &Arc<Shared>,
    ahead: &mut Ahead,
    outlets: &Outlets,
    listings: &mut Listings,
    work: Arc<Work>,
) {
    // One to end for the listing itself.
    work.begin(1);
    let table = ahead.ask(shared, work.batch.label());
    match work.batch.entries() {
        Ok(entries) => listings.add(Listing { work, entries: Box::new(entries), table, begun: false }),
        Err(error) => fail(shared, outlets, &work, &error),
    }
}

fn fail(shared: &Shared, outlets: &Outlets, work: &Arc<Work>, error: &SpoolError) {
    log_spool_failure(error);
    work.leave_for_later(LIST_RETRY);
    end_listing(shared, outlets, work);
}

fn end_listing(shared: &Shared, outlets: &Outlets, work: &Arc<Work>) {
    outlets.parsed(work, 1);
    shared.upstream.fetch_sub(1, Ordering::AcqRel);
    work.end(1);
}
