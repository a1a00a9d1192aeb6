//! Messages that are to be kept, and what is found of them in `done/` and the archive.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use super::{Site, lacks, site::entries};

/// Path in the archive, content, and time of writing in ns since 1970; each with how often it is there.
pub(crate) type Kept = BTreeMap<(String, Vec<u8>, i128), u32>;

/// Writes a message with a time of its own, as the client did then, and notes it.
pub(crate) fn put_at(site: &Site, kept: &mut Kept, folder: &str, name: &str, seconds: u64, number: u32) {
    let row = format!(
        r#"[{{"dataset":"{folder}","measurementTime":"2025-10-28T03:59:00Z","frequency":{number}}}]"#
    );
    put_content_at(site, kept, folder, name, (seconds, 1_000 + number % 1_000_000), &row);
}

pub(crate) fn put_content_at(
    site: &Site,
    kept: &mut Kept,
    folder: &str,
    name: &str,
    (seconds, nanoseconds): (u64, u32),
    content: &str,
) {
    fs::create_dir_all(site.incoming(folder)).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
    // Nobody takes it before it is closed.
    let mut file = File::create_new(site.incoming(folder).join(name)).unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file.set_times(FileTimes::new().set_modified(time)).unwrap();
    drop(file);
    let time = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    *kept.entry((format!("{folder}/{name}"), content.as_bytes().to_vec(), time)).or_default() += 1;
}

pub(crate) fn now_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// The files of the archive, unborn ones too.
pub(crate) fn archives(site: &Site) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        entries(&site.spool.join("archive")).iter().flat_map(|folder| entries(folder)).collect();
    files.sort();
    files
}

pub(crate) fn has_tools() -> bool {
    let works = |tool: &str| {
        let run = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    };
    let there = works("zstd") && works("tar");
    if !there {
        lacks("zstd or tar is missing");
    }
    there
}

#[track_caller]
pub(crate) fn ran(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command:?}");
    output.stdout
}

/// What is in the archive, by zstd; tar must have no complaint either.
#[track_caller]
pub(crate) fn archived(site: &Site) -> Kept {
    let mut kept = Kept::new();
    for path in archives(site) {
        let listed = ran(Command::new("tar").args(["--quoting-style=escape", "--zstd", "-tf"]).arg(&path));
        let tar = ran(Command::new("zstd").args(["-q", "-dc"]).arg(&path));
        let mut count = 0;
        for entry in tar::Archive::new(&tar[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut time = i128::from(entry.header().mtime().unwrap()) * 1_000_000_000;
            for record in entry.pax_extensions().unwrap().into_iter().flatten() {
                let record = record.unwrap();
                if record.key() == Ok("mtime") {
                    let (whole, fraction) = record.value().unwrap().split_once('.').unwrap();
                    let fraction: i128 = format!("{fraction:0<9}").parse().unwrap();
                    time = whole.parse::<i128>().unwrap() * 1_000_000_000 + fraction;
                }
            }
            let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            *kept.entry((name, content, time)).or_default() += 1;
            count += 1;
        }
        assert_eq!(String::from_utf8(listed).unwrap().lines().count(), count, "{}", path.display());
    }
    kept
}

/// What is in a folder of folders, such as `done`.
pub(crate) fn files_of(folder: &Path) -> Kept {
    use std::os::unix::fs::MetadataExt;
    let mut kept = Kept::new();
    for dataset in entries(folder) {
        for file in entries(&dataset) {
            let found = fs::metadata(&file).unwrap();
            let time = i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
            let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
            let key = (format!("{}/{}", name(&dataset), name(&file)), fs::read(&file).unwrap(), time);
            *kept.entry(key).or_default() += 1;
        }
    }
    kept
}

/// What differs, by names.
#[track_caller]
pub(crate) fn assert_same(found: &Kept, wanted: &Kept) {
    let count = |of: &Kept, key| of.get(key).copied().unwrap_or(0);
    let wrong: Vec<String> = found
        .keys()
        .chain(wanted.keys())
        .filter(|key| count(found, key) != count(wanted, key))
        .map(|key| format!("{} at {}: {} times, not {}", key.0, key.2, count(found, key), count(wanted, key)))
        .collect();
    assert!(wrong.is_empty(), "{} faults, such as {:?}", wrong.len(), &wrong[..wrong.len().min(10)]);
}
