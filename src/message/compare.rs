//! Whether one content of a message holds all that another one holds.

use serde_json::Value;

use super::split::Elements;

/// Whether a message holds nothing: only white space, or the NULs that a power cut leaves in place of bytes that were
/// not yet on the disk.
pub fn is_blank(message: &[u8]) -> bool {
    let message = message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message);
    message.iter().all(|byte| *byte == 0 || byte.is_ascii_whitespace())
}

/// Whether `whole` has every byte of `part` at the same offset. A NUL in `part` counts as a missing byte, because
/// JSON has none and a power cut leaves them.
pub fn has_bytes_of(whole: &[u8], part: &[u8]) -> bool {
    let written = part.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    written <= whole.len()
        && part[..written].iter().zip(whole).all(|(part, whole)| *part == 0 || part == whole)
}

/// Whether `whole` has every row of `part` at the same index.
///
/// `is_bad` says which rows of `part` could not be delivered. Where such a row is not a record, any row will do,
/// because it was mended. A bad row that is a record has values, so it must be the same in `whole`.
pub fn has_rows_of(whole: &[u8], part: &[u8], is_bad: &dyn Fn(u32) -> bool) -> bool {
    let (Ok(mut rows), Ok(mut parts)) = (Elements::of(whole), Elements::of(part)) else { return false };
    for row in 0.. {
        let Ok(wanted) = parts.next() else { return false };
        let Some(wanted) = wanted else { return true };
        let Ok(Some(found)) = rows.next() else { return false };
        let (wanted, found) = (&part[wanted.start..wanted.end], &whole[found.start..found.end]);
        if wanted == found {
            continue;
        }
        match serde_json::from_slice::<Value>(wanted) {
            Ok(wanted @ Value::Object(_)) => {
                if serde_json::from_slice::<Value>(found).ok() != Some(wanted) {
                    return false;
                }
            }
            _ if is_bad(row) => {}
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_power_cut_leaves_is_blank() {
        for blank in [&b""[..], b" \n\t", b"\0\0\0", b"\xef\xbb\xbf\r\n"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for message in [&b"[]"[..], b"\0\0[", b"0"] {
            assert!(!is_blank(message), "{message:?}");
        }
    }

    #[test]
    fn bytes_that_are_there_stand_at_their_place_and_nuls_are_none() {
        let whole = br#"[{"a":1},{"a":2}]"#;
        for part in [
            &b""[..],
            b"[{\"a\"",
            b"[{\"a\":1},{\"a\":2}]",
            b"[{\"\0\0\0\0},",
            b"[{\"a\":1},{\"a\":2}]\0\0\0",
        ] {
            assert!(has_bytes_of(whole, part), "{part:?}");
        }
        for part in [&b"[{\"b\""[..], b"\0\0\0\0x", b"[{\"a\":1},{\"a\":2}] "] {
            assert!(!has_bytes_of(whole, part), "{part:?}");
        }
    }

    #[test]
    fn rows_that_are_there_stand_at_their_place_and_bad_ones_may_be_mended() {
        let whole = br#"[{"a":1,"b":"x"},{"a":2},{"a":3}]"#;
        let has = |part: &str, bad: &[u32]| has_rows_of(whole, part.as_bytes(), &|row| bad.contains(&row));
        assert!(has(r#"[{"a":1,"b":"x"},{"a":2}]"#, &[]), "fewer rows");
        assert!(has(r#"[ {"b":"x", "a":1}, {"a":2}, {"a":3} ]"#, &[]), "written otherwise");
        assert!(has(r#"[{"a":1,"b":"x"},17,{"a":3}]"#, &[1]), "17 is no record");
        assert!(has(r#"[{"a":1,"b":"x"},{"a":2},{"a":NaN}]"#, &[2]), "NaN is no JSON");
        assert!(!has(r#"[{"a":1,"b":"x"},17,{"a":3}]"#, &[]), "17 is not known to be bad");
        assert!(!has(r#"[{"a":1,"b":"y"},{"a":2}]"#, &[]), "another value");
        assert!(
            !has(r#"[{"a":1,"b":"y"},{"a":2}]"#, &[0]),
            "a bad record may have values that whole has not"
        );
        assert!(!has(r#"[{"a":2},{"a":1,"b":"x"}]"#, &[]), "another order");
        assert!(!has(r#"[{"a":1,"b":"x"},{"a":2},{"a":3},{"a":4}]"#, &[]), "one row more");
        assert!(!has(r#"[{"a":1,"b":"x"},{"a":2}"#, &[]), "cut off");
        assert!(!has("not JSON", &[0]));
    }
}
