//! The settings, seen through `irispool config` as a user sees them.

use std::fs;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use tempfile::TempDir;

/// `irispool config` in `folder`, with none of the variables of whoever runs the tests.
fn config_in(folder: &TempDir) -> Command {
    let mut command = cargo_bin_cmd!("irispool");
    command.current_dir(folder).arg("config");
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("IRISPOOL_") {
            command.env_remove(variable);
        }
    }
    command
}

fn folder_with(toml: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("irispool.toml"), toml).unwrap();
    folder
}

/// The line of `key` in the answer: its value, and where it comes from.
#[track_caller]
fn setting(command: &mut Command, key: &str) -> (String, String) {
    let answer = command.assert().success().get_output().stdout.clone();
    let answer = String::from_utf8(answer).unwrap();
    let line = answer.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
    let (setting, origin) = line.split_once("  # ").unwrap();
    (setting[key.len() + 3..].trim_end().to_owned(), origin.to_owned())
}

fn pair(value: &str, origin: &str) -> (String, String) {
    (value.to_owned(), origin.to_owned())
}

/// What is said on stderr, when the command ends with `code`.
#[track_caller]
fn refusal(command: &mut Command, code: i32) -> String {
    let output = command.assert().code(code).stdout("").get_output().clone();
    String::from_utf8(output.stderr).unwrap()
}

#[track_caller]
fn refusal_of_toml(toml: &str) -> String {
    refusal(&mut config_in(&folder_with(toml)), 1)
}

#[test]
fn each_layer_wins_over_the_one_before() {
    let bare = tempfile::tempdir().unwrap();
    let folder = folder_with("\nbatch_rows = 2\n");
    let default = setting(&mut config_in(&bare), "batch_rows");
    assert_eq!(default, pair("20000", "default"));
    let of_file = setting(&mut config_in(&folder), "batch_rows");
    assert_eq!(of_file, pair("2", "irispool.toml, line 2"));
    let of_environment = setting(config_in(&folder).env("IRISPOOL_BATCH_ROWS", "3"), "batch_rows");
    assert_eq!(of_environment, pair("3", "environment variable IRISPOOL_BATCH_ROWS"));
    let all = &mut config_in(&folder);
    let of_flag = setting(all.env("IRISPOOL_BATCH_ROWS", "3").args(["--batch-rows", "4"]), "batch_rows");
    assert_eq!(of_flag, pair("4", "flag --batch-rows"));
}

