//! `irispool check` with BigQuery: each line good, and bad out of the condition that it is about.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use crate::support::disk::Tmpfs;
use crate::support::{Google, Site, skip, tls};
use irispool::catalog;
use serde_json::Value;

const PERMISSIONS: [&str; 8] = [
    "bigquery.datasets.get",
    "bigquery.tables.list",
    "bigquery.tables.get",
    "bigquery.jobs.create",
    "bigquery.tables.create",
    "bigquery.tables.updateData",
    "bigquery.tables.update",
    "bigquery.tables.getData",
];

/// The check of a spool that is there, with gcloud's login at this Google.
fn check(site: &Site, google: &Google) -> Command {
    fs::create_dir_all(site.spool.join("incoming")).unwrap();
    let mut command = site.irispool();
    command.arg("check").env("IRISPOOL_SPOOL", &site.spool);
    // The disk of whoever runs the tests may be as full as it likes.
    command.env("IRISPOOL_STATUS_DISK_CRITICAL", "100");
    google.as_google(&mut command, site.folder.path());
    command
}

/// All lines about one thing, and the exit code.
#[track_caller]
fn lines(command: &mut Command, about: &str) -> (Vec<Value>, i32) {
    let output = command.arg("--json").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<Value> = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    (lines.into_iter().filter(|line| line["check"] == about).collect(), output.status.code().unwrap())
}

#[track_caller]
fn line(command: &mut Command, about: &str) -> (Value, i32) {
    let (mut lines, code) = lines(command, about);
    assert_eq!(lines.len(), 1, "{about}: {lines:?}");
    (lines.remove(0), code)
}

#[track_caller]
fn assert_bad(command: &mut Command, about: &str, what: &str, hint: &str) {
    let (line, code) = line(command, about);
    assert_eq!((code, &line["verdict"]), (1, &"bad".into()), "{line}");
    assert!(line["what"].as_str().unwrap().contains(what), "{line}");
    assert!(line["hint"].as_str().unwrap().contains(hint), "{line}");
}

/// A Google as `irispool setup` leaves it.
fn set_up() -> Google {
    furnished(Google::start())
}

fn furnished(google: Google) -> Google {
    for dataset in catalog::all() {
        google.has_table(&catalog::table_name(&dataset.name), &[]);
        google.state().views.insert(catalog::view_name(&dataset.name));
    }
    google
}

#[test]
fn what_a_run_needs_is_good_and_nothing_is_changed() {
    let (site, google) = (Site::new(), set_up());
    let output = check(&site, &google).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let of_bigquery = &text[text.find("ok      credentials").unwrap()..];
    // How much room there is, is the machine's affair.
    let lines = of_bigquery.lines().filter(|line| !line.contains(" % used"));
    let shown = lines
        .collect::<Vec<_>>()
        .join("\n")
        .replace(site.folder.path().to_str().unwrap(), "FOLDER")
        .replace(&google.address.to_string(), "GOOGLE");
    insta::assert_snapshot!(shown);
    for secret in ["a-token", "a-client-secret", "a-refresh-token"] {
        assert!(!text.contains(secret), "{text}");
    }
    // Dry runs apart, which the Google of these tests insists on.
    let asks_only = |asked: &&String| {
        asked.starts_with("GET ")
            || asked.ends_with(":testIamPermissions")
            || asked.ends_with("/queries")
            || asked.ends_with("/token")
    };
    let state = google.state();
    let others: Vec<&String> = state.asked.iter().filter(|asked| !asks_only(asked)).collect();
    assert!(others.is_empty(), "{others:?}");
}

/// As where a company reads what goes through its proxy.
#[test]
fn an_authority_is_trusted_as_far_as_the_machine_trusts_it() {
    let site = Site::new();
    let (authority, config) = tls::authority(site.folder.path());
    let google = furnished(Google::start_tls(config));
    let mut trusting = check(&site, &google);
    assert_eq!(line(trusting.env("SSL_CERT_FILE", &authority), "credentials").0["verdict"], "good");
    assert_eq!(check(&site, &google).env("SSL_CERT_FILE", &authority).status().unwrap().code(), Some(0));
    // By the machine's own list it is a stranger.
    let mut own = check(&site, &google);
    own.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
    assert_bad(&mut own, "network", "or to a file that SSL_CERT_FILE names", "");
}

