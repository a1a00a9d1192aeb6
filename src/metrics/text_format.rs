//! Metric families as text: OpenMetrics 1.0 for readers that ask for it, the older format of Prometheus for the others.

use std::fmt::Write;

use super::family::{MetricFamily, MetricKind, Sample, SampleValue};
use super::histogram::HistogramCounts;

/// One of the two text formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    /// <https://prometheus.io/docs/instrumenting/exposition_formats/>
    Prometheus,
    /// <https://prometheus.io/docs/specs/om/open_metrics_spec/>
    OpenMetrics,
}

impl TextFormat {
    /// The format that the `Accept` header of a request asks for.
    pub fn accepted(accept: &str) -> TextFormat {
        let is_open_metrics = accept.contains("application/openmetrics-text");
        if is_open_metrics { TextFormat::OpenMetrics } else { TextFormat::Prometheus }
    }

    /// The `Content-Type` header of an answer in this format.
    pub fn content_type(self) -> &'static str {
        match self {
            TextFormat::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            TextFormat::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// All families that have samples, as one text.
    pub fn render(self, families: &[MetricFamily]) -> String {
        let mut text = String::new();
        for family in families.iter().filter(|family| !family.samples.is_empty()) {
            self.write_family(&mut text, family);
        }
        if self == TextFormat::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }

    fn write_family(self, text: &mut String, family: &MetricFamily) {
        let (kind, total) = match family.kind {
            MetricKind::Counter => ("counter", "_total"),
            MetricKind::Gauge => ("gauge", ""),
            MetricKind::Histogram => ("histogram", ""),
        };
        // In the older format the metric of a counter is called as its samples are.
        let name = match self {
            TextFormat::Prometheus => format!("{}{total}", family.name),
            TextFormat::OpenMetrics => family.name.to_owned(),
        };
        let _ = writeln!(text, "# TYPE {name} {kind}");
        if self == TextFormat::OpenMetrics
            && let Some(unit) = ["seconds", "bytes"].iter().find(|unit| family.name.ends_with(*unit))
        {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
        let _ = writeln!(text, "# HELP {name} {}", escaped(family.help));
        for sample in &family.samples {
            write_sample(text, family.name, total, sample);
        }
    }
}

fn write_sample(text: &mut String, name: &str, total: &str, sample: &Sample) {
    match &sample.value {
        SampleValue::Number(number) => {
            let _ = writeln!(text, "{name}{total}{} {}", labels(&sample.labels, None), shown(*number));
        }
        SampleValue::Histogram(HistogramCounts { buckets, count, sum }) => {
            for (bound, at_most) in buckets {
                let bound = format!("{bound:?}");
                let _ = writeln!(text, "{name}_bucket{} {at_most}", labels(&sample.labels, Some(&bound)));
            }
            let _ = writeln!(text, "{name}_bucket{} {count}", labels(&sample.labels, Some("+Inf")));
            let labels = labels(&sample.labels, None);
            let _ = writeln!(text, "{name}_sum{labels} {}\n{name}_count{labels} {count}", shown(*sum));
        }
    }
}

/// A whole number without a decimal point, any other number in full.
fn shown(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 { format!("{number:.0}") } else { number.to_string() }
}

/// The labels in braces, or nothing if there are none. `le` is the upper bound of a bucket.
fn labels(labels: &[(&'static str, String)], le: Option<&str>) -> String {
    let own = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    let all: Vec<String> = own.chain(le.map(|bound| format!("le=\"{bound}\""))).collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families() -> Vec<MetricFamily> {
        let counts = HistogramCounts { buckets: vec![(0.5, 1), (1.0, 2)], count: 3, sum: 7.25 };
        let mut histogram = MetricFamily::histogram("a_seconds", "Time.");
        histogram.samples.push(Sample { labels: Vec::new(), value: SampleValue::Histogram(counts) });
        vec![
            MetricFamily::counter("a_rows", "Rows.").with(&[("dataset", "a\"b\\c\nd")], 3_u64),
            MetricFamily::gauge("a_none", "None."),
            histogram,
        ]
    }

    #[test]
    fn the_older_format_names_a_counter_with_its_total() {
        insta::assert_snapshot!(TextFormat::Prometheus.render(&families()), @r#"
        # TYPE a_rows_total counter
        # HELP a_rows_total Rows.
        a_rows_total{dataset="a\"b\\c\nd"} 3
        # TYPE a_seconds histogram
        # HELP a_seconds Time.
        a_seconds_bucket{le="0.5"} 1
        a_seconds_bucket{le="1.0"} 2
        a_seconds_bucket{le="+Inf"} 3
        a_seconds_sum 7.25
        a_seconds_count 3
        "#);
    }

    #[test]
    fn openmetrics_names_it_without_and_ends_with_eof() {
        insta::assert_snapshot!(TextFormat::OpenMetrics.render(&families()), @r#"
        # TYPE a_rows counter
        # HELP a_rows Rows.
        a_rows_total{dataset="a\"b\\c\nd"} 3
        # TYPE a_seconds histogram
        # UNIT a_seconds seconds
        # HELP a_seconds Time.
        a_seconds_bucket{le="0.5"} 1
        a_seconds_bucket{le="1.0"} 2
        a_seconds_bucket{le="+Inf"} 3
        a_seconds_sum 7.25
        a_seconds_count 3
        # EOF
        "#);
    }
}