#[test]
fn every_setting_can_be_a_variable_and_a_flag_of_run() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        ("spool", "\"/tmp/a\""),
        ("warehouse", "\"bigquery:example.com:grid-1.uk_power\""),
        ("schema", "\"strict\""),
        ("keep", "\"archive\""),
        ("keep_max_age", "\"12h\""),
        ("keep_max_bytes", "\"50GiB\""),
        ("dead_max_bytes", "\"off\""),
        ("max_file_bytes", "\"3KiB\""),
        ("in_flight_bytes", "\"1500000\""),
        ("batch_rows", "7"),
        ("flush_interval", "\"1s 500ms\""),
        ("scan_interval", "\"1m\""),
        ("claim_files", "8"),
        ("temporary_names", "[\"*.new\", \"up load*\"]"),
        ("write_age", "\"1h\""),
        ("busy_timeout", "\"9s\""),
        ("method", "\"load\""),
        ("stream_rows", "499"),
        ("requests_in_flight", "9"),
        ("requests_per_second", "\"none\""),
        ("load_threshold_files", "11"),
        ("location", "\"europe-west2\""),
        ("archive_url", "\"http://127.0.0.1:10000/devstoreaccount1/iris\""),
        ("archive_requests_per_second", "25"),
        ("readers", "256"),
        ("settlers", "1"),
        ("stop_timeout", "\"100ms\""),
        ("status_backlog_warn", "0"),
        ("status_backlog_critical", "7"),
        ("status_stale_after", "\"1h\""),
        ("status_disk_critical", "100"),
        ("client_pid_file", "\"/run/client.pid\""),
        ("client_secret_expires", "\"2027-10-28\""),
        ("listen", "\"127.0.0.1:9464\""),
        ("alert_webhook", "\"https://hooks.example.com/a?b=c\""),
        ("alert_format", "\"slack\""),
        ("alert_command", "\"mail -s IRIS ann@example.com\""),
        ("alert_after", "\"0s\""),
        ("alert_remind", "\"1day\""),
        ("heartbeat_url", "\"http://127.0.0.1:3001/api/push/x\""),
        ("heartbeat_interval", "\"30s\""),
        ("pid_file", "\"/run/irispool.pid\""),
        ("log_format", "\"json\""),
        ("log_level", "\"warn,irispool=debug\""),
        ("log_file", "\"/var/log/irispool.log\""),
        ("log_file_bytes", "\"1MiB\""),
        ("log_files_kept", "0"),
    ];
    let mut by_variables = config_in(&folder);
    let mut by_flags = config_in(&folder);
    let mut file = String::new();
    for (key, value) in settings {
        let text = value.trim_matches('"');
        by_variables.env(format!("IRISPOOL_{}", key.to_uppercase()), text);
        by_flags.arg(format!("--{}", key.replace('_', "-"))).arg(text);
        file.push_str(&format!("{key} = {value}\n"));
    }
    let of_file = config_in(&folder_with(&file)).assert().success().get_output().stdout.clone();
    let of_file = String::from_utf8(of_file).unwrap();
    assert_eq!(of_file.lines().count(), settings.len(), "a setting is missing here:\n{of_file}");
    for (key, value) in settings {
        assert_eq!(setting(&mut by_variables, key).0, value);
        assert_eq!(setting(&mut by_flags, key).0, value);
        assert!(of_file.contains(&format!("{key} = {value} ")), "{of_file}");
    }
    // `run` takes the flags that `config` takes, and `verify` those that only it needs: all read the same list.
    let help_of = |command: &str| {
        let help = cargo_bin_cmd!("irispool").args([command, "--help"]).output().unwrap();
        String::from_utf8(help.stdout).unwrap()
    };
    let (of_run, of_verify) = (help_of("run"), help_of("verify"));
    for (key, _) in settings {
        let help = if key.starts_with("archive_") { &of_verify } else { &of_run };
        assert!(help.contains(&format!("--{} ", key.replace('_', "-"))), "{key}");
    }
}

#[test]
fn the_answer_can_be_a_file_of_settings() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--spool", "/a \"b\" # c", "--keep", "done", "--write-age", "90s"];
    let answer = config_in(&folder).args(flags).assert().success().get_output().stdout.clone();
    let again = config_in(&folder_with(std::str::from_utf8(&answer).unwrap()))
        .assert()
        .success()
        .get_output()
        .clone();
    let values = |answer: &[u8]| toml::from_str::<toml::Table>(std::str::from_utf8(answer).unwrap()).unwrap();
    assert_eq!(values(&again.stdout), values(&answer));
}

#[test]
fn more_v_is_more_log() {
    let folder = tempfile::tempdir().unwrap();
    let debug = setting(config_in(&folder).arg("-v"), "log_level");
    assert_eq!(debug, pair("\"debug\"", "flag --verbose"));
    assert_eq!(setting(config_in(&folder).arg("-vv"), "log_level").0, "\"trace\"");
}

