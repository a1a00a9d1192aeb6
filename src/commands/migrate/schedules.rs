//! What starts the old set-up, or looks after it: lines of cron, launchd, systemd and logrotate that name its folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One line that names the old folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ScheduleLine {
    /// The command or the file in which it stands.
    pub(super) kept_in: String,
    pub(super) line: String,
}

/// The lines that name a file in `folder`. What this user may not read is left out.
pub(super) fn of(folder: &Path) -> Vec<ScheduleLine> {
    let mut found = Vec::new();
    if let Ok(output) = Command::new("crontab").arg("-l").output()
        && output.status.success()
    {
        found.extend(lines_that_name(folder, "crontab -l", &String::from_utf8_lossy(&output.stdout)));
    }
    for (files, ending) in files_to_look_at() {
        let Ok(entries) = fs::read_dir(&files) else { continue };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.to_string_lossy().ends_with(ending)) {
            let Ok(text) = fs::read_to_string(path) else { continue };
            found.extend(lines_that_name(folder, &path.display().to_string(), &text));
        }
    }
    found
}

fn files_to_look_at() -> Vec<(PathBuf, &'static str)> {
    let mut folders = vec![
        ("/etc/cron.d".into(), ""),
        ("/etc/systemd/system".into(), ".service"),
        ("/etc/logrotate.d".into(), ""),
        ("/Library/LaunchDaemons".into(), ".plist"),
        ("/etc/newsyslog.d".into(), ".conf"),
    ];
    if let Some(home) = std::env::home_dir() {
        folders.push((home.join("Library/LaunchAgents"), ".plist"));
        folders.push((home.join(".config/systemd/user"), ".service"));
    }
    folders
}

fn lines_that_name(folder: &Path, kept_in: &str, text: &str) -> Vec<ScheduleLine> {
    let folder = folder.to_string_lossy();
    // A crontab or a unit may have a space of the path behind a backslash.
    let spellings = [folder.to_string(), folder.replace(' ', "\\ "), folder.replace(' ', "\\x20")];
    let is_comment = |line: &&str| line.trim_start().starts_with(['#', ';']);
    text.lines()
        .filter(|line| !is_comment(line) && spellings.iter().any(|spelling| names(line, spelling)))
        .map(|line| ScheduleLine { kept_in: kept_in.to_owned(), line: line.trim().to_owned() })
        .collect()
}

/// Whether the path stands in the line, and not as the beginning of a longer name. Between quotes a space is a part of
/// the name.
fn names(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let is_quoted = line[..at].ends_with(['\'', '"']);
        let next = line[at + path.len()..].chars().next();
        next.is_none_or(|next| {
            let goes_on =
                next.is_alphanumeric() || matches!(next, '_' | '-' | '.') || (is_quoted && next == ' ');
            !goes_on
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_name_the_folder_are_found() {
        let text = "# */5 * * * * python3 '/Users/ann/GB Power/old.py'\n\
                    */5 * * * * cd /Users/ann/GB\\ Power && python3 health.py\n\
                    0 0 * * * python3 '/Users/ann/GB Power 2/other.py'\n\
                    @reboot python3 \"/Users/ann/GB Power/iris.py\"\n";
        let found = lines_that_name(Path::new("/Users/ann/GB Power"), "crontab -l", text);
        let lines: Vec<&str> = found.iter().map(|found| found.line.as_str()).collect();
        assert_eq!(
            lines,
            [
                "*/5 * * * * cd /Users/ann/GB\\ Power && python3 health.py",
                "@reboot python3 \"/Users/ann/GB Power/iris.py\"",
            ]
        );
    }
}
