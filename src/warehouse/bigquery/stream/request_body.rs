//! The body of a streaming request.

use super::pending_row::PendingRow;
use super::target::StreamTarget;
use crate::warehouse::bigquery::rows::{MessageContext, RowFormat, RowWriter};

/// BigQuery's limit is 10 MB for a request and for a row.
pub(super) const ROW_BYTES_MAX: usize = 9_500_000;
/// BigQuery's limit for an insertId.
const INSERT_ID_CHARACTERS_MAX: usize = 128;
const HEAD: &[u8] = br#"{"rows":["#;
const TAIL: &[u8] = b"]}";

/// Writes as many of the rows as one request takes, and returns how many; 0 if the first row alone is too large.
pub(super) fn write_body(target: &StreamTarget<'_>, body: &mut Vec<u8>, rows: &[PendingRow]) -> usize {
    body.clear();
    body.extend_from_slice(HEAD);
    let bytes_max = target.state.client().options().batch_bytes;
    let mut writer: Option<(usize, RowWriter<'_>)> = None;
    let mut message: Option<(usize, usize, MessageContext<'_>)> = None;
    for (count, pending) in rows.iter().enumerate() {
        let delivery = &target.deliveries[pending.delivery];
        let (_, writer) = match writer {
            Some(ref writer) if writer.0 == pending.delivery => writer,
            _ => &*writer.insert((
                pending.delivery,
                RowWriter::new(&delivery.schema, &target.table.meta, RowFormat::Stream),
            )),
        };
        let (_, _, context) = match message {
            Some(ref message) if (message.0, message.1) == (pending.delivery, pending.message) => message,
            _ => &*message.insert((
                pending.delivery,
                pending.message,
                MessageContext::new(delivery, &delivery.messages[pending.message]),
            )),
        };
        let row = target.row(pending);
        let start = body.len();
        if count > 0 {
            body.push(b',');
        }
        // A row that goes without some of its values needs another id: BigQuery may remember the id of the row that it
        // refused.
        let mut insert_id = context.insert_id(row.message_row());
        for column in &pending.refused {
            insert_id.push_str(&format!("-{column}"));
        }
        insert_id.truncate(INSERT_ID_CHARACTERS_MAX);
        body.extend_from_slice(format!("{{\"insertId\":\"{insert_id}\",\"json\":").as_bytes());
        writer.write(body, row, context, &pending.refused);
        body.push(b'}');
        let is_too_large = body.len() - start > ROW_BYTES_MAX;
        if is_too_large || (count > 0 && body.len() > bytes_max) {
            body.truncate(start);
            body.extend_from_slice(TAIL);
            return count;
        }
    }
    body.extend_from_slice(TAIL);
    rows.len()
}
