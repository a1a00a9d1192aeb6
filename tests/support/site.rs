//! A spool and a database in a folder of their own, and the program run on them.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use irispool::spool::DeadReport;
use rusqlite::Connection;

use super::{Daemon, PATIENCE};

/// `nobody`'s user and group.
pub(crate) const NOBODY: u32 = 65534;

pub(crate) struct Site {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) spool: PathBuf,
    pub(crate) database: PathBuf,
    /// A copy of the program for other users: the build's folder may be closed to them.
    shelf: OnceCell<tempfile::TempDir>,
}

/// How a `run --once` ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) log: String,
}

impl Site {
    pub(crate) fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let (spool, database) = (folder.path().join("spool"), folder.path().join("iris.db"));
        Site { folder, spool, database, shelf: OnceCell::new() }
    }

    /// The program, with no setting from outside.
    pub(crate) fn irispool(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_irispool"));
        for (name, _) in std::env::vars_os() {
            if name.as_bytes().starts_with(b"IRISPOOL_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.folder.path());
        command
    }

    /// `irispool run` on this spool and database.
    pub(crate) fn run_command(&self, flags: &[&str]) -> Command {
        let mut command = self.irispool();
        command.arg("run").args(self.run_arguments()).args(flags);
        command
    }

    /// The same, as `nobody`, who owns nothing of ours.
    pub(crate) fn run_command_as_nobody(&self, flags: &[&str]) -> Command {
        self.as_nobody(self.run_command(flags))
    }

    /// A command of the program as somebody who may not do everything: as `nobody` where the tests run as root.
    pub(crate) fn unprivileged(&self, ours: Command) -> Command {
        if super::is_root() { self.as_nobody(ours) } else { ours }
    }

    /// Makes all of the site `nobody`'s, and lets everybody in; only as root.
    pub(crate) fn give_to_nobody(&self) {
        fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        if super::is_root() {
            give_to_nobody(self.folder.path());
        }
    }

    fn as_nobody(&self, ours: Command) -> Command {
        let open = fs::Permissions::from_mode(0o755);
        let shelf = self.shelf.get_or_init(|| {
            let shelf = tempfile::Builder::new().permissions(open.clone()).tempdir().unwrap();
            // By another process: a test beside this one that forks while we have the copy open for writing would
            // keep it from being run (ETXTBSY).
            let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_irispool")).arg(shelf.path()).status();
            assert!(copied.unwrap().success());
            fs::set_permissions(shelf.path().join("irispool"), open).unwrap();
            shelf
        });
        let mut command = Command::new(shelf.path().join("irispool"));
        command.args(ours.get_args()).current_dir(self.folder.path()).uid(NOBODY).gid(NOBODY);
        for (name, value) in ours.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    pub(crate) fn run_arguments(&self) -> Vec<String> {
        let spool = self.spool.display();
        vec![format!("--spool={spool}"), format!("--warehouse=sqlite:{}", self.database.display())]
    }

    pub(crate) fn warehouse(&self) -> String {
        format!("sqlite:{}", self.database.display())
    }

    /// `run --once` to its end.
    pub(crate) fn once(&self, flags: &[&str]) -> Ended {
        let output = self.run_command(&["--once"]).args(flags).output().unwrap();
        Ended::of(&output)
    }

    /// `run --once`, which must do all there is to do. Gives its log.
    #[track_caller]
    pub(crate) fn drain(&self, flags: &[&str]) -> String {
        let ended = self.once(flags);
        assert!(matches!(ended.code, Some(0 | 3)), "exit {:?}\n{}", ended.code, ended.log);
        ended.log
    }

    /// The same so long ago that nobody knows of it: no other drain is expected.
    #[track_caller]
    pub(crate) fn drain_long_ago(&self) {
        self.drain(&[]);
        fs::remove_file(self.spool.join("drains.json")).unwrap();
    }

    /// `irispool run` in the background.
    pub(crate) fn daemon(&self, flags: &[&str]) -> Daemon {
        Daemon::start(self.run_command(flags), self.folder.path())
    }

    pub(crate) fn incoming(&self, folder: impl AsRef<OsStr>) -> PathBuf {
        self.spool.join("incoming").join(folder.as_ref())
    }

    /// Puts a file there in one go.
    pub(crate) fn put(&self, folder: &str, name: impl AsRef<OsStr>, content: impl AsRef<[u8]>) -> PathBuf {
        fs::create_dir_all(self.incoming(folder)).unwrap();
        let path = self.incoming(folder).join(name.as_ref());
        fs::write(&path, content).unwrap();
        path
    }

    /// A connection as any other program has one.
    pub(crate) fn connection(&self) -> Connection {
        let connection = Connection::open(&self.database).unwrap();
        connection.busy_timeout(PATIENCE).unwrap();
        connection
    }

    /// The first column of a query's answer, as text; null is `-`.
    #[track_caller]
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        use rusqlite::types::ValueRef;
        let connection = self.connection();
        let mut statement = connection.prepare(sql).unwrap();
        let texts = statement.query_map([], |row| {
            Ok(match row.get_ref(0)? {
                ValueRef::Null => "-".to_owned(),
                ValueRef::Integer(value) => value.to_string(),
                ValueRef::Real(value) => value.to_string(),
                ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned(),
            })
        });
        texts.unwrap().map(Result::unwrap).collect()
    }

    /// Messages that the database says are loaded, but for those all of whose rows are dead; 0 before there is a database.
    pub(crate) fn loaded(&self) -> i64 {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        Connection::open_with_flags(&self.database, flags)
            .and_then(|connection| {
                connection.busy_timeout(PATIENCE)?;
                let loaded = "SELECT count(*) FROM irispool_load_history WHERE rows > 0 OR dead = 0";
                connection.query_row(loaded, [], |row| row.get(0))
            })
            .unwrap_or(0)
    }

    /// `folder/name` of every file under a folder of the spool, two levels deep.
    pub(crate) fn files_in(&self, room: &str) -> BTreeSet<String> {
        let mut files = BTreeSet::new();
        for folder in entries(&self.spool.join(room)) {
            for file in entries(&folder) {
                let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
                files.insert(format!("{}/{}", name(&folder), name(&file)));
            }
        }
        files
    }

    /// Dead messages as `folder/name`, without their reports.
    pub(crate) fn dead(&self) -> BTreeSet<String> {
        self.files_in("dead").into_iter().filter(|name| !name.ends_with(".error.json")).collect()
    }

    pub(crate) fn report(&self, folder: &str, name: &str) -> DeadReport {
        let path = self.spool.join("dead").join(folder).join(format!("{name}.error.json"));
        let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_slice(&text).unwrap()
    }

    /// Whether a message is on its way: waiting, or claimed.
    pub(crate) fn has_messages(&self) -> bool {
        // In this order: messages move from the one to the other.
        let batches = || entries(&self.spool.join("claimed")).into_iter().flat_map(|worker| entries(&worker));
        !self.files_in("incoming").is_empty() || batches().any(|batch| !entries(&batch).is_empty())
    }

    /// Nobody has claimed anything: no worker has a folder any more. A killed one may leave an empty hidden folder, which
    /// is removed when it is old.
    #[track_caller]
    pub(crate) fn assert_nothing_claimed(&self) {
        let unborn = |path: &Path| {
            let hidden = path.file_name().unwrap().as_bytes().starts_with(b".");
            hidden && entries(path).iter().all(|entry| entry.ends_with(".lock"))
        };
        let left: Vec<PathBuf> = entries(&self.spool.join("claimed"))
            .into_iter()
            .filter(|path| !path.ends_with(".locks") && !unborn(path))
            .flat_map(|path| [vec![path.clone()], entries(&path)].concat())
            .collect();
        assert!(left.is_empty(), "left in claimed: {left:?}");
    }

    #[track_caller]
    pub(crate) fn assert_nothing_incoming(&self) {
        let left = self.files_in("incoming");
        assert!(left.is_empty(), "left in incoming: {left:?}");
    }
}

impl Ended {
    pub(crate) fn of(output: &Output) -> Ended {
        Ended { code: output.status.code(), log: String::from_utf8_lossy(&output.stderr).into_owned() }
    }
}

fn give_to_nobody(path: &Path) {
    std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        entries(path).iter().for_each(|entry| give_to_nobody(entry));
    }
}

/// What is in a folder; nothing where it is not there or vanishes meanwhile.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}
