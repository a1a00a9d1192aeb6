//! `irispool migrate`, on an old set-up in a folder whose name has spaces, with real Python programs in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::support::{Site, lacks, until};

const ROW: &str = r#"[{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":50.01}]"#;

/// An old set-up: a script of one's own, Elexon's client with its settings, three messages that wait.
struct Old {
    site: Site,
    folder: PathBuf,
}

impl Old {
    fn new() -> Old {
        let site = Site::new();
        let folder = site.folder.path().join("GB Power Market JJ");
        Old::lay_out(&folder);
        Old { site, folder }
    }

    fn lay_out(folder: &Path) {
        let client = folder.join("iris-clients/python");
        fs::create_dir_all(client.join("iris_data/FREQ")).unwrap();
        fs::create_dir_all(client.join("iris_data/BOALF")).unwrap();
        // An ordinary folder of the user's, which holds no messages.
        fs::create_dir_all(folder.join("reports/october")).unwrap();
        fs::write(folder.join("reports/october/freq.csv"), "time,frequency\n").unwrap();
        for name in ["FREQ_202510280359_00001.json", "FREQ_202510280400_00002.json"] {
            fs::write(client.join("iris_data/FREQ").join(name), ROW).unwrap();
        }
        fs::write(client.join("iris_data/BOALF/BOALF_202510280359_00001.json"), r#"[{"dataset":"BOALF"}]"#)
            .unwrap();
        fs::write(
            client.join("iris_settings.json"),
            "{\n  \"ServiceBusNamespace\": \"elexon-iris\",\n  \"QueueName\": \"q\",\n  \"Secret\": \"s3cret\",\n  \
             \"RelativeFileDownloadDirectory\": \"iris_data\"\n}\n",
        )
        .unwrap();
        let sleeps = "import time\nwhile True:\n    time.sleep(60)\n";
        fs::write(client.join("client.py"), sleeps).unwrap();
        fs::write(folder.join("iris_to_bigquery.py"), sleeps).unwrap();
        fs::write(folder.join("processor.log"), "a line\n").unwrap();
        fs::write(folder.join("processor.pid"), "4711\n").unwrap();
    }

    fn messages(&self) -> PathBuf {
        self.folder.join("iris-clients/python/iris_data")
    }

    fn settings(&self) -> PathBuf {
        self.folder.join("iris-clients/python/iris_settings.json")
    }

    fn migrate(&self, flags: &[&str]) -> Output {
        let mut command = self.site.irispool();
        command.arg("migrate").arg("--from").arg(&self.folder).args(self.site.run_arguments()).args(flags);
        // Whose crontab it is does not matter here.
        command.env("HOME", self.site.folder.path()).output().unwrap()
    }

    #[track_caller]
    fn said(&self, flags: &[&str], code: i32) -> String {
        let output = self.migrate(flags);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        String::from_utf8(output.stdout).unwrap() + &stderr
    }

    /// Runs a Python program of the old set-up, from its own folder.
    fn python(&self, script: &str) -> Python {
        let path = self.folder.join(script);
        let (folder, name) = (path.parent().unwrap(), path.file_name().unwrap());
        let child =
            Command::new("python3").arg(name).current_dir(folder).stdout(Stdio::null()).spawn().unwrap();
        let python = Python(child);
        // What is called python3 may be a script that starts it.
        until("the program is python", || {
            let program = fs::read_link(format!("/proc/{}/exe", python.0.id())).unwrap_or_default();
            program.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python"))
        });
        python
    }
}

fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok();
    if !found {
        lacks("a running script: python3 is missing");
    }
    found
}