#[test]
fn each_permission_that_is_not_granted_is_bad_and_says_what_to_grant() {
    let site = Site::new();
    for denied in PERMISSIONS {
        let google = set_up();
        google.state().denied.insert(denied);
        let (lines, code) = lines(&mut check(&site, &google), "permission");
        let about = |name: &str| {
            let begins =
                |line: &&Value| line["what"].as_str().unwrap().split([' ', ',']).next() == Some(name);
            lines.iter().find(begins).unwrap_or_else(|| panic!("{name}: {lines:?}"))
        };
        assert_eq!((code, &about(denied)["verdict"]), (1, &"bad".into()), "{denied}: {lines:?}");
        let role = if denied == "bigquery.jobs.create" {
            "jobUser on the project"
        } else {
            "dataEditor on the dataset"
        };
        assert!(about(denied)["hint"].as_str().unwrap().contains(role), "{lines:?}");
        for other in PERMISSIONS.iter().filter(|other| **other != denied) {
            let verdict = &about(other)["verdict"];
            // Without the list it is not known which table could be asked about.
            assert!(
                verdict == "good" || (denied == "bigquery.tables.list" && verdict == "unknown"),
                "{denied}: {lines:?}"
            );
        }
    }
}

#[test]
fn what_is_asked_of_a_table_is_unknown_where_there_is_none() {
    let (site, google) = (Site::new(), Google::start());
    let (found, code) = lines(&mut check(&site, &google), "permission");
    let verdicts: Vec<&str> = found.iter().map(|line| line["verdict"].as_str().unwrap()).collect();
    assert_eq!(
        verdicts,
        ["good", "good", "good", "good", "good", "unknown", "unknown", "unknown"],
        "{found:?}"
    );
    assert_eq!(code, 0);
    let (line, _) = line(&mut check(&site, &google), "tables");
    assert_eq!(line["verdict"], "warning");
    assert_eq!(line["what"], "0 of 88 datasets have their table; 88 tables and 88 views are missing");
}

#[test]
fn credentials_are_named_or_what_is_wrong_with_them() {
    let (site, google) = (Site::new(), Google::start());
    let mut absent = check(&site, &google);
    absent.env("GOOGLE_APPLICATION_CREDENTIALS", "absent.json");
    assert_bad(&mut absent, "credentials", "absent.json", "GOOGLE_APPLICATION_CREDENTIALS");
    let mut broken = check(&site, &google);
    fs::write(site.folder.path().join("broken.json"), "{\"type\": \"authorized_user\"}").unwrap();
    broken.env("GOOGLE_APPLICATION_CREDENTIALS", "broken.json");
    assert_bad(&mut broken, "credentials", "client_id", "gcloud auth");
    let mut emulated = check(&site, &google);
    google.as_emulator(&mut emulated);
    let (line, code) = line(&mut emulated, "credentials");
    assert_eq!((code, &line["what"]), (0, &"none, as BIGQUERY_EMULATOR_HOST is set".into()));
}

#[test]
fn a_network_that_does_not_lead_there_is_bad() {
    let (site, google) = (Site::new(), Google::start());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut command = check(&site, &google);
    command.env("CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY", closed);
    assert_bad(&mut command, "network", "is not reached", "network");
}

#[test]
fn a_clock_that_is_not_google_s_is_named() {
    let (site, google) = (Site::new(), Google::start());
    for (ahead_s, verdict, what) in
        [(0, "good", "agrees"), (-60, "warning", "ahead of"), (3_600, "bad", "behind"), (-3_600, "bad", "1h")]
    {
        google.state().clock_ahead_s = ahead_s;
        let (line, code) = line(&mut check(&site, &google), "server clock");
        assert_eq!((code, &line["verdict"]), (i32::from(verdict == "bad"), &verdict.into()), "{line}");
        assert!(line["what"].as_str().unwrap().contains(what), "{line}");
    }
}

#[test]
fn a_token_that_is_not_given_or_not_taken_is_bad() {
    let (site, google) = (Site::new(), Google::start());
    google.state().token_refusal = Some((400, serde_json::json!({"error": "invalid_grant"})));
    assert_bad(&mut check(&site, &google), "token", "invalid_grant", "gcloud auth application-default login");
    google.state().token_refusal = None;
    google.state().refusal = Some((401, "authError", "Request had invalid authentication credentials."));
    assert_bad(&mut check(&site, &google), "dataset", "invalid authentication", "clock");
}

