//! A body on its way through the decoder. It becomes as many packets as it takes, so that neither the queue nor the
//! journal has to hold something huge, and its sender hears once: when all of them are in the journal.
//!
//! A body of up to 32 768 readings is one packet, and so it is in the journal as a whole or not at all.
//!
//! Each packet has a mark of its own, made of the request's and of where in the body it begins. So a body that was kept
//! in part, because of a kill or a full queue, is completed when it comes again, and nothing of it is taken twice. Where
//! there is no mark, the answer at least says how much of it was kept.

use super::answer::{Heard, Report};
use super::routes::{Language, Request};
use crate::decode::payload::{Given, Payload, Place, Progress, Room};
use crate::source::live::{Ack, Mark, Packet};
use crate::source::{Rejected, Rows, declarations};
use axum::body::Bytes;
use ouzel_engine::series::Names;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// How much is decoded at once: as many readings as go into one record of the journal, so many mistakes.
const ROOM: Room = Room { readings: 32_768, rejected: 1_000 };

/// How many mistakes of a packet are kept in words; the others are counted in one sentence.
const TOLD: usize = 100;

/// How much of a reason is kept, in bytes. One line may have 16 bad cells.
const REASON: usize = 1_000;

/// A body's own hash and one of a key are not taken for each other.
const SEED: u64 = 0x626f_6479;

/// See the head of this file.
pub(super) struct Post {
    body: Bytes,
    language: Language,
    /// Hash of its idempotency key.
    key: Option<u64>,
    heard: mpsc::UnboundedSender<Heard>,
    place: Place,
    /// Of the next packet: where it begins, what it has, and how many mistakes beside those that are in words.
    from: usize,
    rows: Rows,
    untold: u64,
    /// Of `rows.rejected`, how many stand in the report.
    reported: usize,
    packets: u64,
    /// How many bytes were sent, until the first packet has taken them.
    bytes: u64,
    report: Report,
    /// Whether there was no beginning: then its only packet has the reason.
    refused: bool,
    /// Its part of the budget.
    _part: OwnedSemaphorePermit,
}

impl Post {
    /// Begins a body, unpacked, of which so many `bytes` were sent.
    pub(super) fn begin(request: Request, body: Bytes, bytes: u64, payload: &mut Payload, given: &Given<'_>) -> Post {
        let Request { language, key, heard, part, .. } = request;
        let mut post = Post {
            body,
            language,
            key,
            heard,
            place: Place::START,
            from: 0,
            rows: Rows::default(),
            untold: 0,
            reported: 0,
            packets: 0,
            bytes,
            report: Report::default(),
            refused: false,
            _part: part,
        };
        match payload.begin(&post.body, given) {
            Ok(place) => post.place = place,
            Err(rejected) => {
                post.rows.rejected.push(rejected);
                post.refused = true;
            }
        }
        post
    }

    /// What it is written in.
    pub(super) fn language(&self) -> Language {
        self.language
    }

    /// Decodes on; a packet once there is one, and whether it was the last step.
    pub(super) fn step(&mut self, payload: &mut Payload, names: &mut Names) -> (Option<Packet>, bool) {
        let progress = if self.refused {
            Progress::Broken(1)
        } else {
            payload.go_on(&self.body, &mut self.place, &ROOM, names, &mut self.rows)
        };
        self.count();
        if let Progress::Broken(line) = progress {
            self.report.breaks_off(line);
        }
        let over = progress != Progress::More;
        let full = self.rows.rows.len() >= ROOM.readings;
        let something = !self.rows.rows.is_empty() || !self.rows.rejected.is_empty() || self.rows.absent > 0;
        let packet = (full || over && something).then(|| self.packet(payload, names, over));
        if over {
            let report = std::mem::take(&mut self.report);
            // Whoever asked may have gone; then nobody hears it.
            let _ = self.heard.send(Heard::Read { packets: self.packets, report });
        }
        (packet, over)
    }

    /// Puts new mistakes into the report, and keeps the words of the first of them.
    fn count(&mut self) {
        let rejected = &mut self.rows.rejected;
        for one in &mut rejected[self.reported..] {
            shorten(&mut one.reason);
            self.report.mistake(one.line, &one.reason);
        }
        self.untold += rejected.len().saturating_sub(TOLD) as u64;
        rejected.truncate(TOLD);
        self.reported = rejected.len();
    }

    fn packet(&mut self, payload: &mut Payload, names: &mut Names, over: bool) -> Packet {
        let mark = self.mark(payload, over);
        let Rows { rows, mut rejected, absent, numbered, retold } = std::mem::take(&mut self.rows);
        // The line that says so counts for one of them.
        let unnamed = self.untold.saturating_sub(1);
        if let Some(Rejected { source, line, .. }) = rejected.last().filter(|_| self.untold > 0) {
            let reason = format!("{} more mistakes behind this line", self.untold);
            rejected.push(Rejected { source: source.clone(), line: *line, reason, text: String::new() });
        }
        (self.from, self.untold, self.reported) = (self.place.at, 0, 0);
        self.packets += 1;
        let (heard, readings) = (self.heard.clone(), rows.len() as u64);
        let ack = Some(Ack::new(move |fate| drop(heard.send(Heard::Fate(fate, readings)))));
        let (declarations, bytes) = (declarations(names, retold), std::mem::take(&mut self.bytes));
        Packet {
            declarations,
            rows,
            numbered,
            rejected,
            unnamed,
            absent,
            mark,
            ack,
            waits: true,
            bytes,
            reference: None,
        }
    }

    /// By what this packet is known if it comes again. Without a key only a body of several packets has such marks, and
    /// only where its readings carry their own times: a part of it may have been given up, so it may have to be sent
    /// again, and then it is the same readings.
    fn mark(&self, payload: &mut Payload, over: bool) -> Option<Mark> {
        let alone = over && self.packets == 0;
        let own = || {
            let language = match self.language {
                Language::Plain => 0,
                Language::Lines(unit) => 1 + unit as u64,
            };
            (!alone && payload.own_times()).then(|| xxh3_64_with_seed(&self.body, SEED + language))
        };
        let whole = self.key.or_else(own)?;
        let hash = match self.packets {
            0 => whole,
            _ => xxh3_64_with_seed(&(self.from as u64).to_le_bytes(), whole),
        };
        Some(Mark { hash, compare: true })
    }
}

fn shorten(reason: &mut String) {
    if reason.len() > REASON {
        let end = (0..=REASON).rev().find(|&end| reason.is_char_boundary(end)).unwrap_or(0);
        reason.truncate(end);
        reason.push('…');
    }
}
