//! Claimed files that can't be read, or not yet.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::run_totals::Tally;
use super::work::Work;
use crate::keeper::log_spool_failure;
use crate::observe::is_news;
use crate::spool::ReadError;

/// Files whose names are taken in `incoming` can't go back there; they are looked at again after this.
const LINGER: Duration = Duration::from_secs(1);

/// Puts a file back into `incoming`: somebody writes it, or it is not ours to read, or it is a folder.
pub(super) fn give_back(shared: &Shared, work: &Arc<Work>, name: &OsString, error: Option<ReadError>) {
    // Of a batch that the warehouse may have, no message may get into another one.
    let must_stay = error.is_some() && work.is_perhaps_delivered();
    if must_stay || matches!(&error, Some(ReadError::Unreadable(error)) if will_pass(error)) {
        if let Some(ReadError::Unreadable(error)) = &error
            && is_news(&format!("{}: {error}", work.batch.label()))
        {
            tracing::warn!(folder = work.batch.label(), %error, "cannot read messages just now: they are tried again");
        }
        tracing::debug!(batch = &*work.id, message_id = %name.to_string_lossy(), "it can't be read now and stays in its batch");
        work.leave_for_later(LINGER);
        work.end(1);
        return;
    }
    if let Some(ReadError::Unreadable(error)) = &error {
        if is_news(&format!("{}: {error}", work.batch.label())) {
            let message_id = name.to_string_lossy();
            tracing::warn!(folder = work.batch.label(), %message_id, %error, "cannot read messages: they stay in incoming");
        }
        Tally::add(&shared.tally.unreadable, 1);
    }
    work.note_given_back();
    match work.batch.give_back(&shared.layout, name) {
        Ok(true) => Tally::add(&shared.tally.given_back, 1),
        // A redelivery stands there already; this one waits for its writer where it is.
        Ok(false) => work.leave_for_later(LINGER),
        Err(error) => {
            log_spool_failure(&error);
            work.leave_for_later(LINGER);
        }
    }
    work.end(1);
}

/// Whether it is about this process or machine, not about the file.
fn will_pass(error: &io::Error) -> bool {
    let errno = rustix::io::Errno::from_io_error(error);
    errno.is_some_and(|errno| {
        matches!(errno, rustix::io::Errno::MFILE | rustix::io::Errno::NFILE | rustix::io::Errno::NOMEM)
    })
}