#[test]
fn a_relative_path_is_meant_from_the_file_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("etc")).unwrap();
    let file =
        "spool = \"queue\"\nwarehouse = \"sqlite:../iris.db\"\nlog_file = \"a.log\"\npid_file = \"/a.pid\"\n";
    fs::write(folder.path().join("etc/iris.toml"), file).unwrap();
    let by_flag = &mut config_in(&folder);
    by_flag.args(["--config", "etc/iris.toml"]);
    assert_eq!(setting(by_flag, "spool"), pair("\"etc/queue\"", "etc/iris.toml, line 1"));
    assert_eq!(setting(by_flag, "warehouse").0, "\"sqlite:etc/../iris.db\"");
    assert_eq!(setting(by_flag, "log_file").0, "\"etc/a.log\"");
    assert_eq!(setting(by_flag, "pid_file").0, "\"/a.pid\"");
    assert_eq!(setting(by_flag.args(["--spool", "queue"]), "spool").0, "\"queue\"");
    let by_variable = &mut config_in(&folder);
    by_variable.env("IRISPOOL_CONFIG", "etc/iris.toml");
    assert_eq!(setting(by_variable, "spool").0, "\"etc/queue\"");
    assert_eq!(
        setting(by_variable.env("IRISPOOL_WAREHOUSE", "sqlite:x.db"), "warehouse").0,
        "\"sqlite:x.db\""
    );
}

#[test]
fn a_named_file_takes_the_place_of_the_usual_one() {
    let folder = folder_with("batch_rows = 2");
    fs::write(folder.path().join("other.toml"), "readers = 9").unwrap();
    let mut command = config_in(&folder);
    command.env("IRISPOOL_CONFIG", "absent.toml").args(["--config", "other.toml"]);
    assert_eq!(setting(&mut command, "batch_rows").1, "default");
    assert_eq!(setting(&mut command, "readers").1, "other.toml, line 1");
}

#[test]
fn a_named_file_must_exist() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(refusal(config_in(&folder).args(["--config", "absent.toml"]), 1), @"error: cannot read absent.toml, named by --config: No such file or directory (os error 2)");
    insta::assert_snapshot!(refusal(config_in(&folder).env("IRISPOOL_CONFIG", "absent.toml"), 1), @"error: cannot read absent.toml, named by IRISPOOL_CONFIG: No such file or directory (os error 2)");
}

