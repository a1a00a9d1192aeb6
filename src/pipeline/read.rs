//! Reads claimed files and turns them into rows: opens a file once nobody is writing it, reads, hashes and encodes it.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_128;

use super::burials::LettersOfDataset;
use super::ending::Ending;
use super::folder_dataset::{NO_SUBJECT, is_of_one_table};
use super::give_back::give_back;
use super::memory_budget::MemoryPermit;
use super::outlets::Outlets;
use super::parcel::Parcel;
use super::redelivery::{less_whole_letter, win_over_delivered};
use super::run_context::RunContext;
use super::settle::SettleTask;
use super::work::Ticket;
use crate::catalog::{self, Schema};
use crate::message::{self, BadRow, EncodeMode, Encoded, MessageError, Rows, Scratch};
use crate::spool::{self, BadRowNote, DeadLetter, DeadStage, Entry, EntryKind, ReadError};
use crate::warehouse::{Delivery, DeliveryMessage};

/// A reader's buffers are freed after a message that made them larger than this.
const BUFFER_BYTES_MAX: usize = 1 << 20;

/// Why a file's rows do not go to the warehouse.
enum NotRead {
    Dead(DeadLetter),
    /// It can't be read, or not yet. Without an error, it is no message.
    GiveBack(Option<ReadError>),
    /// The warehouse can't take its rows now. They are tried again after this time.
    TableFailed(Duration),
    /// Somebody has removed it.
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

/// Reads some entries of a batch, and sends their rows and endings on.
pub(super) fn read_entries(run: &RunContext, ticket: &Ticket, entries: Vec<Entry>, outlets: &Outlets) {
    let label = ticket.batch.label();
    let letters = LettersOfDataset::new(&run.burials, &run.layout, label);
    let mut reader = EntryReader { run, ticket, outlets, letters, open_parcel: None };
    let mut endings = Vec::new();
    let one_table = is_of_one_table(label);
    let has_unsettled = ticket.has_unsettled();
    let mut table_failed = None;
    BUFFERS.with_borrow_mut(|buffers| {
        for entry in entries {
            if run.stop.requested() {
                ticket.leave_for_later(Duration::ZERO);
                continue;
            }
            if has_unsettled && let Some(ending) = ticket.take_unsettled(&entry.name) {
                endings.push((entry.name, ending));
                continue;
            }
            if let Some(delay) = table_failed {
                ticket.leave_for_table(delay);
                continue;
            }
            match reader.take(&entry, buffers) {
                Ok(()) | Err(NotRead::Gone) => {}
                Err(NotRead::Dead(letter)) => endings.push((entry.name, Ending::Dead(letter))),
                Err(NotRead::GiveBack(error)) => give_back(run, ticket, &entry.name, error.as_ref()),
                Err(NotRead::TableFailed(delay)) => {
                    table_failed = one_table.then_some(delay);
                    ticket.leave_for_table(delay);
                }
            }
            if buffers.bytes.capacity() > BUFFER_BYTES_MAX {
                *buffers = Buffers { bytes: Vec::new(), scratch: Scratch::default() };
            }
        }
    });
    reader.send();
    if !endings.is_empty() {
        // The settlers outlive the readers.
        let dataset = Arc::from(catalog::dataset_name(label));
        let _ = outlets.settle.send(SettleTask::new(run, ticket.clone(), &dataset, endings));
    }
}

struct EntryReader<'a> {
    run: &'a RunContext,
    ticket: &'a Ticket,
    outlets: &'a Outlets,
    letters: LettersOfDataset<'a>,
    /// The rows that were read and are not sent on.
    open_parcel: Option<Parcel>,
}

