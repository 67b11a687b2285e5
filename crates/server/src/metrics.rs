//! `/metrics` in the text format of Prometheus, 0.0.4. Labels name sources and sinks, never devices: a thousand
//! devices would be a thousand time series of each metric.

use crate::app::{App, text};
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use ouzel_pipeline::counters::{Counters, Histogram, SinkCounters, SourceCounters};
use std::fmt::{Display, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Upper ends of the buckets of histograms, in seconds: from a fifth of a millisecond to ten seconds.
const BUCKETS: [f64; 15] = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

/// `GET /metrics`
pub async fn metrics(State(app): State<App>) -> Response<Body> {
    // Figures are still of use while the server stops and the hub has gone.
    let clients = app.hub.ask(|hub| hub.clients.len()).await.unwrap_or(0);
    text("text/plain; version=0.0.4; charset=utf-8", written(&app.counters, clients))
}

fn written(counters: &Counters, clients: usize) -> String {
    let mut page = Page(String::with_capacity(8_192));
    let version = env!("CARGO_PKG_VERSION");
    page.head("ouzel_build_info", "gauge", "the version that runs");
    page.line("ouzel_build_info", &[("version", version)], 1);
    page.sources(counters);
    page.sinks(counters);
    page.one("ouzel_past_readings_total", "counter", "readings read again at the start", counters.past.get());
    page.one("ouzel_readings_total", "counter", "readings that were worked off", counters.worked.get());
    page.one("ouzel_journalled_readings_total", "counter", "readings in the journal", counters.journalled.get());
    page.one("ouzel_journal_bytes_total", "counter", "bytes written to the journal", counters.journal_bytes.get());
    page.one("ouzel_late_readings_total", "counter", "readings behind their device's watermark", counters.late.get());
    page.one("ouzel_aggregates_total", "counter", "aggregates that came out", counters.aggregates.get());
    page.one("ouzel_anomalies_total", "counter", "anomalies that came out", counters.anomalies.get());
    page.one("ouzel_alerts_total", "counter", "alerts that fired", counters.alerts.get());
    page.one("ouzel_alerts_firing", "gauge", "alerts that fire now", counters.firing.get());
    page.one("ouzel_devices", "gauge", "devices known", counters.devices.get());
    page.one("ouzel_series", "gauge", "series known", counters.series.get());
    page.one("ouzel_lake_readings_total", "counter", "readings in files of the lake", counters.lake_readings.get());
    page.one("ouzel_lake_files", "gauge", "files of the lake", counters.lake_files.get());
    page.one("ouzel_unseen_steps_total", "counter", "steps that the page missed", counters.unseen.get());
    page.one("ouzel_stream_clients", "gauge", "live streams that are open", clients);
    if let Some(bytes) = memory_bytes() {
        page.one("process_resident_memory_bytes", "gauge", "memory in use", bytes);
    }
    page.histogram("ouzel_latency_seconds", "from a message to all that follows from it", &counters.latency);
    page.histogram("ouzel_journal_sync_seconds", "how long a sync of the journal took", &counters.sync_time);
    page.0
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (place, (label, word)) in labels.iter().enumerate() {
            let _ = write!(self.0, "{}{label}=\"{}\"", if place == 0 { '{' } else { ',' }, escaped(word));
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.head(name, kind, help);
        self.line(name, &[], value);
    }

    fn sources(&mut self, counters: &Counters) {
        type Get = fn(&SourceCounters) -> i64;
        fn whole(number: u64) -> i64 {
            i64::try_from(number).unwrap_or(i64::MAX)
        }
        let all: [(&str, &str, &str, Get); 12] = [
            ("messages_total", "counter", "messages that came", |s| whole(s.messages.get())),
            ("received_readings_total", "counter", "readings that came", |s| whole(s.received.get())),
            ("passed_readings_total", "counter", "readings handed on to the journal", |s| whole(s.passed.get())),
            ("dropped_readings_total", "counter", "readings given up by the queue", |s| whole(s.dropped.get())),
            ("lost_messages_total", "counter", "messages of QoS 0 given up unread", |s| whole(s.lost.get())),
            ("known_readings_total", "counter", "readings that were there already", |s| whole(s.known.get())),
            ("rejected_total", "counter", "input that could not be read", |s| whole(s.rejected.get())),
            ("absent_total", "counter", "empty cells", |s| whole(s.absent.get())),
            ("retries_total", "counter", "times it was tried again", |s| whole(s.retries.get())),
            ("queue_readings", "gauge", "readings in the queue", |s| s.held.get()),
            ("queue_capacity_readings", "gauge", "readings the queue may hold", |s| s.holds.get()),
            ("connected", "gauge", "1 while it is connected", |s| i64::from(s.connected.load(Ordering::Relaxed))),
        ];
        for (name, kind, help, get) in all {
            let name = format!("ouzel_source_{name}");
            self.head(&name, kind, help);
            counters.sources.iter().for_each(|s| self.line(&name, &[("source", &s.name)], get(s)));
        }
    }

    fn sinks(&mut self, counters: &Counters) {
        type Get = fn(&SinkCounters) -> i64;
        fn whole(number: u64) -> i64 {
            i64::try_from(number).unwrap_or(i64::MAX)
        }
        let all: [(&str, &str, &str, Get); 4] = [
            ("delivered_total", "counter", "outputs delivered", |s| whole(s.delivered.get())),
            ("retries_total", "counter", "tries that failed", |s| whole(s.retries.get())),
            ("dropped_total", "counter", "outputs given up", |s| whole(s.dropped.get())),
            ("waiting", "gauge", "outputs that wait", |s| s.waiting() as i64),
        ];
        for (name, kind, help, get) in all {
            let name = format!("ouzel_sink_{name}");
            self.head(&name, kind, help);
            counters.sinks.iter().for_each(|s| self.line(&name, &[("sink", &s.name)], get(s)));
        }
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.head(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        // The count comes first: what is recorded meanwhile must not make a bucket larger than the whole.
        let count = histogram.count();
        for limit in BUCKETS {
            let within = histogram.at_most(Duration::from_secs_f64(limit)).min(count);
            self.line(&bucket, &[("le", &limit.to_string())], within);
        }
        self.line(&bucket, &[("le", "+Inf")], count);
        self.line(&format!("{name}_sum"), &[], histogram.sum().as_secs_f64());
        self.line(&format!("{name}_count"), &[], count);
    }
}

fn escaped(word: &str) -> String {
    word.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Memory in use, in bytes; `None` where the system does not tell (it is Linux that does).
pub fn memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_comment_or_a_sample_and_every_metric_has_its_head() {
        let source = SourceCounters { name: "hall \"3\"".into(), ..SourceCounters::default() };
        source.dropped.add(7);
        let counters = Counters { sources: vec![source], ..Counters::default() };
        counters.latency.record(Duration::from_millis(3), 10);
        let page = written(&counters, 2);
        assert!(page.contains("\nouzel_source_dropped_readings_total{source=\"hall \\\"3\\\"\"} 7\n"));
        assert!(page.contains("\nouzel_latency_seconds_bucket{le=\"0.002\"} 0\n"));
        assert!(page.contains("\nouzel_latency_seconds_bucket{le=\"+Inf\"} 10\nouzel_latency_seconds_sum 0.03\n"));
        assert!(page.contains("\nouzel_stream_clients 2\n") && page.ends_with("_count 0\n"));
        for line in page.lines().filter(|line| !line.starts_with("# ")) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            value.parse::<f64>().unwrap();
            let name = name.split('{').next().unwrap();
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            assert!(page.contains(&format!("# TYPE {base} ")), "{name}");
        }
    }
}
