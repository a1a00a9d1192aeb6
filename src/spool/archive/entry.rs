//! A message as an entry of a tar, `<DATASET>/<message id>`: a header of POSIX.1-1988 (ustar), with an extended header
//! of POSIX.1-2001 (pax) before it for what that has no room for: the fraction of a second, and long names.

use std::io::{self, Read, Write};

use tar::{EntryType, Header};

const BLOCK_BYTES: usize = 512;
const PLAIN_PATH_BYTES_MAX: usize = 100;

/// What is known of a message beside its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntryMeta {
    /// `<DATASET>/<message id>`.
    pub(super) path: Vec<u8>,
    pub(super) bytes: u64,
    /// When it was last written: seconds since 1970 UTC, and the nanoseconds of the second.
    pub(super) written: (i64, u32),
    /// Permissions.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Writes a whole entry.
pub(super) fn write_entry(out: &mut impl Write, meta: &EntryMeta, content: &[u8]) -> io::Result<()> {
    assert_eq!(meta.bytes, content.len() as u64, "a header has its content's length");
    let mut records = Vec::new();
    if meta.path.len() > PLAIN_PATH_BYTES_MAX {
        add_record(&mut records, "path", &meta.path);
    }
    if meta.written.0 < 0 || meta.written.1 > 0 {
        add_record(&mut records, "mtime", decimal(meta.written).as_bytes());
    }
    if !records.is_empty() {
        let header = header(EntryType::XHeader, b"PaxHeaders/irispool", records.len() as u64, meta);
        out.write_all(header.as_bytes())?;
        write_padded(out, &records)?;
    }
    out.write_all(header(EntryType::Regular, &meta.path, meta.bytes, meta).as_bytes())?;
    write_padded(out, content)
}

fn header(kind: EntryType, path: &[u8], bytes: u64, meta: &EntryMeta) -> Header {
    let mut header = Header::new_ustar();
    let kept = path.len().min(PLAIN_PATH_BYTES_MAX);
    header.as_old_mut().name[..kept].copy_from_slice(&path[..kept]);
    header.set_entry_type(kind);
    header.set_size(bytes);
    header.set_mode(meta.mode & 0o7777);
    header.set_uid(u64::from(meta.uid));
    header.set_gid(u64::from(meta.gid));
    header.set_mtime(u64::try_from(meta.written.0).unwrap_or(0));
    header.set_cksum();
    header
}

fn write_padded(out: &mut impl Write, content: &[u8]) -> io::Result<()> {
    out.write_all(content)?;
    let padding = content.len().next_multiple_of(BLOCK_BYTES) - content.len();
    out.write_all(&[0; BLOCK_BYTES][..padding])
}

/// `<length> <key>=<value>\n`, where the length counts itself.
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

/// Reads one message after the other out of a compressed tar, into a buffer that is used again. What is no regular file
/// is passed over. An error ends it: it says what is wrong with what comes behind those given so far.
pub(super) fn read_entries(
    compressed: impl Read,
    mut take: impl FnMut(&EntryMeta, &mut dyn Read) -> io::Result<()>,
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
        let header = entry.header();
        let meta = EntryMeta {
            path: entry.path_bytes().into_owned(),
            bytes: entry.size(),
            written,
            mode: header.mode()?,
            uid: header.uid()? as u32,
            gid: header.gid()? as u32,
        };
        take(&meta, &mut entry)?;
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
            let meta = EntryMeta {
                path: format!("FREQ/{name}").into_bytes(),
                bytes: content.len() as u64,
                written: (1_761_623_940, number as u32 * 1_000),
                mode: 0o640,
                uid: 3_000_000,
                gid: 7,
            };
            write_entry(&mut encoder, &meta, &content).unwrap();
            entries.push((meta, content));
        }
        encoder.finish().unwrap();
        let mut found = Vec::new();
        read_entries(&tar[..], |meta, content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            found.push((meta.clone(), bytes));
            Ok(())
        })
        .unwrap();
        assert_eq!(found, entries);
    }
}