struct Python(Child);

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Every file below a folder, with its content.
fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                files.push((entry.path(), fs::read(entry.path()).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn without_apply_it_tells_the_steps_and_changes_nothing() {
    if !has_python() {
        return;
    }
    let old = Old::new();
    let (script, client) = (old.python("iris_to_bigquery.py"), old.python("iris-clients/python/client.py"));
    let before = tree(old.site.folder.path());
    let text = old.said(&[], 0);
    assert_eq!(tree(old.site.folder.path()), before);
    for wanted in [
        "3 files in iris-clients/python/iris_data (FREQ 2, BOALF 1)".to_owned(),
        "iris_settings.json, writes into iris_data".to_owned(),
        format!("client.py, runs as process {}", client.0.id()),
        format!("kill {}    # ", script.0.id()),
        format!("kill {}    # ", client.0.id()),
        " iris_to_bigquery.py\n".to_owned(),
        "processor.pid".to_owned(),
        format!("irispool migrate --from '{}' --apply", old.folder.display()),
        "/iris-clients/python' && ".to_owned(),
        "iris_settings.json.before-irispool".to_owned(),
    ] {
        assert!(text.contains(&wanted), "{wanted}\n{text}");
    }
    assert!(!text.contains("reports") && !text.contains("s3cret"), "{text}");
}

#[test]
fn with_bigquery_it_tells_what_becomes_of_the_tables() {
    let old = Old::new();
    let mut command = old.site.irispool();
    command.arg("migrate").arg("--from").arg(&old.folder).args(["--warehouse", "bigquery:my-project.elexon"]);
    let text =
        String::from_utf8(command.env("HOME", old.site.folder.path()).output().unwrap().stdout).unwrap();
    for wanted in
        ["setup --dry-run", "message_id, message_row, rescued", "stays unpartitioned", "--replace-views"]
    {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
}

#[test]
fn it_does_nothing_while_the_old_script_runs() {
    if !has_python() {
        return;
    }
    let old = Old::new();
    let script = old.python("iris_to_bigquery.py");
    let before = tree(old.site.folder.path());
    let text = old.said(&["--apply"], 1);
    assert_eq!(tree(old.site.folder.path()), before);
    assert!(text.contains(&format!("still runs as process {}", script.0.id())), "{text}");
    assert!(text.contains(&format!("kill {}", script.0.id())), "{text}");
}

#[test]
fn it_does_nothing_while_the_client_runs() {
    if !has_python() {
        return;
    }
    let old = Old::new();
    let client = old.python("iris-clients/python/client.py");
    let before = tree(old.site.folder.path());
    let text = old.said(&["--apply"], 1);
    assert_eq!(tree(old.site.folder.path()), before);
    assert!(text.contains(&format!("client.py still runs as process {}", client.0.id())), "{text}");
}

#[test]
fn root_does_nothing_in_the_folder_of_another_user() {
    if !crate::support::is_root() {
        return crate::support::skip("a folder of another user: the tests do not run as root");
    }
    let old = Old::new();
    std::os::unix::fs::chown(&old.folder, Some(crate::support::site::NOBODY), None).unwrap();
    let before = tree(old.site.folder.path());
    let text = old.said(&["--apply"], 1);
    assert_eq!(tree(old.site.folder.path()), before);
    assert!(text.contains("hint: run this as the user that runs client.py"), "{text}");
}

#[test]
fn a_message_that_is_in_incoming_already_is_not_left_behind() {
    let old = Old::new();
    old.site.put("FREQ", "FREQ_202510280359_00001.json", ROW);
    let text = old.said(&["--apply"], 0);
    assert!(text.contains("Moved 3 messages"), "{text}");
    assert!(tree(&old.messages()).is_empty());
}

#[test]
fn a_folder_that_is_set_aside_stays_and_makes_none_in_incoming() {
    let old = Old::new();
    fs::create_dir_all(old.messages().join("BOD.old")).unwrap();
    fs::write(old.messages().join("BOD.old/m.json"), ROW).unwrap();
    let text = old.said(&["--apply"], 4);
    assert!(text.contains("BOD.old/m.json"), "{text}");
    assert!(!old.site.incoming("BOD.old").exists());
}

#[test]
fn applied_every_message_is_delivered_and_the_client_writes_into_the_spool() {
    let old = Old::new();
    let text = old.said(&["--apply"], 0);
    assert!(text.contains("Moved 3 messages"), "{text}");
    assert_eq!(old.site.files_in("incoming").len(), 3);
    assert!(old.messages().join("FREQ").is_dir(), "a client that still runs looks for it");

    let settings: serde_json::Value = serde_json::from_slice(&fs::read(old.settings()).unwrap()).unwrap();
    let incoming = fs::canonicalize(old.site.incoming("")).unwrap();
    assert_eq!(Path::new(settings["RelativeFileDownloadDirectory"].as_str().unwrap()), incoming);
    assert_eq!(settings["Secret"], "s3cret");
    let saved =
        fs::read_to_string(old.settings().with_file_name("iris_settings.json.before-irispool")).unwrap();
    assert!(saved.contains("\"iris_data\""));

    // The settings that it wrote lead every command to the spool, without a flag.
    let run = old.site.irispool().args(["run", "--once"]).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(old.site.loaded(), 3);
    assert_eq!(old.site.texts("SELECT count(*) FROM bmrs_freq_unified"), ["2"]);

    // Again, it has nothing left to do, and keeps the first copy of the settings.
    let text = old.said(&["--apply"], 0);
    assert!(text.contains("Moved 0 messages"), "{text}");
    let saved =
        fs::read_to_string(old.settings().with_file_name("iris_settings.json.before-irispool")).unwrap();
    assert!(saved.contains("\"iris_data\""));
}

#[test]
fn a_message_whose_name_is_taken_stays_and_so_does_what_is_half_written() {
    let old = Old::new();
    old.site.put("FREQ", "FREQ_202510280359_00001.json", "[]");
    fs::write(old.messages().join("FREQ/.m.json.Xa3b2c"), ROW).unwrap();
    let text = old.said(&["--apply"], 4);
    assert!(text.contains("Moved 2 messages"), "{text}");
    assert!(
        text.contains("FREQ/FREQ_202510280359_00001.json") && text.contains("FREQ/.m.json.Xa3b2c"),
        "{text}"
    );
    let kept = old.messages().join("FREQ/FREQ_202510280359_00001.json");
    assert_eq!(fs::read_to_string(kept).unwrap(), ROW);
    assert_eq!(
        fs::read_to_string(old.site.incoming("FREQ").join("FREQ_202510280359_00001.json")).unwrap(),
        "[]"
    );
}

#[test]
fn messages_on_another_file_system_come_whole_and_with_their_times() {
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else {
        return crate::support::skip("messages on another file system: there is no /dev/shm");
    };
    let mut old = Old::new();
    old.folder = elsewhere.path().join("GB Power Market JJ");
    Old::lay_out(&old.folder);
    let written =
        fs::metadata(old.messages().join("FREQ/FREQ_202510280359_00001.json")).unwrap().modified().unwrap();
    let text = old.said(&["--apply"], 0);
    assert!(text.contains("Moved 3 messages"), "{text}");
    let moved = old.site.incoming("FREQ").join("FREQ_202510280359_00001.json");
    assert_eq!(fs::read_to_string(&moved).unwrap(), ROW);
    assert_eq!(fs::metadata(&moved).unwrap().modified().unwrap(), written);
    assert!(tree(&old.messages()).is_empty());
    assert!(old.site.files_in("done").is_empty());
}

#[test]
fn a_folder_that_is_not_there_is_named_with_what_to_do() {
    let old = Old::new();
    let output = old.site.irispool().args(["migrate", "--from", "no such folder"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr.contains("no such folder") && stderr.contains("hint: --from names the folder"),
        "{stderr}"
    );
}
