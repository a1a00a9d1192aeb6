//! Several workers on one spool, and workers that are killed: every row once, nothing left.

use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::site::Ended;
use crate::support::{Client, Daemon, Random, Site, until};
use irispool::feed::{Feed, FeedOptions, Mix};

#[test]
fn four_workers_share_a_backlog_of_20_000() {
    let site = Site::new();
    let mut client = Client::new(&site);
    client.feed(&FeedOptions { fault_share: 0.03, ..FeedOptions::default() }, 20_000);
    let logs: Vec<Child> = (0..4)
        .map(|_| {
            let mut command = site.run_command(&["--once"]);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    // Read all at once: a full pipe would hold a worker up.
    let ended: Vec<Ended> = thread::scope(|scope| {
        let waiting: Vec<_> =
            logs.into_iter().map(|child| scope.spawn(|| child.wait_with_output().unwrap())).collect();
        waiting.into_iter().map(|waiting| Ended::of(&waiting.join().unwrap())).collect()
    });
    for ended in &ended {
        assert!(matches!(ended.code, Some(0 | 3)), "exit {:?}\n{}", ended.code, ended.log);
        assert!(!ended.log.contains("ERROR"), "{}", ended.log);
    }
    assert!(ended.iter().any(|ended| ended.code == Some(3)));
    client.expected.assert_exact(&site);
}

const WORKERS: usize = 3;
const KILLS: usize = 50;
const FILES_PER_KILL: usize = 120;

#[test]
fn fifty_kills_at_random_moments_lose_and_double_nothing() {
    let seed = 20_251_028;
    let site = Site::new();
    let mut client = Client::new(&site);
    let kills = AtomicUsize::new(0);
    // Small claims by swap and file by file, and dead workers are looked for often.
    let flags = ["--claim-files=20", "--scan-interval=100ms"];
    thread::scope(|scope| {
        let feeder = scope.spawn(|| {
            let options = FeedOptions { seed, mix: Mix::Even, fault_share: 0.1, ..FeedOptions::default() };
            for (number, message) in Feed::new(&options).take(KILLS * FILES_PER_KILL).enumerate() {
                until("the next kill", || kills.load(Ordering::Relaxed) >= number / FILES_PER_KILL);
                client.write(&message.folder, &message.name, &message.body);
            }
        });
        let mut random = Random::new(seed);
        let mut workers: Vec<Daemon> = (0..WORKERS).map(|_| site.daemon(&flags)).collect();
        for _ in 0..KILLS {
            // No waiting for anything: the moment is what varies.
            thread::sleep(Duration::from_micros(random.below(120_000)));
            let worker = workers.swap_remove(random.below(WORKERS as u64) as usize);
            worker.kill();
            workers.push(site.daemon(&flags));
            kills.fetch_add(1, Ordering::Relaxed);
        }
        feeder.join().unwrap();
        for worker in workers {
            worker.kill();
        }
    });
    site.drain(&[]);
    client.expected.assert_exact(&site);
}
