//! Metrics as text: OpenMetrics 1.0 where a reader asks for it, Prometheus's older format elsewhere.
//!
//! Only the writing is here. What is measured is said by who measures it.

use std::borrow::Cow;
use std::fmt::Write;

/// Which of the two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// <https://prometheus.io/docs/instrumenting/exposition_formats/>
    Text,
    /// <https://prometheus.io/docs/specs/om/open_metrics_spec/>
    OpenMetrics,
}

impl Format {
    /// The one that a request's `Accept` header asks for.
    pub fn accepted(accept: &str) -> Format {
        if accept.contains("application/openmetrics-text") { Format::OpenMetrics } else { Format::Text }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A metric with all its samples.
#[derive(Clone, Debug)]
pub struct Family {
    /// With its unit behind it, in base units; a counter's without `_total`.
    pub name: Cow<'static, str>,
    pub help: &'static str,
    pub kind: Kind,
    pub samples: Vec<Sample>,
}

/// What a metric's value does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, from 0 at the start of the process.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How values are distributed; counted since the start of the process.
    Histogram,
}

/// One value of a metric, with what tells it from the others.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Names and values; no two samples of a metric have the same.
    pub labels: Vec<(&'static str, String)>,
    /// A [`Value::Histogram`] where the metric is one, else a number.
    pub value: Value,
}

/// In the unit that the metric's name ends with.
#[derive(Clone, Debug)]
pub enum Value {
    Number(f64),
    Histogram {
        /// Upper ends in order, each with how many values are not over it; without the last, which is infinite.
        classes: Vec<(f64, u64)>,
        /// All values.
        count: u64,
        /// Of all values.
        sum: f64,
    },
}

impl Family {
    pub fn new(kind: Kind, name: impl Into<Cow<'static, str>>, help: &'static str) -> Family {
        Family { name: name.into(), help, kind, samples: Vec::new() }
    }

    /// With one sample more.
    pub fn with(mut self, labels: &[(&'static str, &str)], value: impl Into<Value>) -> Family {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.samples.push(Sample { labels, value: value.into() });
        self
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Number(number)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Number(number as f64)
    }
}

/// All families that have samples, as one text.
pub fn render(families: &[Family], format: Format) -> String {
    let mut text = String::new();
    for family in families.iter().filter(|family| !family.samples.is_empty()) {
        let total = if family.kind == Kind::Counter { "_total" } else { "" };
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // The older format takes a counter's whole name for the metric's.
        let name = match format {
            Format::Text => format!("{}{total}", family.name),
            Format::OpenMetrics => family.name.to_string(),
        };
        let _ = writeln!(text, "# TYPE {name} {kind}");
        if format == Format::OpenMetrics
            && let Some(unit) = ["seconds", "bytes"].iter().find(|unit| family.name.ends_with(*unit))
        {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
        let _ = writeln!(text, "# HELP {name} {}", escaped(family.help));
        for sample in &family.samples {
            write_sample(&mut text, &family.name, total, sample);
        }
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn write_sample(text: &mut String, name: &str, total: &str, sample: &Sample) {
    match &sample.value {
        Value::Number(number) => {
            let _ = writeln!(text, "{name}{total}{} {}", labels(&sample.labels, None), shown(*number));
        }
        Value::Histogram { classes, count, sum } => {
            for (end, at_most) in classes {
                let end = format!("{end:?}");
                let _ = writeln!(text, "{name}_bucket{} {at_most}", labels(&sample.labels, Some(&end)));
            }
            let _ = writeln!(text, "{name}_bucket{} {count}", labels(&sample.labels, Some("+Inf")));
            let labels = labels(&sample.labels, None);
            let _ = writeln!(text, "{name}_sum{labels} {}\n{name}_count{labels} {count}", shown(*sum));
        }
    }
}

/// A whole number without a point; others in full.
fn shown(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 { format!("{number:.0}") } else { number.to_string() }
}

fn labels(labels: &[(&'static str, String)], le: Option<&str>) -> String {
    let own = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    let all: Vec<String> = own.chain(le.map(|end| format!("le=\"{end}\""))).collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families() -> Vec<Family> {
        let classes = vec![(0.5, 1), (1.0, 2)];
        vec![
            Family::new(Kind::Counter, "a_rows", "Rows.").with(&[("dataset", "a\"b\\c\nd")], 3_u64),
            Family::new(Kind::Gauge, "a_none", "None."),
            Family::new(Kind::Histogram, "a_seconds", "Time.")
                .with(&[], Value::Histogram { classes, count: 3, sum: 7.25 }),
        ]
    }

    #[test]
    fn the_older_format_names_a_counter_with_its_total() {
        insta::assert_snapshot!(render(&families(), Format::Text), @r#"
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
        insta::assert_snapshot!(render(&families(), Format::OpenMetrics), @r#"
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
