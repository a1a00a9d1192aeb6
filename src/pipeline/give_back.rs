//! Claimed files that can't be read now go back to `incoming`.

use std::ffi::OsStr;
use std::io;
use std::time::Duration;

use super::run_context::RunContext;
use super::run_totals::Tally;
use super::work::Work;
use crate::keeper::log_spool_failure;
use crate::observe::is_news;
use crate::spool::ReadError;

/// A file that can't go back stays in its batch, and is tried again after this time.
const RETRY: Duration = Duration::from_secs(1);

/// Puts a file back into `incoming`, because somebody is writing it, or it may not be read, or it is a folder or a
/// temporary file (then there is no `error`).
pub(super) fn give_back(run: &RunContext, work: &Work, name: &OsStr, error: Option<&ReadError>) {
    // If the warehouse may have a batch, none of its messages may get into another one.
    let must_stay = error.is_some() && work.is_perhaps_delivered();
    let (folder, message_id) = (work.batch.label().as_str(), name.to_string_lossy());
    if must_stay || matches!(error, Some(ReadError::Unreadable(error)) if will_pass(error)) {
        if let Some(ReadError::Unreadable(error)) = error
            && is_news(&format!("{folder}: {error}"))
        {
            tracing::warn!(folder, %error, "cannot read messages just now: they are tried again");
        }
        tracing::debug!(batch = &*work.id, %message_id, "it can't be read now and stays in its batch");
        work.leave_for_later(RETRY);
        return;
    }
    if let Some(ReadError::Unreadable(error)) = error
        && is_news(&format!("{folder}: {error}"))
    {
        tracing::warn!(folder, %message_id, %error, "cannot read messages: they stay in incoming");
    }
    work.note_given_back();
    match work.batch.give_back(&run.layout, name) {
        Ok(true) => Tally::add(&run.tally.given_back, 1),
        // IRIS has delivered the message again. This copy stays in the batch until its writer is done.
        Ok(false) => work.leave_for_later(RETRY),
        Err(error) => {
            log_spool_failure(&error);
            work.leave_for_later(RETRY);
        }
    }
}

/// Whether the error is about this process or this machine, and not about the file.
fn will_pass(error: &io::Error) -> bool {
    let errno = rustix::io::Errno::from_io_error(error);
    errno.is_some_and(|errno| {
        matches!(errno, rustix::io::Errno::MFILE | rustix::io::Errno::NFILE | rustix::io::Errno::NOMEM)
    })
}
