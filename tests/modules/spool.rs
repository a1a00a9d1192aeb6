//! The queue by its public face: claims, swaps, giving back, taking over, dead letters.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use irispool::spool::{
    Batch, Claimer, DeadLetter, DeadReport, DeadStage, Label, Layout, ReadError, Retention, Worker, bury,
    dead_letters, inspect, publish, read, settle_delivered, take_over_dead_workers,
};
use tempfile::TempDir;

struct Spool {
    root: TempDir,
    layout: Layout,
}

impl Spool {
    fn new() -> Spool {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::open(root.path()).unwrap();
        Spool { root, layout }
    }

    fn incoming(&self, folder: &str) -> PathBuf {
        let path = self.root.path().join("incoming").join(folder);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn put(&self, folder: &str, name: &str, content: &str) {
        fs::write(self.incoming(folder).join(name), content).unwrap();
    }

    fn claimer(&self, claim_files: u64) -> (Arc<Worker>, Claimer) {
        let worker = Arc::new(Worker::register(&self.layout).unwrap());
        let claimer = Claimer::new(self.layout.clone(), Arc::clone(&worker), claim_files, Duration::ZERO);
        (worker, claimer)
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

fn names_in(batch: &Batch) -> BTreeSet<String> {
    batch.entries().unwrap().map(|entry| entry.unwrap().name.to_string_lossy().into_owned()).collect()
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn a_claim_moves_ready_messages_into_a_batch_of_their_dataset() {
    let spool = Spool::new();
    spool.put("BOALF", "a.json", "[]");
    spool.put("BOALF", "b", "[]");
    let (worker, mut claimer) = spool.claimer(100);
    let claim = claimer.claim(OsStr::new("BOALF"), |_| None).unwrap();
    let batch = claim.batch.unwrap();
    assert_eq!((claim.messages, claim.swapped, claim.more), (2, false, false));
    assert_eq!(names_in(&batch), set(["a.json", "b"]));
    assert_eq!(batch.label(), "BOALF");
    assert!(batch.path().starts_with(worker.folder()));
    assert_eq!(names(&spool.incoming("BOALF")), set([]));
}

#[test]
fn a_file_that_somebody_writes_stays_until_it_is_closed() {
    let spool = Spool::new();
    let mut open = File::create(spool.incoming("FREQ").join("open")).unwrap();
    open.write_all(b"[{").unwrap();
    spool.put("FREQ", "closed", "[]");
    let (_worker, mut claimer) = spool.claimer(100);
    let claim = claimer.claim(OsStr::new("FREQ"), |_| None).unwrap();
    assert_eq!((claim.messages, claim.being_written), (1, 1));
    assert_eq!(names(&spool.incoming("FREQ")), set(["open"]));
    drop(open);
    let claim = claimer.claim(OsStr::new("FREQ"), |_| None).unwrap();
    assert_eq!((claim.messages, claim.being_written), (1, 0));
}

#[test]
fn a_claimed_file_that_somebody_opened_meanwhile_is_not_read() {
    let spool = Spool::new();
    spool.put("FREQ", "one", "[]");
    let writer = File::options().append(true).open(spool.incoming("FREQ").join("one")).unwrap();
    // One file over the limit: the whole folder is swapped, and nothing in it was looked at.
    let (_worker, mut claimer) = spool.claimer(0);
    let claim = claimer.claim(OsStr::new("FREQ"), |_| None).unwrap();
    assert!(claim.swapped);
    let batch = claim.batch.unwrap();
    assert!(matches!(read(&batch, OsStr::new("one"), Duration::ZERO), Err(ReadError::BeingWritten)));
    drop(writer);
    let file = read(&batch, OsStr::new("one"), Duration::ZERO).unwrap();
    let mut content = Vec::new();
    file.read_into(&mut content).unwrap();
    assert_eq!(content, b"[]");
}

#[test]
fn a_full_folder_is_swapped_for_one_that_the_client_cannot_tell_from_it() {
    let spool = Spool::new();
    let folder = spool.incoming("MILS");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o2771)).unwrap();
    for number in 0..30 {
        spool.put("MILS", &format!("m{number}"), "[]");
    }
    let before = fs::metadata(&folder).unwrap();
    let (_worker, mut claimer) = spool.claimer(10);
    let claim = claimer.claim(OsStr::new("MILS"), |_| None).unwrap();
    let after = fs::metadata(&folder).unwrap();
    assert!(claim.swapped);
    assert_eq!(names_in(&claim.batch.unwrap()).len(), 30);
    assert_ne!(before.ino(), after.ino());
    assert_eq!((before.mode(), before.uid(), before.gid()), (after.mode(), after.uid(), after.gid()));
    spool.put("MILS", "later", "[]");
    assert_eq!(claimer.claim(OsStr::new("MILS"), |_| None).unwrap().messages, 1);
}

#[test]
fn a_file_made_in_a_swapped_folder_keeps_it_from_being_removed() {
    let spool = Spool::new();
    for number in 0..3 {
        spool.put("MILS", &format!("m{number}"), "[]");
    }
    let (_worker, mut claimer) = spool.claimer(1);
    let batch = claimer.claim(OsStr::new("MILS"), |_| None).unwrap().batch.unwrap();
    for number in 0..3 {
        let name = format!("m{number}");
        settle_delivered(&spool.layout, &batch, OsStr::new(&name), Retention::None).unwrap();
    }
    // What the client's open() does when it looked the folder up just before the swap.
    fs::write(batch.path().join("late"), "[]").unwrap();
    assert!(!batch.remove_if_empty().unwrap());
    assert_eq!(names_in(&batch), set(["late"]));
}

#[test]
fn a_file_by_file_claim_takes_no_more_than_its_limit_and_is_not_blocked_by_what_it_cannot_take() {
    let spool = Spool::new();
    fs::create_dir(spool.incoming("MELS").join("sub")).unwrap();
    let writers: Vec<File> = (0..20)
        .map(|number| File::create(spool.incoming("MELS").join(format!("w{number:02}"))).unwrap())
        .collect();
    for number in 0..15 {
        spool.put("MELS", &format!("m{number:02}"), "[]");
    }
    let (_worker, mut claimer) = spool.claimer(10);
    let claim = claimer.claim(OsStr::new("MELS"), |_| None).unwrap();
    assert_eq!((claim.swapped, claim.messages, claim.more, claim.sub_folders), (false, 10, true, 1));
    let claim = claimer.claim(OsStr::new("MELS"), |_| None).unwrap();
    assert_eq!((claim.messages, claim.more, claim.being_written), (5, false, 20));
    drop(writers);
}

#[test]
fn only_one_worker_claims_a_dataset_at_a_time() {
    use fs2::FileExt;
    let spool = Spool::new();
    spool.put("BOD", "a", "[]");
    let (_worker, mut claimer) = spool.claimer(10);
    let lock = File::create(spool.layout.dataset_locks().join("BOD")).unwrap();
    lock.lock_exclusive().unwrap();
    let claim = claimer.claim(OsStr::new("BOD"), |_| None).unwrap();
    assert!(claim.locked && claim.batch.is_none());
    drop(lock);
    assert_eq!(claimer.claim(OsStr::new("BOD"), |_| None).unwrap().messages, 1);
}

#[test]
fn what_is_no_message_is_claimed_but_never_opened() {
    let spool = Spool::new();
    let folder = spool.incoming("FREQ");
    symlink("/etc/passwd", folder.join("link")).unwrap();
    let fifo = std::ffi::CString::new(folder.join("fifo").to_str().unwrap()).unwrap();
    // SAFETY: the path is a valid C string.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    fs::write(folder.join(".hidden"), "[]").unwrap();
    let (_worker, mut claimer) = spool.claimer(10);
    let claim = claimer.claim(OsStr::new("FREQ"), |_| None).unwrap();
    let batch = claim.batch.unwrap();
    assert_eq!(names_in(&batch), set(["fifo", "link"]));
    assert_eq!(names(&folder), set([".hidden"]));
    for name in ["link", "fifo"] {
        let answer = read(&batch, OsStr::new(name), Duration::ZERO);
        assert!(matches!(answer, Err(ReadError::NotAFile)), "{name}: {answer:?}");
    }
}

#[test]
fn giving_back_never_replaces_a_redelivery() {
    let spool = Spool::new();
    spool.put("BOALF", "a", "old");
    let (_worker, mut claimer) = spool.claimer(10);
    let batch = claimer.claim(OsStr::new("BOALF"), |_| None).unwrap().batch.unwrap();
    spool.put("BOALF", "a", "new");
    assert!(!batch.give_back(&spool.layout, OsStr::new("a")).unwrap());
    assert_eq!(fs::read_to_string(spool.incoming("BOALF").join("a")).unwrap(), "new");
    assert_eq!(fs::read_to_string(batch.path().join("a")).unwrap(), "old");
}

#[test]
fn a_whole_batch_goes_back_with_what_came_meanwhile_untouched() {
    for files in [5, 1_500] {
        let spool = Spool::new();
        for number in 0..files {
            spool.put("MILS", &format!("m{number}"), "[]");
        }
        let (worker, mut claimer) = spool.claimer(1);
        let batch = claimer.claim(OsStr::new("MILS"), |_| None).unwrap().batch.unwrap();
        spool.put("MILS", "new", "[]");
        assert_eq!(batch.give_back_all(&spool.layout, false).unwrap(), 0);
        assert_eq!(names(&spool.incoming("MILS")).len(), files + 1);
        assert!(!batch.path().exists());
        drop(claimer);
        Arc::try_unwrap(worker).unwrap().retire().unwrap();
        assert_eq!(names(&spool.layout.claimed()), set([".locks"]));
    }
}

#[test]
fn a_dead_workers_batches_are_taken_over_under_their_ids_and_a_live_ones_are_not() {
    let spool = Spool::new();
    spool.put("BOALF", "dead's", "[]");
    let (dead, mut claimer) = spool.claimer(10);
    let id = claimer.claim(OsStr::new("BOALF"), |_| None).unwrap().batch.unwrap().id().to_owned();
    spool.put("BOALF", "live's", "[]");
    let (_live, mut live_claimer) = spool.claimer(10);
    let live_batch = live_claimer.claim(OsStr::new("BOALF"), |_| None).unwrap().batch.unwrap();
    // Dropped without retiring, as by a kill: the folder stays, the kernel frees the lock.
    drop(claimer);
    drop(dead);
    let heir = Worker::register(&spool.layout).unwrap();
    let taken = take_over_dead_workers(&spool.layout, &heir).unwrap().batches;
    assert_eq!(taken.iter().map(Batch::id).collect::<Vec<_>>(), [id]);
    assert_eq!(names_in(&taken[0]), set(["dead's"]));
    assert_eq!(taken[0].label(), "BOALF");
    assert_eq!(names_in(&live_batch), set(["live's"]));
    assert!(take_over_dead_workers(&spool.layout, &heir).unwrap().batches.is_empty());
}

#[test]
fn a_dead_letter_has_its_reason_beside_it_and_counts_its_attempts() {
    let spool = Spool::new();
    let (_worker, mut claimer) = spool.claimer(10);
    let mut first_failed_at = String::new();
    for attempt in 1..=2 {
        spool.put("BOALF", "a.json", "[{");
        let batch = claimer.claim(OsStr::new("BOALF"), |_| None).unwrap().batch.unwrap();
        let letter = DeadLetter::whole(DeadStage::Parse, "cut off", Some(2));
        bury(&spool.layout, "w", &batch, OsStr::new("a.json"), &letter).unwrap();
        let dead = spool.layout.dead().join("BOALF");
        assert_eq!(names(&dead), set(["a.json", "a.json.error.json"]));
        let report: DeadReport =
            serde_json::from_slice(&fs::read(dead.join("a.json.error.json")).unwrap()).unwrap();
        assert_eq!((report.attempts, report.byte, report.reason.as_str()), (attempt, Some(2), "cut off"));
        assert_eq!(report.irispool, env!("CARGO_PKG_VERSION"));
        if attempt == 1 {
            first_failed_at = report.first_failed_at;
        } else {
            assert_eq!(report.first_failed_at, first_failed_at);
        }
    }
}

#[test]
fn dead_letters_of_one_name_and_different_content_are_both_kept() {
    let spool = Spool::new();
    let (_worker, mut claimer) = spool.claimer(10);
    for content in ["[{", "[{1"] {
        spool.put("BOALF", "a", content);
        let batch = claimer.claim(OsStr::new("BOALF"), |_| None).unwrap().batch.unwrap();
        bury(&spool.layout, "w", &batch, OsStr::new("a"), &DeadLetter::whole(DeadStage::Parse, "x", None))
            .unwrap();
    }
    let dead = spool.layout.dead().join("BOALF");
    assert_eq!(names(&dead), set(["a", "a.error.json", "a~2", "a~2.error.json"]));
    let report: DeadReport = serde_json::from_slice(&fs::read(dead.join("a~2.error.json")).unwrap()).unwrap();
    assert_eq!(report.message_id, "a");
}

#[test]
fn a_message_with_the_longest_possible_name_has_a_report_too() {
    let spool = Spool::new();
    let name = "n".repeat(255);
    let (_worker, mut claimer) = spool.claimer(10);
    for content in ["[{", "[{1"] {
        spool.put("BOALF", &name, content);
        let batch = claimer.claim(OsStr::new("BOALF"), |_| None).unwrap().batch.unwrap();
        bury(&spool.layout, "w", &batch, OsStr::new(&name), &DeadLetter::whole(DeadStage::Parse, "x", None))
            .unwrap();
    }
    let dead = names(&spool.layout.dead().join("BOALF"));
    assert!(dead.contains(&name), "{dead:?}");
    assert_eq!(dead.iter().filter(|name| name.ends_with(".error.json")).count(), 2);
    assert_eq!(dead.len(), 4);
}

#[test]
fn kept_messages_go_to_done_and_never_replace_one_another() {
    let spool = Spool::new();
    let (_worker, mut claimer) = spool.claimer(10);
    for content in ["1", "2"] {
        spool.put("FREQ", "a", content);
        let batch = claimer.claim(OsStr::new("FREQ"), |_| None).unwrap().batch.unwrap();
        settle_delivered(&spool.layout, &batch, OsStr::new("a"), Retention::Done).unwrap();
        assert!(batch.remove_if_empty().unwrap());
    }
    let done = spool.layout.done().join("FREQ");
    assert_eq!(names(&done), set(["a", "a~2"]));
    assert_eq!(fs::read_to_string(done.join("a~2")).unwrap(), "2");
}

#[test]
fn an_odd_dataset_folder_is_claimed_under_a_plain_label() {
    let spool = Spool::new();
    spool.put("new\nline", "a", "[]");
    let (_worker, mut claimer) = spool.claimer(10);
    let batch = claimer.claim(OsStr::new("new\nline"), |_| None).unwrap().batch.unwrap();
    let label = "new_line_A1F447A7";
    assert_eq!(batch.label(), label);
    assert!(batch.give_back(&spool.layout, OsStr::new("a")).unwrap());
    assert_eq!(names(&spool.incoming(label)), set(["a"]));
    // It keeps its label, and so its dataset.
    let again = claimer.claim(OsStr::new(label), |_| None).unwrap().batch.unwrap();
    assert_eq!(again.label(), label);
}

#[test]
fn a_folder_with_a_temporary_name_in_it_is_not_swapped() {
    let spool = Spool::new();
    for number in 0..30 {
        spool.put("MILS", &format!("m{number:02}"), "[]");
    }
    spool.put("MILS", "m30.partial", "[]");
    let (_worker, mut claimer) = spool.claimer(5);
    let claim = claimer.claim(OsStr::new("MILS"), |_| None).unwrap();
    assert_eq!((claim.swapped, claim.messages), (false, 5));
    assert!(names(&spool.incoming("MILS")).contains("m30.partial"));
}

#[test]
fn what_gets_a_temporary_name_while_its_folder_is_swapped_is_back_before_the_claim_is_done() {
    let spool = Spool::new();
    for number in 0..30 {
        spool.put("MILS", &format!("m{number:02}"), "[]");
    }
    let (_worker, mut claimer) = spool.claimer(5);
    let claim = claimer.claim(OsStr::new("MILS"), |_| {
        // After the listing.
        spool.put("MILS", "m30.partial", "[]");
        None
    });
    let claim = claim.unwrap();
    assert!(claim.swapped);
    assert_eq!(names(&spool.incoming("MILS")), set(["m30.partial"]));
    assert_eq!(claim.batch.unwrap().entries().unwrap().count(), 30);
}

#[test]
fn a_bulk_batch_is_made_of_renamed_files_and_is_known_by_its_id() {
    let spool = Spool::new();
    for number in 0..30 {
        spool.put("MILS", &format!("m{number:02}"), "[]");
    }
    let writer = File::options().append(true).open(spool.incoming("MILS").join("m00")).unwrap();
    let (worker, mut claimer) = spool.claimer(5);
    // Otherwise it is the reader who finds that a file is being written.
    claimer.given_back(&Label::of(OsStr::new("MILS")));
    let claim = claimer
        .claim(OsStr::new("MILS"), |files| {
            assert_eq!(files, 30);
            Some(20)
        })
        .unwrap();
    assert_eq!((claim.messages, claim.swapped, claim.more), (20, false, true));
    let batch = claim.batch.unwrap();
    assert!(batch.is_bulk());
    assert!(!names_in(&batch).contains("m00"));
    let id = batch.id().to_owned();
    drop((claimer, worker, writer));
    let heir = Worker::register(&spool.layout).unwrap();
    let taken = take_over_dead_workers(&spool.layout, &heir).unwrap().batches;
    assert!(taken[0].is_bulk() && taken[0].id() == id);
    let claim = spool.claimer(5).1.claim(OsStr::new("MILS"), |_| None).unwrap();
    assert!(!claim.batch.unwrap().is_bulk());
}

#[test]
fn workers_that_come_and_go_at_once_do_not_trip_over_each_other() {
    let spool = Spool::new();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..150 {
                    let worker = Worker::register(&spool.layout).unwrap();
                    assert!(take_over_dead_workers(&spool.layout, &worker).unwrap().batches.is_empty());
                    worker.retire().unwrap();
                }
            });
        }
    });
    assert_eq!(names(&spool.layout.claimed()), set([".locks"]));
}

