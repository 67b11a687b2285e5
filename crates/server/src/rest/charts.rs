//! Series over a range: for charts (down-sampled, with anomalies pinned and gaps kept) and as CSV (all readings).

use super::{Answer, chosen};
use crate::app::{App, json, text};
use crate::history::{History, RowsAsk, SeriesAsk, SeriesColumns, Tier};
use crate::hub::Hub;
use crate::model::{Found, WireAnomaly, micros};
use crate::problem::Problem;
use crate::query::Query;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Response;
use axum::http::header::{ACCEPT, HeaderMap};
use hashbrown::HashSet;
use ouzel_connect::decode::time::TimeReader;
use ouzel_connect::encode::number::{push_number, push_time};
use ouzel_connect::fault::Fault;
use ouzel_connect::format::{TimeForm, Zone};
use ouzel_connect::sink::Noun;
use ouzel_engine::series::Series;
use ouzel_engine::time::{Span, Time};
use serde::Serialize;
use tokio::sync::mpsc;

/// Series of one answer.
const SERIES: usize = 200;

/// Anomalies of one series in an answer.
const ANOMALIES: usize = 2_000;

/// Rows of one CSV.
const ROWS: usize = 1_000_000;

/// Bytes of one piece of a CSV.
const PIECE: usize = 64 * 1_024;

#[derive(Serialize)]
struct Chart {
    from: i64,
    to: i64,
    tier: &'static str,
    series: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    s: u32,
    t: Vec<i64>,
    v: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Vec<f64>>,
    band: Bands,
    anomalies: Vec<WireAnomaly>,
}

#[derive(Default, Serialize)]
struct Bands {
    t: Vec<i64>,
    low: Vec<f64>,
    high: Vec<f64>,
}

/// What the hub knows of a series that is asked for.
struct Known {
    s: Series,
    device: String,
    channel: String,
    /// The channels made of it, whose anomalies are shown here, too.
    made: Vec<String>,
    usual: Span,
    band: Bands,
    anomalies: Vec<WireAnomaly>,
    /// Whether these are all there are.
    all: bool,
}

/// `GET /api/v1/series`
pub async fn series(State(app): State<App>, query: Query, headers: HeaderMap) -> Answer {
    let (from, to) = query.range(app.clock.now())?;
    let px = query.whole("px", 1_000, 1, 10_000)?;
    let csv = |accept: &axum::http::HeaderValue| accept.to_str().is_ok_and(|kinds| kinds.contains("text/csv"));
    if headers.get(ACCEPT).is_some_and(csv) {
        return table(app, query, from, to).await;
    }
    let known = move |hub: &mut Hub| {
        let chosen = chosen(hub, &query, SERIES)?;
        Ok::<Vec<Known>, Problem>(chosen.into_iter().map(|series| known(hub, series, from, to, px)).collect())
    };
    let known = app.hub.ask(known).await??;
    let tier = Tier::fitting(to.since(from), px);
    let lines = app.read(move |history| known.into_iter().map(|k| line(history, k, (from, to), tier, px)).collect());
    let series: Vec<Line> = lines.await?;
    Ok(json(&Chart { from: micros(from), to: micros(to), tier: tier.name(), series }))
}

fn known(hub: &Hub, series: Series, from: Time, to: Time, px: usize) -> Known {
    let model = &hub.model;
    let book = model.book();
    let (device, channel) = book.subject(series);
    let of_series = |origin: Series| model.track(origin).is_some_and(|track| track.origin == series);
    let found = model.found().within(book.names, (from, to)).filter(|(_, anomaly, _)| of_series(anomaly.series));
    let mut anomalies: Vec<WireAnomaly> =
        found.take(ANOMALIES).map(|(output, anomaly, book)| Found::wire(output, anomaly, &book)).collect();
    anomalies.reverse();
    Known {
        s: series,
        device: device.to_owned(),
        channel: channel.to_owned(),
        made: model.channels_made_of(series),
        usual: model.track(series).map_or(Span::ZERO, crate::model::Track::usual),
        band: bands(hub, series, from, to, px),
        anomalies,
        all: model.found().covers(from),
    }
}

/// What was expected, one of a few where there are more than pixels, and carried on to the end.
fn bands(hub: &Hub, series: Series, from: Time, to: Time, px: usize) -> Bands {
    let Some(track) = hub.model.track(series) else { return Bands::default() };
    let all: Vec<_> = track.bands(from, to).collect();
    let step = all.len().div_ceil(px.max(1)).max(1);
    let mut bands = Bands::default();
    let mut push = |time: i64, low: f64, high: f64| {
        bands.t.push(time);
        bands.low.push(low);
        bands.high.push(high);
    };
    for band in all.iter().step_by(step) {
        push(band.time.max(micros(from)), band.low, band.high);
    }
    if let Some(last) = all.last() {
        push(micros(to.min(hub.now())).max(last.time), last.low, last.high);
    }
    bands
}

