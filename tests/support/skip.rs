//! Tests that can't be made on a machine.

use std::fs::File;
use std::io::Write;

/// Says that a test can't be made here: on stderr, and in the file that scripts/test prints at its end.
pub fn skip(why: &str) {
    // Not eprintln, which a passing test shows to nobody.
    #[allow(clippy::explicit_write)]
    writeln!(std::io::stderr(), "\n*** SKIPPED: {why} ***\n").unwrap();
    if let Some(file) = std::env::var_os("TEST_SKIPS_FILE") {
        let name = std::thread::current().name().unwrap_or("a test").to_owned();
        let mut file = File::options().append(true).create(true).open(file).unwrap();
        writeln!(file, "{name}: {why}").unwrap();
    }
}

/// The same where a tool is missing that scripts/test installs: on a CI that is a failure.
#[track_caller]
pub fn lacks(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "{what}");
    skip(what);
}