#[test]
fn a_batch_that_goes_back_by_a_swap_leaves_the_dataset_folder_as_the_client_knew_it() {
    let spool = Spool::new();
    let folder = spool.incoming("MILS");
    for number in 0..1_500 {
        spool.put("MILS", &format!("m{number}"), "[]");
    }
    // Claimed file by file: its folder was never the client's.
    let (_worker, mut claimer) = spool.claimer(10_000);
    let batch = claimer.claim(OsStr::new("MILS"), |_| None).unwrap().batch.unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o2775)).unwrap();
    let before = fs::metadata(&folder).unwrap();
    assert_eq!(batch.give_back_all(&spool.layout, false).unwrap(), 0);
    let after = fs::metadata(&folder).unwrap();
    assert_eq!((before.mode(), before.uid(), before.gid()), (after.mode(), after.uid(), after.gid()));
    assert_eq!(names(&folder).len(), 1_500);
}

#[test]
fn a_report_never_replaces_a_message_that_is_called_like_one() {
    let spool = Spool::new();
    let (_worker, mut claimer) = spool.claimer(10);
    for name in ["a.error.json", ".newa.error.json", "a.error.json.new", "a"] {
        spool.put("BOALF", name, name);
        let Some(batch) = claimer.claim(OsStr::new("BOALF"), |_| None).unwrap().batch else { continue };
        bury(&spool.layout, "w", &batch, OsStr::new(name), &DeadLetter::whole(DeadStage::Parse, "x", None))
            .unwrap();
    }
    let found = dead_letters(&spool.layout).unwrap();
    let ids: Vec<String> = found.letters.iter().map(|letter| letter.message_id()).collect();
    assert_eq!(ids, ["a.error.json", "a.error.json.new", "a"]);
    for letter in &found.letters {
        assert_eq!(fs::read_to_string(&letter.path).unwrap(), letter.message_id());
        assert_eq!(letter.report.as_ref().unwrap().message_id, letter.message_id());
    }
    // One whose name is too long to take the ending.
    spool.put("BOALF", &"n".repeat(255), "long");
    let batch = claimer.claim(OsStr::new("BOALF"), |_| None).unwrap().batch.unwrap();
    let name = "n".repeat(255);
    bury(&spool.layout, "w", &batch, OsStr::new(&name), &DeadLetter::whole(DeadStage::Parse, "x", None))
        .unwrap();
    assert_eq!(inspect(&spool.layout).unwrap().queues["BOALF"].dead, 4, "reports are not counted");
}

