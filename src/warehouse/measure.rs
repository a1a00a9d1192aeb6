//! What a warehouse counts of its own work, in terms that fit any warehouse.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One figure with all its readings. Whoever shows it puts a name of the program before `name`.
#[derive(Clone, Debug)]
pub struct Measure {
    /// In snake case, its unit last, such as `wait_seconds`.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    pub kind: MeasureKind,
    pub readings: Vec<(Vec<(&'static str, String)>, Reading)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureKind {
    /// Only grows, from the start of the process.
    Counter,
    Gauge,
    Distribution,
}

#[derive(Clone, Debug)]
pub enum Reading {
    Number(f64),
    /// As [`Histogram::cumulated`] gives it.
    Distribution {
        classes: Vec<(f64, u64)>,
        count: u64,
        sum: f64,
    },
}

impl Measure {
    pub fn new(kind: MeasureKind, name: &'static str, help: &'static str) -> Measure {
        Measure { name, help, kind, readings: Vec::new() }
    }

    /// With one reading more.
    pub fn with(mut self, labels: &[(&'static str, &str)], number: f64) -> Measure {
        self.readings.push((owned(labels), Reading::Number(number)));
        self
    }

    /// With one distribution more.
    pub fn with_distribution(mut self, labels: &[(&'static str, &str)], histogram: &Histogram) -> Measure {
        let (classes, count, sum) = histogram.cumulated();
        self.readings.push((owned(labels), Reading::Distribution { classes, count, sum }));
        self
    }
}

fn owned(labels: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// A distribution of durations.
#[derive(Debug)]
pub struct Histogram {
    /// Upper ends of the classes, in seconds.
    ends: &'static [f64],
    /// One more than there are ends.
    counts: Vec<AtomicU64>,
    sum_us: AtomicU64,
}

impl Histogram {
    /// `ends`: the upper ends of the classes, in seconds.
    pub fn new(ends: &'static [f64]) -> Histogram {
        let counts = (0..=ends.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram { ends, counts, sum_us: AtomicU64::new(0) }
    }

    pub fn add(&self, duration: Duration) {
        let class = self.ends.partition_point(|end| *end < duration.as_secs_f64());
        self.counts[class].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(duration.as_micros() as u64, Ordering::Relaxed);
    }

    /// Upper ends in seconds, each with how many are at most that long; then how many there are, and their sum in
    /// seconds.
    pub fn cumulated(&self) -> (Vec<(f64, u64)>, u64, f64) {
        let mut total = 0;
        let mut classes = Vec::with_capacity(self.ends.len());
        for (place, count) in self.counts.iter().enumerate() {
            total += count.load(Ordering::Relaxed);
            if let Some(end) = self.ends.get(place) {
                classes.push((*end, total));
            }
        }
        (classes, total, self.sum_us.load(Ordering::Relaxed) as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_up_to_and_including_its_ends() {
        let histogram = Histogram::new(&[0.1, 1.0]);
        for ms in [100, 101, 1_000, 5_000] {
            histogram.add(Duration::from_millis(ms));
        }
        assert_eq!(histogram.cumulated(), (vec![(0.1, 1), (1.0, 3)], 4, 6.201));
    }
}