impl EntryReader<'_> {
    /// Reads a file and adds its rows to the open parcel.
    fn take(&mut self, entry: &Entry, buffers: &mut Buffers) -> Result<(), NotRead> {
        let dead = |reason: &str| Err(NotRead::Dead(DeadLetter::whole(DeadStage::Claim, reason, None)));
        match entry.kind {
            // It was claimed because its whole folder was.
            _ if self.run.layout.is_temporary(&entry.name) => return Err(NotRead::GiveBack(None)),
            EntryKind::File => {}
            EntryKind::Folder => return Err(NotRead::GiveBack(None)),
            EntryKind::SymbolicLink => {
                return dead("not a message: a symbolic link, which is never followed");
            }
            EntryKind::Other => return dead("not a message: a FIFO, socket or device"),
        }
        let Some(id) = entry.name.to_str() else { return dead("its name is not UTF-8") };
        let file = match spool::read(&self.ticket.batch, &entry.name, self.run.settings.write_age) {
            Ok(file) => file,
            Err(ReadError::Gone) => return Err(NotRead::Gone),
            Err(ReadError::NotAFile) => return dead("not a message: not a regular file"),
            Err(error @ (ReadError::BeingWritten | ReadError::Unreadable(_))) => {
                return Err(NotRead::GiveBack(Some(error)));
            }
        };
        let bytes = file.bytes();
        let bytes_max = self.run.settings.max_file_bytes;
        if bytes > bytes_max {
            let reason = format!("{bytes} bytes, more than max_file_bytes = {bytes_max}");
            return Err(NotRead::Dead(DeadLetter::whole(DeadStage::Read, reason, None)));
        }
        let mut own_permit = self.reserve(bytes);
        let written_at_ms = file.written_at_ms();
        if let Err(error) = file.read_into(&mut buffers.bytes) {
            return Err(NotRead::GiveBack(Some(error)));
        }
        let content = &buffers.bytes[..];
        let dataset = self.dataset_of(id, content, &mut buffers.scratch)?;
        let mut message = DeliveryMessage {
            id: id.to_owned(),
            hash: xxh3_128(content),
            bytes,
            rows: 0..0,
            rescued: 0,
            dead: 0,
            written_at_ms,
            claimed_at_ms: self.ticket.batch.claimed_at_ms(),
        };
        let encoded = self.encode(&dataset, content, &mut buffers.scratch, &mut own_permit)?;
        let parcel = self.open_parcel.as_mut().expect("encode leaves an open parcel");
        let rows = parcel.delivery.rows.len();
        message.rows = rows - encoded.good as usize..rows;
        message.rescued = encoded.rescued;
        message.dead = encoded.bad.len() as u32;
        let letter = (!encoded.bad.is_empty()).then(|| bad_rows_letter(encoded.bad));
        if let Some(dead) = self.letters.folder()
            && !win_over_delivered(self.ticket, dead, &mut message)
        {
            parcel.delivery.rows.truncate(message.rows.start);
            return Err(NotRead::Dead(less_whole_letter(letter)));
        }
        parcel.letters.extend(letter.map(|letter| (parcel.delivery.messages.len(), letter)));
        parcel.delivery.messages.push(message);
        Ok(())
    }

    /// Reserves memory for `bytes` more. If it must wait for memory, it first sends on what it holds: that could be
    /// what all the other readers wait for. It gives the permit if there is no open parcel to keep it.
    fn reserve(&mut self, bytes: u64) -> Option<MemoryPermit> {
        if let Some(parcel) = &mut self.open_parcel {
            if parcel.permit.try_grow(bytes) {
                return None;
            }
            self.send();
        }
        let mut permit = self.run.budget.empty_permit();
        permit.grow(bytes);
        Some(permit)
    }

    /// The dataset of a message: the folder's, if it is known, and otherwise the one in its rows or in its name. An
    /// unknown name in the rows counts only where the folder has no dataset's name.
    fn dataset_of(&self, id: &str, content: &[u8], scratch: &mut Scratch) -> Result<String, NotRead> {
        let label = self.ticket.batch.label();
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
            return Err(NotRead::Dead(DeadLetter::whole(DeadStage::Parse, reason, None)));
        }
        Ok(of_rows.remove(0))
    }

    /// Encodes a message and adds its rows to those of the open parcel, after adding columns for new fields.
    fn encode(
        &mut self,
        dataset: &str,
        content: &[u8],
        scratch: &mut Scratch,
        own_permit: &mut Option<MemoryPermit>,
    ) -> Result<Encoded, NotRead> {
        let mode = self.run.settings.schema;
        let schema = self.run.tables.schema(dataset).map_err(NotRead::TableFailed)?;
        let rows = self.parcel(dataset, &schema, own_permit);
        let before = rows.len();
        let encoded = encode(content, &schema, mode, rows, scratch)?;
        if encoded.new_fields.is_empty() {
            return Ok(encoded);
        }
        let wider = self.run.tables.add_fields(dataset, &encoded.new_fields).transpose();
        let Some(wider) = wider else { return Ok(encoded) };
        // The rows lack the new columns.
        self.parcel(dataset, &schema, own_permit).truncate(before);
        let wider = wider.map_err(NotRead::TableFailed)?;
        let rows = self.parcel(dataset, &wider, own_permit);
        encode(content, &wider, EncodeMode::Rescue, rows, scratch)
    }

    /// The rows of the open parcel. If that is for another table, or for other columns, it is sent on and a new one
    /// opened.
    fn parcel(
        &mut self,
        dataset: &str,
        schema: &Arc<Schema>,
        own_permit: &mut Option<MemoryPermit>,
    ) -> &mut Rows {
        let fits = self.open_parcel.as_ref().is_some_and(|open| {
            *open.delivery.dataset == *dataset && Arc::ptr_eq(&open.delivery.schema, schema)
        });
        if !fits {
            self.send();
            self.open_parcel = Some(Parcel {
                delivery: Delivery {
                    dataset: Arc::from(dataset),
                    batch: Arc::clone(&self.ticket.id),
                    worker: Arc::clone(&self.run.worker_name),
                    schema: Arc::clone(schema),
                    messages: Vec::new(),
                    rows: Rows::default(),
                },
                ticket: self.ticket.clone(),
                letters: Vec::new(),
                permit: own_permit.take().unwrap_or_else(|| self.run.budget.empty_permit()),
            });
        }
        &mut self.open_parcel.as_mut().expect("it was opened just above").delivery.rows
    }

    /// Sends the open parcel on. Waits while the warehouse is behind.
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
    mode: EncodeMode,
    rows: &mut Rows,
    scratch: &mut Scratch,
) -> Result<Encoded, NotRead> {
    message::encode(content, schema, mode, rows, scratch).map_err(|error| {
        let byte = match error {
            MessageError::CutOff { byte } | MessageError::NotJson { byte, .. } => Some(byte),
            _ => None,
        };
        NotRead::Dead(DeadLetter::whole(DeadStage::Parse, error.to_string(), byte))
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
    DeadLetter { rows, ..DeadLetter::whole(DeadStage::Parse, reason, byte) }
}
