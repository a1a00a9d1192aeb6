//! strace, which puts faults between a program and the kernel.

use std::process::{Command, Stdio};

use super::{Site, lacks};

/// Whether it may trace here; where not, that is said.
#[track_caller]
pub(crate) fn works() -> bool {
    let traced =
        Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let works = traced.is_ok_and(|status| status.success());
    if !works {
        lacks("strace is missing or may not trace");
    }
    works
}

/// irispool, killed at the n-th of some calls.
pub(crate) fn killed_at(site: &Site, calls: &str, call: u32) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
    command.args(["-e", &format!("inject={calls}:signal=KILL:when={call}")]);
    command.arg(env!("CARGO_BIN_EXE_irispool")).current_dir(site.folder.path());
    command
}
