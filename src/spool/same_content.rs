//! Comparing two files.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// Whether two regular files hold the same bytes. A file that cannot be read differs from every other. The files may be
/// of any size: no more than a buffer of each is in memory.
pub(super) fn same_content(one: &Path, other: &Path) -> bool {
    let compare = || -> io::Result<bool> {
        let (found_one, found_other) = (one.symlink_metadata()?, other.symlink_metadata()?);
        if !found_one.is_file() || !found_other.is_file() || found_one.len() != found_other.len() {
            return Ok(false);
        }
        let (mut one, mut other) = (BufReader::new(File::open(one)?), BufReader::new(File::open(other)?));
        loop {
            let (first, second) = (one.fill_buf()?, other.fill_buf()?);
            let length = first.len().min(second.len());
            if first[..length] != second[..length] {
                return Ok(false);
            }
            if length == 0 {
                return Ok(first.is_empty() && second.is_empty());
            }
            one.consume(length);
            other.consume(length);
        }
    };
    compare().unwrap_or(false)
}
