//! One round of claiming: a look at every dataset's folder.

use std::time::{Duration, Instant};

use super::super::read::{NO_SUBJECT, is_of_one_table};
use super::super::run_totals::Tally;
use super::super::work::Work;
use super::{BATCHES_MAX, Coordinator, HELD_MAX};
use crate::catalog;
use crate::keeper::log_spool_failure;
use crate::observe::is_news;
use crate::spool::{Folder, SpoolError, folder_label};

/// In one round large folders are claimed from for so long, one of them in any case.
const LARGE_FOR_MAX: Duration = Duration::from_millis(200);

/// What one round of claiming saw.
#[derive(Default)]
pub(super) struct Round {
    pub(super) claimed: bool,
    /// There may be more right now.
    pub(super) again: bool,
    /// Another worker is claiming a dataset, or not all folders were looked at: look again soon.
    pub(super) locked: bool,
    /// Somebody writes files: look again soon.
    pub(super) being_written: bool,
    /// The warehouse lets a dataset's messages wait so long: look again then.
    pub(super) wait: Option<Duration>,
    pub(super) unreadable: u64,
    /// Folders that could not be claimed from: what is in them stays.
    pub(super) failed: u64,
}

impl Coordinator {
    /// One look at every dataset folder, claiming what is ready.
    pub(super) fn claim_round(&mut self) -> Result<Round, SpoolError> {
        let mut round = Round::default();
        let incoming = self.shared.layout.incoming();
        self.watch.follow(&incoming);
        let (folders, strays) = self.claimer.dataset_folders()?;
        for stray in strays {
            let stray = stray.to_string_lossy();
            if is_news(&format!("stray {stray}")) {
                tracing::warn!(
                    name = %stray,
                    "not in a dataset's folder, left alone: messages belong in incoming/<DATASET>/, under a \
                     dataset's name"
                );
            }
        }
        let began = Instant::now();
        let mut passed_over = None;
        for Folder { name: folder, is_large } in self.in_turn(folders) {
            if self.shared.stop.requested() {
                break;
            }
            if self.underway.len() + self.waiting.len() >= BATCHES_MAX {
                passed_over.get_or_insert(folder);
                break;
            }
            // What is fresh in the small ones does not wait until all large ones are claimed.
            if is_large && began.elapsed() > LARGE_FOR_MAX {
                passed_over.get_or_insert(folder);
                continue;
            }
            let path = incoming.join(&folder);
            // Watched before it is listed, so that nothing falls between.
            self.watch.follow(&path);
            let label = folder_label(&folder);
            let dataset = catalog::dataset_name(&label);
            if self.shared.tables.is_parked(&dataset) || self.holds_failed(&label) {
                continue;
            }
            if !self.shared.settings.once
                && let Some(wait) = self.warehouse.claim_wait(&dataset)
            {
                round.wait = Some(round.wait.map_or(wait, |shortest| shortest.min(wait)));
                continue;
            }
            let (warehouse, watch) = (&self.warehouse, &mut self.watch);
            let bulk_files_max = |files| {
                // What has no subject may be of any dataset, and a bulk batch is of one.
                let wanted =
                    if label == NO_SUBJECT { None } else { warehouse.bulk_files_max(&dataset, files) };
                wanted.inspect(|_| watch.let_go(&path))
            };
            match self.claimer.claim(&folder, bulk_files_max) {
                Ok(claim) => {
                    round.locked |= claim.locked;
                    round.being_written |= claim.being_written > 0;
                    round.again |= claim.more;
                    round.unreadable += claim.unreadable;
                    if let Some((name, error)) = claim.first_unreadable
                        && is_news(&format!("{label}: {error}"))
                    {
                        tracing::warn!(
                            folder = label, message_id = %name.to_string_lossy(), %error, files = claim.unreadable,
                            "cannot take messages: they stay in incoming; run as the user that runs the IRIS client"
                        );
                    }
                    if claim.sub_folders > 0 && is_news(&format!("{label}: sub-folders")) {
                        tracing::warn!(
                            folder = label,
                            sub_folders = claim.sub_folders,
                            "folders inside a dataset's folder are left alone; does the client's \
                             RelativeFileDownloadDirectory point at this spool's incoming?"
                        );
                    }
                    // Whatever came while nobody watched is found by another look.
                    round.again |= self.watch.follow(&path) || claim.swapped;
                    if let Some(batch) = claim.batch {
                        round.claimed = true;
                        self.last_progress = Instant::now();
                        Tally::add(&self.shared.tally.claimed, claim.messages);
                        tracing::debug!(
                            batch = batch.id(),
                            folder = batch.label(),
                            files = claim.messages,
                            whole = claim.swapped,
                            "claimed"
                        );
                        self.send(Work::new(batch, false, self.ended_sender.clone()));
                    }
                }
                // One bad folder does not hold up the others.
                Err(error) => {
                    log_spool_failure(&error);
                    round.failed += 1;
                }
            }
        }
        // Soon again; at once where there was something to claim.
        round.again |= passed_over.is_some() && round.claimed;
        round.locked |= passed_over.is_some();
        self.resume_at = passed_over;
        Ok(round)
    }

    /// The folders, from where the last round broke off.
    fn in_turn(&mut self, mut folders: Vec<Folder>) -> Vec<Folder> {
        let first =
            self.resume_at.take().and_then(|name| folders.iter().position(|folder| folder.name == name));
        folders.rotate_left(first.unwrap_or(0));
        folders
    }

    /// Whether batches from this folder are held that the warehouse did not take, or whose files can't be settled, so
    /// that no more may come.
    pub(super) fn holds_failed(&self, label: &str) -> bool {
        let (mut failed, mut stuck) = (0, 0);
        let waiting = self.waiting.iter().map(|(_, work)| work);
        for work in waiting.chain(self.underway.values()).filter(|work| work.batch.label() == label) {
            failed += usize::from(work.table_failed());
            stuck += usize::from(work.has_unsettled());
        }
        stuck >= HELD_MAX || failed >= if is_of_one_table(label) { 1 } else { HELD_MAX }
    }
}
