//! The same work for many datasets, several at once.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

use crate::locks::Unpoisoned;
use crate::warehouse::WarehouseError;

/// Calls `work` for each dataset, in `threads` threads, and returns the results in the order of the datasets.
///
/// # Errors
/// The error of a dataset that failed. What was done until then stays.
pub(crate) fn for_each_dataset<T: Send>(
    threads: usize,
    datasets: &[String],
    work: impl Fn(&str) -> Result<T, WarehouseError> + Sync,
) -> Result<Vec<T>, WarehouseError> {
    let (queue, done) = (Mutex::new(datasets.iter().enumerate()), Mutex::new(BTreeMap::new()));
    let run = || -> Result<(), WarehouseError> {
        loop {
            let next = queue.lock().unpoisoned().next();
            let Some((index, dataset)) = next else { return Ok(()) };
            let result = work(dataset)?;
            done.lock().unpoisoned().insert(index, result);
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("work on a dataset does not panic"))
    })?;
    Ok(done.into_inner().unpoisoned().into_values().collect())
}