#[test]
fn a_look_tells_the_living_from_the_dead_and_leaves_both_as_they_are() {
    let spool = Spool::new();
    spool.put("BOALF", "dead's", "[]");
    let (dead, mut claimer) = spool.claimer(10);
    claimer.claim(OsStr::new("BOALF"), |_| None).unwrap();
    drop(claimer);
    drop(dead);
    spool.put("BOALF", "live's", "[]");
    let (live, mut claimer) = spool.claimer(10);
    claimer.claim(OsStr::new("BOALF"), |_| None).unwrap();
    spool.put("BOALF", "ready", "[1]");
    spool.put("BOALF", ".hidden", "[]");
    for _ in 0..2 {
        let found = inspect(&spool.layout).unwrap();
        let queue = &found.queues["BOALF"];
        assert_eq!((queue.ready, queue.claimed, queue.dead), (1, 2, 0));
        assert_eq!((queue.ages.iter().sum::<u64>(), queue.backlog_bytes), (3, 7), "what is claimed, too");
        let workers: Vec<_> =
            found.workers.iter().map(|seen| (&*seen.name, seen.alive, seen.claimed)).collect();
        assert_eq!(workers.len(), 2);
        assert!(workers.contains(&(live.name(), true, 1)), "{workers:?}");
        assert!(found.workers.iter().all(|seen| seen.pid == Some(std::process::id())));
    }
    let heir = Worker::register(&spool.layout).unwrap();
    assert_eq!(
        take_over_dead_workers(&spool.layout, &heir).unwrap().batches.len(),
        1,
        "its lock was given up"
    );
}

