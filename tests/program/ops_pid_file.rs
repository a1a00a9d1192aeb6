//! A worker's PID file: whose it is, and when it goes.

use std::path::PathBuf;

use crate::support::{Site, until};

#[test]
fn a_pid_file_is_there_while_it_runs() {
    let site = Site::new();
    let path = site.folder.path().join("worker.pid");
    let flag = format!("--pid-file={}", path.display());
    // Of one that died; the number may be anybody's by now.
    std::fs::write(&path, "1\n").unwrap();
    let mut daemon = site.daemon(&[&flag]);
    daemon.wait_until_ready();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", daemon.id()));
    daemon.stop();
    assert!(!path.exists());
    assert_eq!(
        crate::support::site::entries(site.folder.path())
            .iter()
            .filter(|path| path.ends_with(".pid"))
            .count(),
        0
    );
}

#[test]
fn a_second_worker_by_mistake_leaves_the_first_ones_pid_file_alone() {
    let site = Site::new();
    let path = site.folder.path().join("worker.pid");
    let flag = format!("--pid-file={}", path.display());
    let mut first = site.daemon(&[&flag]);
    first.wait_until_ready();
    let ours = format!("{}\n", first.id());
    // As a daemon, and as a drain; and where it can't even listen.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("--listen={}", taken.local_addr().unwrap());
    for flags in [&[flag.as_str()][..], &[&flag, "--once"], &[&flag, &listen]] {
        let mut second = site.daemon(flags);
        until("it ends", || second.ended().is_some());
        let log = second.log();
        assert_eq!(second.ended().unwrap().code(), Some(1), "{log}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), ours, "{log}");
        let why = if flags.contains(&listen.as_str()) {
            listen.replace("--listen=", "")
        } else {
            format!("process {}", first.id())
        };
        assert!(log.contains("error: ") && log.contains(&why), "{log}");
        assert!(log.contains("\nhint: "), "{log}");
    }
    first.assert_running();
    first.stop();
    assert!(!path.exists());
}

/// Its number may be anybody's by now, also that of another program or of another worker.
#[test]
fn the_pid_file_of_a_killed_worker_is_replaced() {
    let site = Site::new();
    let path = site.folder.path().join("worker.pid");
    let flag = format!("--pid-file={}", path.display());
    let mut killed = site.daemon(&[&flag]);
    killed.wait_until_ready();
    killed.kill();
    let other = site.daemon(&[]);
    for left in [None, Some(std::process::id()), Some(other.id())] {
        if let Some(pid) = left {
            std::fs::write(&path, format!("{pid}\n")).unwrap();
        }
        assert!(path.exists());
        let mut next = site.daemon(&[&flag]);
        next.wait_until_ready();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", next.id()));
        next.stop();
        assert!(!path.exists());
    }
}

#[test]
fn a_worker_removes_only_its_own_pid_file() {
    let site = Site::new();
    let path = site.folder.path().join("worker.pid");
    let flag = format!("--pid-file={}", path.display());
    let aside = site.folder.path().join("aside");
    for with_the_same_content in [false, true] {
        let mut worker = site.daemon(&[&flag]);
        worker.wait_until_ready();
        let content = if with_the_same_content { format!("{}\n", worker.id()) } else { "1\n".to_owned() };
        std::fs::rename(&path, &aside).unwrap();
        std::fs::write(&path, &content).unwrap();
        worker.stop();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    }
    // Nor one into which somebody else wrote.
    let mut worker = site.daemon(&[&flag]);
    worker.wait_until_ready();
    std::fs::write(&path, "1\n").unwrap();
    worker.stop();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n");
}

#[test]
fn a_pid_file_that_cannot_be_written_is_said_at_start() {
    let site = Site::new();
    let path = |name: &str| site.folder.path().join(name);
    let precious = path("precious");
    std::fs::write(&precious, "of somebody else").unwrap();
    std::os::unix::fs::symlink(&precious, path("link")).unwrap();
    std::os::unix::fs::symlink(path("nowhere"), path("dangling")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, path("fifo"), rustix::fs::Mode::RWXU).unwrap();
    let cases = [
        (PathBuf::from("no/such/folder/worker.pid"), "No such file or directory"),
        (PathBuf::from("/"), "it is a folder"),
        (path("link"), "it is a symbolic link"),
        (path("dangling"), "it is a symbolic link"),
        (path("fifo"), "it is not a regular file"),
    ];
    for (path, why) in cases {
        let ended = site.once(&[&format!("--pid-file={}", path.display())]);
        assert_eq!(ended.code, Some(1), "{}", ended.log);
        assert!(ended.log.contains("error: cannot write the process id into"), "{}", ended.log);
        assert!(ended.log.contains(why), "{}", ended.log);
        assert!(ended.log.contains("\nhint: "), "{}", ended.log);
    }
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "of somebody else");
    assert!(!path("nowhere").exists());
}

#[test]
fn a_pid_file_that_may_not_be_written_is_said_at_start() {
    if !crate::support::is_root() {
        return crate::support::skip("needs root, to run as somebody else");
    }
    let site = Site::new();
    site.give_to_nobody();
    let path = site.folder.path().join("roots.pid");
    std::fs::write(&path, "1\n").unwrap();
    let mut command = site.run_command_as_nobody(&["--once"]);
    let output = command.arg(format!("--pid-file={}", path.display())).output().unwrap();
    let ended = crate::support::site::Ended::of(&output);
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(ended.log.contains("Permission denied") && ended.log.contains("\nhint: "), "{}", ended.log);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n");
}

#[test]
fn a_drain_beside_a_daemon_takes_neither_its_address_nor_its_pid_file() {
    let site = Site::new();
    let pid_file = site.folder.path().join("irispool.pid");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    std::fs::write(
        site.folder.path().join("irispool.toml"),
        format!("listen = \"{free}\"\npid_file = \"irispool.pid\"\n"),
    )
    .unwrap();
    let mut daemon = site.daemon(&[]);
    daemon.wait_until_ready();
    assert!(daemon.log().contains(&free.to_string()), "{}", daemon.log());
    site.drain(&[]);
    assert_eq!(std::fs::read_to_string(&pid_file).unwrap(), format!("{}\n", daemon.id()));
    let by_flag = site.once(&[&format!("--listen={free}")]);
    assert_eq!(by_flag.code, Some(1), "{}", by_flag.log);
    daemon.stop();
    assert!(!pid_file.exists());
}
