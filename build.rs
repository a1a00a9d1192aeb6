//! Puts what `irispool --version` says into the environment of the compiler, as `VERSION_OF_IRISPOOL`: the version with the
//! commit, its day and the target. A build for development says so in place of the commit. Without git, or where the
//! source is no checkout of irispool's own (an archive, a container), there is no commit in it.
//!
//! Cargo sets the variable for tests and `cargo run` too. So its name must not begin as that of a setting.

use std::path::Path;
use std::process::Command;

fn main() {
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo compiles everything again when what this file says changes. While you work on irispool, a commit must not cost
    // that.
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = if is_release { commit() } else { Some("development".to_owned()) };
    let details = match commit {
        Some(commit) => format!("{commit}, {target}"),
        None => target,
    };
    println!("cargo::rustc-env=VERSION_OF_IRISPOOL={version} ({details})");
}

/// The commit that is checked out and its day (UTC), such as `abc1234 2026-11-28`. Cargo runs this file again when it changes.
fn commit() -> Option<String> {
    // A repository that begins in a folder above this one is not irispool's.
    git(&["rev-parse", "--show-prefix"]).filter(|prefix| prefix.is_empty())?;
    // The reflog gets a line whenever HEAD moves. A file that is missing would count as changed each time.
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", name])?;
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&[
        "log",
        "-1",
        "--no-show-signature",
        "--abbrev=7",
        "--date=format-local:%Y-%m-%d",
        "--format=%h %cd",
    ])
}

/// What git says in its only line. None if git is missing or fails.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).env("TZ", "UTC").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
