//! `keep = archive`: what was delivered is in the archive, once, to the byte; and out of it again.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::disk::Tmpfs;
use crate::support::kept::{
    Kept, archived, archives, assert_same, files_of, has_tools, now_seconds, put_at, put_content_at, ran,
};
use crate::support::{Random, Site, skip, until};

const ARCHIVE: &str = "--keep=archive";
const DAY: u64 = 86_400;
/// 2025-10-28T00:00:00Z.
const OCTOBER_28: u64 = 1_761_609_600;

fn archive(site: &Site, arguments: &[&str]) -> Output {
    let spool = format!("--spool={}", site.spool.display());
    site.irispool().arg("archive").args(arguments).arg(spool).output().unwrap()
}

#[track_caller]
fn said(site: &Site, arguments: &[&str], code: i32) -> String {
    let output = archive(site, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    String::from_utf8(output.stdout).unwrap() + &stderr
}

/// Messages of two datasets and three days.
fn some(site: &Site, first: u32, count: u32) -> Kept {
    let mut kept = Kept::new();
    for number in first..first + count {
        let folder = if number % 3 == 0 { "MID" } else { "FREQ" };
        let seconds = OCTOBER_28 + u64::from(number % 3) * DAY + u64::from(number);
        put_at(site, &mut kept, folder, &format!("{folder}_{number:06}.json"), seconds, number);
    }
    kept
}

fn add(to: &mut Kept, more: Kept) {
    for (key, count) in more {
        *to.entry(key).or_default() += count;
    }
}

#[test]
fn messages_of_any_name_are_in_it_to_the_byte_and_tar_and_zstd_read_it() {
    if !has_tools() {
        return;
    }
    let site = Site::new();
    let mut kept = some(&site, 0, 60);
    let names = [
        "new\nline",
        "-rf",
        "a b~2",
        "a b",
        "ü.json",
        "x.error.json",
        "back\\slash",
        &"y".repeat(100),
        &"z".repeat(255),
    ];
    for (number, name) in names.iter().enumerate() {
        put_at(&site, &mut kept, "FREQ", name, OCTOBER_28, number as u32);
    }
    let long = format!(r#"[{{"dataset":"FREQ","text":"{}"}}]"#, "long ".repeat(2_000_000));
    put_content_at(&site, &mut kept, "FREQ", "long", (OCTOBER_28 + 5, 0), &long);
    site.drain(&[ARCHIVE]);
    assert_same(&archived(&site), &kept);
    assert!(files_of(&site.spool.join("done")).is_empty());
    let days: Vec<String> = archives(&site)
        .iter()
        .map(|path| path.strip_prefix(&site.spool).unwrap().display().to_string())
        .collect();
    let day = |folder: &str, day| format!("archive/{folder}/2025-10-{day}.tar.zst");
    assert_eq!(days, [day("FREQ", 28), day("FREQ", 29), day("FREQ", 30), day("MID", 28)]);
    // What tar makes of it is what was written, with its times.
    for tar in ["tar", "bsdtar"] {
        if Command::new(tar).arg("--version").stdout(Stdio::null()).status().is_err() {
            continue;
        }
        let out = site.folder.path().join(tar);
        fs::create_dir(&out).unwrap();
        for path in archives(&site) {
            ran(Command::new(tar).arg("--zstd").arg("-xf").arg(path).arg("-C").arg(&out));
        }
        assert_same(&files_of(&out), &kept);
    }
    // And so is what irispool makes of it, also a second time.
    let out = site.folder.path().join("restored");
    let text = said(&site, &["restore", "--all", "--to", out.to_str().unwrap()], 0);
    assert!(text.starts_with("restored 70 messages, "), "{text}");
    assert_same(&files_of(&out), &kept);
    let again = said(&site, &["restore", "--all", "--to", out.to_str().unwrap()], 0);
    assert!(again.contains("70 messages already there with the same content"), "{again}");
    assert_same(&files_of(&out), &kept);
}

#[test]
fn a_later_run_appends_and_the_list_counts_it() {
    if !has_tools() {
        return;
    }
    let site = Site::new();
    let mut kept = some(&site, 0, 30);
    site.drain(&[ARCHIVE]);
    add(&mut kept, some(&site, 30, 6_000));
    site.drain(&[ARCHIVE]);
    site.drain(&[ARCHIVE]);
    assert_same(&archived(&site), &kept);
    let bytes = |folder: &str| {
        kept.keys().filter(|key| key.0.starts_with(folder)).map(|key| key.1.len()).sum::<usize>()
    };
    let csv = said(&site, &["list", "--format", "csv"], 0);
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').take(4).collect()).collect();
    assert_eq!(lines[0], ["dataset", "day", "messages", "bytes"]);
    assert_eq!(lines[1][..3], ["FREQ", "2025-10-29", "2010"]);
    assert_eq!(lines[3], ["MID", "2025-10-28", "2010", &bytes("MID").to_string()]);
    assert_eq!(lines.len(), 4);
    let of = |arguments: &[&str]| {
        let all = [&["list", "--format", "csv"], arguments].concat();
        said(&site, &all, 0).lines().count() - 1
    };
    assert_eq!(of(&["--dataset", "freq"]), 2);
    assert_eq!(
        [of(&["--day", "2025-10-29"]), of(&["--since", "2025-10-29"]), of(&["--until", "2025-10-29"])],
        [1, 2, 2]
    );
    let json = said(&site, &["list", "--format", "json"], 0);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()[2]["messages"], 2010);
}

#[test]
fn two_messages_of_one_name_are_both_in_it_and_come_out_side_by_side() {
    if !has_tools() {
        return;
    }
    let site = Site::new();
    let mut kept = Kept::new();
    // A keeper that does not come to it in time.
    let mut daemon = site.daemon(&[ARCHIVE, "--scan-interval=1h"]);
    daemon.wait_until_ready();
    put_at(&site, &mut kept, "FREQ", "a", OCTOBER_28, 1);
    until("the first is settled", || site.spool.join("done/FREQ/a").exists());
    put_at(&site, &mut kept, "FREQ", "a", OCTOBER_28 + 1, 2);
    until("the second is settled", || site.spool.join("done/FREQ~2/a").exists());
    daemon.stop();
    site.drain(&[ARCHIVE]);
    assert_same(&archived(&site), &kept);
    assert!(!site.spool.join("done/FREQ~2").exists());
    let out = site.folder.path().join("out");
    said(&site, &["restore", "a", "--to", out.to_str().unwrap()], 0);
    let names: Vec<String> = files_of(&out).into_keys().map(|key| key.0).collect();
    assert_eq!(names, ["FREQ/a", "FREQ/a~2"]);
}

#[test]
fn what_a_dead_packer_left_is_put_right() {
    if !has_tools() {
        return;
    }
    let site = Site::new();
    let mut kept = some(&site, 0, 40);
    site.drain(&[ARCHIVE]);
    // It died before it could delete what it had packed, half-way through the next block, and when it began a file.
    for path in archives(&site) {
        ran(Command::new("tar").arg("--zstd").arg("-xf").arg(&path).arg("-C").arg(site.spool.join("done")));
        let whole = fs::read(&path).unwrap();
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(&whole[..whole.len() / 2]).unwrap();
    }
    fs::write(site.spool.join("archive/FREQ/.2024-01-01.tar.zst.new"), "half").unwrap();
    assert_same(&files_of(&site.spool.join("done")), &kept);
    // One that is called like a packed message and is another one.
    fs::write(site.spool.join("done/FREQ/FREQ_000001.json"), "[]").unwrap();
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::new(OCTOBER_28 + DAY + 1, 1_001);
    let other = File::options().write(true).open(site.spool.join("done/FREQ/FREQ_000001.json")).unwrap();
    other.set_modified(time).unwrap();
    let other = (
        "FREQ/FREQ_000001.json".to_owned(),
        b"[]".to_vec(),
        i128::from(OCTOBER_28 + DAY + 1) * 1_000_000_000 + 1_001,
    );
    let log = site.drain(&[ARCHIVE]);
    assert!(log.contains("cut off what a crash left half written"), "{log}");
    kept.insert(other, 1);
    assert_same(&archived(&site), &kept);
    assert!(files_of(&site.spool.join("done")).is_empty());
    assert_eq!(archives(&site).len(), 3);
}

#[test]
fn a_file_that_is_none_of_ours_is_never_written_to() {
    if !has_tools() {
        return;
    }
    let site = Site::new();
    let foreign = site.spool.join("archive/FREQ/2025-10-29.tar.zst");
    fs::create_dir_all(foreign.parent().unwrap()).unwrap();
    fs::write(&foreign, "somebody's").unwrap();
    let kept = some(&site, 0, 12);
    site.drain(&[ARCHIVE]);
    assert_eq!(fs::read_to_string(&foreign).unwrap(), "somebody's");
    let csv = said(&site, &["list", "--format", "csv", "--day", "2025-10-29"], 1);
    assert!(csv.contains("1 file of the archive cannot be listed"), "{csv}");
    let counts: Vec<&str> = csv.lines().skip(1).take(2).map(|line| line.split(',').nth(2).unwrap()).collect();
    assert_eq!(counts, ["", "4"]);
    let out = site.folder.path().join("out");
    let text = said(&site, &["restore", "--all", "--to", out.to_str().unwrap()], 1);
    assert!(text.contains("1 file of the archive could not be read to the end"), "{text}");
    assert_same(&files_of(&out), &kept);
    // One that somebody made anew is read as far as it goes.
    ran(Command::new("zstd")
        .args(["-q", "-f", "-19", "-o"])
        .arg(&foreign)
        .arg("-")
        .stdin(Stdio::from(tar_of(&site))));
    let out = site.folder.path().join("again");
    said(&site, &["restore", "FREQ_000001.json", "--to", out.to_str().unwrap()], 0);
    assert_eq!(files_of(&out).len(), 1);
}

#[test]
fn a_damaged_block_is_not_cut_off_and_what_stands_before_it_is_restored() {
    let site = Site::new();
    some(&site, 0, 12);
    site.drain(&[ARCHIVE]);
    let path = site.spool.join("archive/FREQ/2025-10-29.tar.zst");
    let first = fs::read(&path).unwrap();
    some(&site, 12, 12);
    site.drain(&[ARCHIVE]);
    let mut damaged = fs::read(&path).unwrap();
    damaged[first.len() + 40] ^= 1;
    fs::write(&path, &damaged).unwrap();
    some(&site, 24, 12);
    let log = site.drain(&[ARCHIVE]);
    assert!(log.contains("the last block of an archive is damaged"), "{log}");
    assert!(fs::read(&path).unwrap() == damaged);
    let out = site.folder.path().join("out");
    let text = said(&site, &["restore", "--day", "2025-10-29", "--to", out.to_str().unwrap()], 1);
    assert!(text.contains("restored 8 messages") && text.contains("its last block is damaged"), "{text}");
}

/// The tar in the second file of that day.
fn tar_of(site: &Site) -> File {
    let tar = ran(Command::new("zstd")
        .args(["-q", "-dc"])
        .arg(site.spool.join("archive/FREQ/2025-10-29~2.tar.zst")));
    let path = site.folder.path().join("a.tar");
    fs::write(&path, tar).unwrap();
    File::open(path).unwrap()
}

#[test]
fn four_workers_pack_each_message_once() {
    if !has_tools() {
        return;
    }
    let site = Site::new();
    let mut kept = some(&site, 0, 3_000);
    let mut daemons: Vec<_> = (0..4).map(|_| site.daemon(&[ARCHIVE, "--scan-interval=100ms"])).collect();
    daemons.iter_mut().for_each(|daemon| daemon.wait_until_ready());
    for round in 1..6 {
        add(&mut kept, some(&site, round * 3_000, 3_000));
    }
    until("all is delivered", || site.loaded() == 18_000);
    until("they pack it by themselves", || {
        let done = site.spool.join("done");
        crate::support::site::entries(&done)
            .iter()
            .all(|folder| crate::support::site::entries(folder).len() < 256)
    });
    for (number, daemon) in daemons.into_iter().enumerate() {
        if number == 0 { daemon.kill() } else { drop(daemon.stop()) }
    }
    site.drain(&[ARCHIVE]);
    site.drain(&[ARCHIVE]);
    assert!(files_of(&site.spool.join("done")).is_empty());
    assert_same(&archived(&site), &kept);
}

#[test]
fn a_full_disk_under_the_archive_only_delays_it() {
    if !has_tools() {
        return;
    }
    let site = Site::new();
    let Some(disk) = Tmpfs::mount(&site.spool.join("archive"), 512) else {
        return skip("a tmpfs can't be mounted");
    };
    let (mut kept, mut random) = (Kept::new(), Random::new(1));
    for number in 0..40 {
        let text: String = (0..4_000).map(|_| format!("{:016x}", random.next())).collect();
        let content = format!(r#"[{{"dataset":"FREQ","text":"{text}"}}]"#);
        put_content_at(
            &site,
            &mut kept,
            "FREQ",
            &format!("m{number}"),
            (OCTOBER_28 + number % 2 * DAY, 0),
            &content,
        );
    }
    let log = site.drain(&[ARCHIVE]);
    assert!(log.contains("No space left on device"), "{log}");
    let mut found = archived(&site);
    add(&mut found, files_of(&site.spool.join("done")));
    assert_same(&found, &kept);
    ran(Command::new("mount").args(["-o", "remount,size=64m"]).arg(&disk.path));
    site.drain(&[ARCHIVE]);
    assert_same(&archived(&site), &kept);
    assert!(files_of(&site.spool.join("done")).is_empty());
    drop(disk);
}

#[test]
fn a_new_warehouse_is_filled_from_it_while_a_worker_runs() {
    let mut site = Site::new();
    some(&site, 0, 1_200);
    site.drain(&[ARCHIVE]);
    // What the warehouse has is recognised.
    said(&site, &["restore", "--dataset", "MID", "--incoming"], 0);
    let log = site.drain(&[]);
    assert!(log.contains("already_loaded=400"), "{log}");
    site.database = site.folder.path().join("new.db");
    let mut daemon = site.daemon(&["--claim-files=10"]);
    daemon.wait_until_ready();
    let text = said(&site, &["restore", "--all", "--incoming"], 0);
    assert!(text.starts_with("restored 1,200 messages, "), "{text}");
    until("all is loaded", || site.loaded() == 1_200 && !site.has_messages());
    daemon.stop();
    assert_eq!(site.texts("SELECT count(*) FROM bmrs_freq_iris"), ["800"]);
    assert_eq!(
        site.texts("SELECT written_at FROM irispool_load_history WHERE message_id = 'FREQ_000001.json'"),
        ["2025-10-29T00:00:01.000Z"]
    );
}

#[test]
fn incoming_is_restored_to_without_replacing_anything() {
    let site = Site::new();
    some(&site, 0, 3);
    site.drain(&[ARCHIVE]);
    site.put("FREQ", "FREQ_000001.json", "another");
    let text = said(&site, &["restore", "--all", "--incoming"], 4);
    assert!(
        text.contains("1 message not restored: incoming has a file of the same name")
            && text.contains("FREQ/FREQ_000001.json"),
        "{text}"
    );
    assert_eq!(fs::read_to_string(site.incoming("FREQ").join("FREQ_000001.json")).unwrap(), "another");
    assert_eq!(site.files_in("incoming").len(), 3);
    let left: Vec<_> = crate::support::site::entries(&site.spool.join("done"))
        .into_iter()
        .filter(|path| path.is_file())
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let text = said(&site, &["restore", "nobody", "--incoming"], 1);
    assert!(text.contains("not in the archive: nobody"), "{text}");
    assert!(said(&site, &["restore", "--incoming"], 2).contains("hint: name messages"));
}

#[test]
fn what_cannot_be_packed_stays_and_holds_up_nothing() {
    if !has_tools() {
        return;
    }
    let site = Site::new();
    let kept = some(&site, 0, 6);
    let odd = site.spool.join("done/FREQ");
    fs::create_dir_all(odd.join("folder")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", odd.join("link")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, odd.join("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    site.drain(&[ARCHIVE]);
    assert_same(&archived(&site), &kept);
    assert!(odd.join("link").is_symlink() && odd.join("fifo").exists() && odd.join("folder").exists());
}

#[test]
fn what_may_not_be_read_stays_and_is_named_and_the_others_are_packed() {
    if !has_tools() {
        return;
    }
    let site = Site::new();
    let mut kept = some(&site, 0, 6);
    site.drain(&["--keep=done"]);
    site.give_to_nobody();
    let closed = site.spool.join("done/FREQ/FREQ_000001.json");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let output = site.unprivileged(site.run_command(&["--once", ARCHIVE])).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(log.contains("cannot pack delivered messages") && log.contains("FREQ_000001.json"), "{log}");
    assert!(log.contains("files=1") && log.contains("Permission denied"), "{log}");
    assert!(closed.exists());
    kept.retain(|key, _| key.0 != "FREQ/FREQ_000001.json");
    assert_same(&archived(&site), &kept);
}

#[test]
fn an_archive_behind_a_link_is_listed_restored_and_limited_too() {
    if !has_tools() {
        return;
    }
    let site = Site::new();
    let disk = site.folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    fs::create_dir(&site.spool).unwrap();
    std::os::unix::fs::symlink(&disk, site.spool.join("archive")).unwrap();
    let kept = some(&site, 0, 60);
    site.drain(&[ARCHIVE]);
    assert_same(&archived(&site), &kept);
    assert!(disk.join("FREQ/2025-10-29.tar.zst").exists());
    assert_eq!(said(&site, &["list", "--format", "csv"], 0).lines().count(), 4);
    let out = site.folder.path().join("out");
    said(&site, &["restore", "--all", "--to", out.to_str().unwrap()], 0);
    assert_same(&files_of(&out), &kept);
    site.drain(&[ARCHIVE, "--keep-max-bytes=1GiB"]);
    assert_eq!(days(&site).len(), 3);
    let log = site.drain(&[ARCHIVE, "--keep-max-age=5days"]);
    assert!(days(&site).is_empty(), "{log}");
    // One whose disk is away is not one with nothing in it.
    fs::remove_dir_all(&disk).unwrap();
    assert!(said(&site, &["list"], 1).contains("archive"));
}

#[test]
fn what_cannot_be_removed_keeps_no_limit_from_the_others() {
    let site = Site::new();
    let mut random = Random::new(5);
    for (folder, day) in [("MID", 0), ("FREQ", 1), ("FREQ", 2)] {
        let text: String = (0..100_000).map(|_| format!("{:016x}", random.next())).collect();
        let content = format!(r#"[{{"dataset":"{folder}","text":"{text}"}}]"#);
        let written = (OCTOBER_28 + day * DAY, 0);
        put_content_at(&site, &mut Kept::new(), folder, &format!("big-{day}"), written, &content);
    }
    site.drain(&[ARCHIVE]);
    some(&site, 0, 6);
    site.drain(&["--keep=done"]);
    site.give_to_nobody();
    let limited = |keep: &str, limit: &str| {
        let output = site.unprivileged(site.run_command(&["--once", keep, limit])).output().unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let close = |folder: &str, mode: u32| {
        fs::set_permissions(site.spool.join(folder), fs::Permissions::from_mode(mode)).unwrap();
    };
    // The oldest can't go: then the next does, and none more in the place of the oldest.
    close("archive/MID", 0o555);
    let log = limited("--keep=none", "--keep-max-bytes=1200KiB");
    assert!(log.contains("cannot remove") && log.contains("archive/MID/2025-10-28"), "{log}");
    assert_eq!(days(&site), ["2025-10-30", "2025-10-28"], "{log}");
    close("archive/MID", 0o755);
    close("archive/FREQ", 0o555);
    close("done/FREQ", 0o555);
    let log = limited("--keep=done", "--keep-max-age=5days");
    assert!(log.contains("cannot remove") && log.contains("archive/FREQ/2025-10-30"), "{log}");
    assert_eq!(days(&site), ["2025-10-30"], "{log}");
    assert_eq!(names_in(&site.spool.join("done/MID")).len(), 0, "{log}");
    assert_eq!(names_in(&site.spool.join("done/FREQ")).len(), 4, "{log}");
}

#[test]
fn a_folder_of_the_archive_that_cannot_be_read_hides_no_other() {
    let site = Site::new();
    some(&site, 0, 60);
    site.drain(&[ARCHIVE]);
    site.give_to_nobody();
    fs::set_permissions(site.spool.join("archive/FREQ"), fs::Permissions::from_mode(0o000)).unwrap();
    let spool = format!("--spool={}", site.spool.display());
    let said = |arguments: &[&str], code: i32| {
        let mut command = site.irispool();
        command.arg("archive").args(arguments).arg(&spool);
        let output = site.unprivileged(command).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        (String::from_utf8(output.stdout).unwrap(), stderr)
    };
    let (list, why) = said(&["list", "--format", "csv"], 1);
    assert!(list.lines().count() == 2 && list.contains("MID,2025-10-28,20,"), "{list}");
    assert!(why.contains("archive/FREQ") && why.contains("Permission denied"), "{why}");
    said(&["list", "--dataset", "MID"], 0);
    let out = site.folder.path().join("out");
    let (text, why) = said(&["restore", "--all", "--to", out.to_str().unwrap()], 1);
    assert!(text.contains("restored 20 messages") && why.contains("archive/FREQ"), "{text}{why}");
}

fn days(site: &Site) -> Vec<String> {
    archives(site).iter().map(|path| path.file_name().unwrap().to_str().unwrap()[..10].to_owned()).collect()
}

#[test]
fn archives_that_are_too_old_are_removed() {
    let site = Site::new();
    let now = now_seconds();
    for age in [0, 1, 5, 6, 9] {
        put_at(&site, &mut Kept::new(), "FREQ", &format!("{age}"), now - age * DAY, age as u32);
    }
    site.drain(&[ARCHIVE]);
    assert_eq!(days(&site).len(), 5);
    let log = site.drain(&[ARCHIVE, "--keep-max-age=5days"]);
    // The day that ended less than five days ago stays as a whole.
    assert_eq!(days(&site).len(), 3, "{log}");
    assert!(log.contains("removed what was kept") && log.contains("archive_files=2"), "{log}");
}

#[test]
fn of_too_much_the_oldest_is_removed_and_never_what_is_of_today() {
    let site = Site::new();
    let (now, mut random) = (now_seconds(), Random::new(3));
    let mut big = |name: &str, age: u64, kib: usize| {
        let text: String = (0..kib * 64).map(|_| format!("{:016x}", random.next())).collect();
        let content = format!(r#"[{{"dataset":"FREQ","text":"{text}"}}]"#);
        put_content_at(&site, &mut Kept::new(), "FREQ", name, (now - age, 0), &content);
    };
    for (name, age) in [("a", 3 * DAY), ("b", 2 * DAY), ("c", DAY), ("d", 0)] {
        big(name, age, 1_600);
    }
    site.drain(&[ARCHIVE]);
    let all = days(&site);
    let log = site.drain(&[ARCHIVE, "--keep-max-bytes=2MiB"]);
    assert_eq!(days(&site), all[2..], "{log}");
    let log = site.drain(&[ARCHIVE, "--keep-max-bytes=1MiB"]);
    assert_eq!(days(&site), all[3..], "{log}");
    big("e", 1, 1_600);
    let log = site.drain(&[ARCHIVE, "--keep-max-bytes=1MiB"]);
    assert!(days(&site).len() == 1 && log.contains("today's part of the archive alone is larger"), "{log}");
    // The same for what is kept in done/, message by message; here some are of the same minute.
    for (name, age) in [("f", 9_000), ("g", 8_000), ("h", 3), ("i", 2), ("j", 1)] {
        big(name, age, 1_024);
    }
    fs::remove_dir_all(site.spool.join("archive")).unwrap();
    let log = site.drain(&["--keep=done", "--keep-max-bytes=2500KiB"]);
    assert_eq!(names_in(&site.spool.join("done/FREQ")), ["i", "j"], "{log}");
    assert!(log.contains("done_messages=3"), "{log}");
    let log = site.drain(&["--keep=done", "--keep-max-age=1h"]);
    assert_eq!(names_in(&site.spool.join("done/FREQ")), ["i", "j"], "{log}");
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = crate::support::site::entries(folder)
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_worker_that_keeps_nothing_removes_nothing_that_waits_to_be_packed() {
    let site = Site::new();
    let waiting = site.spool.join("done/FREQ/waits");
    fs::create_dir_all(waiting.parent().unwrap()).unwrap();
    fs::write(&waiting, vec![b' '; 2 << 20]).unwrap();
    let log = site.drain(&["--keep=none", "--keep-max-bytes=1MiB", "--keep-max-age=1h"]);
    assert!(waiting.exists(), "{log}");
}

#[test]
fn a_stop_does_not_wait_until_all_that_is_over_a_limit_is_removed() {
    let site = Site::new();
    let folder = site.spool.join("done/FREQ");
    fs::create_dir_all(&folder).unwrap();
    let count = |folder: &Path| fs::read_dir(folder).unwrap().count();
    let (old, files) = (std::time::SystemTime::UNIX_EPOCH, 30_000);
    for number in 0..files {
        File::create(folder.join(format!("m{number}"))).unwrap().set_modified(old).unwrap();
    }
    let daemon = site.daemon(&["--keep=done", "--keep-max-age=1day", "--scan-interval=100ms"]);
    until("it removes some", || count(&folder) < files);
    daemon.stop();
    assert!(count(&folder) > 0, "it has removed them all");
}

/// ext4 has no such times, a file system in memory does.
#[test]
fn messages_of_any_year_are_packed_listed_and_restored_under_their_own_day() {
    let site = Site::new();
    let Some(_memory) = Tmpfs::mount(&site.spool, 16_384) else {
        return skip("a tmpfs can't be mounted");
    };
    let days = [
        (-9_223_372_036_854_775_000_i64, "-292277022657-01-27"),
        (-62_200_000_000, "-000002-12-17"),
        (-62_135_596_801, "0000-12-31"),
        (-1, "1969-12-31"),
        (253_402_300_800, "+010000-01-01"),
        (9_223_372_036_854_775_000, "+292277026596-12-04"),
    ];
    for (place, (seconds, _)) in days.iter().enumerate() {
        let path = site.put("FREQ", format!("m{place}"), format!("[{{\"frequency\":{place}}}]"));
        ran(Command::new("touch").arg("-d").arg(format!("@{seconds}")).arg(&path));
    }
    let kept = files_of(&site.spool.join("incoming"));
    let times: Vec<i128> = kept.keys().map(|key| key.2 / 1_000_000_000).collect();
    assert_eq!(times, days.map(|(seconds, _)| i128::from(seconds)), "the file system has such times");
    site.drain(&[ARCHIVE]);
    assert_eq!(site.loaded(), days.len() as i64);
    let listed = said(&site, &["list", "--format=csv"], 0);
    let found: Vec<&str> = listed.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
    assert_eq!(found, days.map(|(_, day)| day));
    let out = site.spool.join("restored");
    let text = said(&site, &["restore", "--all", "--to", out.to_str().unwrap()], 0);
    assert!(text.starts_with("restored 6 messages, "), "{text}");
    assert_same(&files_of(&out), &kept);
    for (day, count) in [("-000002-12-17", 1), ("+010000-01-01", 1), ("1970-01-01", 0)] {
        let out = site.spool.join(day);
        let text = said(&site, &["restore", "--day", day, "--to", out.to_str().unwrap()], 0);
        assert!(text.starts_with(&format!("restored {count} message")), "{text}");
    }
    let before = said(&site, &["list", "--until", "0000-12-31", "--format=csv"], 0);
    assert_eq!(before.lines().count(), 1 + 3, "{before}");
}
