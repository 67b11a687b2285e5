//! What a sender hears of its body: one answer, once it is known what became of all of it.

use crate::source::live::Fate;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// How many mistakes an answer names.
const NAMED: usize = 100;

/// What a request hears of its body.
pub(super) enum Heard {
    /// It was not begun.
    Refused(StatusCode, String),
    /// What became of one of its packets, of so many readings.
    Fate(Fate, u64),
    /// It was read to its end, and became so many packets.
    Read { packets: u64, report: Report },
}

/// What is not in the journal of a body that was kept.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// What could not be read: how much, and the first of it by line.
    count: u64,
    first: Vec<(u64, String)>,
    /// Readings that the intake put aside, by why. It has a few reasons, which are all written in the program.
    aside: Vec<(&'static str, u64)>,
    /// Nothing behind this line was read.
    broken: Option<u64>,
}

impl Report {
    /// Something on this line could not be read.
    pub(super) fn mistake(&mut self, line: u64, reason: &str) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push((line, reason.to_owned()));
        }
    }

    /// Nothing behind this line could be read.
    pub(super) fn breaks_off(&mut self, line: u64) {
        self.broken = Some(line);
    }

    /// The intake put so many readings aside.
    fn put_aside(&mut self, count: u64, why: &'static str) {
        match self.aside.iter_mut().find(|(other, _)| *other == why) {
            Some((_, sum)) => *sum += count,
            None => self.aside.push((why, count)),
        }
    }

    /// 204, or what InfluxDB writes of a body that was kept in part, with all of the lines beside the first.
    fn response(&self) -> Response {
        if self.count == 0 && self.aside.is_empty() {
            return StatusCode::NO_CONTENT.into_response();
        }
        let many = |count: u64, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
        let mut parts = Vec::new();
        if let Some((line, reason)) = self.first.first() {
            parts.push(format!("{}, first in line {line}: {reason}", many(self.count, "mistake")));
        }
        parts.extend(self.aside.iter().map(|&(why, count)| {
            let verb = if count == 1 { "was" } else { "were" };
            format!("{} {verb} put aside: {why}", many(count, "reading"))
        }));
        parts.push(match self.broken {
            None => "all else was kept".to_owned(),
            Some(line) => format!("nothing behind line {line} was read; all else was kept"),
        });
        // Of what the intake puts aside nobody knows the line any more: 0, as InfluxDB has it where there is none.
        let line = self.first.first().map_or(0, |(line, _)| *line);
        let lines: Vec<_> = self.first.iter().map(|(line, reason)| json!({ "line": line, "reason": reason })).collect();
        let aside: u64 = self.aside.iter().map(|(_, count)| count).sum();
        let message = format!("partial write: {}", parts.join("; "));
        let body = json!({
            "code": "invalid", "message": message, "line": line, "lines": lines, "aside": aside,
        });
        (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
    }
}

/// What became of the packets of a body, in readings.
#[derive(Default)]
struct Fates {
    kept: u64,
    /// By the queue's policy.
    dropped: u64,
    refused: u64,
    /// Why it was refused, if it was.
    why: Option<&'static str>,
    /// Packets of which it is known what became of them, and of these given up or refused.
    known: u64,
    gone: u64,
}

impl Fates {
    fn add(&mut self, fate: Fate, readings: u64, report: &mut Report) {
        self.known += 1;
        match fate {
            Fate::Kept | Fate::Known => self.kept += readings,
            Fate::Partly { aside, why } => {
                self.kept += readings.saturating_sub(aside);
                report.put_aside(aside, why);
            }
            Fate::Dropped => {
                self.gone += 1;
                self.dropped += readings;
            }
            Fate::Refused { why } => {
                self.gone += 1;
                self.refused += readings;
                self.why = Some(why);
            }
        }
    }

    /// Where some of it is gone: what, and what to do.
    fn response(&self, seconds: u32) -> Option<Response> {
        if self.gone == 0 {
            return None;
        }
        let gone = self.dropped + self.refused;
        let whole = self.gone == self.known;
        let (status, message) = match (self.why, whole) {
            (Some(why), true) => (StatusCode::INSUFFICIENT_STORAGE, format!("nothing of this request was kept: {why}")),
            (Some(why), false) => {
                (StatusCode::INSUFFICIENT_STORAGE, format!("only a part of this request was kept: {why}"))
            }
            (None, true) => (StatusCode::SERVICE_UNAVAILABLE, "the queue is full and gave this request up".to_owned()),
            (None, false) => {
                (StatusCode::SERVICE_UNAVAILABLE, "the queue is full and gave a part of this request up".to_owned())
            }
        };
        let parts = if whole {
            String::new()
        } else {
            let again = "sent again with the same Idempotency-Key, or with times of their own, none is taken twice";
            format!("; {} of its readings were kept, {gone} were not; {again}", self.kept)
        };
        let more = json!({ "kept": self.kept });
        Some(later(status, &format!("{message}{parts}"), seconds, more))
    }
}

/// Waits for what became of a body. Who comes too early may come again after so many `seconds`, by the time it is known.
pub(super) async fn answer(mut heard: mpsc::UnboundedReceiver<Heard>, seconds: impl Fn() -> u32) -> Response {
    let (mut report, mut packets, mut fates) = (Report::default(), None, Fates::default());
    while packets != Some(fates.known) {
        match heard.recv().await {
            Some(Heard::Refused(status, why)) => return refuse(status, &why),
            Some(Heard::Read { packets: all, report: read }) => {
                packets = Some(all);
                report = Report { aside: report.aside, ..read };
            }
            Some(Heard::Fate(fate, readings)) => fates.add(fate, readings, &mut report),
            None => return unavailable("ouzel is stopping", seconds()),
        }
    }
    fates.response(seconds()).unwrap_or_else(|| report.response())
}

/// An answer that something is wrong with the request.
pub(super) fn refuse(status: StatusCode, why: &str) -> Response {
    said(status, why, json!({}))
}

/// The queue is full, or nearly so.
pub(super) fn too_many(seconds: u32) -> Response {
    later(
        StatusCode::TOO_MANY_REQUESTS,
        "the queue is nearly full: nothing of this request was read",
        seconds,
        json!({}),
    )
}

/// Nothing can be kept.
pub(super) fn no_room(why: &str, seconds: u32) -> Response {
    let why = format!("nothing of this request was read: {why}");
    later(StatusCode::INSUFFICIENT_STORAGE, &why, seconds, json!({}))
}

/// It cannot be taken now.
pub(super) fn unavailable(why: &str, seconds: u32) -> Response {
    later(StatusCode::SERVICE_UNAVAILABLE, why, seconds, json!({}))
}

fn later(status: StatusCode, why: &str, seconds: u32, more: Value) -> Response {
    let mut response = said(status, &format!("{why}: try again"), more);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

/// In the words of InfluxDB, whose clients read them.
fn said(status: StatusCode, why: &str, mut more: Value) -> Response {
    let code = match status {
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::PAYLOAD_TOO_LARGE => "request too large",
        StatusCode::TOO_MANY_REQUESTS => "too many requests",
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE => "unavailable",
        _ => "invalid",
    };
    (more["code"], more["message"]) = (code.into(), why.into());
    (status, axum::Json(more)).into_response()
}
