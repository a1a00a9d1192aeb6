//! Packs delivered messages from `done/` into the archive.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::spool_failure::log_spool_failure;
use super::status::KeeperStatus;
use crate::observe::is_news;
use crate::signals::Stop;
use crate::spool::{Label, Layout, Packed, Packer};

/// The keeper packs a dataset when this many of its messages are in `done/`. A block of fewer is hardly smaller than
/// the messages themselves.
const MESSAGES_MIN: usize = 256;

/// The keeper packs fewer messages than [`MESSAGES_MIN`] when it last packed the dataset this long ago.
const PACK_INTERVAL: Duration = Duration::from_secs(600);

/// After this long the keeper leaves a dataset, however many of its messages are in `done/`, so that the other datasets
/// and the keeper's other work get their turn.
const PACK_TURN: Duration = Duration::from_secs(1);

pub(super) struct Packing {
    packer: Packer,
    status: Arc<KeeperStatus>,
    stop: Stop,
    /// When each dataset was packed last, by its label.
    packed_at: HashMap<Label, Instant>,
    /// The datasets that could not be packed, or not completely, and why, by their labels.
    failures: BTreeMap<Label, String>,
}

impl Packing {
    pub(super) fn new(layout: Layout, status: Arc<KeeperStatus>, stop: Stop) -> Packing {
        Packing {
            packer: Packer::new(layout),
            status,
            stop,
            packed_at: HashMap::new(),
            failures: BTreeMap::new(),
        }
    }

    /// Packs every dataset that is due. `all`: packs every message of every dataset.
    pub(super) fn pack(&mut self, all: bool) {
        let folders = match self.packer.folders() {
            Ok(folders) => folders,
            Err(error) => {
                log_spool_failure(&error);
                return self.status.set_packing_failure(Some(error.to_string()));
            }
        };
        self.failures.retain(|label, _| folders.contains_key(label));
        for (label, folders) in folders {
            if self.stop.requested() {
                return;
            }
            let is_due = self.packed_at.get(&label).is_none_or(|at| at.elapsed() >= PACK_INTERVAL);
            let enough = if all || is_due { 1 } else { MESSAGES_MIN };
            let waiting = Packer::waiting(&folders, enough);
            if waiting == 0 {
                self.failures.remove(&label);
            }
            if waiting < enough {
                continue;
            }
            let (stop, began) = (&self.stop, Instant::now());
            let is_over = || stop.requested() || (!all && began.elapsed() >= PACK_TURN);
            match self.packer.pack(&label, &folders, &is_over) {
                Ok(packed) => {
                    self.packed_at.insert(label.clone(), Instant::now());
                    log_packed(&label, &packed);
                    match packed.first_left {
                        Some((name, why)) => {
                            let why = format!("{label}/{}: {why}", name.to_string_lossy());
                            self.failures.insert(label, why);
                        }
                        None if packed.locked => {}
                        None => drop(self.failures.remove(&label)),
                    }
                }
                Err(error) => {
                    log_spool_failure(&error);
                    self.failures.insert(label, error.to_string());
                }
            }
        }
        self.status.set_packing_failure(self.failures.values().next().cloned());
    }
}

fn log_packed(label: &str, packed: &Packed) {
    if packed.messages > 0 {
        let Packed { messages, bytes, .. } = packed;
        tracing::debug!(folder = label, messages, bytes, "packed into the archive");
    }
    for file in &packed.damaged {
        if is_news(&format!("damaged: {}", file.display())) {
            tracing::error!(
                file = %file.display(),
                "the last block of an archive is damaged: it is left as it is, and another file is used"
            );
        }
    }
    if let Some((name, why)) = &packed.first_left
        && is_news(&format!("pack {label}: {why}"))
    {
        tracing::warn!(
            folder = label, message_id = %name.to_string_lossy(), why, files = packed.left,
            "cannot pack delivered messages: they stay in done/"
        );
    }
}
