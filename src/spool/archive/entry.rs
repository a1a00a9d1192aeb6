//! A message as an entry of a tar: `<DATASET>/<message id>`.
//!
//! The entry has a header of POSIX.1-1988 (ustar). An extended header of POSIX.1-2001 (pax) stands before it when the
//! first has no room for something: a fraction of a second, or a long name.

use std::io::{self, Read, Write};

use tar::{EntryType, Header};

const BLOCK_BYTES: usize = 512;
const PLAIN_PATH_BYTES_MAX: usize = 100;

/// The header of a message's entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntryHeader {
    /// `<DATASET>/<message id>`.
    pub(super) path: Vec<u8>,
    pub(super) bytes: u64,
    /// When the message was last written: seconds since 1970 UTC, and the nanoseconds of the second.
    pub(super) written: (i64, u32),
    /// Permissions.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Writes a whole entry. `content` must be as long as `header` says.
pub(super) fn write_entry(out: &mut impl Write, header: &EntryHeader, content: &[u8]) -> io::Result<()> {
    assert_eq!(header.bytes, content.len() as u64, "a header has its content's length");
    let mut records = Vec::new();
    if header.path.len() > PLAIN_PATH_BYTES_MAX {
        add_record(&mut records, "path", &header.path);
    }
    if header.written.0 < 0 || header.written.1 > 0 {
        add_record(&mut records, "mtime", decimal(header.written).as_bytes());
    }
    if !records.is_empty() {
        let extended = tar_header(EntryType::XHeader, b"PaxHeaders/irispool", records.len() as u64, header);
        out.write_all(extended.as_bytes())?;
        write_padded(out, &records)?;
    }
    out.write_all(tar_header(EntryType::Regular, &header.path, header.bytes, header).as_bytes())?;
    write_padded(out, content)
}

fn tar_header(kind: EntryType, path: &[u8], bytes: u64, header: &EntryHeader) -> Header {
    let mut tar = Header::new_ustar();
    let kept = path.len().min(PLAIN_PATH_BYTES_MAX);
    tar.as_old_mut().name[..kept].copy_from_slice(&path[..kept]);
    tar.set_entry_type(kind);
    tar.set_size(bytes);
    tar.set_mode(header.mode & 0o7777);
    tar.set_uid(u64::from(header.uid));
    tar.set_gid(u64::from(header.gid));
    tar.set_mtime(u64::try_from(header.written.0).unwrap_or(0));
    tar.set_cksum();
    tar
}

fn write_padded(out: &mut impl Write, content: &[u8]) -> io::Result<()> {
    out.write_all(content)?;
    let padding = content.len().next_multiple_of(BLOCK_BYTES) - content.len();
    out.write_all(&[0; BLOCK_BYTES][..padding])
}

/// Adds `<length> <key>=<value>\n`. The length counts itself.
fn add_record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

/// `1761623940.123456789`.
fn decimal((seconds, nanoseconds): (i64, u32)) -> String {
    let all = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    let (sign, size) = (if all < 0 { "-" } else { "" }, all.unsigned_abs());
    let text = format!("{sign}{}.{:09}", size / 1_000_000_000, size % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn parse_decimal(text: &str) -> Option<(i64, u32)> {
    let (sign, size) = text.strip_prefix('-').map_or((1, text), |size| (-1, size));
    let (whole, fraction) = size.split_once('.').unwrap_or((size, ""));
    let nanoseconds: i128 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let all = sign * (whole.parse::<i128>().ok()? * 1_000_000_000 + nanoseconds);
    Some((i64::try_from(all.div_euclid(1_000_000_000)).ok()?, all.rem_euclid(1_000_000_000) as u32))
}

/// Reads a compressed tar, and calls `take` with each regular file.
///
/// # Errors
/// The first error ends it. It is about what comes behind the entries so far.
pub(super) fn read_entries(
    compressed: impl Read,
    mut take: impl FnMut(&EntryHeader, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    let mut archive = tar::Archive::new(zstd::stream::read::Decoder::new(compressed)?);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type() != EntryType::Regular {
            continue;
        }
        let mut written = (i64::try_from(entry.header().mtime()?).unwrap_or(0), 0);
        for record in entry.pax_extensions()?.into_iter().flatten() {
            let record = record?;
            if record.key_bytes() == b"mtime"
                && let Some(exact) = record.value().ok().and_then(parse_decimal)
            {
                written = exact;
            }
        }
        let tar = entry.header();
        let header = EntryHeader {
            path: entry.path_bytes().into_owned(),
            bytes: entry.size(),
            written,
            mode: tar.mode()?,
            uid: tar.uid()? as u32,
            gid: tar.gid()? as u32,
        };
        take(&header, &mut entry)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_to_the_nanosecond_and_before_1970_come_back() {
        for time in [
            (0, 0),
            (0, 1),
            (1_761_623_940, 120_000_000),
            (-1, 999_999_999),
            (-2, 0),
            (-2, 500_000_000),
            (i64::MIN, 1),
        ] {
            assert_eq!(parse_decimal(&decimal(time)), Some(time), "{}", decimal(time));
        }
        assert_eq!([decimal((-2, 500_000_000)), decimal((12, 30_000_000))], ["-1.5", "12.03"]);
        assert_eq!(parse_decimal("now"), None);
    }

    #[test]
    fn a_record_counts_its_own_length() {
        for length in [1, 80, 90, 91, 92, 93, 980, 990, 995] {
            let mut records = Vec::new();
            add_record(&mut records, "path", &vec![b'x'; length]);
            let said: usize =
                std::str::from_utf8(&records).unwrap().split(' ').next().unwrap().parse().unwrap();
            assert_eq!(said, records.len());
        }
    }

    #[test]
    fn entries_of_any_name_come_back_as_they_were() {
        let mut tar = Vec::new();
        let mut encoder = zstd::stream::write::Encoder::new(&mut tar, 3).unwrap();
        let mut entries = Vec::new();
        for (number, name) in
            ["a", "b\nc", &"x".repeat(95), &"y".repeat(96), &"z".repeat(255), "q~2"].iter().enumerate()
        {
            let content = vec![b'c'; number * 300];
            let header = EntryHeader {
                path: format!("FREQ/{name}").into_bytes(),
                bytes: content.len() as u64,
                written: (1_761_623_940, number as u32 * 1_000),
                mode: 0o640,
                uid: 3_000_000,
                gid: 7,
            };
            write_entry(&mut encoder, &header, &content).unwrap();
            entries.push((header, content));
        }
        encoder.finish().unwrap();
        let mut found = Vec::new();
        read_entries(&tar[..], |header, content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            found.push((header.clone(), bytes));
            Ok(())
        })
        .unwrap();
        assert_eq!(found, entries);
    }
}
