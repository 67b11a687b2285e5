//! `/metrics` in the text format of Prometheus. Labels name sources, sinks, stages and reasons, never devices: a thousand
//! devices would be a thousand time series of each metric.

mod order;
mod text;

use crate::app::{App, text};
use crate::hub::{Hub, Stage};
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use ouzel_engine::time::Time;
use ouzel_pipeline::counters::{Counters, SinkCounters, Snapshot, SourceCounters};
use std::sync::atomic::Ordering;
use text::Page;

/// What the hub adds to the counters.
struct Seen {
    clients: usize,
    /// Of each stage, what was counted of late.
    recent: Vec<(Stage, Snapshot)>,
    troubles: usize,
    clocks: u64,
}

/// `GET /metrics`
pub async fn metrics(State(app): State<App>) -> Response<Body> {
    let counters = app.counters.clone();
    let seen = move |hub: &mut Hub| Seen {
        clients: hub.clients.len(),
        recent: Stage::all(&counters).map(|stage| (stage, hub.recent.of(stage, &counters))).collect(),
        troubles: hub.model.troubles().views().len(),
        clocks: hub.model.wrong_clocks(),
    };
    // Figures are still of use while the server stops and the hub has gone.
    let gone = |_| Seen { clients: 0, recent: Vec::new(), troubles: 0, clocks: 0 };
    let seen = app.hub.ask(seen).await.unwrap_or_else(gone);
    text("text/plain; version=0.0.4; charset=utf-8", written(&app.counters, &seen, app.clock.now()))
}

