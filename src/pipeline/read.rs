//! Claimed files become rows: opened once nobody writes them, read, hashed, encoded for their table.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_128;

use super::Shared;
use super::burials::Dead;
use super::give_back::give_back;
use super::memory_budget::Permit;
use super::parcel::{Outlets, Parcel};
use super::redelivery::{less_whole, win_over_delivered};
use super::settle::{Ending, SettleTask};
use super::work::Work;
use crate::catalog::{self, Schema};
use crate::message::{self, BadRow, Encoded, MessageError, Mode, Rows, Scratch};
use crate::spool::{self, BadRowNote, DeadLetter, Entry, EntryKind, ReadError};
use crate::warehouse::{Delivery, Message};

/// The folder that the client uses for messages without a subject: their rows or their names say what they are.
pub(super) const NO_SUBJECT: &str = "unknown";

/// Whether all messages of a dataset's folder go into one table. It is not so where the folder is no known dataset's: each
/// message may say that it is of another.
pub(super) fn is_of_one_table(label: &str) -> bool {
    catalog::find(&catalog::dataset_name(label)).is_some()
}

/// What became of one file, if its rows do not go to the warehouse.
enum Fate {
    Dead(DeadLetter),
    GiveBack(Option<ReadError>),
    TableFailed(Duration),
    Gone,
}

struct Buffers {
    bytes: Vec<u8>,
    scratch: Scratch,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> =
        RefCell::new(Buffers { bytes: Vec::new(), scratch: Scratch::default() });
}

/// A reader's buffer does not keep the size of one huge message for ever.
const BUFFER_KEPT_BYTES_MAX: usize = 1 << 20;

/// Reads and encodes some entries of a batch, and sends their rows and endings on.
pub(super) fn parse_entries(shared: &Shared, work: &Arc<Work>, entries: Vec<Entry>, outlets: &Outlets) {
    let dead = Dead::of(shared, work.batch.label());
    let mut reader = Reader { shared, work, outlets, dead, open_parcel: None };
    let mut endings = Vec::new();
    let count = entries.len() as u64;
    // Its messages may all end before this says that they are parsed, and a batch that comes back is listed anew.
    work.hold();
    let one_table = is_of_one_table(work.batch.label());
    let mut table_failed = None;
    BUFFERS.with_borrow_mut(|buffers| {
        for entry in entries {
            if shared.stop.requested() {
                work.leave_for_later(Duration::ZERO);
                work.end(1);
                continue;
            }
            if let Some(ending) = work.take_unsettled(&entry.name) {
                endings.push((entry.name, ending));
                continue;
            }
            if let Some(delay) = table_failed {
                work.leave_for_table(delay);
                work.end(1);
                continue;
            }
            match reader.take(&entry, buffers) {
                Ok(()) => {}
                Err(Fate::Dead(letter)) => endings.push((entry.name, Ending::Dead(letter))),
                Err(Fate::GiveBack(error)) => give_back(shared, work, &entry.name, error),
                Err(Fate::TableFailed(delay)) => {
                    table_failed = one_table.then_some(delay);
                    work.leave_for_table(delay);
                    work.end(1);
                }
                Err(Fate::Gone) => work.end(1),
            }
            if buffers.bytes.capacity() > BUFFER_KEPT_BYTES_MAX {
                *buffers = Buffers { bytes: Vec::new(), scratch: Scratch::default() };
            }
        }
    });
    reader.send();
    if !endings.is_empty() {
        // The settlers outlive the readers.
        let dataset = Arc::from(catalog::dataset_name(work.batch.label()));
        let _ = outlets.settle.send(SettleTask::new(shared, work, &dataset, endings));
    }
    outlets.parsed(work, count);
    work.end(1);
}

struct Reader<'a> {
    shared: &'a Shared,
    work: &'a Arc<Work>,
    outlets: &'a Outlets,
    /// What its dataset has of dead letters.
    dead: Dead<'a>,
    open_parcel: Option<Parcel>,
}