#[test]
fn what_a_worker_publishes_is_found_until_it_retires() {
    let spool = Spool::new();
    let worker = Worker::register(&spool.layout).unwrap();
    for text in ["a long text", "short"] {
        publish(&spool.layout, worker.name(), text.as_bytes()).unwrap();
        assert_eq!(inspect(&spool.layout).unwrap().workers[0].published, text.as_bytes());
    }
    let name = worker.name().to_owned();
    worker.retire().unwrap();
    publish(&spool.layout, &name, b"too late").unwrap();
    assert!(inspect(&spool.layout).unwrap().workers.is_empty());
    assert!(!spool.layout.claimed().join(name).exists());
}

#[test]
fn the_largest_dataset_folder_comes_first() {
    let spool = Spool::new();
    spool.put("AAA", "one", "[]");
    // A folder of one block is as large as the next, so the large one has to have more.
    for number in 0..300 {
        spool.put("MILS", &format!("MILS_202510271648_{number:05}.json"), "[]");
    }
    spool.put("ZZZ", "one", "[]");
    let (_worker, claimer) = spool.claimer(10);
    let (folders, _) = claimer.dataset_folders().unwrap();
    assert_eq!((folders.len(), folders[0].name.to_str()), (3, Some("MILS")));
}

#[test]
fn dead_letters_of_one_name_that_are_buried_at_once_are_all_kept_each_with_its_reason() {
    let spool = Spool::new();
    let buriers: Vec<_> = (0..4).map(|_| spool.claimer(10)).collect();
    for round in 0..50 {
        let name = format!("m{round}");
        let batches: Vec<Batch> = (0..4)
            .zip(buriers.iter())
            .map(|(number, (worker, _))| {
                spool.put("BOALF", &name, &format!("[{number}"));
                let mut claimer = Claimer::new(spool.layout.clone(), Arc::clone(worker), 10, Duration::ZERO);
                claimer.claim(OsStr::new("BOALF"), |_| None).unwrap().batch.unwrap()
            })
            .collect();
        std::thread::scope(|scope| {
            for (number, batch) in batches.iter().enumerate() {
                let (layout, name) = (&spool.layout, &name);
                scope.spawn(move || {
                    let letter = DeadLetter::whole(DeadStage::Parse, format!("[{number}"), None);
                    bury(layout, "w", batch, OsStr::new(name), &letter).unwrap();
                });
            }
        });
        let dead = spool.layout.dead().join("BOALF");
        let mut contents = BTreeSet::new();
        for place in [name.clone(), format!("{name}~2"), format!("{name}~3"), format!("{name}~4")] {
            let content = fs::read_to_string(dead.join(&place)).unwrap();
            let report = fs::read(dead.join(format!("{place}.error.json"))).unwrap();
            let report: DeadReport = serde_json::from_slice(&report).unwrap();
            assert_eq!(report.reason, content, "{place}");
            contents.insert(content);
        }
        assert_eq!(contents, set(["[0", "[1", "[2", "[3"]));
    }
}

