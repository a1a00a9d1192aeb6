//! The commands where the user has views of their own: none replaces them, and each says so.

use std::fs;

use crate::support::Site;

const UNIFIED: &str = "CREATE VIEW bmrs_freq_unified AS SELECT frequency FROM bmrs_freq_iris";

#[test]
fn a_view_of_the_users_stays_in_every_command_and_each_says_it() {
    let site = Site::new();
    let convenience = "CREATE VIEW bmrs_freq AS SELECT * FROM bmrs_freq_unified";
    site.connection().execute_batch(&format!("{UNIFIED}; {convenience}")).unwrap();
    for number in 0..3 {
        // A field that is new is another reason to see to the views.
        let row = format!("[{{\"dataset\":\"FREQ\",\"frequency\":50.0,\"new{number}\":1}}]");
        site.put("FREQ", format!("m{number}.json"), row);
    }
    let ended = site.once(&[]);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(site.texts("SELECT count(*) FROM bmrs_freq"), ["3"]);
    for told in ["bmrs_freq_unified is a view that irispool did not create", "bmrs_freq is a view, so"] {
        assert_eq!(ended.log.matches(told).count(), 1, "{told}: {}", ended.log);
    }
    let said = |arguments: &[&str]| {
        let mut command = site.irispool();
        command
            .args(arguments)
            .env("IRISPOOL_SPOOL", &site.spool)
            .env("IRISPOOL_WAREHOUSE", site.warehouse());
        let output = command.output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    for command in [&["setup", "--dataset", "FREQ"][..], &["check"], &["status"], &["status", "--json"]] {
        let said = said(command);
        for wanted in [
            "bmrs_freq_unified is a view that irispool did not create",
            "it lacks the columns",
            "bmrs_freq_latest",
        ] {
            assert!(said.contains(wanted), "{command:?}: {said}");
        }
    }
    assert_eq!(site.texts("SELECT sql FROM sqlite_schema WHERE name = 'bmrs_freq_unified'"), [UNIFIED]);

    let said = said(&["setup", "--dataset", "FREQ", "--replace-views", "bmrs_freq_unified"]);
    let path = said.split("its SQL is in ").nth(1).expect(&said).lines().next().unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), format!("{UNIFIED};\n"));
    assert_eq!(site.texts("SELECT count(new2) FROM bmrs_freq_unified"), ["1"]);
}

#[test]
fn only_a_view_that_irispool_makes_can_be_named() {
    let site = Site::new();
    let mut command = site.irispool();
    command.args(["setup", "--replace-views", "bmrs_freq"]).env("IRISPOOL_WAREHOUSE", site.warehouse());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("irispool has no view called bmrs_freq"), "{said}");
    assert!(!site.database.exists(), "nothing is made");
}