impl Reader<'_> {
    fn take(&mut self, entry: &Entry, buffers: &mut Buffers) -> Result<(), Fate> {
        let dead = |reason: &str| Err(Fate::Dead(DeadLetter::whole("claim", reason, None)));
        match entry.kind {
            // Claimed because its whole folder was.
            _ if self.shared.layout.is_temporary(&entry.name) => return Err(Fate::GiveBack(None)),
            EntryKind::File => {}
            EntryKind::Folder => return Err(Fate::GiveBack(None)),
            EntryKind::SymbolicLink => {
                return dead("not a message: a symbolic link, which is never followed");
            }
            EntryKind::Other => return dead("not a message: a FIFO, socket or device"),
        }
        let Some(id) = entry.name.to_str() else { return dead("its name is not UTF-8") };
        let file = match spool::read(&self.work.batch, &entry.name, self.shared.settings.write_age) {
            Ok(file) => file,
            Err(ReadError::Gone) => return Err(Fate::Gone),
            Err(ReadError::NotAFile) => return dead("not a message: not a regular file"),
            Err(error @ (ReadError::BeingWritten | ReadError::Unreadable(_))) => {
                return Err(Fate::GiveBack(Some(error)));
            }
        };
        let bytes = file.bytes();
        let bytes_max = self.shared.settings.max_file_bytes;
        if bytes > bytes_max {
            let reason = format!("{bytes} bytes, more than max_file_bytes = {bytes_max}");
            return Err(Fate::Dead(DeadLetter::whole("read", reason, None)));
        }
        let mut own_permit = self.reserve(bytes);
        let written_at_ms = file.written_at_ms();
        if let Err(error) = file.read_into(&mut buffers.bytes) {
            return Err(Fate::GiveBack(Some(error)));
        }
        let content = &buffers.bytes[..];
        let dataset = self.dataset_of(id, content, &mut buffers.scratch)?;
        let mut message = Message {
            id: id.to_owned(),
            hash: xxh3_128(content),
            bytes,
            rows: 0..0,
            rescued: 0,
            dead: 0,
            written_at_ms,
            claimed_at_ms: self.work.batch.claimed_at_ms(),
        };
        let encoded = self.encode(&dataset, content, &mut buffers.scratch, &mut own_permit)?;
        let parcel = self.open_parcel.as_mut().expect("encode leaves an open parcel");
        let rows = parcel.delivery.rows.len();
        message.rows = rows - encoded.good as usize..rows;
        message.rescued = encoded.rescued;
        message.dead = encoded.bad.len() as u32;
        let letter = (!encoded.bad.is_empty()).then(|| bad_rows_letter(encoded.bad));
        if let Some(dead) = self.dead.folder()
            && !win_over_delivered(self.work, dead, &mut message)
        {
            parcel.delivery.rows.truncate(message.rows.start);
            return Err(Fate::Dead(less_whole(letter)));
        }
        parcel.letters.extend(letter.map(|letter| (parcel.delivery.messages.len(), letter)));
        parcel.delivery.messages.push(message);
        Ok(())
    }

    /// Gets leave to hold `bytes`. Where that must wait, what is held already is sent on first: it could be what all
    /// others wait for. A permit is given when there is no open parcel to keep it.
    fn reserve(&mut self, bytes: u64) -> Option<Permit> {
        if let Some(parcel) = &mut self.open_parcel {
            if parcel.permit.try_grow(bytes) {
                return None;
            }
            self.send();
        }
        let mut permit = self.shared.budget.empty_permit();
        permit.grow(bytes);
        Some(permit)
    }

    /// The folder's dataset, where it is known. Else the one that the rows name, or the file's name. A dataset that nobody
    /// knows is believed of a folder, and of rows only where the folder says nothing.
    fn dataset_of(&self, id: &str, content: &[u8], scratch: &mut Scratch) -> Result<String, Fate> {
        let label = self.work.batch.label();
        let of_folder = catalog::dataset_name(label);
        if is_of_one_table(label) {
            return Ok(of_folder);
        }
        let is_believed = |name: &String| label == NO_SUBJECT || catalog::find(name).is_some();
        let mut of_rows = message::datasets_in(content, scratch);
        if !of_rows.iter().any(is_believed) {
            return Ok(catalog::dataset_of_file_name(id).filter(is_believed).unwrap_or(of_folder));
        }
        if let [first, second, ..] = &of_rows[..] {
            let reason = format!(
                "its rows are of several datasets, such as {first} and {second}: make a message of each dataset's rows"
            );
            return Err(Fate::Dead(DeadLetter::whole("parse", reason, None)));
        }
        Ok(of_rows.remove(0))
    }

    /// Encodes a message behind the rows of the open parcel, adding columns for new fields first.
    fn encode(
        &mut self,
        dataset: &str,
        content: &[u8],
        scratch: &mut Scratch,
        own_permit: &mut Option<Permit>,
    ) -> Result<Encoded, Fate> {
        let mode = self.shared.settings.schema;
        let schema = self.shared.tables.schema(dataset).map_err(Fate::TableFailed)?;
        let rows = self.parcel(dataset, &schema, own_permit);
        let before = rows.len();
        let encoded = encode(content, &schema, mode, rows, scratch)?;
        if encoded.new_fields.is_empty() {
            return Ok(encoded);
        }
        let wider = self.shared.tables.add_fields(dataset, &encoded.new_fields).map_err(Fate::TableFailed);
        let wider = match wider {
            Ok(None) => return Ok(encoded),
            Ok(Some(wider)) => Ok(wider),
            Err(fate) => Err(fate),
        };
        self.parcel(dataset, &schema, own_permit).truncate(before);
        let wider = wider?;
        let rows = self.parcel(dataset, &wider, own_permit);
        encode(content, &wider, Mode::Rescue, rows, scratch)
    }

    /// The rows of a parcel for this table as it is now; sends the open one on if it is for another.
    fn parcel(&mut self, dataset: &str, schema: &Arc<Schema>, own_permit: &mut Option<Permit>) -> &mut Rows {
        let fits = self.open_parcel.as_ref().is_some_and(|open| {
            *open.delivery.dataset == *dataset && Arc::ptr_eq(&open.delivery.schema, schema)
        });
        if !fits {
            self.send();
            self.open_parcel = Some(Parcel {
                delivery: Delivery {
                    dataset: Arc::from(dataset),
                    batch: Arc::clone(&self.work.id),
                    worker: Arc::clone(&self.shared.worker_name),
                    schema: Arc::clone(schema),
                    messages: Vec::new(),
                    rows: Rows::default(),
                },
                work: Arc::clone(self.work),
                letters: Vec::new(),
                permit: own_permit.take().unwrap_or_else(|| self.shared.budget.empty_permit()),
            });
        }
        &mut self.open_parcel.as_mut().expect("it was opened just above").delivery.rows
    }

    /// Sends the open parcel on; waits while the warehouse is behind.
    fn send(&mut self) {
        if let Some(parcel) = self.open_parcel.take()
            && !parcel.delivery.messages.is_empty()
        {
            self.outlets.send(parcel);
        }
    }
}

fn encode(
    content: &[u8],
    schema: &Schema,
    mode: Mode,
    rows: &mut Rows,
    scratch: &mut Scratch,
) -> Result<Encoded, Fate> {
    message::encode(content, schema, mode, rows, scratch).map_err(|error| {
        let byte = match error {
            MessageError::CutOff { byte } | MessageError::NotJson { byte, .. } => Some(byte),
            _ => None,
        };
        Fate::Dead(DeadLetter::whole("parse", error.to_string(), byte))
    })
}

fn bad_rows_letter(bad: Vec<BadRow>) -> DeadLetter {
    let first = &bad[0];
    let reason = match bad.len() {
        1 => format!("row {}: {}", first.row, first.reason),
        count => format!("{count} bad rows, the first one row {}: {}", first.row, first.reason),
    };
    let byte = Some(first.byte);
    let rows = bad
        .into_iter()
        .map(|bad| BadRowNote { row: bad.row, byte: Some(bad.byte), reason: bad.reason })
        .collect();
    DeadLetter { rows, ..DeadLetter::whole("parse", reason, byte) }
}
