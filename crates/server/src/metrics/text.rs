//! The text format of Prometheus, 0.0.4: a head a metric, and a line a sample.

use ouzel_pipeline::counters::Histogram;
use std::fmt::{Display, Write};
use std::time::Duration;

/// Upper ends of the buckets of histograms, in seconds: from a fifth of a millisecond, what a step takes, to half an hour,
/// what a sink may be away for.
const BUCKETS: [f64; 19] = [
    0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0,
    1800.0,
];

/// A page of metrics as it is written.
pub struct Page(String);

/// A label and its value.
pub type Label<'a> = (&'a str, &'a str);

impl Page {
    /// Nothing on it yet.
    pub fn new() -> Page {
        Page(String::with_capacity(32 * 1_024))
    }

    /// What was written.
    pub fn text(self) -> String {
        self.0
    }

    /// What stands before the samples of a metric, once.
    pub fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// A sample.
    pub fn line(&mut self, name: &str, labels: &[Label<'_>], value: impl Display) {
        self.0.push_str(name);
        for (place, (label, word)) in labels.iter().enumerate() {
            let _ = write!(self.0, "{}{label}=\"{}\"", if place == 0 { '{' } else { ',' }, escaped(word));
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    /// A metric of one sample.
    pub fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.head(name, kind, help);
        self.line(name, &[], value);
    }

    /// A histogram of one set of labels.
    pub fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.head(name, "histogram", help);
        self.buckets(name, &[], histogram);
    }

    /// A histogram that was counted elsewhere: how many were at most each edge, the sum of all, and how many they are.
    pub fn counted(&mut self, name: &str, help: &str, edges: &[(f64, u64)], sum: f64, count: u64) {
        self.head(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        for (edge, within) in edges {
            self.line(&bucket, &[("le", &edge.to_string())], within);
        }
        self.line(&bucket, &[("le", "+Inf")], count);
        self.line(&format!("{name}_sum"), &[], sum);
        self.line(&format!("{name}_count"), &[], count);
    }

    /// The samples of a histogram, whose head stands already.
    pub fn buckets(&mut self, name: &str, labels: &[Label<'_>], histogram: &Histogram) {
        let bucket = format!("{name}_bucket");
        // The count comes first: what is recorded meanwhile must not make a bucket larger than the whole.
        let count = histogram.count();
        for limit in BUCKETS {
            let within = histogram.at_most(Duration::from_secs_f64(limit)).min(count);
            self.line(&bucket, &[labels, &[("le", &limit.to_string())]].concat(), within);
        }
        self.line(&bucket, &[labels, &[("le", "+Inf")]].concat(), count);
        self.line(&format!("{name}_sum"), labels, histogram.sum().as_secs_f64());
        self.line(&format!("{name}_count"), labels, count);
    }
}

fn escaped(word: &str) -> String {
    word.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