fn written(counters: &Counters, seen: &Seen, now: Time) -> String {
    let mut page = Page::new();
    page.head("ouzel_build_info", "gauge", "the version that runs");
    page.line("ouzel_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    sources(&mut page, counters);
    sinks(&mut page, counters);
    outcome(&mut page, counters);
    order::late(&mut page, counters);
    order::filters(&mut page, counters);
    order::features(&mut page, counters);
    order::joins(&mut page, counters);
    disk(&mut page, counters, now);
    stages(&mut page, counters, &seen.recent);
    page.one("ouzel_unseen_steps_total", "counter", "steps that the page missed", counters.unseen.get());
    page.one("ouzel_stream_clients", "gauge", "live streams that are open", seen.clients);
    page.one("ouzel_troubles", "gauge", "troubles of the pipeline itself that are not over", seen.troubles);
    page.one("ouzel_wrong_clocks", "gauge", "devices whose clock is more than 2 s behind or ahead", seen.clocks);
    if let Some(bytes) = memory_bytes() {
        page.one("process_resident_memory_bytes", "gauge", "memory in use", bytes);
    }
    page.text()
}

fn outcome(page: &mut Page, counters: &Counters) {
    page.one("ouzel_past_readings_total", "counter", "readings read again at the start", counters.past.get());
    page.one("ouzel_readings_total", "counter", "readings that were worked off", counters.worked.get());
    page.one("ouzel_aggregates_total", "counter", "aggregates that came out", counters.aggregates.get());
    page.one("ouzel_anomalies_total", "counter", "anomalies that came out", counters.anomalies.get());
    page.one("ouzel_alerts_total", "counter", "alerts that fired", counters.alerts.get());
    page.one("ouzel_alerts_firing", "gauge", "alerts that fire now", counters.firing.get());
    page.one("ouzel_devices", "gauge", "devices known", counters.devices.get());
    page.one("ouzel_series", "gauge", "series known", counters.series.get());
    let what = "devices that began anew because their tags changed";
    page.one("ouzel_devices_moved_total", "counter", what, counters.moved.get());
    let what = "changed tags that were not heeded because there were too many";
    page.one("ouzel_devices_unmoved_total", "counter", what, counters.unmoved.get());
}

fn disk(page: &mut Page, counters: &Counters, now: Time) {
    page.one("ouzel_journalled_readings_total", "counter", "readings in the journal", counters.journalled.get());
    page.one("ouzel_journal_bytes_total", "counter", "bytes written to the journal", counters.journal_bytes.get());
    page.one("ouzel_journal_held_bytes", "gauge", "bytes of the journal that are there", counters.journal_held.get());
    page.one("ouzel_journal_capacity_bytes", "gauge", "bytes the journal may have", counters.journal_holds.get());
    page.one("ouzel_journal_full", "gauge", "1 while the journal cannot be written", flag(&counters.full));
    page.one("ouzel_journal_syncs_total", "counter", "syncs of the journal", counters.syncs.get());
    page.histogram("ouzel_journal_sync_seconds", "how long a sync of the journal took", &counters.sync_time);
    page.one("ouzel_unread_readings_total", "counter", "readings that could not be read again", counters.unread.get());
    page.one("ouzel_outputs_bytes_total", "counter", "bytes written to the output log", counters.outputs_bytes.get());
    page.one(
        "ouzel_outputs_held_bytes",
        "gauge",
        "bytes of the output log that are there",
        counters.outputs_held.get(),
    );
    page.one("ouzel_checkpoints_total", "counter", "checkpoints made", counters.checkpoints.get());
    page.one(
        "ouzel_checkpoint_bytes_total",
        "counter",
        "bytes written for checkpoints",
        counters.checkpoint_bytes.get(),
    );
    page.histogram("ouzel_checkpoint_pause_seconds", "how long work stood still for one", &counters.checkpoint_pause);
    if counters.checkpoint_us.get() != 0 {
        let age = now.since(Time(counters.checkpoint_us.get().saturating_mul(1_000))).as_secs_f64();
        page.one("ouzel_checkpoint_age_seconds", "gauge", "age of the newest checkpoint", age);
    }
    page.head(
        "ouzel_written_bytes_total",
        "counter",
        "bytes written to disk, for flash wears; without the lake's files",
    );
    for (log, bytes) in [
        ("journal", &counters.journal_bytes),
        ("outputs", &counters.outputs_bytes),
        ("checkpoints", &counters.checkpoint_bytes),
    ] {
        page.line("ouzel_written_bytes_total", &[("log", log)], bytes.get());
    }
    page.one("ouzel_lake_readings_total", "counter", "readings in files of the lake", counters.lake_readings.get());
    page.one("ouzel_lake_files", "gauge", "files of the lake", counters.lake_files.get());
}

fn sources(page: &mut Page, counters: &Counters) {
    type Get = fn(&SourceCounters) -> f64;
    let all: [(&str, &str, &str, Get); 18] = [
        ("messages_total", "counter", "messages that came", |s| s.messages.get() as f64),
        ("bytes_total", "counter", "bytes that came, as sent, where that is known", |s| s.bytes.get() as f64),
        ("received_readings_total", "counter", "readings that came", |s| s.received.get() as f64),
        ("passed_readings_total", "counter", "readings handed on to the journal", |s| s.passed.get() as f64),
        ("dropped_readings_total", "counter", "readings given up by the queue", |s| s.dropped.get() as f64),
        ("turned_away_total", "counter", "requests asked to come again, or refused", |s| s.turned_away.get() as f64),
        ("lost_messages_total", "counter", "messages of QoS 0 given up unread", |s| s.lost.get() as f64),
        ("known_readings_total", "counter", "readings that were there already", |s| s.known.get() as f64),
        ("duplicate_readings_total", "counter", "readings that came before, by their numbers", |s| {
            s.duplicates.get() as f64
        }),
        ("ahead_readings_total", "counter", "readings too far ahead of the clock here", |s| s.ahead.get() as f64),
        ("rejected_total", "counter", "input that could not be read", |s| s.rejected.get() as f64),
        ("absent_total", "counter", "empty cells", |s| s.absent.get() as f64),
        ("retries_total", "counter", "times it was tried again", |s| s.retries.get() as f64),
        ("queue_readings", "gauge", "readings in the queue", |s| s.held.get() as f64),
        ("queue_used_readings", "gauge", "what fills the queue, in readings' worth", |s| s.used.get() as f64),
        ("queue_capacity_readings", "gauge", "readings the queue may hold", |s| s.holds.get() as f64),
        ("queue_utilisation_ratio", "gauge", "how full the queue is, 0 to 1", SourceCounters::utilisation),
        ("connected", "gauge", "1 while it is connected", |s| f64::from(flag(&s.connected))),
    ];
    for (name, kind, help, get) in all {
        let name = format!("ouzel_source_{name}");
        page.head(&name, kind, help);
        counters.sources.iter().for_each(|s| page.line(&name, &[("source", &s.name)], get(s)));
    }
    let name = "ouzel_source_drops_total";
    page.head(name, "counter", "readings given up by the queue, by reason");
    for source in counters.sources.iter() {
        for (reason, count) in source.drops.all() {
            page.line(name, &[("source", &source.name), ("reason", reason)], count.get());
        }
    }
    let filling = counters.sources.iter().filter_map(|source| Some((source, source.full_in.get()?)));
    for (place, (source, wait)) in filling.enumerate() {
        if place == 0 {
            page.head("ouzel_source_queue_full_in_seconds", "gauge", "when the queue is full if it goes on like this");
        }
        page.line("ouzel_source_queue_full_in_seconds", &[("source", &source.name)], wait.as_secs_f64());
    }
}

fn sinks(page: &mut Page, counters: &Counters) {
    type Get = fn(&SinkCounters) -> f64;
    let all: [(&str, &str, &str, Get); 7] = [
        ("owed_total", "counter", "outputs owed in all, earlier processes' among them", |s| s.owed.get() as f64),
        ("handled_total", "counter", "of these, delivered, left out or given up", |s| s.handled.get() as f64),
        ("delivered_total", "counter", "outputs delivered", |s| s.delivered.get() as f64),
        ("thinned_total", "counter", "outputs left out or merged to keep to the rate", |s| s.thinned.get() as f64),
        ("dropped_total", "counter", "outputs given up", |s| s.dropped.get() as f64),
        ("retries_total", "counter", "tries that failed", |s| s.retries.get() as f64),
        ("waiting", "gauge", "outputs that wait", |s| s.waiting() as f64),
    ];
    for (name, kind, help, get) in all {
        let name = format!("ouzel_sink_{name}");
        page.head(&name, kind, help);
        counters.sinks.iter().for_each(|s| page.line(&name, &[("sink", &s.name)], get(s)));
    }
    let name = "ouzel_sink_confirmed_seconds";
    page.head(name, "histogram", "from the arrival of a cause to the receiver's confirmation");
    counters.sinks.iter().for_each(|s| page.buckets(name, &[("sink", &s.name)], &s.confirmed));
}

fn stages(page: &mut Page, counters: &Counters, recent: &[(Stage, Snapshot)]) {
    page.histogram("ouzel_travel_seconds", "from a reading's own time to its arrival", &counters.travel);
    page.histogram("ouzel_durable_seconds", "from a message's arrival until it is durable", &counters.durable);
    page.histogram("ouzel_latency_seconds", "from a message to all that follows from it", &counters.latency);
    let name = "ouzel_recent_seconds";
    page.head(name, "gauge", "what a share of all did not exceed in the last 30 s");
    for (stage, counted) in recent {
        for (quantile, share) in [("0.5", 0.5), ("0.95", 0.95), ("0.99", 0.99)] {
            let Some(took) = counted.quantile(share) else { continue };
            let mut labels = vec![("stage", stage.name()), ("quantile", quantile)];
            if let Stage::Confirmed(sink) = stage {
                labels.push(("sink", &counters.sinks[*sink].name));
            }
            page.line(name, &labels, took.as_secs_f64());
        }
    }
}

fn flag(flag: &std::sync::atomic::AtomicBool) -> u8 {
    u8::from(flag.load(Ordering::Relaxed))
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
    use ouzel_engine::lateness::LateCounts;
    use ouzel_engine::time::Span;
    use ouzel_pipeline::counted::{FilterCount, JoinCount};
    use ouzel_pipeline::queue::Reason;
    use std::collections::HashSet;
    use std::time::Duration;

    #[test]
    fn every_line_is_a_comment_or_a_sample_and_every_metric_has_its_head_once() {
        let source = SourceCounters { name: "hall \"3\"".into(), ..SourceCounters::default() };
        source.dropped.add(7);
        source.drops.of(Reason::Sampled).add(7);
        let sink = SinkCounters { name: "desk".into(), ..SinkCounters::default() };
        sink.owed.set(5);
        sink.handled.set(2);
        sink.confirmed.record(Duration::from_millis(30), 2);
        let counters = Counters { sources: vec![source].into(), sinks: vec![sink].into(), ..Counters::default() };
        counters.latency.record(Duration::from_millis(3), 10);
        counters.checkpoint_us.set(5_000_000);
        counters.journal_bytes.add(12);
        counters.sources[0].duplicates.add(3);
        let mut late = LateCounts { forgotten: 4, revised: 5, ..LateCounts::default() };
        for millis in [1_500, 1_500, 400_000] {
            late.lateness.add(Span::from_millis(millis));
        }
        counters.late_counts.set(late);
        let parts = vec![("temperature > 20".to_owned(), 19), ("state = \"on\"".to_owned(), 4)];
        counters.filters.set(vec![FilterCount { name: "warm".into(), passed: 81, failed: 19, unknown: 2, parts }]);
        counters.joins.set(vec![JoinCount {
            word: "join",
            name: "limits".into(),
            is_table: true,
            found: 70,
            missing: 9,
            late: 0,
            dropped: 0,
        }]);
        let recent = vec![(Stage::Confirmed(0), counters.sinks[0].confirmed.snapshot())];
        let seen = Seen { clients: 2, recent, troubles: 1, clocks: 3 };
        let quiet = written(&counters, &seen, Time::from_secs(65));
        assert!(!quiet.contains("full_in"), "a queue that is not filling has no such time");
        counters.sources[0].full_in.set(Some(Duration::from_secs(90)));
        let page = written(&counters, &seen, Time::from_secs(65));
        for line in [
            "ouzel_source_dropped_readings_total{source=\"hall \\\"3\\\"\"} 7",
            "ouzel_source_drops_total{source=\"hall \\\"3\\\"\",reason=\"sampled\"} 7",
            "ouzel_source_drops_total{source=\"hall \\\"3\\\"\",reason=\"oldest\"} 0",
            "ouzel_source_queue_full_in_seconds{source=\"hall \\\"3\\\"\"} 90",
            "ouzel_sink_waiting{sink=\"desk\"} 3",
            "ouzel_sink_confirmed_seconds_bucket{sink=\"desk\",le=\"0.02\"} 0",
            "ouzel_sink_confirmed_seconds_count{sink=\"desk\"} 2",
            "ouzel_latency_seconds_bucket{le=\"0.002\"} 0",
            "ouzel_latency_seconds_bucket{le=\"+Inf\"} 10\nouzel_latency_seconds_sum 0.03",
            "ouzel_written_bytes_total{log=\"journal\"} 12",
            "ouzel_checkpoint_age_seconds 60",
            "ouzel_stream_clients 2",
            "ouzel_wrong_clocks 3",
            "ouzel_source_duplicate_readings_total{source=\"hall \\\"3\\\"\"} 3",
            "ouzel_late_forgotten_readings_total 4",
            "ouzel_late_revised_readings_total 5",
            "ouzel_lateness_seconds_bucket{le=\"1\"} 0",
            "ouzel_lateness_seconds_bucket{le=\"10\"} 2",
            "ouzel_lateness_seconds_bucket{le=\"+Inf\"} 3\nouzel_lateness_seconds_sum 403\nouzel_lateness_seconds_count 3",
            "ouzel_filter_readings_total{filter=\"warm\",outcome=\"unknown\"} 2",
            "ouzel_filter_failures_total{filter=\"warm\",part=\"temperature > 20\"} 19",
            "ouzel_join_readings_total{join=\"limits\",outcome=\"missing\"} 9",
            "ouzel_filter_failures_total{filter=\"warm\",part=\"state = \\\"on\\\"\"} 4",
        ] {
            assert!(page.contains(&format!("\n{line}\n")), "{line}\n{page}");
        }
        assert!(page.contains("\nouzel_recent_seconds{stage=\"confirmed\",quantile=\"0.99\",sink=\"desk\"} 0.03"));
        let mut heads = HashSet::new();
        for line in page.lines() {
            if let Some(head) = line.strip_prefix("# TYPE ") {
                assert!(heads.insert(head.split(' ').next().unwrap()), "{head}");
            } else if !line.starts_with("# ") {
                let (name, value) = line.rsplit_once(' ').unwrap();
                value.parse::<f64>().unwrap();
                let name = name.split('{').next().unwrap();
                let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
                assert!(heads.contains(name) || base.is_some_and(|base| heads.contains(base)), "{name}");
            }
        }
    }
}
