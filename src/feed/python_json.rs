//! Values as Python's `json.dumps` writes them.

use std::io::Write;

/// Appends text in quotes. Everything that is not ASCII becomes `\uXXXX`, in UTF-16.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for letter in text.chars() {
        match letter {
            '"' => out.extend(b"\\\""),
            '\\' => out.extend(b"\\\\"),
            '\n' => out.extend(b"\\n"),
            '\r' => out.extend(b"\\r"),
            '\t' => out.extend(b"\\t"),
            ' '..='~' => out.push(letter as u8),
            _ => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    push(out, format_args!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push(b'"');
}

pub(super) fn push_int(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[start..]);
}

/// Appends `value` thousandths: `49.92`, `-0.5`. A whole number is `350.0`, or `350` if `bare`: IRIS sends both.
pub(super) fn push_thousandths(out: &mut Vec<u8>, value: i64, bare: bool) {
    if value < 0 {
        out.push(b'-');
    }
    let size = value.unsigned_abs();
    push_int(out, (size / 1000) as i64);
    let fraction = size % 1000;
    if fraction == 0 && bare {
        return;
    }
    out.extend([b'.', b'0' + (fraction / 100) as u8]);
    if !fraction.is_multiple_of(100) {
        out.push(b'0' + (fraction / 10 % 10) as u8);
    }
    if !fraction.is_multiple_of(10) {
        out.push(b'0' + (fraction % 10) as u8);
    }
}

pub(super) fn push_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends formatted text.
pub(super) fn push(out: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("writing into memory does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_is_escaped_as_python_does() {
        let text = "a \"b\"\\\n\t£ é \u{1f600}\u{7f}\u{1}";
        let escaped = written(|out| push_text(out, text));
        assert_eq!(escaped, r#""a \"b\"\\\n\t\u00a3 \u00e9 \ud83d\ude00\u007f\u0001""#);
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
    }

    #[test]
    fn numbers_are_short() {
        for (value, bare, text) in [
            (49_920, true, "49.92"),
            (-500, true, "-0.5"),
            (-1_005, false, "-1.005"),
            (350_000, false, "350.0"),
            (350_000, true, "350"),
            (0, false, "0.0"),
        ] {
            assert_eq!(written(|out| push_thousandths(out, value, bare)), text);
        }
        assert_eq!(written(|out| push_int(out, i64::MIN)), i64::MIN.to_string());
        assert_eq!(written(|out| push_int(out, 0)), "0");
    }
}
