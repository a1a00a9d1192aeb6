//! What goes wrong around the database: nothing is lost, and the error says what, where and what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::sqlite::{Place, delivery, load, load_all, sent};
use irispool::message::Cell;
use irispool::warehouse::sqlite::{Sqlite, SqliteReader};
use irispool::warehouse::{MessageOutcome, Warehouse, WarehouseError};

const IMPATIENT: Duration = Duration::from_millis(20);

fn setup_error(error: WarehouseError) -> (String, String) {
    match error {
        WarehouseError::Setup { why, hint } => (why, hint),
        later => panic!("a person is needed, and not {later:?}"),
    }
}

fn refused(path: &Path) -> (String, String) {
    setup_error(Sqlite::open(path, IMPATIENT).err().expect("it should not open"))
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let place = Place::new();
    let letter = "Dear diary, ".repeat(500);
    fs::write(place.path(), &letter).unwrap();
    let (why, hint) = refused(&place.path());
    assert!(why.contains("iris.db: the file is not an SQLite database"), "{why}");
    assert!(hint.contains("--warehouse"), "{hint}");
    let error = SqliteReader::open(place.path(), IMPATIENT).err().expect("it should not open");
    assert!(setup_error(error).0.contains("not an SQLite database"));
    assert_eq!(fs::read_to_string(place.path()).unwrap(), letter);
}

#[test]
fn a_path_that_leads_nowhere_is_named() {
    let place = Place::new();
    fs::write(place.path(), "").unwrap();
    for path in [place.folder.path().join("no/such/folder/iris.db"), place.path().join("iris.db"), "/".into()]
    {
        let (why, hint) = refused(&path);
        assert!(why.contains(&*path.to_string_lossy()) && why.contains("can't be opened"), "{why}");
        assert!(hint.contains(&*path.parent().unwrap_or(Path::new("/")).to_string_lossy()), "{hint}");
    }
}

#[test]
fn a_path_is_no_uri() {
    let place = Place::new();
    for name in ["file:iris.db?mode=memory", ":memory:", "a b%20c#d.db"] {
        Sqlite::open(place.folder.path().join(name), IMPATIENT).unwrap();
        assert!(place.folder.path().join(name).is_file());
    }
}

