//! The pipeline itself: what comes in, where it waits, how long it takes, what is on disk, and who is owed what.

use super::Answer;
use crate::app::{App, json};
use crate::hub::{Hub, Stage, millis};
use crate::metrics::memory_bytes;
use crate::model::micros;
use axum::extract::State;
use ouzel_engine::lateness::Lateness;
use ouzel_engine::time::Span;
use ouzel_pipeline::counted::{FeatureCount, FilterCount, JoinCount};
use ouzel_pipeline::counters::{Counters, Level, Quarantined, Snapshot, SourceCounters};
use serde_json::{Map, Value, json};
use std::sync::atomic::Ordering;

/// How many devices with a wrong clock are named at most.
const CLOCKS: usize = 1_000;

/// `GET /api/v1/pipeline`
pub async fn pipeline(State(app): State<App>) -> Answer {
    let boot = app.boot.clone();
    let counters = app.counters.clone();
    let view = move |hub: &mut Hub| view(hub, &boot, &counters);
    Ok(json(&app.hub.ask(view).await?))
}

fn view(hub: &Hub, boot: &str, counters: &Counters) -> Value {
    let ran = hub.now().since(hub.started());
    let mut all = json!({
        "now": micros(hub.now()),
        "boot": boot,
        "started": micros(hub.started()),
        "troubles": hub.model.troubles().views(),
        "full": counters.full.load(Ordering::Relaxed),
        "sources": counters.sources.places().map(|at| source(hub, at, &counters.sources[at])).collect::<Vec<Value>>(),
        "sinks": counters.sinks.places().map(|at| sink(hub, at, counters)).collect::<Vec<Value>>(),
        "stages": Stage::OWN.into_iter().map(|one| stage(hub, one, counters)).collect::<Vec<Value>>(),
        "journal": {
            "bytes": counters.journal_bytes.get(),
            "held": counters.journal_held.get(),
            "holds": counters.journal_holds.get(),
            "syncs": counters.syncs.get(),
            "sync_p99_ms": millis(&counters.sync_time.snapshot(), 0.99),
        },
        "outputs": { "bytes": counters.outputs_bytes.get(), "held": counters.outputs_held.get() },
        "checkpoints": {
            "count": counters.checkpoints.get(),
            "bytes": counters.checkpoint_bytes.get(),
            "newest": moment(&counters.checkpoint_us),
            "age_s": moment(&counters.checkpoint_us).map(|newest| (micros(hub.now()) - newest) as f64 / 1e6),
            "pause_p99_ms": millis(&counters.checkpoint_pause.snapshot(), 0.99),
        },
        "written": written(counters, ran),
        "latency": quantiles(&counters.latency.snapshot()),
        "lake": { "readings": counters.lake_readings.get(), "files": counters.lake_files.get() },
        "order": order(counters),
        "filters": filters(counters),
        "features": features(counters),
        "joins": joins(counters),
        "quarantine": quarantine(counters),
        "clocks": hub.model.clocks(CLOCKS),
        "clients": hub.clients.view(),
        "memory_bytes": memory_bytes(),
    });
    for (name, number) in totals(counters) {
        all[name] = number;
    }
    all
}

