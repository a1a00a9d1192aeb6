//! `irispool dead retry` and `drop` are killed at their first, second, third … rename or removal; then one that is not
//! killed must come to the same end as if nobody had been.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use crate::support::site::entries;
use crate::support::{Site, strace};

/// Their messages, each with a content of its own.
const FOLDERS: [&str; 2] = ["FREQ", "MID"];
const EACH: usize = 3;

const LETTERS: usize = FOLDERS.len() * EACH;

/// strace counts each of them by itself; of each of these the program has one only.
const RENAMES: &str = "rename,renameat,renameat2";
const REMOVALS: &str = "unlink,unlinkat";

type Messages = BTreeMap<String, String>;

fn site_with_letters() -> (Site, Messages) {
    let (site, mut messages) = (Site::new(), Messages::new());
    for folder in FOLDERS {
        for number in 0..EACH {
            let (name, content) = (format!("m{number}"), format!("[{{\"{folder}\":{number}"));
            site.put(folder, &name, &content);
            messages.insert(format!("{folder}/{name}"), content);
        }
    }
    site.once(&[]);
    assert_eq!(messages_in(&site, "dead"), messages);
    (site, messages)
}

/// What lies in a room of the spool, reports left out.
fn messages_in(site: &Site, room: &str) -> Messages {
    let mut names = site.files_in(room);
    names.retain(|name| !name.ends_with(".error.json"));
    names
        .into_iter()
        .map(|name| {
            let content = fs::read_to_string(site.spool.join(room).join(&name)).unwrap();
            (name, content)
        })
        .collect()
}

fn reports(site: &Site) -> BTreeSet<String> {
    let names = site.files_in("dead").into_iter();
    names.filter_map(|name| name.strip_suffix(".error.json").map(str::to_owned)).collect()
}

/// Makes reports so old that their messages can't be on the way.
fn make_reports_old(site: &Site) {
    for name in reports(site) {
        let report = site.spool.join(format!("dead/{name}.error.json"));
        let report = File::options().write(true).open(report).unwrap();
        report.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    }
}

fn dead(site: &Site, mut command: Command, arguments: &[&str]) -> Output {
    command.arg("dead").args(arguments).arg(format!("--spool={}", site.spool.display()));
    command.output().unwrap()
}

/// Whether there was such a call, and the kill with it.
#[track_caller]
fn is_killed_at(site: &Site, arguments: &[&str], calls: &str, call: u32) -> bool {
    let output = dead(site, strace::killed_at(site, calls, call), arguments);
    let killed = output.status.signal() == Some(9);
    assert!(killed || output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    killed
}

/// Kills at the first, second, third … call of a kind, until there are no more; `is_right` has a look after each kill, and
/// after the command that follows it.
fn killed_at_each(
    arguments: &[&str],
    (calls, calls_count): (&str, usize),
    is_right: fn(&Site, &Messages, &str),
    at_the_end: fn(&Site, &Messages),
) {
    if !strace::works() {
        return;
    }
    for call in 1.. {
        let (site, messages) = site_with_letters();
        let killed = is_killed_at(&site, arguments, calls, call);
        is_right(&site, &messages, &format!("killed at call {call} of {calls}"));
        make_reports_old(&site);
        let again = dead(&site, site.irispool(), arguments);
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
        is_right(&site, &messages, &format!("again after call {call} of {calls}"));
        at_the_end(&site, &messages);
        assert_eq!(site.files_in("dead"), BTreeSet::new(), "call {call} of {calls}");
        if !killed {
            assert_eq!(call as usize - 1, calls_count, "another number of calls than the test is made for");
            return;
        }
    }
}

#[track_caller]
fn each_letter_has_its_report(site: &Site, when: &str) {
    let (dead, reports) = (messages_in(site, "dead"), reports(site));
    assert!(dead.keys().all(|name| reports.contains(name)), "{when}: {dead:?} {reports:?}");
}

#[test]
fn a_retry_that_is_killed_anywhere_loses_no_message_and_has_none_twice() {
    let is_right = |site: &Site, messages: &Messages, when: &str| {
        let (mut found, incoming) = (messages_in(site, "dead"), messages_in(site, "incoming"));
        assert!(found.keys().all(|name| !incoming.contains_key(name)), "{when}: {found:?} {incoming:?}");
        found.extend(incoming);
        assert_eq!(&found, messages, "{when}");
        each_letter_has_its_report(site, when);
    };
    let at_the_end = |site: &Site, messages: &Messages| assert_eq!(&messages_in(site, "incoming"), messages);
    for kind in [(RENAMES, LETTERS), (REMOVALS, LETTERS)] {
        killed_at_each(&["retry", "--all"], kind, is_right, at_the_end);
    }
}

#[test]
fn a_drop_that_is_killed_anywhere_leaves_whole_letters_and_the_next_one_deletes_them() {
    let is_right = |site: &Site, messages: &Messages, when: &str| {
        let left = messages_in(site, "dead");
        assert!(left.iter().all(|(name, content)| messages.get(name) == Some(content)), "{when}: {left:?}");
        each_letter_has_its_report(site, when);
    };
    let at_the_end = |site: &Site, _: &Messages| assert!(messages_in(site, "incoming").is_empty());
    killed_at_each(&["drop", "--all", "--yes"], (REMOVALS, 2 * LETTERS), is_right, at_the_end);
}

#[test]
fn an_export_that_is_killed_anywhere_leaves_no_torn_copy() {
    if !strace::works() {
        return;
    }
    let mut copies = Vec::new();
    for call in 1.. {
        let (site, messages) = site_with_letters();
        let target = site.folder.path().join("copies");
        let arguments = ["export", "--all", target.to_str().unwrap()];
        let killed = is_killed_at(&site, &arguments, "copy_file_range", call);
        let mut whole = 0;
        for name in FOLDERS.iter().flat_map(|folder| entries(&target.join(folder))) {
            let name = name.strip_prefix(&target).unwrap().to_str().unwrap();
            let is_half_way = name.contains("/.");
            if is_half_way {
                continue;
            }
            let (copy, original) = (target.join(name), site.spool.join("dead").join(name));
            assert_eq!(fs::read(copy).unwrap(), fs::read(original).unwrap(), "{name}, killed at call {call}");
            whole += 1;
        }
        copies.push(whole);
        if !killed {
            assert_eq!(whole, 2 * messages.len());
            break;
        }
    }
    assert!(copies.len() > 2 * LETTERS, "killed at the first call and at every later one: {copies:?}");
}
