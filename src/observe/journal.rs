//! systemd's journal. Where it reads stderr, a line that begins with `<4>` is a warning (`sd-daemon(3)`); without that each
//! is for information, and `journalctl -p warning` shows none.

use std::sync::OnceLock;

use tracing::Level;

/// What a line on stderr begins with: its priority where the journal reads it, else nothing.
pub(crate) fn journal_prefix(level: Level) -> &'static str {
    static READS: OnceLock<bool> = OnceLock::new();
    if !*READS.get_or_init(is_read) {
        return "";
    }
    match level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        Level::DEBUG | Level::TRACE => "<7>",
    }
}

/// `JOURNAL_STREAM` names a stream by device and inode. A process whose stderr is another one inherits it as well.
fn is_read() -> bool {
    let named = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    rustix::fs::fstat(std::io::stderr())
        .is_ok_and(|stderr| named == format!("{}:{}", stderr.st_dev, stderr.st_ino))
}