#[test]
fn a_project_or_a_dataset_that_is_not_there_is_bad() {
    let (site, google) = (Site::new(), Google::start());
    google.state().refusal = Some((404, "notFound", "Not found: Project p"));
    assert_bad(&mut check(&site, &google), "dataset", "Not found: Project p", "its name");
    google.state().refusal = Some((404, "notFound", "Not found: Dataset p:d"));
    assert_bad(&mut check(&site, &google), "dataset", "Not found: Dataset p:d", "irispool setup");
}

#[test]
fn found_tables_that_can_t_be_used_are_named() {
    let (site, google) = (Site::new(), set_up());
    google.has_table("bmrs_mid_iris", &[("operator", "STRING", "REQUIRED")]);
    google.has_table("bmrs_freq_iris", &[("message_row", "BOOLEAN", "NULLABLE")]);
    google.state().tables.get_mut("bmrs_boalf_iris").unwrap()["type"] = "VIEW".into();
    google.has_table("bmrs_never_heard_of_iris", &[("rescued", "INTEGER", "NULLABLE")]);
    let (found, code) = lines(&mut check(&site, &google), "table");
    assert_eq!(code, 1);
    let said = |what: &str| found.iter().filter(|line| line["what"].as_str().unwrap().contains(what)).count();
    assert_eq!(found.len(), 4, "{found:?}");
    for what in [
        "bmrs_mid_iris has a REQUIRED column operator",
        "bmrs_freq_iris has a column message_row of the type BOOLEAN",
        "bmrs_boalf_iris is a VIEW",
        "bmrs_never_heard_of_iris has a column rescued of the type INTEGER",
    ] {
        assert_eq!(said(what), 1, "{what}: {found:?}");
    }
    assert!(found.iter().all(|line| line["verdict"] == "bad" && line["hint"].is_string()));
}

#[test]
fn whether_streaming_is_paid_for_can_t_be_asked() {
    let (site, google) = (Site::new(), set_up());
    let (line, code) = line(&mut check(&site, &google), "billing");
    assert_eq!((code, &line["verdict"]), (0, &"unknown".into()));
    let (lines, _) = lines(check(&site, &google).env("IRISPOOL_METHOD", "load"), "billing");
    assert!(lines.is_empty(), "load jobs are free");
}

#[test]
fn the_rows_of_load_jobs_need_a_place() {
    let (site, google) = (Site::new(), set_up());
    let (good, code) = line(&mut check(&site, &google), "load job room");
    assert_eq!((code, &good["verdict"]), (0, &"good".into()));
    let nowhere = site.folder.path().join("nowhere");
    assert_bad(
        check(&site, &google).env("TMPDIR", nowhere),
        "load job room",
        "may not create files",
        "TMPDIR",
    );
    let disk = site.folder.path().join("tmp");
    if let Some(_mounted) = Tmpfs::mount(&disk, 256) {
        assert!(
            (0..100).any(|number| fs::write(disk.join(format!("filler{number}")), [7; 16 << 10]).is_err())
        );
        let mut command = check(&site, &google);
        command.env("TMPDIR", &disk).env("IRISPOOL_STATUS_DISK_CRITICAL", "90");
        assert_bad(&mut command, "load job room", "100 % used", "free some space");
    } else {
        skip("a tmpfs can't be mounted");
    }
    let (lines, _) = lines(check(&site, &google).env("IRISPOOL_METHOD", "stream"), "load job room");
    assert!(lines.is_empty(), "who only streams needs none");
}

/// Outside of Google's machines, with no key and no login.
#[test]
fn credentials_that_are_nowhere_are_not_called_good() {
    let site = Site::new();
    fs::create_dir_all(site.spool.join("incoming")).unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = site.irispool();
    command.args(["check", "--warehouse=bigquery:my-project.elexon"]).env("IRISPOOL_SPOOL", &site.spool);
    command.env("HOME", site.folder.path()).env("GCE_METADATA_HOST", nobody.to_string());
    for name in ["GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "BIGQUERY_EMULATOR_HOST"] {
        command.env_remove(name);
    }
    command.env("HTTPS_PROXY", format!("http://{nobody}"));
    assert_bad(
        &mut command,
        "credentials",
        "there are no Google credentials",
        "gcloud auth application-default login",
    );
}