fn totals(counters: &Counters) -> [(&'static str, Value); 14] {
    [
        ("journalled", counters.journalled.get().into()),
        ("worked", counters.worked.get().into()),
        ("past", counters.past.get().into()),
        ("unread", counters.unread.get().into()),
        ("late", counters.late.get().into()),
        ("filtered", counters.filtered.get().into()),
        ("aggregates", counters.aggregates.get().into()),
        ("anomalies", counters.anomalies.get().into()),
        ("alerts", counters.alerts.get().into()),
        ("firing", counters.firing.get().into()),
        ("devices", counters.devices.get().into()),
        ("series", counters.series.get().into()),
        ("moved", counters.moved.get().into()),
        ("unseen", counters.unseen.get().into()),
    ]
}

fn source(hub: &Hub, place: usize, source: &SourceCounters) -> Value {
    let [readings, bytes] = hub.pace.of_source(place);
    let drops = source.drops.all().into_iter().map(|(reason, count)| (reason.to_owned(), count.get().into()));
    json!({
        "name": source.name,
        "messages": source.messages.get(),
        "received": source.received.get(),
        "per_s": readings,
        "bytes": source.bytes.get(),
        "bytes_per_s": bytes,
        "passed": source.passed.get(),
        "dropped": source.dropped.get(),
        "drops": drops.collect::<Map<String, Value>>(),
        "turned_away": source.turned_away.get(),
        "held": source.held.get(),
        "used": source.used.get(),
        "holds": source.holds.get(),
        "utilisation": (source.utilisation() * 1e3).round() / 1e3,
        "full_in_s": source.full_in.get().map(|wait| wait.as_secs_f64()),
        "lost": source.lost.get(),
        "known": source.known.get(),
        "duplicates": source.duplicates.get(),
        "ahead": source.ahead.get(),
        "rejected": source.rejected.get(),
        "absent": source.absent.get(),
        "retries": source.retries.get(),
        "connected": source.connected.load(Ordering::Relaxed),
        "last": moment(&source.last_packet_us),
    })
}

/// How late readings came: `up_to_s` is `null` for those that were later than all edges.
fn order(counters: &Counters) -> Value {
    let late = counters.late_counts.get();
    let edges = Lateness::EDGES.iter().map(|edge| Some(edge.as_secs_f64())).chain([None]);
    let lateness = edges.zip(late.lateness.counts()).map(|(edge, count)| json!({ "up_to_s": edge, "count": count }));
    json!({
        "out_of_order": late.lateness.total(),
        "forgotten": late.forgotten,
        "revised": late.revised,
        "missed_parts": counters.missed.get(),
        "lateness": lateness.collect::<Vec<Value>>(),
    })
}

/// What filters with a condition let through, and why the rest did not pass.
fn filters(counters: &Counters) -> Vec<Value> {
    let part = |(part, failed): &(String, u64)| json!({ "part": part, "failed": failed });
    let one = |filter: &FilterCount| {
        json!({
            "name": filter.name,
            "passed": filter.passed,
            "failed": filter.failed,
            "unknown": filter.unknown,
            "parts": filter.parts.iter().map(part).collect::<Vec<Value>>(),
        })
    };
    counters.filters.get().iter().map(one).collect()
}

/// What features gave, and what they withheld.
fn features(counters: &Counters) -> Vec<Value> {
    let one = |FeatureCount { name, made }: &FeatureCount| {
        json!({
            "name": name,
            "given": made.given,
            "not_full": made.not_full,
            "no_value": made.no_value,
            "uneven": made.uneven,
        })
    };
    counters.features.get().iter().map(one).collect()
}

/// What joins, and features of groups, found for readings.
fn joins(counters: &Counters) -> Vec<Value> {
    let one = |join: &JoinCount| {
        json!({
            "name": join.name,
            "kind": join.word,
            "found": join.found,
            "missing": join.missing,
            "late": join.late,
            "dropped": join.dropped,
        })
    };
    counters.joins.get().iter().map(one).collect()
}

/// Devices whose readings go aside because their clock is too far ahead.
fn quarantine(counters: &Counters) -> Value {
    let one = |device: &Quarantined| {
        json!({
            "device": device.device,
            "source": device.source,
            "since": micros(device.since),
            "ahead_s": device.by.as_secs_f64().round(),
        })
    };
    let devices = counters.quarantine.get();
    json!({ "count": counters.quarantined.get(), "devices": devices.iter().map(one).collect::<Vec<Value>>() })
}

fn sink(hub: &Hub, place: usize, counters: &Counters) -> Value {
    let sink = &counters.sinks[place];
    json!({
        "name": sink.name,
        "owed": sink.owed.get(),
        "handled": sink.handled.get(),
        "waiting": sink.waiting(),
        "delivered": sink.delivered.get(),
        "dropped": sink.dropped.get(),
        "thinned": sink.thinned.get(),
        "retries": sink.retries.get(),
        "confirmed": stage(hub, Stage::Confirmed(place), counters),
    })
}

/// How long a stage took since the start, and of late.
fn stage(hub: &Hub, stage: Stage, counters: &Counters) -> Value {
    let mut view = quantiles(&stage.histogram(counters).snapshot());
    view["stage"] = stage.name().into();
    view["count"] = stage.histogram(counters).count().into();
    view["recent"] = quantiles(&hub.recent.of(stage, counters));
    view
}

fn quantiles(counted: &Snapshot) -> Value {
    json!({ "p50_ms": millis(counted, 0.5), "p95_ms": millis(counted, 0.95), "p99_ms": millis(counted, 0.99) })
}

/// Flash wears: what is written, and how much that is a day if it goes on as since the start.
fn written(counters: &Counters, ran: Span) -> Value {
    let bytes = counters.journal_bytes.get() + counters.outputs_bytes.get() + counters.checkpoint_bytes.get();
    let days = ran.as_secs_f64() / 86_400.0;
    json!({ "bytes": bytes, "bytes_per_day": (days > 0.0).then(|| (bytes as f64 / days).round()) })
}

/// A moment, unless it has not come yet.
fn moment(level: &Level) -> Option<i64> {
    Some(level.get()).filter(|&moment| moment != 0)
}
