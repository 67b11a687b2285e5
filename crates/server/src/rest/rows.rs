//! Readings, aggregates, filtered readings and anomalies as rows, latest first: what the hub has at hand, joined with what is at rest.

use super::{Answer, chosen};
use crate::app::{App, text};
use crate::history::{History, ReadingRow, RowsAsk};
use crate::hub::Hub;
use crate::hub::client::SERIES;
use crate::model::{Latest, bits, micros};
use crate::problem::Problem;
use crate::query::Query;
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use hashbrown::{HashMap, HashSet};
use ouzel_connect::encode::{id, ndjson};
use ouzel_connect::fault::Fault;
use ouzel_connect::sink::Noun;
use ouzel_engine::reading::Quality;
use ouzel_engine::series::Series;
use ouzel_engine::time::Time;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The most rows of one answer.
const ROWS: usize = 10_000;

/// What is asked, kept for a thread of its own.
#[derive(Clone)]
struct Ask {
    devices: Vec<String>,
    channels: Vec<String>,
    from: Time,
    to: Time,
    limit: usize,
}

impl Ask {
    fn of(query: &Query, now: Time) -> Result<Ask, Problem> {
        let (from, to) = query.range(now)?;
        let limit = query.whole("limit", 100, 1, ROWS)?;
        Ok(Ask { devices: query.list("device"), channels: query.list("channel"), from, to, limit })
    }

    fn rows(&self) -> RowsAsk<'_> {
        let Ask { devices, channels, from, to, limit } = self;
        RowsAsk { devices, channels, from: *from, to: *to, limit: *limit }
    }

    fn has(&self, device: &str, channel: &str) -> bool {
        let among = |list: &[String], name: &str| list.is_empty() || list.iter().any(|one| one == name);
        among(&self.devices, device) && among(&self.channels, channel)
    }
}

/// `GET /api/v1/readings`
pub async fn readings(State(app): State<App>, query: Query) -> Answer {
    let mut ask = Ask::of(&query, app.clock.now())?;
    let by_number = query.series()?;
    let (mine, query_of_names) = (ask.clone(), query.clone());
    let at_hand = move |hub: &mut Hub| {
        let chosen = match by_number {
            Some(_) => Some(chosen(hub, &query_of_names, usize::MAX)?),
            None => None,
        };
        let wanted = |latest: &&Latest| {
            let (device, channel) = hub.model.book().subject(latest.series);
            let in_range = mine.from <= latest.time && latest.time < mine.to;
            in_range && chosen.as_ref().map_or(mine.has(device, channel), |c| c.contains(&latest.series))
        };
        let rows: Vec<ReadingRow> =
            hub.model.latest().rev().filter(wanted).take(mine.limit).map(|latest| row(hub, latest)).collect();
        let names = chosen.unwrap_or_default().into_iter().map(|s| hub.model.book().subject(s));
        let names: Vec<(String, String)> = names.map(|(d, c)| (d.to_owned(), c.to_owned())).collect();
        Ok::<_, Problem>((rows, names))
    };
    let (mut rows, names) = app.hub.ask(at_hand).await??;
    if rows.len() < ask.limit {
        // Devices times channels may be more than was chosen by number.
        ask.devices.extend(names.iter().map(|(device, _)| device.clone()));
        ask.channels.extend(names.iter().map(|(_, channel)| channel.clone()));
        let older = app.read(move |history| Ok((history.readings(&ask.rows())?, ask.limit)));
        let (older, limit) = older.await?;
        let known: HashSet<u64> = rows.iter().map(|row| row.seq).collect();
        let fits =
            |row: &ReadingRow| names.is_empty() || names.iter().any(|(d, c)| *d == row.device && *c == row.channel);
        rows.extend(older.into_iter().filter(|row| !known.contains(&row.seq) && fits(row)));
        rows.sort_by_key(|row| std::cmp::Reverse((row.time, row.seq)));
        rows.truncate(limit);
    }
    let page = app.hub.ask(move |hub| json!({ "readings": wire_readings(hub, &rows) })).await?;
    Ok(crate::app::json(&page))
}

fn row(hub: &Hub, latest: &Latest) -> ReadingRow {
    let (device, channel) = hub.model.book().subject(latest.series);
    ReadingRow {
        seq: latest.seq,
        device: device.to_owned(),
        channel: channel.to_owned(),
        time: latest.time,
        value: latest.value,
        quality: latest.quality,
        late: latest.flags & bits::LATE != 0,
    }
}

fn wire_readings(hub: &Hub, rows: &[ReadingRow]) -> Vec<Value> {
    let mut numbers: HashMap<(&str, &str), Option<Series>> = HashMap::new();
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let names = (row.device.as_str(), row.channel.as_str());
        let number = *numbers.entry(names).or_insert_with(|| hub.model.find(names.0, names.1));
        let quality = match row.quality {
            Quality::Good => "good",
            Quality::OutOfRange => "out_of_range",
            Quality::Flagged => "flagged",
        };
        all.push(json!({
            "seq": row.seq, "s": number.map(|series| series.0), "device": row.device, "channel": row.channel,
            "t": micros(row.time), "value": row.value, "quality": quality, "late": row.late,
        }));
    }
    all
}

