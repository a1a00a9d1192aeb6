//! What macOS needs of irispool and can be tried on any system. `scripts/check-macos` type-checks the rest.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::site::entries;
use crate::support::{Site, lacks, root};

const PLIST: &str = "scripts/launchd/local.irispool.plist";

/// Reads a property list as `plutil -lint` does: well-formed XML, and a dictionary of known elements in which each key has a
/// value. None where Python is missing.
fn read_plist(text: &str) -> Option<Result<Value, String>> {
    const READ: &str =
        "import json, plistlib, sys; json.dump(plistlib.loads(sys.stdin.buffer.read()), sys.stdout)";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plist");
    fs::write(&file, text).unwrap();
    let output =
        Command::new("python3").args(["-c", READ]).stdin(fs::File::open(file).unwrap()).output().ok()?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(error)
    })
}

#[test]
fn the_job_of_launchd_is_a_property_list() {
    let text = fs::read_to_string(root().join(PLIST)).unwrap();
    let Some(read) = read_plist(&text) else {
        return lacks("python3 is missing");
    };
    let job = read.unwrap();
    // The parser takes the last of two equal keys, and plutil takes none.
    assert_eq!(text.matches("<key>").count(), job.as_object().unwrap().len());
    // launchd looks for a job in the file of its name.
    assert_eq!(format!("{}.plist", job["Label"].as_str().unwrap()), PLIST.rsplit('/').next().unwrap());
    assert_eq!(job["ProgramArguments"][1], json!("run"));
    for path in [&job["ProgramArguments"][0], &job["WorkingDirectory"], &job["StandardErrorPath"]] {
        assert!(path.as_str().unwrap().starts_with("/Users/me/"), "{path}");
    }
    // A worker that is told to stop has the time to do it.
    assert!(job["ExitTimeOut"].as_u64().unwrap() > 2 * 5);
    let known = [
        "Label",
        "ProgramArguments",
        "WorkingDirectory",
        "StandardErrorPath",
        "RunAtLoad",
        "KeepAlive",
        "ThrottleInterval",
        "ExitTimeOut",
        "Umask",
    ];
    for key in job.as_object().unwrap().keys() {
        assert!(known.contains(&key.as_str()), "launchd.plist(5) has to be asked about {key}");
    }
    // Each rule can fail.
    for (good, bad) in [("</dict>", ""), ("<true/>", "<yes/>"), ("<string>run</string>", "<key>run</key>")] {
        assert!(read_plist(&text.replacen(good, bad, 1)).unwrap().is_err(), "{bad:?} for {good}");
    }
}

/// docs/operate.md has the commands that put the job there.
#[test]
fn the_documented_commands_make_a_job_of_ones_own() {
    let manual = fs::read_to_string(root().join("docs/operate.md")).unwrap();
    let sed = manual.lines().find(|line| line.starts_with("sed ") && line.contains(PLIST)).unwrap();
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join("Library/LaunchAgents")).unwrap();
    let made = Command::new("sh").args(["-euc", sed]).current_dir(root()).env("HOME", home.path()).status();
    assert!(made.unwrap().success(), "{sed}");
    let job = fs::read_to_string(home.path().join("Library/LaunchAgents/local.irispool.plist")).unwrap();
    assert!(!job.contains("/Users/me"), "{job}");
    assert!(
        job.contains(&format!("<string>{}/.cargo/bin/irispool</string>", home.path().display())),
        "{job}"
    );
    for command in ["launchctl bootstrap", "launchctl bootout", "launchctl kickstart -k", "plutil -lint"] {
        assert!(manual.contains(command), "{command}");
    }
    for line in manual.lines().filter(|line| line.starts_with("launchctl ")) {
        assert!(line.contains("local.irispool"), "{line}");
    }
}

/// Finder leaves them in each folder that it has shown.
#[test]
fn what_finder_leaves_in_a_spool_is_no_message_and_no_finding() {
    let site = Site::new();
    site.put("FREQ", "m.json", r#"[{"dataset":"FREQ","frequency":50.01},7]"#);
    site.drain(&["--keep=archive"]);
    let folders = [
        "",
        "incoming",
        "incoming/FREQ",
        "claimed",
        "claimed/.locks",
        "dead",
        "dead/FREQ",
        "done",
        "done/FREQ",
        "archive",
        "archive/FREQ",
    ];
    let finders = [".DS_Store", "._m.json", ".localized", "Icon\r"];
    let long_ago = fs::FileTimes::new().set_modified(std::time::SystemTime::UNIX_EPOCH);
    let mut left = Vec::new();
    for folder in folders {
        for name in finders.iter().filter(|name| folder.starts_with("incoming") || name.starts_with('.')) {
            let path = site.spool.join(folder).join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "Finder's").unwrap();
            fs::File::options().write(true).open(&path).unwrap().set_times(long_ago).unwrap();
            left.push(path);
        }
    }
    let arguments = |words: &[&str]| {
        let mut command = site.irispool();
        command.args(words).args(site.run_arguments());
        let output = command.output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let status: Value = serde_json::from_str(&arguments(&["status", "--json"])).unwrap();
    let keys: Vec<&str> =
        status["findings"].as_array().unwrap().iter().map(|found| found["key"].as_str().unwrap()).collect();
    assert!(keys.iter().all(|key| ["dead", "no-worker"].contains(key)), "{status}");
    let said = arguments(&["check"]);
    assert!(!finders.iter().any(|name| said.contains(name)), "{said}");

    site.put("FREQ", "n.json", r#"[{"dataset":"FREQ","frequency":50.02}]"#);
    // A whole folder is swapped, and file by file.
    for flags in [&["--keep=archive", "--claim-files=1"][..], &["--keep=archive"]] {
        site.put("FREQ", "o.json", r#"[{"dataset":"FREQ","frequency":50.03}]"#);
        assert_eq!(site.once(flags).code, Some(0));
    }
    assert_eq!(site.dead().iter().filter(|name| !name.contains("/.")).count(), 1);
    let letters = arguments(&["dead", "list"]);
    assert!(!finders.iter().any(|name| letters.contains(name)), "{letters}");
    let listed = arguments(&["archive", "list"]);
    assert!(!finders.iter().any(|name| listed.contains(name)), "{listed}");
    for path in left {
        assert!(path.exists(), "{} is Finder's", path.display());
    }
    let claimed = entries(&site.spool.join("claimed"));
    assert!(claimed.iter().all(|path| path.ends_with(".locks") || path.is_file()), "{claimed:?}");
}

/// What a user reads about files without a lease is the same everywhere.
#[test]
fn the_texts_agree_on_what_decides_without_leases() {
    for file in ["docs/install.md", "docs/settings.md", "irispool.example.toml"] {
        let text = fs::read_to_string(root().join(file)).unwrap().replace("\n#", "\n");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("takes a file that nobody has written to for"), "{file}");
    }
    // `check` says it too: `ops_check::a_file_system_without_leases_is_a_warning`.
}
