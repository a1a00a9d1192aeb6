//! The keeper: a thread of a worker that does what nobody waits for. It packs what is delivered into the archive, removes
//! what is kept for too long, and counts what is dead. It has the lowest priority, and whatever it can't do is done later.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::dead_limit::Room;
use crate::observe::is_news;
use crate::pipeline::{Tally, log_spool_failure};
use crate::signals::Stop;
use crate::spool::{Keep, Layout, Limits, Packed, Packer, now_ms, remove_over_limits};

/// A dataset is packed when so many of its messages wait: a block of few of them is little smaller than they are.
const WAITING_MIN: usize = 256;

/// Or after so long.
const PACK_INTERVAL: Duration = Duration::from_secs(600);

/// Then it is the next one's turn, however many wait, and that of all else that the keeper does.
const PACK_TURN: Duration = Duration::from_secs(1);

/// How often the limits are seen to; less often where that takes more than one part in so many of the time.
const LIMITS_INTERVAL: Duration = Duration::from_secs(300);
const LIMITS_SHARE: u32 = 20;

/// Of the system's twenty steps below what is usual.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// What a keeper does.
#[derive(Clone, Copy, Debug)]
pub struct KeepSettings {
    pub keep: Keep,
    pub max_age: Option<Duration>,
    pub max_bytes: Option<u64>,
    /// How often it looks.
    pub interval: Duration,
}

/// A keeper at work. It ends when this is dropped: a packing under way with the block that it is at, all else at the stop.
pub struct Keeper {
    finish: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread. `stop`: then it packs no more.
    pub fn start(
        layout: Layout,
        settings: KeepSettings,
        tally: Arc<Tally>,
        stop: Stop,
    ) -> io::Result<Keeper> {
        let (finish, finishing) = bounded(1);
        let house = House {
            packer: Packer::new(layout.clone()),
            layout,
            settings,
            tally,
            stop,
            packed_at: HashMap::new(),
            unpacked: BTreeMap::new(),
            limits_due: None,
            said: Room::Enough,
        };
        let thread = thread::Builder::new().name("keep".to_owned()).spawn(move || house.keep(&finishing))?;
        Ok(Keeper { finish: Some(finish), thread: Some(thread) })
    }

    /// Packs all that waits, sees to the limits, and ends.
    pub fn finish(mut self) {
        if let Some(finish) = &self.finish {
            let _ = finish.send(());
        }
        self.join();
    }

    fn join(&mut self) {
        self.finish = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the keeper panicked; what it was to pack stays in done/");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.join();
    }
}

struct House {
    layout: Layout,
    settings: KeepSettings,
    tally: Arc<Tally>,
    stop: Stop,
    packer: Packer,
    /// When each dataset was packed last.
    packed_at: HashMap<String, Instant>,
    /// Folders of which something could not be packed, and why.
    unpacked: BTreeMap<String, String>,
    limits_due: Option<Instant>,
    /// What was last said about the room in `dead`.
    said: Room,
}

impl House {
    fn keep(mut self, finishing: &Receiver<()>) {
        // On Linux this is about this thread only. Where it may not be lowered, it works as fast as the others.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::setpriority_process(None, NICENESS);
        loop {
            self.tell_room();
            match finishing.recv_timeout(self.settings.interval) {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(()) => {
                    self.pack(true);
                    self.see_to_limits(true);
                    return;
                }
            }
            if let Err(error) = self.tally.figures.dead_room.count_when_due(&self.layout, &self.stop) {
                log_spool_failure(&error);
            }
            self.pack(false);
            self.see_to_limits(false);
        }
    }

