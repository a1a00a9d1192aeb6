//! `irispool verify`: what Elexon's archive has and the warehouse has not is named, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::process::Output;

use irispool::catalog;
use irispool::feed::{Feed, FeedOptions};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::Site;
use crate::support::azurite::Azurite;
use crate::support::elexon_archive::{ArchiveFault, ElexonArchiveServer};

fn verify(site: &Site, archive_url: &str, arguments: &[&str]) -> Output {
    let mut command = site.irispool();
    command.arg("verify").args(arguments).args(site.run_arguments());
    command.env("IRISPOOL_ARCHIVE_URL", archive_url).args(["--archive-requests-per-second", "none"]);
    command.output().unwrap()
}

/// What it prints on stdout and stderr.
#[track_caller]
fn said(site: &Site, archive: &ElexonArchiveServer, arguments: &[&str], code: i32) -> (String, String) {
    let output = verify(site, &archive.url(), arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    (stdout, stderr)
}

#[track_caller]
fn answer(site: &Site, archive: &ElexonArchiveServer, arguments: &[&str], code: i32) -> Value {
    let arguments = [arguments, &["--json"]].concat();
    serde_json::from_str(&said(site, archive, &arguments, code).0).unwrap()
}

fn freq(minute: u32) -> String {
    format!("FREQ_20251028{:02}{:02}_00001.json", minute / 60, minute % 60)
}

fn row(number: u32) -> String {
    format!(
        r#"[{{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":{}.5}}]"#,
        40 + number
    )
}

const DAY: [&str; 2] = ["--day", "2025-10-28"];

/// An archive with five messages of FREQ, all of which were delivered but the last one.
fn one_is_missing() -> (Site, ElexonArchiveServer) {
    let (site, archive) = (Site::new(), ElexonArchiveServer::start());
    for minute in 0..5 {
        archive.put("FREQ", &freq(minute), row(minute).as_bytes());
        if minute < 4 {
            site.put("FREQ", freq(minute), row(minute));
        }
    }
    site.drain(&[]);
    (site, archive)
}

#[track_caller]
fn names_the_missing_one(site: &Site, archive: &ElexonArchiveServer) {
    let answer = answer(site, archive, &DAY, 1);
    assert_eq!(answer["days"][0]["missing_ids"], json!([freq(4)]), "{answer}");
    assert_eq!(answer["days"][0]["here"], 4, "{answer}");
}

#[test]
fn what_is_missing_or_dead_is_named_and_nothing_else() {
    let (site, archive) = (Site::new(), ElexonArchiveServer::start());
    let mut messages = Vec::new();
    for name in ["FREQ", "CDN", "MID", "SYSWARN", "BOALF", "FUELINST"] {
        // About three hours of each.
        let datasets = vec![catalog::find(name).unwrap()];
        let options = FeedOptions { datasets, per_second: Some(0.01), ..FeedOptions::default() };
        messages.extend(Feed::new(&options).take(100));
    }
    let folders: BTreeSet<&str> = messages.iter().map(|message| message.folder.as_str()).collect();
    assert!(["E0361", "SYS_WARN", "mibm_mid"].iter().all(|folder| folders.contains(folder)), "{folders:?}");
    let (mut kept, mut broken) = (BTreeSet::new(), BTreeSet::new());
    for (number, message) in messages.iter().enumerate() {
        archive.put(&message.folder, &message.name, &message.body);
        match number % 50 {
            17 => drop(kept.insert(message.name.clone())),
            31 if number < 250 => {
                site.put(&message.folder, &message.name, &message.body[..message.body.len() / 2]);
                broken.insert(message.name.clone());
            }
            _ => drop(site.put(&message.folder, &message.name, &message.body)),
        }
    }
    site.drain(&[]);
    let range = ["--since", "2025-10-28", "--until", "2025-10-30"];
    let found = answer(&site, &archive, &range, 1);
    let days = found["days"].as_array().unwrap();
    let sum = |key: &str| days.iter().map(|day| day[key].as_u64().unwrap()).sum::<u64>();
    let missing: BTreeSet<String> = days
        .iter()
        .flat_map(|day| day["missing_ids"].as_array().unwrap())
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(missing, kept);
    assert_eq!((sum("missing"), sum("dead")), (kept.len() as u64, broken.len() as u64));
    assert_eq!((sum("sent"), sum("waiting"), sum("unsent")), (600, 0, 0));
    assert_eq!(sum("here"), 600 - sum("missing") - sum("dead"));
    assert_eq!(found["complete"], false);

    for message in &messages {
        if kept.contains(&message.name) || broken.contains(&message.name) {
            site.put(&message.folder, &message.name, &message.body);
        }
    }
    let (screen, _) = said(&site, &archive, &range, 0);
    assert!(screen.contains("WAITING") && screen.contains("complete: Elexon sent 600 messages"), "{screen}");
    site.drain(&[]);
    let found = answer(&site, &archive, &range, 0);
    assert_eq!((&found["complete"], &found["not_judged"]), (&json!(true), &Value::Null));
    let (screen, _) = said(&site, &archive, &range, 0);
    assert!(screen.starts_with("complete: Elexon sent 600 messages of "), "{screen}");
}

#[test]
fn the_json_is_one_object_of_the_documented_form() {
    let (site, archive) = one_is_missing();
    site.put("FREQ", freq(4), "[{");
    site.put("FREQ", freq(9), row(9));
    site.drain(&[]);
    site.put("FREQ", freq(7), row(7));
    for minute in [7, 8] {
        archive.put("FREQ", &freq(minute), row(minute).as_bytes());
    }
    let mut answer = answer(&site, &archive, &DAY, 1);
    let until: Timestamp = answer["judged_until"].take().as_str().unwrap().parse().unwrap();
    let minutes = Timestamp::now().duration_since(until).as_mins();
    assert!((15..30).contains(&minutes), "{until}");
    let day = json!({
        "dataset": "FREQ", "day": "2025-10-28", "sent": 7, "here": 4, "waiting": 1, "dead": 1, "missing": 1,
        "missing_ids": [freq(8)], "unsent": 1,
    });
    assert_eq!(answer, json!({"days": [day], "complete": false, "judged_until": null}));
}

#[test]
fn the_screen_names_what_is_missing() {
    let (site, archive) = one_is_missing();
    let (screen, _) = said(&site, &archive, &DAY, 1);
    let screen: Vec<&str> = screen.lines().filter(|line| !line.starts_with("judged until")).collect();
    insta::assert_snapshot!(screen.join("\n"));
}

#[test]
fn a_page_may_be_short_or_empty_and_only_an_empty_marker_ends_a_listing() {
    let (site, archive) = one_is_missing();
    for (page, empty_pages) in [(1, false), (2, true), (1, true), (5_000, true)] {
        archive.change(|state| (state.page, state.empty_pages) = (page, empty_pages));
        names_the_missing_one(&site, &archive);
    }
}

#[test]
fn a_listing_may_begin_with_a_byte_order_mark_and_be_compressed() {
    let (site, archive) = one_is_missing();
    for (bom, gzip) in [(false, false), (true, true), (false, true)] {
        archive.change(|state| (state.bom, state.gzip) = (bom, gzip));
        names_the_missing_one(&site, &archive);
    }
}

#[test]
fn an_archive_that_is_busy_or_breaks_off_is_asked_again() {
    let (site, archive) = one_is_missing();
    let busy = |status| ArchiveFault::Busy { status, retry_after: "0".to_owned() };
    archive.change(|state| {
        state.faults = [busy(503), ArchiveFault::Cut, busy(429), busy(500)].into();
    });
    names_the_missing_one(&site, &archive);
    archive.change(|state| state.faults = [ArchiveFault::Html { status: 502 }, ArchiveFault::Hangup].into());
    names_the_missing_one(&site, &archive);
    archive.change(|state| {
        // A front's own page may come with 200, too.
        state.faults = [ArchiveFault::Html { status: 200 }].into();
        assert!(state.queries.len() > 10);
    });
    names_the_missing_one(&site, &archive);
    assert!(archive.change(|state| state.faults.is_empty()));
}

#[test]
fn an_archive_that_refuses_is_not_asked_again_and_the_hint_says_what_to_do() {
    let (site, archive) = one_is_missing();
    archive.change(|state| state.faults = [ArchiveFault::Refused].into());
    let (screen, stderr) = said(&site, &archive, &DAY, 3);
    assert_eq!(screen, "");
    assert!(stderr.contains("refuses access: 403 AuthorizationFailure"), "{stderr}");
    assert!(stderr.contains("hint: the archive is public"), "{stderr}");
    assert_eq!(archive.take_prefixes().len(), 1);
}

#[test]
fn an_answer_that_cannot_be_trusted_is_no_answer() {
    let (site, archive) = one_is_missing();
    let patience = ArchiveFault::Busy { status: 503, retry_after: "86400".to_owned() };
    for (fault, words) in
        [(patience, "does not answer: 503 ServerBusy"), (ArchiveFault::Old(90_000), "90000 seconds old")]
    {
        archive.change(|state| state.faults = [fault].into());
        let (screen, stderr) = said(&site, &archive, &DAY, 3);
        assert_eq!(screen, "");
        assert!(stderr.contains(words) && stderr.contains("hint: "), "{stderr}");
    }
    // A few minutes do no harm: the last 15 are not judged.
    archive.change(|state| state.faults = [ArchiveFault::Old(600)].into());
    names_the_missing_one(&site, &archive);
    archive.change(|state| (state.circle, state.page) = (true, 2));
    let (_, stderr) = said(&site, &archive, &DAY, 3);
    assert!(stderr.contains("a marker comes again"), "{stderr}");
    // An address that has no messages at all says nothing about what is missing.
    let (_, stderr) = said(&site, &ElexonArchiveServer::start(), &DAY, 3);
    assert!(stderr.contains("it lists no dataset") && stderr.contains("hint: check archive_url"), "{stderr}");
}

#[test]
fn a_warehouse_or_a_spool_that_cannot_be_read_is_exit_3() {
    let (site, archive) = one_is_missing();
    let database = site.folder.path().join("other.db");
    let other = format!("--warehouse=sqlite:{}", database.display());
    let with = |arguments: &[&str]| {
        let spool = format!("--spool={}", site.spool.display());
        let output = site.irispool().arg("verify").arg(spool).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for (content, words) in [(None, "there is no warehouse at"), (Some("no database"), "other.db")] {
        if let Some(content) = content {
            fs::write(&database, content).unwrap();
        }
        let (code, stderr) = with(&[&other]);
        assert_eq!(code, Some(3), "{stderr}");
        assert!(stderr.contains(words) && stderr.contains("hint: "), "{stderr}");
    }
    let (code, stderr) = with(&["--warehouse=bigquery:my-project.elexon"]);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("list of the delivered messages") && stderr.contains("hint: "), "{stderr}");
    let noted = site.spool.join("verified.jsonl");
    fs::create_dir(&noted).unwrap();
    let (_, stderr) = said(&site, &archive, &DAY, 3);
    assert!(stderr.contains("verified.jsonl") && stderr.contains("hint: if you delete"), "{stderr}");
    fs::remove_dir(&noted).unwrap();
    fs::remove_dir_all(site.spool.join("incoming")).unwrap();
    let (_, stderr) = said(&site, &archive, &DAY, 3);
    assert!(stderr.contains("incoming") && stderr.contains("hint: "), "{stderr}");
    assert_eq!(archive.take_prefixes(), Vec::<String>::new());
}

#[test]
fn a_wrong_command_line_is_exit_2() {
    let (site, archive) = one_is_missing();
    let wrong: [&[&str]; 5] = [
        &["--dataset", "FERQ"],
        &["--since", "2025-10-28", "--until", "2025-10-27"],
        &["--day", "yesterday"],
        &["--day", "2025-10-28", "--since", "2025-10-27"],
        &["--day", "9999-01-01"],
    ];
    for arguments in wrong {
        said(&site, &archive, arguments, 2);
    }
}

#[test]
fn the_last_fifteen_minutes_are_not_judged() {
    let (site, archive) = one_is_missing();
    let now = Timestamp::now();
    let name = |minutes_ago: i64| {
        let minute = now - jiff::SignedDuration::from_mins(minutes_ago);
        format!("FREQ_{}_1.json", minute.strftime("%Y%m%d%H%M"))
    };
    for minutes_ago in [3, 10, 40] {
        archive.put("FREQ", &name(minutes_ago), row(1).as_bytes());
    }
    let answer = answer(&site, &archive, &["--dataset", "FREQ"], 1);
    let days = answer["days"].as_array().unwrap();
    let missing: Vec<&Value> = days.iter().flat_map(|day| day["missing_ids"].as_array().unwrap()).collect();
    assert_eq!(missing, [&json!(name(40))]);
    assert_eq!(days.len(), 3, "today and the two days before");
}

#[test]
fn a_day_that_was_complete_costs_no_request_until_it_is_asked_for_again() {
    let (site, archive) = one_is_missing();
    answer(&site, &archive, &DAY, 1);
    answer(&site, &archive, &DAY, 1);
    assert!(!site.spool.join("verified.jsonl").exists(), "the day is not complete");
    site.put("FREQ", freq(4), row(4));
    answer(&site, &archive, &DAY, 0);
    assert!(!site.spool.join("verified.jsonl").exists(), "a message still waits");
    site.drain(&[]);
    let first = answer(&site, &archive, &DAY, 0);
    archive.take_prefixes();
    let lines = site.spool.join("verified.jsonl");
    // A power cut may have left half a line.
    fs::write(&lines, fs::read_to_string(&lines).unwrap() + "\n{\"dataset\":\"FR").unwrap();
    let second = answer(&site, &archive, &DAY, 0);
    assert_eq!(archive.take_prefixes(), Vec::<String>::new());
    assert_eq!(first["days"], second["days"]);
    archive.put("FREQ", &freq(5), row(5).as_bytes());
    let again = answer(&site, &archive, &["--day", "2025-10-28", "--again"], 1);
    assert_eq!(again["days"][0]["missing_ids"], json!([freq(5)]));
    // What is complete in one warehouse may not be in another.
    site.put("FREQ", freq(0), row(0));
    let other = format!("--warehouse=sqlite:{}", site.folder.path().join("other.db").display());
    let run = site
        .irispool()
        .args(["run", "--once", &other])
        .arg(format!("--spool={}", site.spool.display()))
        .output();
    assert_eq!(run.unwrap().status.code(), Some(0));
    let output = site
        .irispool()
        .args(["verify", "--day", "2025-10-28", &other, "--archive-url", &archive.url()])
        .arg(format!("--spool={}", site.spool.display()))
        .output();
    assert_eq!(output.unwrap().status.code(), Some(1));
}

#[test]
fn a_day_of_the_last_three_is_looked_at_again_though_it_was_complete() {
    let (site, archive) = (Site::new(), ElexonArchiveServer::start());
    let yesterday = Timestamp::now() - jiff::SignedDuration::from_hours(24);
    let name = |number: u32| format!("FREQ_{}_{number}.json", yesterday.strftime("%Y%m%d%H%M"));
    archive.put("FREQ", &name(1), row(1).as_bytes());
    site.put("FREQ", name(1), row(1));
    site.drain(&[]);
    answer(&site, &archive, &[], 0);
    archive.put("FREQ", &name(2), row(2).as_bytes());
    answer(&site, &archive, &[], 1);
}

#[test]
fn what_prune_deleted_is_not_missing() {
    let (site, archive) = one_is_missing();
    let ago = |hours: i64| Timestamp::now() - jiff::SignedDuration::from_hours(hours);
    let name = |time: Timestamp| format!("FREQ_{}_1.json", time.strftime("%Y%m%d%H%M"));
    // Of the messages of 2025 nothing is left. Of the day of the horizon there are messages on both sides of it.
    let (old, late, lost) = (name(ago(24 * 8)), name(ago(24 * 4)), name(ago(24 * 4 + 1)));
    for name in [&old, &late, &lost] {
        archive.put("FREQ", name, row(1).as_bytes());
    }
    site.put("FREQ", &old, row(1));
    site.put("FREQ", &late, row(2));
    site.drain(&[]);
    let loaded = ago(24 * 8).to_string();
    site.connection()
        .execute(
            &format!("UPDATE irispool_load_history SET loaded_at = '{loaded}' WHERE message_id <> '{late}'"),
            [],
        )
        .unwrap();
    let pruned = site
        .irispool()
        .args(["prune", "--older-than", "7d", &format!("--warehouse={}", site.warehouse())])
        .output();
    assert_eq!(pruned.unwrap().status.code(), Some(0));
    let since = ago(24 * 9).strftime("%Y-%m-%d").to_string();
    let found = answer(&site, &archive, &["--since", &since], 1);
    let days = found["days"].as_array().unwrap();
    let missing: Vec<&Value> = days.iter().flat_map(|day| day["missing_ids"].as_array().unwrap()).collect();
    assert_eq!(missing, [&json!(lost)], "{found}");
    let (_, stderr) = said(&site, &archive, &DAY, 3);
    assert!(stderr.contains("irispool prune has deleted") && stderr.contains("hint: "), "{stderr}");
}

#[test]
fn days_before_the_first_message_are_not_judged_and_the_answer_says_so() {
    let (site, archive) = one_is_missing();
    archive.put("FREQ", "FREQ_202510271200_1.json", row(1).as_bytes());
    let found = answer(&site, &archive, &["--since", "2025-10-27", "--until", "2025-10-28"], 1);
    assert_eq!(found["days"].as_array().unwrap().len(), 1);
    assert_eq!(found["not_judged"][0]["day"], "2025-10-27");
    let (screen, _) = said(&site, &archive, &["--since", "2025-10-27", "--until", "2025-10-28"], 1);
    assert!(
        screen.contains("not judged:\n  FREQ 2025-10-27: the warehouse has no message of it from before"),
        "{screen}"
    );
}

#[test]
fn names_that_an_old_client_made_are_not_compared() {
    let (site, archive) = one_is_missing();
    site.put("FREQ", "FREQ_251028T003012_1.json", row(6));
    site.drain(&[]);
    let (_, stderr) = said(&site, &archive, &DAY, 3);
    assert!(stderr.contains("named messages of this day by its own clock"), "{stderr}");
}

#[test]
fn a_dataset_may_have_names_of_several_forms() {
    let (site, archive) = (Site::new(), ElexonArchiveServer::start());
    let names = ["ABUC_202510281407_NGET-EMFIP-ABUC-00689167-1.json", "abuc_x_202510281408_00001.json"];
    for name in names {
        archive.put("ABUC", name, b"[]");
        site.put("ABUC", name, r#"[{"dataset":"ABUC","year":2025}]"#);
    }
    site.drain(&[]);
    archive.put("ABUC", "abuc_x_202510281409_00002.json", b"[]");
    archive.put("ABUC", "no-time-at-all.json", b"[]");
    let found = answer(&site, &archive, &DAY, 1);
    assert_eq!(found["days"][0]["missing_ids"], json!(["abuc_x_202510281409_00002.json"]), "{found}");
    assert_eq!(found["not_judged"][0]["why"], "1 name in the archive has no time that irispool knows");
}

#[test]
fn an_empty_installation_is_not_called_complete() {
    let (site, archive) = (Site::new(), ElexonArchiveServer::start());
    site.drain(&[]);
    let (_, stderr) = said(&site, &archive, &[], 3);
    assert!(stderr.contains("no message has come yet") && stderr.contains("--dataset"), "{stderr}");
}

#[test]
fn a_server_that_is_not_ours_lists_the_same() {
    let Some(azurite) = Azurite::start() else { return };
    let site = Site::new();
    for minute in 0..7 {
        azurite.put("FREQ", &freq(minute), row(minute).as_bytes());
        if minute != 4 {
            site.put("FREQ", freq(minute), row(minute));
        }
    }
    // Of IRIS's names for MID, one has underscores.
    let mid = "mibm_mid_202510280000_00001.json";
    azurite.put("mibm_mid", mid, b"[]");
    azurite.put("MID", "MID_202510280030_00001.json", b"[]");
    site.put("mibm_mid", mid, r#"[{"dataset":"MID","startTime":"2025-10-28T00:00:00Z","price":1.5}]"#);
    site.drain(&[]);
    let output = verify(&site, &azurite.url(), &["--day", "2025-10-28", "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let missing: Vec<&Value> =
        found["days"].as_array().unwrap().iter().map(|day| &day["missing_ids"]).collect();
    assert_eq!(missing, [&json!([freq(4)]), &json!(["MID_202510280030_00001.json"])], "{found}");
}
