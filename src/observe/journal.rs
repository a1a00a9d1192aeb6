//! Priorities for systemd's journal. If it reads stderr, a line that begins with `<4>` is a warning (`sd-daemon(3)`).
//! Without the prefix every line counts as information, and `journalctl -p warning` shows none.

use std::sync::OnceLock;

use tracing::Level;

/// The prefix of a line on stderr: its priority if the journal reads stderr, else nothing.
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

/// `JOURNAL_STREAM` names the journal's stream by device and inode. A process with another stderr inherits the
/// variable, too, so the numbers are compared.
fn is_read() -> bool {
    let named = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    rustix::fs::fstat(std::io::stderr())
        .is_ok_and(|stderr| named == format!("{}:{}", stderr.st_dev, stderr.st_ino))
}
