//! The queue's own work on 2,000 ready messages: a scan of the folder, a claim by a rename each, a claim by a swap, and
//! the check and read of what is claimed.

use std::ffi::OsStr;
use std::fs;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use irispool::spool::{Batch, Claimer, Layout, Worker, read};
use tempfile::TempDir;

const FILES: u64 = 2_000;
const BODY: &[u8] = &[b' '; 740];

struct Spool {
    claimer: Claimer,
    _root: TempDir,
}

/// A spool with ready messages, whose claimer swaps folders with more than `claim_files` in them.
fn spool(claim_files: u64) -> Spool {
    let root = tempfile::tempdir().expect("a folder for the bench");
    let layout = Layout::open(root.path()).expect("a spool");
    let folder = layout.incoming().join("MILS");
    fs::create_dir(&folder).expect("a dataset's folder");
    for number in 0..FILES {
        fs::write(folder.join(format!("MILS_202510271648_{number:05}.json")), BODY).expect("a message");
    }
    let worker = Arc::new(Worker::register(&layout).expect("a worker"));
    Spool { claimer: Claimer::new(layout, worker, claim_files, Duration::ZERO), _root: root }
}

fn claim(spool: &mut Spool) -> Batch {
    let claim = spool.claimer.claim(OsStr::new("MILS"), |_| None).expect("a claim");
    claim.batch.expect("messages are ready")
}

fn queue(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("2,000 messages");
    group.throughput(Throughput::Elements(FILES)).sample_size(20);
    group.bench_function("scan", |bencher| {
        let mut spool = spool(1);
        let batch = claim(&mut spool);
        bencher.iter(|| black_box(batch.entries().expect("a listing").count()));
    });
    for (name, claim_files) in [("claim by renames", FILES), ("claim by a swap", 1)] {
        group.bench_function(name, |bencher| {
            let run = |mut spool: Spool| {
                black_box(claim(&mut spool));
                spool
            };
            bencher.iter_batched(|| spool(claim_files), run, BatchSize::PerIteration);
        });
    }
    group.bench_function("check and read", |bencher| {
        let mut spool = spool(1);
        let batch = claim(&mut spool);
        let mut buffer = Vec::new();
        bencher.iter(|| {
            for entry in batch.entries().expect("a listing") {
                let name = entry.expect("an entry").name;
                let file = read(&batch, &name, Duration::ZERO).expect("nobody writes it");
                file.read_into(&mut buffer).expect("it can be read");
                black_box(&buffer);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, queue);
criterion_main!(benches);
