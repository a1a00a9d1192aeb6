//! The house rules that the compiler does not know: which room may know which, no circle of files, one type one file.
//!
//! `rooms` reads every file under `src` with `syn` and follows each path that starts in this crate to the file that defines
//! the name, through the re-exports of the faces (`mod.rs`). A planted house with one fault of each kind shows that each
//! rule can fail.

mod rooms;
mod rules;

use std::fs;

use rooms::House;

#[test]
fn the_house_keeps_its_rules() {
    let faults = rules::faults(&House::read(&crate::support::root()));
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Writes a house of the given files and returns its faults.
fn faults_of(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let modules: std::collections::BTreeSet<&str> =
        files.iter().map(|(path, _)| path.split(['/', '.']).next().unwrap()).collect();
    let root: String = modules.iter().map(|module| format!("pub mod {module};\n")).collect();
    for (path, text) in files.iter().copied().chain([("lib.rs", root.as_str())]) {
        let path = folder.path().join("src").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    rules::faults(&House::read(folder.path()))
}

#[test]
fn a_clean_house_has_no_fault() {
    let files = [
        (
            "spool/mod.rs",
            "//! The queue.\nmod claim;\nmod layout;\npub use claim::Claim;\npub use layout::Layout;\n",
        ),
        ("spool/claim.rs", "use super::Layout;\n/// A claim.\npub struct Claim(Layout);\nimpl Claim {}\n"),
        ("spool/layout.rs", "/// Where things lie.\npub struct Layout;\n"),
        ("pipeline/mod.rs", "mod run;\n"),
        ("pipeline/run.rs", "use crate::spool;\nfn run(_: spool::Claim, _: crate::spool::Layout) {}\n"),
    ];
    assert_eq!(faults_of(&files), Vec::<String>::new());
}

#[test]
fn a_circle_is_found_though_it_goes_through_a_face() {
    let files = [
        ("spool/mod.rs", "mod claim;\nmod layout;\nuse claim::Claim;\nuse layout::Layout;\n"),
        ("spool/claim.rs", "use super::Layout;\nstruct Claim(Layout);\n"),
        ("spool/layout.rs", "struct Layout;\nfn first() { super::Claim::new(); }\n"),
    ];
    assert_eq!(
        faults_of(&files),
        [
            "circle: spool/claim.rs -> spool/layout.rs -> spool/claim.rs: give what they share a file of its own"
        ]
    );
}

#[test]
fn a_circle_is_found_though_a_macro_hides_the_name() {
    let files = [
        ("spool/mod.rs", "mod claim;\nmod layout;\n"),
        ("spool/claim.rs", "use super::layout::first;\nfn claim() { first() }\n"),
        ("spool/layout.rs", "fn first() { println!(\"{}\", super::claim::claim()); }\n"),
    ];
    let faults = faults_of(&files);
    assert!(faults.iter().any(|fault| fault.starts_with("circle: spool/claim.rs")), "{faults:?}");
}

#[test]
fn an_arrow_that_no_room_may_have_is_found() {
    let files = [
        ("spool/mod.rs", "mod claim;\n"),
        ("spool/claim.rs", "fn claim(_: &crate::pipeline::Run) {}\n"),
        ("pipeline/mod.rs", "mod run;\npub use run::Run;\n"),
        ("pipeline/run.rs", "/// A run.\npub struct Run;\n"),
    ];
    assert_eq!(faults_of(&files), ["spool/claim.rs: `spool` must not know `pipeline` (pipeline/run.rs)"]);
}

#[test]
fn an_arrow_is_found_though_only_the_room_is_named() {
    let files = [
        ("spool/mod.rs", "mod claim;\n"),
        ("spool/claim.rs", "use crate::pipeline;\nfn claim() { pipeline::start(); }\n"),
        ("pipeline/mod.rs", "mod run;\npub use run::start;\n"),
        ("pipeline/run.rs", "/// Starts a run.\npub fn start() {}\n"),
    ];
    assert_eq!(faults_of(&files), ["spool/claim.rs: `spool` must not know `pipeline` (pipeline/run.rs)"]);
}

#[test]
fn a_room_that_the_list_does_not_know_is_found() {
    let files = [("attic/mod.rs", "//! An attic.\n")];
    assert_eq!(
        faults_of(&files),
        ["src/attic: no rule says what this room may know: add it to the list of rooms"]
    );
}

#[test]
fn a_face_that_does_work_is_found() {
    let files = [("spool/mod.rs", "//! The queue.\nfn claim() {}\n")];
    assert_eq!(faults_of(&files), ["spool/mod.rs: a face holds no `fn`: move it to a file of its own"]);
}

#[test]
fn a_type_in_two_files_is_found() {
    let files = [
        ("spool/mod.rs", "mod claim;\nmod more;\n"),
        ("spool/claim.rs", "pub(super) struct Claim;\nimpl Clone for Claim {}\n"),
        ("spool/more.rs", "use super::claim::Claim;\nimpl Claim {}\nimpl super::Other for Claim {}\n"),
    ];
    assert_eq!(faults_of(&files), ["spool/more.rs: `impl Claim` belongs into the file that defines `Claim`"]);
}

#[test]
fn two_types_of_one_name_are_found() {
    let files = [
        ("spool/mod.rs", "mod claim;\nmod more;\n"),
        ("spool/claim.rs", "struct State;\n"),
        ("spool/more.rs", "enum State { A }\n"),
    ];
    assert_eq!(
        faults_of(&files),
        ["type `State` is defined in spool/claim.rs, spool/more.rs: say what each one is"]
    );
}

#[test]
fn an_over_long_line_is_found() {
    let long = format!("// {}\nfn claim() {{}}\n", "x".repeat(118));
    let longest = format!("// {}\nfn claim() {{}}\n", "x".repeat(117));
    assert_eq!(
        faults_of(&[("signals.rs", &long), ("https.rs", &longest)]),
        ["signals.rs:1: a comment line of 121 characters: 120 are the most"]
    );
}

#[test]
fn a_long_file_is_found() {
    let long = "fn f() {}\n".repeat(401);
    assert_eq!(faults_of(&[("signals.rs", &long)]), ["signals.rs: 401 lines: 400 are the most"]);
}

#[test]
fn a_public_item_without_a_doc_is_found() {
    let text = "pub fn stop() {}\n/// Starts.\npub fn start() {}\npub(crate) fn wait() {}\nfn own() {}\n";
    assert_eq!(faults_of(&[("signals.rs", text)]), ["signals.rs: `stop` is public and has no doc"]);
}
