//! The messages of one dataset: their folders, names and serial numbers.

use std::fmt::Write;

use super::calendar;
use super::recipe::Recipe;
use super::subject::Frame;
use super::traffic::Traffic;
use crate::catalog::Dataset;

/// The messages of one dataset.
pub(super) struct DatasetFeed {
    pub(super) dataset: &'static Dataset,
    pub(super) recipe: Recipe,
    pub(super) shape: Traffic,
    /// The first serial number.
    pub(super) first_serial: u64,
    pub(super) count: u64,
    pub(super) bulk_every: u64,
    /// When the next message comes, if the dataset keeps to the clock.
    pub(super) due_ms: Option<i64>,
}

impl DatasetFeed {
    /// The folder of the message with this serial number. Datasets with two names on IRIS use both.
    pub(super) fn folder(&self, serial: u64) -> &'static str {
        let names = &self.dataset.iris_names;
        names.get((serial % names.len().max(1) as u64) as usize).unwrap_or(&self.dataset.name)
    }

    pub(super) fn file_name(&self, folder: &str, frame: &Frame) -> String {
        let mut name = file_name(folder, frame.now_ms, frame.serial);
        if self.dataset.field("documentId").is_some() {
            // ABUC_202311140741_NGET-EMFIP-ABUC-00689167-1.json
            name.truncate(folder.len() + "_202311140741_".len());
            let (dataset, revision) = (&self.dataset.name, frame.revision());
            name.push_str(&format!("NGET-EMFIP-{dataset}-{:08}-{revision}.json", frame.serial));
        }
        name
    }

    pub(super) fn frame(&mut self, now_ms: i64) -> Frame {
        let (serial, count) = (self.first_serial + self.count, self.count);
        self.count += 1;
        let bulk = self.bulk_every != 0 && count % self.bulk_every == self.bulk_every / 2;
        Frame { now_ms, serial, bulk }
    }
}

/// `BOALF_202510271648_10262.json`. The serial number has five digits and starts again at 0.
pub(super) fn file_name(folder: &str, now_ms: i64, serial: u64) -> String {
    let mut name = String::with_capacity(folder.len() + 24);
    name.push_str(folder);
    name.push('_');
    calendar::push_stamp(&mut name, now_ms);
    write!(name, "_{:05}.json", serial % 100_000).expect("writing into memory does not fail");
    name
}