    fn pack(&mut self, all: bool) {
        if self.settings.keep != Keep::Archive {
            return;
        }
        let folders = match self.packer.folders() {
            Ok(folders) => folders,
            Err(error) => {
                log_spool_failure(&error);
                return self.tally.figures.set_unpacked(Some(error.to_string()));
            }
        };
        self.unpacked.retain(|label, _| folders.contains_key(label));
        for (label, folders) in folders {
            if self.stop.requested() {
                return;
            }
            let waited = self.packed_at.get(&label).is_none_or(|at| at.elapsed() >= PACK_INTERVAL);
            let enough = if all || waited { 1 } else { WAITING_MIN };
            let waiting = Packer::waiting(&folders, enough);
            if waiting == 0 {
                self.unpacked.remove(&label);
            }
            if waiting < enough {
                continue;
            }
            let (stop, began) = (&self.stop, Instant::now());
            let is_over = || stop.requested() || (!all && began.elapsed() >= PACK_TURN);
            match self.packer.pack(&label, &folders, &is_over) {
                Ok(packed) => {
                    self.packed_at.insert(label.clone(), Instant::now());
                    tell_packed(&label, &packed);
                    match packed.first_left {
                        Some((name, why)) => {
                            let why = format!("{label}/{}: {why}", name.to_string_lossy());
                            self.unpacked.insert(label, why);
                        }
                        None if packed.locked => {}
                        None => drop(self.unpacked.remove(&label)),
                    }
                }
                Err(error) => {
                    log_spool_failure(&error);
                    self.unpacked.insert(label, error.to_string());
                }
            }
        }
        self.tally.figures.set_unpacked(self.unpacked.values().next().cloned());
    }

    fn see_to_limits(&mut self, now: bool) {
        let KeepSettings { keep, max_age, max_bytes, .. } = self.settings;
        let due = now || self.limits_due.is_none_or(|due| Instant::now() >= due);
        if !due || (max_age.is_none() && max_bytes.is_none()) {
            return;
        }
        let began = Instant::now();
        // With `none` it may be what another worker is to pack.
        let limits = Limits { max_age, max_bytes, done_is_kept: keep == Keep::Done };
        let now_seconds = now_ms().div_euclid(1_000);
        let removed = remove_over_limits(&self.layout, limits, now_seconds, &|| self.stop.requested());
        self.limits_due = Some(Instant::now() + LIMITS_INTERVAL.max(began.elapsed() * LIMITS_SHARE));
        match removed {
            Ok(Some(removed)) => {
                if let Some(error) = &removed.fault {
                    log_spool_failure(error);
                }
                self.tally.figures.set_unlimited(removed.fault.map(|error| error.to_string()));
                if removed.files + removed.messages > 0 {
                    tracing::info!(
                        archive_files = removed.files,
                        done_messages = removed.messages,
                        bytes = removed.bytes,
                        bytes_left = removed.bytes_left,
                        "removed what was kept, by keep_max_age and keep_max_bytes"
                    );
                }
                if max_bytes.is_some_and(|most| removed.bytes_left > most) && is_news("keep_max_bytes") {
                    tracing::warn!(
                        bytes_left = removed.bytes_left,
                        "more is kept than keep_max_bytes: today's part of the archive alone is larger"
                    );
                }
            }
            // Another worker of this spool sees to it.
            Ok(None) => {}
            Err(error) => {
                log_spool_failure(&error);
                self.tally.figures.set_unlimited(Some(error.to_string()));
            }
        }
    }

    /// Says when claiming stops for want of room in `dead`, and when it goes on.
    fn tell_room(&mut self) {
        let room = self.tally.figures.dead_room.room();
        let dead_bytes = self.tally.figures.dead_room.bytes();
        if room == self.said {
            return;
        }
        match room {
            Room::Full => tracing::error!(
                dead_bytes,
                "claiming has stopped: dead/ holds as much as dead_max_bytes allows; retry or drop some: irispool dead list"
            ),
            Room::Near => {
                tracing::warn!(dead_bytes, "dead/ is nearly full: claiming stops at dead_max_bytes");
            }
            Room::Enough => tracing::info!(dead_bytes, "there is room in dead/ again"),
        }
        self.said = room;
    }
}

fn tell_packed(label: &str, packed: &Packed) {
    if packed.messages > 0 {
        let Packed { messages, bytes, .. } = packed;
        tracing::debug!(folder = label, messages, bytes, "packed into the archive");
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
