//! The endless feed: the messages of a schedule, some of which are faulty.

use super::calendar::Calendar;
use super::dataset_feed::{DatasetFeed, file_name};
use super::fault::{self, Draft, FeedFault};
use super::message::FeedMessage;
use super::options::FeedOptions;
use super::random::Random;
use super::schedule::Schedule;
use super::subject::Frame;
use super::world::{self, Unit};

/// How many earlier messages are kept to come again, and how long they may be, in bytes.
const RECENT_MAX: usize = 16;
const RECENT_BYTES_MAX: usize = 64 * 1024;

/// An endless feed of messages.
pub struct Feed {
    random: Random,
    calendar: Calendar,
    units: Vec<Unit>,
    schedule: Schedule,
    fault_share: f64,
    recent: Vec<Recent>,
    unlisted: u64,
}

/// A message that may come again.
struct Recent {
    message: FeedMessage,
    feed: usize,
    frame: Frame,
}

impl Feed {
    /// The feed from its first message on.
    pub fn new(options: &FeedOptions) -> Feed {
        let mut random = Random::new(options.seed);
        Feed {
            calendar: Calendar::new(),
            units: world::units(),
            schedule: Schedule::new(options, &mut random),
            fault_share: options.fault_share,
            recent: Vec::new(),
            unlisted: 0,
            random,
        }
    }

    /// How much time so many messages cover, in ms of the feed's own clock.
    pub fn span_ms(&self, messages: u64) -> i64 {
        self.schedule.span_ms(messages)
    }

    fn fault(&mut self) -> Option<FeedFault> {
        if self.fault_share <= 0.0 || self.random.fraction() >= self.fault_share {
            return None;
        }
        let fault = *self.random.pick(&FeedFault::ALL);
        let needs_earlier = matches!(fault, FeedFault::Redelivered | FeedFault::RedeliveredChanged);
        // A message can come again only after there was one.
        Some(if needs_earlier && self.recent.is_empty() { FeedFault::Bom } else { fault })
    }

    fn redelivery(&mut self, fault: FeedFault) -> FeedMessage {
        let index = self.random.below(self.recent.len() as u64) as usize;
        let recent = &mut self.recent[index];
        recent.message.fault = Some(FeedFault::Redelivered);
        if fault == FeedFault::RedeliveredChanged {
            let draft = draft(
                &self.schedule.feeds[recent.feed],
                &recent.frame,
                recent.message.rows,
                &self.units,
                &mut self.calendar,
                &mut self.random,
            );
            // A message of few fields may come out as it was before.
            if draft.body != recent.message.body {
                recent.message.body = draft.body;
                recent.message.fault = Some(FeedFault::RedeliveredChanged);
            }
        }
        recent.message.clone()
    }

    fn unlisted(&mut self) -> FeedMessage {
        let now_ms = self.schedule.pass();
        let folder = *self.random.pick(&fault::UNLISTED);
        let rows = self.random.between(1, 4) as u32;
        let body = fault::unlisted_message(folder, now_ms, rows, &mut self.random);
        self.unlisted += 1;
        let name = file_name(folder, now_ms, self.unlisted);
        FeedMessage { folder: folder.to_owned(), name, body, rows, fault: Some(FeedFault::UnknownDataset) }
    }

    fn remember(&mut self, message: &FeedMessage, feed: usize, frame: Frame) {
        if self.fault_share <= 0.0 || message.body.len() > RECENT_BYTES_MAX {
            return;
        }
        let recent = Recent { message: message.clone(), feed, frame };
        if self.recent.len() < RECENT_MAX {
            self.recent.push(recent);
        } else if self.random.one_in(4) {
            *self.random.pick_mut(&mut self.recent) = recent;
        }
    }
}

impl Iterator for Feed {
    type Item = FeedMessage;

    fn next(&mut self) -> Option<FeedMessage> {
        let fault = self.fault();
        match fault {
            Some(FeedFault::Redelivered | FeedFault::RedeliveredChanged) => {
                return fault.map(|fault| self.redelivery(fault));
            }
            Some(FeedFault::UnknownDataset) => return Some(self.unlisted()),
            _ => {}
        }
        let (index, frame) = self.schedule.next(&mut self.random);
        let feed = &self.schedule.feeds[index];
        let rows = feed.shape.rows(frame.bulk, &mut self.random).max(fault.map_or(1, FeedFault::rows_min));
        let folder = feed.folder(frame.serial).to_owned();
        let name = feed.file_name(&folder, &frame);
        let draft = draft(feed, &frame, rows, &self.units, &mut self.calendar, &mut self.random);
        let faulty = fault.and_then(|fault| draft.with(fault, feed.dataset, &mut self.random));
        if let Some((body, rows)) = faulty {
            return Some(FeedMessage { folder, name, body, rows, fault });
        }
        let message = FeedMessage { folder, name, body: draft.body, rows, fault: None };
        self.remember(&message, index, frame);
        Some(message)
    }
}

/// A good message.
fn draft(
    feed: &DatasetFeed,
    frame: &Frame,
    row_count: u32,
    units: &[Unit],
    calendar: &mut Calendar,
    random: &mut Random,
) -> Draft {
    let mut body = Vec::with_capacity(64 + row_count as usize * (feed.dataset.row_bytes as usize + 64));
    let mut rows = Vec::with_capacity(row_count as usize);
    // Stations come first, and redeclare more often than suppliers.
    let first_unit_end = if random.one_in(4) { units.len() } else { units.len() / 12 };
    let first_unit = random.below(first_unit_end as u64) as usize;
    body.push(b'[');
    for index in 0..i64::from(row_count) {
        if index > 0 {
            body.extend_from_slice(b", ");
        }
        let start = body.len();
        let row = feed.recipe.walk.row(frame, first_unit, index, units, calendar);
        feed.recipe.write_row(&mut body, &row, random);
        rows.push(start..body.len());
    }
    body.push(b']');
    Draft { body, rows }
}