#[test]
fn a_batch_goes_back_file_by_file_while_somebody_claims_from_its_folder() {
    let spool = Spool::new();
    for number in 0..1_500 {
        spool.put("MILS", &format!("m{number}"), "[]");
    }
    let (_worker, mut claimer) = spool.claimer(1);
    let batch = claimer.claim(OsStr::new("MILS"), |_| None).unwrap().batch.unwrap();
    let folder = || fs::metadata(spool.incoming("MILS")).unwrap().ino();
    let before = folder();
    // Whoever holds the lock has listed the folder and goes on to claim it by its path.
    let lock = File::create(spool.layout.dataset_locks().join("MILS")).unwrap();
    fs2::FileExt::lock_exclusive(&lock).unwrap();
    assert_eq!(batch.give_back_all(&spool.layout, false).unwrap(), 0);
    assert_eq!(folder(), before);
    assert_eq!(names(&spool.incoming("MILS")).len(), 1_500);
}

#[test]
fn a_batch_that_is_no_longer_to_be_delivered_as_a_whole_says_so_to_its_heir() {
    let spool = Spool::new();
    spool.put("BOALF", "a", "[]");
    let (dead, mut claimer) = spool.claimer(10);
    let batch = claimer.claim(OsStr::new("BOALF"), |_| Some(10)).unwrap().batch.unwrap();
    let ordinary = batch.as_ordinary().unwrap();
    assert!(batch.is_bulk() && !ordinary.is_bulk());
    assert_eq!((ordinary.label().as_str(), names_in(&ordinary)), ("BOALF", set(["a"])));
    let id = ordinary.id().to_owned();
    drop((claimer, dead));
    let (heir, _claimer) = spool.claimer(10);
    let taken = take_over_dead_workers(&spool.layout, &heir).unwrap().batches;
    assert_eq!(taken.iter().map(|batch| (batch.id(), batch.is_bulk())).collect::<Vec<_>>(), [(&*id, false)]);
}
