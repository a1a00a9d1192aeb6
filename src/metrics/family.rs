//! A metric with its samples.

use super::histogram::{Histogram, HistogramCounts};

/// A metric with all its samples.
#[derive(Clone, Debug)]
pub struct MetricFamily {
    /// The metric's name, in snake case. A base unit comes last, as in `irispool_delay_seconds`. A counter's name does
    /// not have its `_total`, which the text format adds.
    pub name: &'static str,
    /// One sentence about the metric.
    pub help: &'static str,
    /// How the samples change.
    pub kind: MetricKind,
    /// The samples. A family without samples is not served.
    pub samples: Vec<Sample>,
}

/// How the samples of a metric change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// They only grow, from 0 at the start of the process.
    Counter,
    /// They go up and down.
    Gauge,
    /// They are distributions, counted since the start of the process.
    Histogram,
}

/// One sample of a metric.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Names and values. No two samples of a metric have the same labels.
    pub labels: Vec<(&'static str, String)>,
    /// A [`SampleValue::Histogram`] if the metric is a histogram, otherwise a number.
    pub value: SampleValue,
}

/// The value of a sample, in the unit that the metric's name ends with.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleValue {
    /// The value of a counter or a gauge.
    Number(f64),
    /// The value of a histogram.
    Histogram(HistogramCounts),
}

impl MetricFamily {
    /// A counter without samples.
    pub fn counter(name: &'static str, help: &'static str) -> MetricFamily {
        MetricFamily { name, help, kind: MetricKind::Counter, samples: Vec::new() }
    }

    /// A gauge without samples.
    pub fn gauge(name: &'static str, help: &'static str) -> MetricFamily {
        MetricFamily { name, help, kind: MetricKind::Gauge, samples: Vec::new() }
    }

    /// A histogram without samples.
    pub fn histogram(name: &'static str, help: &'static str) -> MetricFamily {
        MetricFamily { name, help, kind: MetricKind::Histogram, samples: Vec::new() }
    }

    /// The family with one more sample.
    pub fn with(mut self, labels: &[(&'static str, &str)], value: impl Into<SampleValue>) -> MetricFamily {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.samples.push(Sample { labels, value: value.into() });
        self
    }
}

impl From<f64> for SampleValue {
    fn from(number: f64) -> SampleValue {
        SampleValue::Number(number)
    }
}

impl From<u64> for SampleValue {
    fn from(number: u64) -> SampleValue {
        SampleValue::Number(number as f64)
    }
}

impl From<bool> for SampleValue {
    /// 1 for true, 0 for false.
    fn from(is_so: bool) -> SampleValue {
        SampleValue::from(u64::from(is_so))
    }
}

impl From<&Histogram> for SampleValue {
    fn from(histogram: &Histogram) -> SampleValue {
        SampleValue::Histogram(histogram.counts())
    }
}
