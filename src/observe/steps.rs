//! The progress bar of a command that has a number of steps.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::progress::BARS;

/// The bar. It is drawn only if stderr is a terminal. A drop removes it.
pub(crate) struct StepsBar(ProgressBar);

impl StepsBar {
    /// A bar for steps that are called `what`, in the plural.
    pub(crate) fn new(what: &str) -> StepsBar {
        StepsBar::on(&BARS, what)
    }

    fn on(bars: &MultiProgress, what: &str) -> StepsBar {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let template = format!("{{wide_bar}} {{human_pos}} of {{human_len}} {what}, {{eta}} left");
        bar.set_style(
            ProgressStyle::with_template(&template).expect("the template is well-formed, a test draws it"),
        );
        StepsBar(bars.add(bar))
    }

    /// Shows how many steps are done, and of how many.
    pub(crate) fn set(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }
}

impl Drop for StepsBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;

    #[test]
    fn the_bar_counts_steps_and_goes_at_the_end() {
        let terminal = InMemoryTerm::new(10, 100);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let bar = StepsBar::on(&MultiProgress::with_draw_target(target), "days of datasets");
        bar.set(1_200, 2_640);
        bar.0.force_draw();
        let screen = terminal.contents();
        assert!(screen.contains(" 1,200 of 2,640 days of datasets, "), "{screen}");
        drop(bar);
        assert_eq!(terminal.contents(), "");
    }
}