fn line(
    history: &dyn History,
    mut known: Known,
    (from, to): (Time, Time),
    tier: Tier,
    px: usize,
) -> Result<Line, Fault> {
    if !known.all {
        add_older(history, &mut known, from, to)?;
    }
    let pins: Vec<Time> = known.anomalies.iter().map(|anomaly| Time(anomaly.t.saturating_mul(1_000))).collect();
    let columns = Span(to.since(from).0 / px as i64 * 2);
    let usual = Span(known.usual.max(tier.width()).0.saturating_mul(5));
    let ask = SeriesAsk {
        device: &known.device,
        channel: &known.channel,
        from,
        to,
        tier,
        px,
        pins: &pins,
        gap: usual.max(columns),
    };
    let SeriesColumns { time: t, value: v, extremes } = history.series(&ask)?;
    let (min, max) = extremes.unzip();
    Ok(Line { s: known.s.0, t, v, min, max, band: known.band, anomalies: known.anomalies })
}

/// Anomalies that the hub does not have any more.
fn add_older(history: &dyn History, known: &mut Known, from: Time, to: Time) -> Result<(), Fault> {
    let devices = [known.device.clone()];
    let mut channels = known.made.clone();
    channels.push(known.channel.clone());
    let ask = RowsAsk { devices: &devices, channels: &channels, from, to, limit: ANOMALIES };
    let mut times = TimeReader::new(&TimeForm::Rfc3339(Zone::default()))?;
    let ids: HashSet<String> = known.anomalies.iter().map(|anomaly| anomaly.id.clone()).collect();
    for row in history.rows(Noun::Anomalies, &ask)? {
        let Ok(fields) = serde_json::from_str::<serde_json::Value>(&row) else { continue };
        let word = |name: &str| fields[name].as_str().unwrap_or("").to_owned();
        let Ok(time) = times.read(word("time").as_bytes()) else { continue };
        if !ids.contains(&word("id")) {
            known.anomalies.push(WireAnomaly {
                t: micros(time),
                value: fields["value"].as_f64(),
                severity: word("severity"),
                kind: word("kind"),
                detector: word("detector"),
                id: word("id"),
            });
        }
    }
    known.anomalies.sort_by_key(|anomaly| anomaly.t);
    let too_many = known.anomalies.len().saturating_sub(ANOMALIES);
    known.anomalies.drain(..too_many);
    Ok(())
}

/// All readings as `device,channel,time,value`, series by series, in pieces.
async fn table(app: App, query: Query, from: Time, to: Time) -> Result<Response<Body>, Problem> {
    let names = move |hub: &mut Hub| {
        let chosen = chosen(hub, &query, SERIES)?;
        let names = chosen.into_iter().map(|series| hub.model.book().subject(series));
        Ok::<Vec<_>, Problem>(names.map(|(device, channel)| (device.to_owned(), channel.to_owned())).collect())
    };
    let names: Vec<(String, String)> = app.hub.ask(names).await??;
    // Two pieces wait at most, so a slow reader holds back the reading of files, and not memory.
    let (out, pieces) = mpsc::channel(2);
    tokio::spawn(async move {
        let mut left = ROWS;
        let mut head = Bytes::from_static(b"device,channel,time,value\n");
        for (device, channel) in names {
            if out.send(std::mem::take(&mut head)).await.is_err() || left == 0 {
                return;
            }
            let read = app.read(move |history| {
                let points = history.points(&device, &channel, (from, to), left)?;
                Ok((points.len(), written(&device, &channel, &points)))
            });
            // The answer has begun, so there is no status left to say it with: the table ends early.
            let Ok((rows, written)) = read.await else { return };
            left -= rows.min(left);
            for piece in written {
                if out.send(piece).await.is_err() {
                    return;
                }
            }
        }
        if !head.is_empty() {
            let _ = out.send(head).await;
        }
    });
    Ok(text("text/csv; charset=utf-8", crate::stream::pieces(pieces)))
}

fn written(device: &str, channel: &str, points: &[(Time, f64)]) -> Vec<Bytes> {
    let subject = format!("{},{},", quoted(device), quoted(channel));
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    for &(time, value) in points {
        piece.extend_from_slice(subject.as_bytes());
        push_time(time, &mut piece);
        piece.push(b',');
        push_number(value, &mut piece);
        piece.push(b'\n');
        if piece.len() > PIECE {
            pieces.push(Bytes::from(std::mem::take(&mut piece)));
        }
    }
    pieces.push(Bytes::from(piece));
    pieces
}

/// A cell of RFC 4180.
fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
