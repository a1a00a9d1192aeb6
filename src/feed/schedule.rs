//! Decides which dataset's turn it is, and when.

use super::calendar::{self, HALF_HOUR_MS};
use super::dataset_feed::DatasetFeed;
use super::mix::Mix;
use super::options::FeedOptions;
use super::random::Random;
use super::recipe::Recipe;
use super::subject::Frame;
use super::traffic::traffic_of;
use crate::catalog::{self, Dataset};

const DAY_MS: i64 = 48 * HALF_HOUR_MS;

/// The backlog that was seen: the files of the three datasets that make up most of it, and of all datasets.
const BACKLOG_FILES: [(&str, u64); 3] = [("MILS", 29_899), ("MELS", 21_637), ("BOALF", 8_902)];
const BACKLOG_FILES_ALL: u64 = 63_792;
/// In that backlog, one in so many files of MELS and MILS is consolidated, which gives the rows that were seen. Other
/// datasets have none.
const BACKLOG_BULK_EVERY: u64 = 1_780;
/// About 30 to 75 thousand files come in a day.
const BACKLOG_STEP_MS: i64 = 1_500;

/// Each dataset has its turn once in a half hour.
const EVEN_ROUND_MS: i64 = HALF_HOUR_MS;
const EVEN_BULK_EVERY: u64 = 24;

pub(super) struct Schedule {
    pub(super) feeds: Vec<DatasetFeed>,
    mix: Mix,
    now_ms: i64,
    step_ms: i64,
    sent: u64,
    /// The datasets that are drawn by chance: the index of each, and the upper end of its share of all draws.
    drawn: Vec<(usize, u64)>,
}

impl Schedule {
    pub(super) fn new(options: &FeedOptions, random: &mut Random) -> Schedule {
        let start_ms = options.start.as_millisecond();
        let mix = options.mix;
        let wanted = |dataset: &&Dataset| match options.datasets.is_empty() {
            true => dataset.on_iris || mix == Mix::Even,
            false => options.datasets.iter().any(|wanted| wanted.name == dataset.name),
        };
        let mut feeds = Vec::new();
        for dataset in catalog::all().iter().filter(wanted) {
            let shape = traffic_of(&dataset.name);
            let is_of_backlog = BACKLOG_FILES.iter().any(|(name, _)| *name == dataset.name);
            let bulk_every = match mix {
                _ if !shape.has_bulk() => 0,
                Mix::Backlog => {
                    if is_of_backlog {
                        BACKLOG_BULK_EVERY
                    } else {
                        0
                    }
                }
                Mix::Even => EVEN_BULK_EVERY,
                Mix::Live => u64::from(shape.bulk_every),
            };
            let first_due_ms = |cadence_ms| calendar::floor(start_ms + cadence_ms - 1, cadence_ms);
            feeds.push(DatasetFeed {
                dataset,
                recipe: Recipe::of(dataset),
                shape,
                first_serial: random.below(100_000),
                count: 0,
                bulk_every,
                due_ms: shape.cadence_ms.map(first_due_ms),
            });
        }
        let per_day: i64 = feeds.iter().map(|feed| i64::from(feed.shape.per_day)).sum();
        let step_ms = match (options.per_second, mix) {
            (Some(per_second), _) => (1_000.0 / per_second) as i64,
            (None, Mix::Backlog) => BACKLOG_STEP_MS,
            (None, Mix::Even) => EVEN_ROUND_MS / feeds.len().max(1) as i64,
            (None, Mix::Live) => DAY_MS / per_day.max(1),
        };
        // At least 1 ms, because a serial number has five digits and its time is in minutes: otherwise a name would
        // come again.
        let step_ms = step_ms.max(1);
        let drawn = draws(&feeds, mix);
        Schedule { feeds, mix, now_ms: start_ms, step_ms, sent: 0, drawn }
    }

    pub(super) fn span_ms(&self, messages: u64) -> i64 {
        let messages = messages.min(i64::MAX as u64 / DAY_MS as u64) as i64;
        if self.mix != Mix::Even && self.drawn.is_empty() {
            let per_day: i64 = self.feeds.iter().map(|feed| i64::from(feed.shape.per_day)).sum();
            return messages * DAY_MS / per_day.max(1);
        }
        messages * self.step_ms
    }

    /// Takes the time of a message that belongs to no listed dataset.
    pub(super) fn pass(&mut self) -> i64 {
        let now_ms = self.now_ms;
        self.now_ms += self.step_ms;
        now_ms
    }

    /// The next message: the index of its dataset, and what all its rows share.
    pub(super) fn next(&mut self, random: &mut Random) -> (usize, Frame) {
        let now_ms = self.pass();
        let round_robin = (self.sent % self.feeds.len() as u64) as usize;
        self.sent += 1;
        if self.mix == Mix::Even {
            let feed = &mut self.feeds[round_robin];
            let now_ms =
                feed.shape.cadence_ms.map_or(now_ms, |cadence_ms| calendar::floor(now_ms, cadence_ms));
            return (round_robin, feed.frame(now_ms));
        }
        let earliest = self
            .feeds
            .iter()
            .enumerate()
            .filter_map(|(index, feed)| feed.due_ms.map(|due_ms| (due_ms, index)))
            .min();
        match earliest {
            Some((due_ms, index)) if due_ms <= now_ms || self.drawn.is_empty() => {
                self.now_ms = self.now_ms.max(due_ms);
                let feed = &mut self.feeds[index];
                feed.due_ms = feed.shape.cadence_ms.map(|cadence_ms| due_ms + cadence_ms);
                (index, feed.frame(due_ms))
            }
            _ => {
                let end = self.drawn.last().map_or(1, |(_, end)| *end);
                let draw = random.below(end);
                let index = self.drawn[self.drawn.partition_point(|&(_, end)| end <= draw)].0;
                (index, self.feeds[index].frame(now_ms))
            }
        }
    }
}

/// The shares of the datasets that do not keep to the clock.
fn draws(feeds: &[DatasetFeed], mix: Mix) -> Vec<(usize, u64)> {
    let of_backlog = |feed: &DatasetFeed| {
        BACKLOG_FILES.iter().find(|(name, _)| *name == feed.dataset.name).map(|found| found.1)
    };
    let is_rest = |feed: &&DatasetFeed| of_backlog(feed).is_none();
    // The other datasets share the rest of a backlog. A part of it belongs to those that keep to the clock.
    let clocked_per_day: u64 =
        feeds.iter().filter(|feed| feed.due_ms.is_some()).map(|feed| u64::from(feed.shape.per_day)).sum();
    let backlog_ms = BACKLOG_FILES_ALL * BACKLOG_STEP_MS as u64;
    let three: u64 = BACKLOG_FILES.iter().map(|(_, files)| files).sum();
    let rest_files = (BACKLOG_FILES_ALL - three).saturating_sub(clocked_per_day * backlog_ms / DAY_MS as u64);
    let rest_per_day: u64 = feeds
        .iter()
        .filter(|feed| feed.due_ms.is_none())
        .filter(is_rest)
        .map(|feed| u64::from(feed.shape.per_day))
        .sum();

    let mut end = 0;
    let mut drawn = Vec::new();
    for (index, feed) in feeds.iter().enumerate().filter(|(_, feed)| feed.due_ms.is_none()) {
        let per_day = u64::from(feed.shape.per_day);
        end += match (mix, of_backlog(feed)) {
            (Mix::Backlog, Some(files)) => files * rest_per_day.max(1),
            (Mix::Backlog, None) => per_day * rest_files,
            _ => per_day,
        };
        drawn.push((index, end));
    }
    drawn
}
