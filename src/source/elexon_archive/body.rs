//! The message in a blob's bytes.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// The first bytes of gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Unpacks gzip once, and unwraps a JSON string that holds the JSON once. Any other bytes are the message itself.
///
/// # Errors
/// Says in a sentence that the message is larger than `bytes_max`, or that its gzip is damaged.
pub(super) fn message(bytes: Vec<u8>, bytes_max: u64) -> Result<Vec<u8>, String> {
    let bytes = if bytes.starts_with(&GZIP) { unpacked(&bytes, bytes_max)? } else { bytes };
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'"')
        && let Ok(text) = serde_json::from_slice::<String>(&bytes)
    {
        return Ok(text.into_bytes());
    }
    Ok(bytes)
}

fn unpacked(bytes: &[u8], bytes_max: u64) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(bytes)
        .take(bytes_max + 1)
        .read_to_end(&mut unpacked)
        .map_err(|error| format!("it is gzip and damaged: {error}"))?;
    if unpacked.len() as u64 > bytes_max {
        Err(format!("unpacked it has more than {bytes_max} bytes"))
    } else {
        Ok(unpacked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const MESSAGE: &[u8] = br#"[{"dataset":"FREQ"}]"#;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_and_a_json_string_are_taken_off_once() {
        let wrapped = serde_json::to_vec(std::str::from_utf8(MESSAGE).unwrap()).unwrap();
        for stored in [MESSAGE.to_vec(), packed(MESSAGE), wrapped.clone(), packed(&wrapped)] {
            assert_eq!(message(stored, 1_000).unwrap(), MESSAGE);
        }
    }

    #[test]
    fn what_is_cut_off_or_a_bomb_is_refused() {
        let packed_message = packed(MESSAGE);
        assert!(message(packed_message[..packed_message.len() - 9].to_vec(), 1_000).is_err());
        assert!(message(packed(&vec![b' '; 100_000]), 1_000).is_err());
    }
}
