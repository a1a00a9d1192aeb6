//! The progress bar of a backlog: files, rows, rate and time left.

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Once};

use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// There is no bar for fewer files: they are delivered before anybody could read it.
const FILES_WITHOUT_BAR_MAX: u64 = 1_000;

/// All bars of the process, on stderr. They are drawn only on a terminal.
pub(super) static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Writes to stderr, above the progress bar if there is one. Ignores errors, because there is nowhere else to report
/// them.
pub(crate) fn print_above_progress(text: &[u8]) {
    BARS.suspend(|| {
        let _ = std::io::stderr().lock().write_all(text);
    });
}

/// The progress of a backlog, which all threads may share. An update costs two atomic additions, and the bar is drawn
/// at most 20 times a second. [`Self::finish`] or a drop removes it.
pub(crate) struct Progress {
    bars: MultiProgress,
    wanted: bool,
    /// Counts from the start, but stays hidden until there are enough files.
    bar: ProgressBar,
    shown: Once,
    rows: Arc<AtomicU64>,
}

impl Progress {
    /// A bar for `files_total` files; [`Self::add_total`] adds more. It appears when the total is over 1,000, if it is
    /// `wanted` and stderr is a terminal.
    pub(crate) fn new(files_total: u64, wanted: bool) -> Progress {
        Progress::on(BARS.clone(), files_total, wanted)
    }

    fn on(bars: MultiProgress, files_total: u64, wanted: bool) -> Progress {
        let rows = Arc::new(AtomicU64::new(0));
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        bar.set_style(style(Arc::clone(&rows)));
        let progress = Progress { bars, wanted, bar, shown: Once::new(), rows };
        progress.add_total(files_total);
        progress
    }

    /// Adds files to the total.
    pub(crate) fn add_total(&self, files: u64) {
        self.bar.inc_length(files);
        if self.wanted && self.bar.length() > Some(FILES_WITHOUT_BAR_MAX) {
            self.shown.call_once(|| {
                self.bars.add(self.bar.clone());
                self.bar.tick();
            });
        }
    }

    /// Adds delivered files, and the rows in them.
    pub(crate) fn delivered(&self, files: u64, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bar.inc(files);
    }

    /// Removes the bar. The caller logs what was done.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn style(rows: Arc<AtomicU64>) -> ProgressStyle {
    const TEMPLATE: &str =
        "{wide_bar} {human_pos} of {human_len} files, {rows} rows, {rate} files/s, {eta} left";
    ProgressStyle::with_template(TEMPLATE)
        .expect("the template is well-formed, a test draws it")
        .with_key("rows", move |_: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{}", HumanCount(rows.load(Ordering::Relaxed)));
        })
        .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{}", HumanCount(state.per_sec() as u64));
        })
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;

    fn on_terminal(files_total: u64, wanted: bool) -> (InMemoryTerm, Progress) {
        let terminal = InMemoryTerm::new(10, 100);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let progress = Progress::on(MultiProgress::with_draw_target(target), files_total, wanted);
        (terminal, progress)
    }

    #[test]
    fn a_backlog_over_a_thousand_files_has_a_bar_until_it_is_finished() {
        let (terminal, progress) = on_terminal(63_792, true);
        progress.delivered(63_000, 154_321);
        progress.bar.force_draw();
        let screen = terminal.contents();
        assert!(screen.contains(" 63,000 of 63,792 files, 154,321 rows, "), "{screen}");
        assert!(screen.ends_with(" left"), "{screen}");
        progress.finish();
        assert_eq!(terminal.contents(), "");
    }

    #[test]
    fn a_thousand_files_have_no_bar_until_more_come() {
        let (terminal, progress) = on_terminal(1_000, true);
        progress.delivered(400, 900);
        assert_eq!(terminal.contents(), "");
        progress.add_total(1);
        assert!(terminal.contents().contains(" 400 of 1,001 files, 900 rows, "), "{}", terminal.contents());
    }

    #[test]
    fn no_bar_where_none_is_wanted() {
        let (terminal, progress) = on_terminal(63_792, false);
        progress.delivered(1, 1);
        assert_eq!(terminal.contents(), "");
    }
}