/// `GET /api/v1/aggregates`
pub async fn aggregates(State(app): State<App>, query: Query) -> Answer {
    let mut ask = Ask::of(&query, app.clock.now())?;
    if query.series()?.is_some() {
        let (devices, channels) = app.hub.ask(move |hub| subjects(hub, &query)).await??;
        ask.devices.extend(devices);
        ask.channels.extend(channels);
    }
    let rows = app.read(move |history| history.rows(Noun::Aggregates, &ask.rows())).await?;
    Ok(listed("aggregates", &rows))
}

/// Devices and channels of the series that are chosen by number, and the channels that are made of them.
fn subjects(hub: &Hub, query: &Query) -> Result<(BTreeSet<String>, BTreeSet<String>), Problem> {
    let (mut devices, mut channels) = (BTreeSet::new(), BTreeSet::new());
    for series in chosen(hub, query, SERIES)? {
        let (device, channel) = hub.model.book().subject(series);
        devices.insert(device.to_owned());
        channels.insert(channel.to_owned());
        channels.extend(hub.model.channels_made_of(series));
    }
    Ok((devices, channels))
}

/// `GET /api/v1/filtered`
pub async fn filtered(State(app): State<App>, query: Query) -> Answer {
    let ask = Ask::of(&query, app.clock.now())?;
    let rows = app.read(move |history| history.rows(Noun::Filtered, &ask.rows())).await?;
    Ok(listed("filtered", &rows))
}

/// `GET /api/v1/anomalies`
pub async fn anomalies(State(app): State<App>, query: Query) -> Answer {
    let ask = Ask::of(&query, app.clock.now())?;
    let severity = match query.text("severity") {
        None => None,
        Some(word @ ("warning" | "critical")) => Some(word.to_owned()),
        Some(other) => {
            return Err(Problem::bad(format!("`severity` cannot be `{other}`; write warning or critical")));
        }
    };
    let (mine, wanted) = (ask.clone(), severity.clone());
    let (rows, all) = app.hub.ask(move |hub| found(hub, &mine, wanted.as_deref())).await?;
    if all || rows.len() >= ask.limit {
        let rows: Vec<String> = rows.into_iter().map(|(_, _, row)| row).collect();
        return Ok(listed("anomalies", &rows));
    }
    let rows = app.read(move |history| joined(rows, history, &ask, severity.as_deref())).await?;
    Ok(listed("anomalies", &rows))
}

/// Time, id and row.
type Row = (String, String, String);

/// What the hub has at hand, and whether that is all there is in the range.
fn found(hub: &Hub, ask: &Ask, severity: Option<&str>) -> (Vec<Row>, bool) {
    let names = hub.model.book().names;
    let mut rows = Vec::new();
    for (output, anomaly, book) in hub.model.found().within(names, (ask.from, ask.to)) {
        let (device, channel) = book.subject(anomaly.series);
        if ask.has(device, channel) && severity.is_none_or(|wanted| wanted == anomaly.severity.name()) {
            let mut line = Vec::new();
            ndjson::push(output, &book, &mut line);
            let line = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
            rows.push((anomaly.time.to_string(), id(output, &book).to_string(), line));
        }
    }
    rows.sort_by(|a, b| (&b.0, &b.1).cmp(&(&a.0, &a.1)));
    rows.truncate(ask.limit);
    (rows, hub.model.found().covers(ask.from))
}

/// With the rows at rest that are not at hand.
fn joined(mut rows: Vec<Row>, history: &dyn History, ask: &Ask, severity: Option<&str>) -> Result<Vec<String>, Fault> {
    let known: HashSet<String> = rows.iter().map(|(_, id, _)| id.clone()).collect();
    // A severity is not asked of the history, so more rows than wanted are looked through.
    let looked = if severity.is_some() { ROWS } else { ask.limit };
    for row in history.rows(Noun::Anomalies, &RowsAsk { limit: looked, ..ask.rows() })? {
        let Ok(fields) = serde_json::from_str::<Value>(&row) else { continue };
        let word = |name: &str| fields[name].as_str().unwrap_or("").to_owned();
        if !known.contains(&word("id")) && severity.is_none_or(|wanted| word("severity") == wanted) {
            rows.push((word("time"), word("id"), row));
        }
    }
    rows.sort_by(|a, b| (&b.0, &b.1).cmp(&(&a.0, &a.1)));
    rows.truncate(ask.limit);
    Ok(rows.into_iter().map(|(_, _, row)| row).collect())
}

/// Rows that are JSON already, as one object.
fn listed(name: &str, rows: &[String]) -> Response<Body> {
    text("application/json", format!("{{\"{name}\":[{}]}}", rows.join(",")))
}
