//! What IRIS's client does: it opens the final path and writes into it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use irispool::feed::{Feed, FeedOptions};

use super::{Daemon, Expected, Site, until};

pub(crate) struct Client {
    incoming: PathBuf,
    /// A write is cut into pieces of so many bytes.
    pub(crate) piece_bytes: usize,
    /// When each name was last written, in ms.
    written: HashMap<(String, String), i64>,
    /// A file outside of the spool, to read the file system's clock by.
    clock: PathBuf,
    pub(crate) expected: Expected,
}

impl Client {
    pub(crate) fn new(site: &Site) -> Client {
        Client {
            incoming: site.spool.join("incoming"),
            piece_bytes: usize::MAX,
            written: HashMap::new(),
            clock: site.folder.path().join(".clock"),
            expected: Expected::default(),
        }
    }

    /// Writes as many messages of a feed.
    pub(crate) fn feed(&mut self, options: &FeedOptions, files: usize) {
        for message in Feed::new(options).take(files) {
            self.write(&message.folder, &message.name, &message.body);
            self.expected.check_rows(&message);
        }
    }

    /// Writes a message, and notes what must come of it.
    pub(crate) fn write(&mut self, folder: &str, name: &str, body: &[u8]) {
        let key = (folder.to_owned(), name.to_owned());
        if let Some(&before) = self.written.get(&key) {
            // Which of two contents is the newer one is told by their times: IRIS redelivers after minutes, so here the
            // clock, which ticks every few ms, goes on first.
            while self.clock_ms() <= before {
                std::hint::spin_loop();
            }
        }
        self.expected.add(folder, name, body);
        let file = self.open(folder, name).unwrap();
        let written_at = write_in_pieces(file, body, self.piece_bytes).unwrap();
        self.written.insert(key, written_at);
    }

    /// Waits until all that was written is delivered or dead.
    #[track_caller]
    pub(crate) fn until_all_is_settled(&self, site: &Site, daemon: &mut Daemon) {
        until("all is settled", || {
            daemon.assert_running();
            site.loaded() == self.expected.loaded() && !site.has_messages()
        });
    }

    fn clock_ms(&self) -> i64 {
        fs::write(&self.clock, "").unwrap();
        modified_ms(&fs::metadata(&self.clock).unwrap())
    }

    /// Opens the final path, in a folder that is made when it lacks.
    pub(crate) fn open(&self, folder: &str, name: &str) -> io::Result<File> {
        open_in_place(&self.incoming.join(folder), name)
    }
}

pub(crate) fn open_in_place(folder: &Path, name: &str) -> io::Result<File> {
    if !folder.exists() {
        fs::create_dir_all(folder)?;
    }
    File::create(folder.join(name))
}

/// Each piece is a write of its own. Gives when the file was last written, in ms.
fn write_in_pieces(mut file: File, body: &[u8], piece_bytes: usize) -> io::Result<i64> {
    for piece in body.chunks(piece_bytes) {
        file.write_all(piece)?;
    }
    Ok(modified_ms(&file.metadata()?))
}

fn modified_ms(found: &fs::Metadata) -> i64 {
    found.mtime() * 1_000 + found.mtime_nsec() / 1_000_000
}
