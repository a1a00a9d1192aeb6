//! Finds and claims messages that are ready: one round looks at the folder of every dataset.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::batches::Batches;
use super::folder_dataset::NO_SUBJECT;
use super::run_context::RunContext;
use super::run_totals::Tally;
use super::settings::Settings;
use crate::catalog;
use crate::keeper::log_spool_failure;
use crate::observe::is_news;
use crate::spool::{Claim, Claimer, DatasetFolder, FolderWatch, Label, SpoolError, Worker};
use crate::warehouse::Warehouse;

/// After this long, a round claims from no more large folders. It claims from one of them in any case.
const LARGE_FOLDERS_TIME_MAX: Duration = Duration::from_millis(200);

/// What one round of claiming saw.
#[derive(Default)]
pub(super) struct ClaimRound {
    pub(super) claimed: bool,
    /// There may be more right now.
    pub(super) again: bool,
    /// Another worker is claiming from a folder, or the round did not look at all folders: look again soon.
    pub(super) locked: bool,
    /// Somebody is writing files: look again soon.
    pub(super) being_written: bool,
    /// The shortest time for which the warehouse lets a dataset's messages wait: look again then.
    pub(super) wait: Option<Duration>,
    /// Messages that can't be read. They stay in `incoming`.
    pub(super) unreadable: u64,
    /// Folders that could not be claimed from. What is in them stays.
    pub(super) failed: u64,
}

/// Watches and claims from `incoming`.
pub(super) struct Discovery {
    run: Arc<RunContext>,
    warehouse: Arc<dyn Warehouse>,
    claimer: Claimer,
    watch: FolderWatch,
    /// The folder at which the last round broke off. The next round begins there.
    resume_at: Option<OsString>,
}

impl Discovery {
    pub(super) fn new(
        run: &Arc<RunContext>,
        worker: &Arc<Worker>,
        warehouse: Arc<dyn Warehouse>,
    ) -> Discovery {
        let Settings { claim_files, write_age, .. } = run.settings;
        Discovery {
            run: Arc::clone(run),
            warehouse,
            claimer: Claimer::new(run.layout.clone(), Arc::clone(worker), claim_files, write_age),
            watch: FolderWatch::start(run.layout.temporary_names().clone()),
            resume_at: None,
        }
    }

    /// Receives something when there may be new messages.
    pub(super) fn wake(&self) -> &Receiver<()> {
        self.watch.wake()
    }

    /// Messages that were claimed from this folder went back into it.
    pub(super) fn note_given_back(&mut self, label: &Label) {
        self.claimer.given_back(label);
    }

    /// Looks once at the folder of every dataset, and claims what is ready.
    ///
    /// # Errors
    /// When `incoming` can't be listed. A fault of one folder is logged and does not hold up the others.
    pub(super) fn claim_round(&mut self, batches: &mut Batches) -> Result<ClaimRound, SpoolError> {
        let mut round = ClaimRound::default();
        let incoming = self.run.layout.incoming();
        self.watch.follow(&incoming);
        let (folders, strays) = self.claimer.dataset_folders()?;
        log_strays(strays);
        let began = Instant::now();
        let mut passed_over = None;
        for DatasetFolder { name, is_large } in self.in_turn(folders) {
            if self.run.stop.requested() {
                break;
            }
            if !batches.has_room() {
                passed_over.get_or_insert(name);
                break;
            }
            // Fresh messages in small folders do not wait until all large ones are claimed.
            if is_large && began.elapsed() > LARGE_FOLDERS_TIME_MAX {
                passed_over.get_or_insert(name);
                continue;
            }
            self.claim_from(&incoming.join(&name), &name, batches, &mut round);
        }
        // At once where there was something to claim, else soon.
        round.again |= passed_over.is_some() && round.claimed;
        round.locked |= passed_over.is_some();
        self.resume_at = passed_over;
        Ok(round)
    }

    /// The folders, beginning with the one at which the last round broke off.
    fn in_turn(&mut self, mut folders: Vec<DatasetFolder>) -> Vec<DatasetFolder> {
        let first =
            self.resume_at.take().and_then(|name| folders.iter().position(|folder| folder.name == name));
        folders.rotate_left(first.unwrap_or(0));
        folders
    }

    fn claim_from(&mut self, path: &Path, name: &OsString, batches: &mut Batches, round: &mut ClaimRound) {
        // It is watched before it is listed, so that no file goes unseen in between.
        self.watch.follow(path);
        let label = Label::of(name);
        let dataset = catalog::dataset_name(&label);
        if self.run.tables.is_parked(&dataset) || batches.holds_failed(&label) {
            return;
        }
        if !self.run.settings.once
            && let Some(wait) = self.warehouse.claim_wait(&dataset)
        {
            round.wait = Some(round.wait.map_or(wait, |shortest| shortest.min(wait)));
            return;
        }
        let (warehouse, watch) = (&self.warehouse, &mut self.watch);
        let whole_files_max = |files| {
            // Messages without a subject may be of any dataset, and a whole batch is of one.
            let most =
                if label.as_str() == NO_SUBJECT { None } else { warehouse.book_bulk_claim(&dataset, files) };
            most.inspect(|_| watch.let_go(path))
        };
        match self.claimer.claim(name, whole_files_max) {
            Ok(claim) => self.note_claim(path, &label, claim, batches, round),
            Err(error) => {
                log_spool_failure(&error);
                round.failed += 1;
            }
        }
    }

    fn note_claim(
        &mut self,
        path: &Path,
        label: &Label,
        claim: Claim,
        batches: &mut Batches,
        round: &mut ClaimRound,
    ) {
        round.locked |= claim.locked;
        round.being_written |= claim.being_written > 0;
        round.again |= claim.more;
        round.unreadable += claim.unreadable;
        if let Some((name, error)) = claim.first_unreadable
            && is_news(&format!("{label}: {error}"))
        {
            tracing::warn!(
                folder = label.as_str(), message_id = %name.to_string_lossy(), %error, files = claim.unreadable,
                "cannot take messages: they stay in incoming; run as the user that runs the IRIS client"
            );
        }
        if let Some(error) = claim.cut_short
            && is_news(&format!("cut short in {label}"))
        {
            tracing::warn!(%error, "claim cut short");
        }
        if claim.sub_folders > 0 && is_news(&format!("{label}: sub-folders")) {
            tracing::warn!(
                folder = label.as_str(),
                sub_folders = claim.sub_folders,
                "folders inside a dataset's folder are left alone; does the client's \
                 RelativeFileDownloadDirectory point at this spool's incoming?"
            );
        }
        // Another look finds what came while nobody watched.
        round.again |= self.watch.follow(path) || claim.swapped;
        if let Some(batch) = claim.batch {
            round.claimed = true;
            Tally::add(&self.run.tally.claimed, claim.messages);
            tracing::debug!(
                batch = batch.id(),
                folder = batch.label().as_str(),
                files = claim.messages,
                whole = claim.swapped,
                "claimed"
            );
            batches.add(batch, false);
        }
    }
}

fn log_strays(strays: Vec<OsString>) {
    for stray in strays {
        let stray = stray.to_string_lossy();
        if is_news(&format!("stray {stray}")) {
            tracing::warn!(
                name = %stray,
                "not in a dataset's folder, left alone: messages belong in incoming/<DATASET>/, under a dataset's name"
            );
        }
    }
}
