//! Who is alerted, and when: once when a finding begins, gets worse, gets better or ends, and again after
//! `alert_remind`.
//!
//! Every worker of a spool looks for findings now and then. So may `irispool status --alert` from cron, which alone can
//! notice that no worker is alive. To look once and to send what is due is a **round**. A process makes a round under a
//! lock in the spool, so only one process makes a round at a time. What each channel was sent is in a file beside the
//! lock. What is due is the difference between the findings and that file, so any process can go on where another one
//! stopped.
//!
//! A process that cannot save the file keeps the lock, as another process would send the same alerts again. It writes
//! the reason into the lock's file.
//!
//! If a channel fails, later rounds try again, less and less often. What begins and ends meanwhile is never sent.
//!
//! - `alert_state`: what was found and what was sent, and so what is due.
//! - `seen_finding`, `channel_state`: the parts of it.
//! - `changes`, `note`: what is due for one channel.
//! - `delays`: how long a finding must last before it is due.
//! - `state_file`: the file in which the state is.
//! - `round_lock`: the lock under which a process makes a round.
//! - `notifier`: makes rounds.
//! - `watcher`: makes rounds in a worker.
//! - `status_alert`: makes rounds for `irispool status --alert`, and sends tests.
//! - `alert`: an alert as text and as JSON.
//! - `channel`, `command`, `send_error`: the ways on which alerts go out.
//! - `sent_counts`: how many alerts this process sent.
//! - `settings_mark`: which workers send alerts by which settings.

mod alert;
mod alert_state;
mod changes;
mod channel;
mod channel_state;
mod command;
mod delays;
mod note;
mod notifier;
mod round_lock;
mod seen_finding;
mod send_error;
mod sent_counts;
mod settings_mark;
mod state_file;
mod status_alert;
mod watcher;

pub(crate) use channel::is_configured;
pub(crate) use notifier::OtherSender;
pub(super) use sent_counts::metric_families;
pub(crate) use settings_mark::{settings_mark, workers_with_other_settings};
pub(crate) use status_alert::{send_due, send_test};
pub(crate) use watcher::AlertWatcher;