/// Runs `test` in a thread that is nobody, since root may do everything.
fn as_nobody(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::spawn(|| {
        if rustix::process::geteuid().is_root() {
            let nobody = rustix::process::Uid::from_raw(65_534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        }
        test();
    });
    thread.join().unwrap();
}

#[test]
fn a_folder_or_file_that_is_not_ours_to_write_is_named() {
    let place = Place::new();
    load(&place.open(), "FREQ", &[sent("m1", 1, &[&[]])]);
    let path = place.path();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(place.folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    as_nobody(move || {
        let (why, hint) = refused(&path);
        assert!(why.contains("iris.db: the database can't be written"), "{why}");
        assert!(hint.contains("may write"), "{hint}");
        let (why, _) = refused(&path.with_file_name("new.db"));
        assert!(why.contains("new.db: the file can't be opened"), "{why}");
    });
    fs::set_permissions(place.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_database_that_is_busy_for_too_long_is_asked_again_later() {
    let place = Place::new();
    place.open().schema("FREQ").unwrap();
    let warehouse = Sqlite::open(place.path(), IMPATIENT).unwrap();
    let schema = warehouse.schema("FREQ").unwrap();
    let delivery = [delivery("FREQ", &schema, &[sent("m1", 1, &[&[("frequency", Cell::Float(50.0))]])])];

    let other = place.other();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    match load_all(&warehouse, &delivery).unwrap_err() {
        WarehouseError::Later { why, .. } => assert!(why.contains("iris.db: another process"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(warehouse.schema("FREQ").unwrap(), schema, "reading waits for nobody");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(load_all(&warehouse, &delivery).unwrap(), [[MessageOutcome::Loaded]]);
}

#[test]
fn rows_never_go_into_a_file_that_was_removed() {
    let place = Place::new();
    let warehouse = place.open();
    let schema = warehouse.schema("FREQ").unwrap();
    fs::remove_file(place.path()).unwrap();
    let (why, _) = setup_error(
        load_all(&warehouse, &[delivery("FREQ", &schema, &[sent("m1", 1, &[&[]])])]).unwrap_err(),
    );
    assert!(why.contains("was moved, removed or replaced"), "{why}");
}

/// A file system of 3 MiB, or nothing where one can't be mounted.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    fn mount() -> Option<SmallDisk> {
        let folder = tempfile::tempdir().unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"]).arg(folder.path()).output();
        mount.is_ok_and(|mount| mount.status.success()).then_some(SmallDisk { folder })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("iris.db")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg(self.folder.path()).status().unwrap();
    }
}

#[test]
fn a_full_disk_loses_nothing_and_passes() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("SKIPPED: a full disk needs the right to mount a tmpfs");
        return;
    };
    let ballast = disk.folder.path().join("ballast");
    fs::write(&ballast, vec![1; 1 << 20]).unwrap();
    let warehouse = Sqlite::open(disk.path(), IMPATIENT).unwrap();
    let schema = warehouse
        .add_fields("NEW", &[irispool::catalog::Field::new("text", irispool::catalog::ColumnKind::String)]);
    let schema = schema.unwrap();
    let text = "x".repeat(2_000);
    let row: &[(&str, Cell<'_>)] = &[("text", Cell::Text(&text))];
    let rows = vec![row; 50];
    let ids: Vec<String> = (0..40).map(|serial| format!("m{serial}")).collect();
    let mut loaded = 0;
    let stopped = ids.iter().position(|id| {
        match load_all(&warehouse, &[delivery("NEW", &schema, &[sent(id, 1, &rows)])]) {
            Ok(_) => {
                loaded += 1;
                false
            }
            Err(WarehouseError::Later { why, .. }) => {
                assert!(why.contains("iris.db: ") && why.contains("disk"), "{why}");
                true
            }
            Err(other) => panic!("{other:?}"),
        }
    });
    let stopped = stopped.expect("4 MB don't fit");
    assert!(loaded > 0);

    fs::remove_file(&ballast).unwrap();
    let id = &ids[stopped];
    let outcome = load_all(&warehouse, &[delivery("NEW", &schema, &[sent(id, 1, &rows)])]).unwrap();
    assert_eq!(outcome, [[MessageOutcome::Loaded]]);
    let other = rusqlite::Connection::open(disk.path()).unwrap();
    let rows: i64 = other.query_row("SELECT count(*) FROM bmrs_new_iris", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 50 * (loaded + 1));
    let check: String = other.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn a_rule_of_a_found_table_is_named_and_its_rows_are_kept_back() {
    let place = Place::new();
    place.other().execute_batch("CREATE TABLE bmrs_freq_iris (frequency REAL NOT NULL)").unwrap();
    let warehouse = place.open();
    let schema = warehouse.schema("FREQ").unwrap();
    let (why, hint) = setup_error(
        load_all(&warehouse, &[delivery("FREQ", &schema, &[sent("m1", 1, &[&[]])])]).unwrap_err(),
    );
    assert!(why.contains("load rows") && why.contains("bmrs_freq_iris.frequency"), "{why}");
    assert!(hint.contains("NOT NULL"), "{hint}");
    assert_eq!(place.number("SELECT count(*) FROM irispool_load_history"), 0);
}

#[test]
fn many_may_open_a_new_file_at_once() {
    const OPENERS: usize = 16;
    let place = Place::new();
    let start = std::sync::Barrier::new(OPENERS);
    std::thread::scope(|scope| {
        for _ in 0..OPENERS {
            scope.spawn(|| {
                start.wait();
                place.open().schema("FREQ").unwrap();
            });
        }
    });
    assert_eq!(place.number("SELECT count(*) FROM sqlite_schema WHERE name = 'bmrs_freq_iris'"), 1);
    assert_eq!(place.texts("PRAGMA journal_mode"), ["wal"]);
}
