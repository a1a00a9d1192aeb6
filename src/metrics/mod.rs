//! Metrics: the one model of what irispool measures, and the text in which Prometheus reads it.
//!
//! Whoever measures something keeps its own counts and returns them as [`MetricFamily`] values. This module knows
//! nothing else of the crate.
//!
//! - `family`: a metric with its samples.
//! - `histogram`: a distribution of durations, which several threads add to.
//! - `text_format`: metric families as text.

mod family;
mod histogram;
mod text_format;

pub use family::{MetricFamily, MetricKind, Sample, SampleValue};
pub use histogram::{Histogram, HistogramCounts};
pub use text_format::TextFormat;
