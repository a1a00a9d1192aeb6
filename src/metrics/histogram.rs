//! A distribution of durations, which several threads add to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A distribution of durations.
#[derive(Debug)]
pub struct Histogram {
    /// The upper bounds of the buckets in seconds, ascending.
    bounds: &'static [f64],
    /// How many durations each bucket holds. The last one, beyond all bounds, makes it one more than there are bounds.
    counts: Vec<AtomicU64>,
    sum_us: AtomicU64,
}

/// What a histogram counted, as Prometheus wants it: each bucket includes the ones before it.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramCounts {
    /// Upper bounds in ascending order, each with how many values are at most that large. The last bucket, which has no
    /// bound, is left out.
    pub buckets: Vec<(f64, u64)>,
    /// The number of all values.
    pub count: u64,
    /// The sum of all values.
    pub sum: f64,
}

impl Histogram {
    /// `bounds`: the upper bounds of the buckets in seconds, ascending.
    pub fn new(bounds: &'static [f64]) -> Histogram {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram { bounds, counts, sum_us: AtomicU64::new(0) }
    }

    /// Counts one duration.
    pub fn add(&self, duration: Duration) {
        let bucket = self.bounds.partition_point(|bound| *bound < duration.as_secs_f64());
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(duration.as_micros() as u64, Ordering::Relaxed);
    }

    /// What was counted so far. Bounds and sum are in seconds.
    pub fn counts(&self) -> HistogramCounts {
        let mut count = 0;
        let mut buckets = Vec::with_capacity(self.bounds.len());
        for (index, in_bucket) in self.counts.iter().enumerate() {
            count += in_bucket.load(Ordering::Relaxed);
            if let Some(bound) = self.bounds.get(index) {
                buckets.push((*bound, count));
            }
        }
        HistogramCounts { buckets, count, sum: self.sum_us.load(Ordering::Relaxed) as f64 / 1e6 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_includes_its_upper_bound() {
        let histogram = Histogram::new(&[0.1, 1.0]);
        for ms in [100, 101, 1_000, 5_000] {
            histogram.add(Duration::from_millis(ms));
        }
        let counts = HistogramCounts { buckets: vec![(0.1, 1), (1.0, 3)], count: 4, sum: 6.201 };
        assert_eq!(histogram.counts(), counts);
    }
}