#[test]
fn a_usual_file_that_cannot_be_read_is_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("irispool.toml")).unwrap();
    insta::assert_snapshot!(refusal(&mut config_in(&folder), 1), @"error: cannot read irispool.toml, looked for in the working folder: Is a directory (os error 21)");
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_a_near_one() {
    insta::assert_snapshot!(refusal_of_toml("readers = 3\n\nflush-intervall = \"1s\""), @r"
    error: irispool.toml, line 3: unknown setting `flush-intervall`
    hint: did you mean `flush_interval`?
    ");
    insta::assert_snapshot!(refusal_of_toml("[bigquery]\nproject = 1"), @r"
    error: irispool.toml, line 1: unknown setting `bigquery`
    hint: settings do not belong to a section: delete the line `[bigquery]`
    ");
}

#[test]
fn an_unknown_variable_is_an_error_too() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(refusal(config_in(&folder).env("IRISPOOL_FLUSH_INTERVALL", "1s"), 1), @r"
    error: unknown environment variable IRISPOOL_FLUSH_INTERVALL
    hint: did you mean IRISPOOL_FLUSH_INTERVAL?
    ");
    insta::assert_snapshot!(refusal(config_in(&folder).env("IRISPOOL_Keep", "done"), 1), @r"
    error: unknown environment variable IRISPOOL_Keep
    hint: did you mean IRISPOOL_KEEP?
    ");
}

#[test]
fn a_bad_value_is_named_with_its_place_and_what_would_be_right() {
    insta::assert_snapshot!(refusal_of_toml("# a comment\n flush_interval = 5"), @r#"
    error: irispool.toml, line 2: flush_interval = 5 should be a duration such as 200ms, 5s or 1m, or "auto"
    hint: the default is "auto"
    hint: did you mean 5s?
    "#);
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(refusal(config_in(&folder).env("IRISPOOL_KEEP", "Done"), 1), @r#"
    error: the environment variable IRISPOOL_KEEP=Done should be none, done or archive
    hint: the default is "none"
    hint: did you mean done?
    "#);
    insta::assert_snapshot!(refusal(config_in(&folder).env("IRISPOOL_SPOOL", ""), 1), @r#"
    error: the environment variable IRISPOOL_SPOOL="" should be a path, with the home folder written out, not as ~
    hint: the default is "spool"
    "#);
    insta::assert_snapshot!(refusal(config_in(&folder).args(["--max-file-bytes", "1.5 TB"]), 2), @r#"
    error: --max-file-bytes "1.5 TB" should be from 1KiB to 1GiB
    hint: the default is "64MiB"
    "#);
}

#[test]
fn a_value_that_is_a_secret_is_not_repeated() {
    for key in ["alert_webhook", "heartbeat_url"] {
        let said = refusal_of_toml(&format!("{key} = \"htps://example.com/key\""));
        assert!(said.contains(&format!("{key} = … should be a URL")) && !said.contains("example"), "{said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let said = refusal(config_in(&folder).args(["--alert-webhook", "example.com/key"]), 2);
    assert!(said.contains("--alert-webhook … should be a URL") && !said.contains("example"), "{said}");
}

#[test]
fn what_a_hook_finds_in_its_environment_is_no_setting() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = config_in(&folder);
    command.env("IRISPOOL_ALERT_LEVEL", "critical").env("IRISPOOL_ALERT_TEXT", "all is wrong");
    assert_eq!(setting(&mut command, "alert_webhook").0, "\"off\"");
    let said = refusal(config_in(&folder).env("IRISPOOL_ALERT_COLOUR", "red"), 1);
    assert!(said.contains("unknown environment variable IRISPOOL_ALERT_COLOUR"), "{said}");
}

#[test]
fn values_of_every_kind_are_checked() {
    for (toml, right) in [
        ("spool = \"~/iris\"", "a path, with the home folder written out, not as ~"),
        ("spool = [\"a\"]", "a path, with the home folder written out, not as ~"),
        ("spool = \"a\\nb\"", "a path, with the home folder written out, not as ~"),
        ("warehouse = \"iris.db\"", "sqlite:PATH or bigquery:PROJECT.DATASET"),
        ("warehouse = \"sqlite:\"", "sqlite:PATH or bigquery:PROJECT.DATASET"),
        ("warehouse = \"sqlite::memory:\"", "sqlite:PATH or bigquery:PROJECT.DATASET"),
        ("warehouse = \"bigquery:project\"", "sqlite:PATH or bigquery:PROJECT.DATASET"),
        ("warehouse = \"bigquery:my_project.elexon\"", "sqlite:PATH or bigquery:PROJECT.DATASET"),
        ("warehouse = \"bigquery:project.data-set\"", "sqlite:PATH or bigquery:PROJECT.DATASET"),
        ("schema = \"evolv\"", "evolve, rescue or strict"),
        ("keep = true", "none, done or archive"),
        ("keep_max_age = \"a year\"", "a duration such as 12h or 90days, or \"off\""),
        ("keep_max_age = \"30m\"", "from 1h to 100years"),
        ("keep_max_bytes = \"all\"", "a size such as 8MiB, 64 MB or 1048576, or \"off\""),
        ("keep_max_bytes = 1000", "from 1MiB to 16384GiB"),
        ("dead_max_bytes = 0", "from 1KiB to 16384GiB"),
        ("max_file_bytes = \"64 apples\"", "a size such as 8MiB, 64 MB or 1048576"),
        ("max_file_bytes = 1023", "from 1KiB to 1GiB"),
        ("in_flight_bytes = \"1 KiB\"", "from 1MiB to 16GiB"),
        ("batch_rows = 0", "from 1 to 1000000"),
        ("batch_rows = -1", "a whole number"),
        ("flush_interval = \"0s\"", "from 1ms to 1m"),
        ("scan_interval = \"2h\"", "from 100ms to 1h"),
        ("claim_files = 2.5", "a whole number"),
        ("write_age = \"soon\"", "a duration such as 200ms, 5s or 1m"),
        ("busy_timeout = \"1ms\"", "from 100ms to 1h"),
        ("method = \"steam\"", "auto, stream or load"),
        ("stream_rows = 50001", "from 1 to 50000"),
        ("requests_in_flight = 0", "from 1 to 256"),
        ("requests_per_second = \"all\"", "a whole number, or \"none\" for no limit"),
        ("load_threshold_files = 0", "from 1 to 10000000"),
        ("location = \"the moon\"", "a location of BigQuery such as US, EU or europe-west2"),
        ("archive_url = \"ftp://a/b\"", "a URL that begins with https:// or http:// and has no query"),
        ("archive_url = \"https://a/b?c=d\"", "a URL that begins with https:// or http:// and has no query"),
        ("archive_requests_per_second = 2.5", "a whole number, or \"none\" for no limit"),
        ("readers = 257", "from 1 to 256"),
        ("readers = \"many\"", "a whole number, or \"auto\" for 4 per core"),
        ("settlers = 0", "from 1 to 256"),
        ("stop_timeout = \"1d\"", "from 100ms to 1h"),
        ("status_disk_critical = 101", "from 1 to 100"),
        ("client_pid_file = \"~/c.pid\"", "a path, with the home folder written out, not as ~, or \"off\""),
        ("client_secret_expires = \"2027-02-30\"", "a date such as 2027-10-28, or \"off\""),
        ("listen = \"9464\"", "an address and a port such as 127.0.0.1:9464, or \"off\""),
        ("alert_webhook = \"hooks.example.com\"", "a URL that begins with https:// or http://, or \"off\""),
        ("alert_format = \"teams\"", "json or slack"),
        ("alert_command = \" \"", "a command for sh, or \"off\""),
        ("alert_after = \"2h\"", "from 0s to 1h"),
        ("alert_remind = \"0s\"", "from 1s to 30days"),
        ("heartbeat_url = \"ftp://example.com/\"", "a URL that begins with https:// or http://, or \"off\""),
        ("heartbeat_interval = \"1ms\"", "from 1s to 1day"),
        ("pid_file = \"~/iris.pid\"", "a path, with the home folder written out, not as ~, or \"off\""),
        ("log_file = \"\"", "a path, with the home folder written out, not as ~, or \"off\""),
        ("log_file_bytes = \"1KiB\"", "from 4KiB to 16GiB"),
        ("log_files_kept = 10001", "from 0 to 10000"),
        ("log_format = \"xml\"", "human or json"),
        (
            "log_level = \"inof\"",
            "error, warn, info, debug, trace, or directives such as info,irispool::spool=debug",
        ),
        (
            "log_level = \"irispool=loud\"",
            "error, warn, info, debug, trace, or directives such as info,irispool::spool=debug",
        ),
    ] {
        let said = refusal_of_toml(toml);
        assert!(said.starts_with("error: irispool.toml, line 1: "), "{said}");
        assert!(said.contains(&format!(" should be {right}\nhint: the default is ")), "{toml}: {said}");
    }
}

#[test]
fn what_is_no_toml_is_named_by_its_line() {
    insta::assert_snapshot!(refusal_of_toml("readers = 3\nspool = spool\n"), @r#"
    error: irispool.toml, line 2: string values must be quoted, expected literal string
    hint: put the value in quotes: spool = "spool"
    "#);
    insta::assert_snapshot!(refusal_of_toml("readers = 3\nreaders = 4\n"), @r"
    error: irispool.toml, line 2: duplicate key
    hint: irispool.example.toml shows how settings are written
    ");
}

#[test]
fn what_is_wrong_cannot_steer_the_terminal_that_says_so() {
    let said = refusal_of_toml("\"\\u001b[2J\\n\" = 1");
    assert!(said.starts_with("error: irispool.toml, line 1: unknown setting `\\u{1b}[2J\\n`\n"), "{said}");
}
