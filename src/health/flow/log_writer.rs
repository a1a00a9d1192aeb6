//! Adds lines to the flow log.
//!
//! Each worker adds one line for each minute in which rows arrived. It writes a line with one call, at the end of the
//! file, so that the lines of several workers never mix. The current minute, which is not over yet, is in the worker's
//! published status instead.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::log_files::{DAY_MS, file_of_day, remove_old_files};
use super::log_line::{LogLine, MINUTE_MS, MinuteLog};
use crate::pipeline::DatasetFigures;

/// Writes the lines of one worker.
#[derive(Debug)]
pub(in crate::health) struct FlowLogWriter {
    folder: PathBuf,
    /// The minute that is not over yet.
    current: MinuteLog,
    /// Messages and rows of each dataset that are in a line or in `current`.
    noted: BTreeMap<Arc<str>, (u64, u64)>,
    /// The day on which old files were last removed, in days since 1970 UTC.
    cleaned: Option<i64>,
}

impl FlowLogWriter {
    pub(in crate::health) fn new(folder: PathBuf, warehouse: String) -> FlowLogWriter {
        let current = MinuteLog { warehouse, ..MinuteLog::default() };
        FlowLogWriter { folder, current, noted: BTreeMap::new(), cleaned: None }
    }

    /// Takes in what was delivered since the last call, and writes the line of the last minute if that is over.
    ///
    /// # Errors
    /// If the line cannot be written. It is lost.
    pub(in crate::health) fn note(
        &mut self,
        now_ms: i64,
        worker: &str,
        datasets: &BTreeMap<Arc<str>, DatasetFigures>,
    ) -> io::Result<()> {
        let minute = now_ms.div_euclid(MINUTE_MS);
        let written = if minute == self.current.minute { Ok(()) } else { self.write(worker) };
        self.current.minute = minute;
        for (dataset, figures) in datasets {
            let (messages, rows) = self.noted.entry(Arc::clone(dataset)).or_default();
            if (figures.delivered, figures.rows) == (*messages, *rows) {
                continue;
            }
            let arrivals = self.current.flow.entry(dataset.to_string()).or_default();
            arrivals.messages += figures.delivered - *messages;
            arrivals.rows += figures.rows - *rows;
            arrivals.last_row_ms = figures.last_row_ms;
            (*messages, *rows) = (figures.delivered, figures.rows);
        }
        written
    }

    /// The minute that is not over yet, if anything arrived in it.
    pub(in crate::health) fn current(&self) -> Option<&MinuteLog> {
        Some(&self.current).filter(|minute| !minute.flow.is_empty())
    }

    /// Writes the line of the current minute, whether it is over or not.
    ///
    /// # Errors
    /// If the line cannot be written. It is lost.
    pub(in crate::health) fn write(&mut self, worker: &str) -> io::Result<()> {
        if self.current.flow.is_empty() {
            return Ok(());
        }
        let flow = std::mem::take(&mut self.current.flow);
        let minute = MinuteLog { flow, ..self.current.clone() };
        let day = (minute.minute * MINUTE_MS).div_euclid(DAY_MS);
        let line = LogLine { worker: worker.to_owned(), came: minute };
        let mut text = serde_json::to_vec(&line).expect("text and numbers can be written as JSON");
        text.push(b'\n');
        fs::create_dir_all(&self.folder)?;
        if self.cleaned != Some(day) {
            self.cleaned = Some(day);
            remove_old_files(&self.folder, day);
        }
        let path = file_of_day(&self.folder, day);
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        if ends_torn(&file) {
            text.insert(0, b'\n');
        }
        file.write_all(&text)
    }
}

/// Whether the last line was cut off in the middle.
fn ends_torn(file: &File) -> bool {
    let bytes = file.metadata().map_or(0, |found| found.len());
    let mut last = [b'\n'];
    bytes > 0 && file.read_exact_at(&mut last, bytes - 1).is_ok() && last != *b"\n"
}
