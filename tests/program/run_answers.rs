//! The program meets files that are no message as IRIS sends it: what of them is delivered, and what their letters say.

use std::fs;

use crate::support::Site;

#[test]
fn envelopes_are_unwrapped_and_what_is_no_data_is_dead_with_its_reason() {
    let site = Site::new();
    let record = |frequency: &str| {
        format!(r#"{{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":{frequency}}}"#)
    };
    let utf16: Vec<u8> = format!("[{}]", record("1.5")).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let folder = site.incoming("FREQ");
    fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, content: &[u8]| fs::write(folder.join(name), content).unwrap();
    let envelope = format!(r#"{{"data":[{},{},7],"totalRecords":3}}"#, record("49.5"), record("50.5"));
    write("envelope", envelope.as_bytes());
    write("error", br#"{"statusCode":429,"message":"Rate limit is exceeded. Try again in 7 seconds."}"#);
    write("page", b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head></html>");
    write("utf16", &utf16);
    write("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x8b\x8e\x05\0\x29\xbb\x4c\x0d\x02\0\0\0");

    let ended = site.once(&[]);
    assert_eq!(ended.code, Some(3), "{}", ended.log);
    for (name, reason) in [
        ("envelope", "row 2: there is a number where a record should be (2 good rows were delivered)"),
        ("error", "an error that an API answered, not data: 429 Rate limit is exceeded."),
        ("page", "an HTML page that a web server or a proxy answered, not data: 502 Bad Gateway"),
        (
            "utf16",
            "text in UTF-16, little-endian, and only UTF-8 can be read: convert it with `iconv -f UTF-16LE -t UTF-8`",
        ),
        ("gzip", "packed (gzip), and only plain JSON can be read: unpack it with `gzip -dc`"),
    ] {
        let report = site.report("FREQ", name);
        assert!(report.reason.contains(reason), "{name}: {}", report.reason);
    }
    let rows = site.connection().query_row(
        "SELECT group_concat(frequency || ' ' || message_row) FROM (SELECT * FROM bmrs_freq_iris ORDER BY message_row)",
        [],
        |row| row.get::<_, String>(0),
    );
    assert_eq!(rows.unwrap(), "49.5 0,50.5 1");
}
