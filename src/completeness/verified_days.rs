//! The days that were found complete, in `verified.jsonl` in the spool. They are not listed again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{DayVerdict, VerifyError};
use crate::spool::Layout;

/// A line of the file.
#[derive(Debug, Deserialize, Serialize)]
struct VerifiedDayLine {
    dataset: String,
    day: Date,
    sent: u64,
    unsent: u64,
    /// A day that is complete in one warehouse may not be in another.
    warehouse: String,
    verified_at: Timestamp,
}

/// The days that were found complete in one warehouse.
#[derive(Debug)]
pub struct VerifiedDays {
    path: PathBuf,
    warehouse: String,
    /// How many messages were sent, and how many more are here.
    days: BTreeMap<(String, Date), (u64, u64)>,
}

impl VerifiedDays {
    /// Reads the file, which need not exist. A line that cannot be read is left out: its day is listed again.
    ///
    /// # Errors
    /// If the file exists and cannot be read.
    pub fn read(layout: &Layout, warehouse: &str) -> Result<VerifiedDays, VerifyError> {
        let path = layout.verified_days();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(VerifyError::VerifiedDays { path, source }),
        };
        let lines = text.split(|byte| *byte == b'\n');
        let lines = lines.filter_map(|line| serde_json::from_slice::<VerifiedDayLine>(line).ok());
        let days = lines
            .filter(|line| line.warehouse == warehouse)
            .map(|line| ((line.dataset, line.day), (line.sent, line.unsent)))
            .collect();
        Ok(VerifiedDays { path, warehouse: warehouse.to_owned(), days })
    }

    /// The day as it was found, if it was found complete.
    pub(super) fn get(&self, dataset: &str, day: Date) -> Option<DayVerdict> {
        let (sent, unsent) = self.days.get(&(dataset.to_owned(), day))?;
        Some(DayVerdict::complete(dataset, day, *sent, *unsent))
    }

    /// Writes a line for a day that was found complete, unless the same line is there. One write appends it, so that
    /// two commands at once spoil no line.
    pub(super) fn add(&mut self, verdict: &DayVerdict) -> io::Result<()> {
        let found = (verdict.sent, verdict.unsent);
        if self.days.insert((verdict.dataset.clone(), verdict.day), found) == Some(found) {
            return Ok(());
        }
        let line = VerifiedDayLine {
            dataset: verdict.dataset.clone(),
            day: verdict.day,
            sent: verdict.sent,
            unsent: verdict.unsent,
            warehouse: self.warehouse.clone(),
            verified_at: Timestamp::now(),
        };
        let mut file = File::options().create(true).append(true).open(&self.path)?;
        // The line before may have been cut off by a full disk or a power cut. It must not spoil this one.
        file.write_all(format!("\n{}\n", serde_json::to_string(&line)?).as_bytes())
    }
}
