//! One live stream: a bounded mailbox, and frames that are held while nobody says that they arrived.
//!
//! Kernel and browser take megabytes without complaint, so a full mailbox comes far too late: a page that hangs would
//! be shown stale frames for half a minute afterwards. Only the page itself can tell what it has drawn. It posts the
//! number of the last frame every half second; while it does not, frames are held, and what it gets when it is back is
//! how things are *then*. Alerts, marks and figures go on.

use super::durable::Durable;
use super::event::Events;
use super::frame::Frame;
pub use super::frame::{Choice, SERIES};
use super::window;
use crate::model::Model;
use bytes::Bytes;
use serde_json::json;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

/// Without progress for longer than this, frames are held.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Without any acknowledgement for longer than this, the stream is closed.
const GIVEN_UP: Duration = Duration::from_secs(30);

/// Events in a mailbox. A frame has at most 60 KB, and frames stop long before.
const MAILBOX: usize = 64;

/// With more events than this in the mailbox no frame, figure or lane joins them: the socket does not take them.
const BACKLOG: usize = 8;

/// New names in one event.
const NAMES: usize = 500;

/// What a client asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wishes {
    /// Readings as they come, and marks.
    pub frames: bool,
    /// Figures once a second.
    pub kpi: bool,
    /// Alerts, and marks.
    pub alerts: bool,
    /// Cells of lanes.
    pub lanes: bool,
    /// The series whose windows it looks at, ascending.
    pub windows: Vec<u32>,
    /// Which series, and how often.
    pub choice: Choice,
}

/// What a client gets when it is let in.
#[derive(Debug)]
pub struct Connected {
    /// What it is called.
    pub cid: String,
    /// Its events, in order; the end is the end of the stream.
    pub events: mpsc::Receiver<Bytes>,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Client {
    /// What it is called.
    pub cid: String,
    /// What it asked for.
    pub wishes: Wishes,
    /// The other end is held by the response's body.
    out: mpsc::Sender<Bytes>,
    /// Number of the last durable event it was given.
    cursor: u64,
    /// Series and channels it has been told of.
    known: (usize, usize),
    /// It must be told how things are before it gets another frame.
    pub owes_sync: bool,
    /// The last frame it was given, and the last it says that it has.
    sent: u64,
    acked: u64,
    /// Since when it has frames that it says nothing of.
    waiting: Option<Instant>,
    heard: Instant,
    /// Frames are held, since this moment (microseconds).
    held: Option<i64>,
    told_lag: bool,
    /// Frames it was not given since its last one.
    skipped: u64,
    /// It was not given something of windows that it was to be told.
    windows_gap: bool,
    lag_ms: f64,
}

impl Client {
    /// A client that was just let in, with its first event. `cursor` is the last durable event it has already.
    pub fn new(
        cid: String,
        wishes: Wishes,
        cursor: u64,
        model: &Model,
        first: Bytes,
    ) -> (Client, mpsc::Receiver<Bytes>) {
        let (out, events) = mpsc::channel(MAILBOX);
        // A mailbox that was just made has room.
        let _ = out.try_send(first);
        let client = Client {
            cid,
            wishes,
            out,
            cursor,
            known: (model.ever_shown(), model.channel_count()),
            owes_sync: true,
            sent: 0,
            acked: 0,
            waiting: None,
            heard: Instant::now(),
            held: None,
            told_lag: false,
            skipped: 0,
            windows_gap: false,
            lag_ms: 0.0,
        };
        (client, events)
    }

    /// It says which frame it has. After a hold, it is owed how things are now.
    pub fn ack(&mut self, seq: u64, lag_ms: f64) {
        let now = Instant::now();
        let progress = seq > self.acked;
        self.acked = self.acked.max(seq.min(self.sent));
        self.heard = now;
        self.lag_ms = lag_ms;
        if self.held.take().is_some() {
            // What was sent before the hold is no debt any more: it counts from the next frame on.
            (self.acked, self.waiting, self.owes_sync, self.told_lag) = (self.sent, None, true, false);
        } else if self.acked >= self.sent {
            self.waiting = None;
        } else if progress {
            self.waiting = Some(now);
        }
    }

    /// Holds frames if it has been silent for too long.
    pub fn watch(&mut self, now: Instant, moment: i64) {
        if self.held.is_none() && self.waiting.is_some_and(|since| now - since > PATIENCE) {
            self.held = Some(moment);
        }
    }

    /// When it will have been silent for too long, or should have said something at all.
    pub fn deadline(&self) -> Option<Instant> {
        let held =
            self.waiting.filter(|_| self.held.is_none()).map(|since| since + PATIENCE + Duration::from_millis(1));
        let given_up = self.wishes.frames.then(|| self.heard + GIVEN_UP + Duration::from_millis(1));
        held.into_iter().chain(given_up).min()
    }

    /// Whether it has been silent for so long that it is not there any more.
    pub fn is_given_up(&self, now: Instant) -> bool {
        self.wishes.frames && now - self.heard > GIVEN_UP
    }

    /// Whether the other end has gone.
    pub fn is_gone(&self) -> bool {
        self.out.is_closed()
    }

    /// Whether it may be told how things are.
    pub fn awaits_sync(&self) -> bool {
        self.owes_sync && self.held.is_none() && self.out.capacity() > 0
    }

    /// Sends what comes before frames: alerts and marks, names, a lag, a sync. Gives whether nothing is left.
    ///
    /// All that has a higher number waits until these are out: whoever resumes after it must not miss one of them.
    pub fn catch_up(&mut self, model: &Model, events: &Events, durable: &Durable, sync: Option<Bytes>) -> bool {
        let (alerts, marks) = (self.wishes.alerts, self.wishes.alerts || self.wishes.frames);
        if durable.missed(self.cursor, alerts, marks) {
            // They are gone; the sync that follows has all alerts that are open.
            self.cursor = events.last();
            self.owes_sync = true;
        }
        while let Some((seq, bytes)) = durable.next(self.cursor, alerts, marks) {
            if !self.send(bytes) {
                return false;
            }
            self.cursor = seq;
        }
        while self.known.0 < model.ever_shown() {
            let fresh = model.shown_since(self.known.0);
            let told = fresh.len().min(NAMES);
            let series: Vec<_> = fresh[..told].iter().map(|&series| model.series_view(series)).collect();
            let names = json!({ "series": series, "channels": model.channel_views(self.known.1) });
            if !self.send(events.repeat("names", &names)) {
                return false;
            }
            self.known = (model.ever_shown() - (fresh.len() - told), model.channel_count());
        }
        if let Some(since) = self.held.filter(|_| !self.told_lag) {
            self.told_lag = self.send(events.repeat("lag", &json!({ "skipped": self.skipped, "since": since })));
            return self.told_lag;
        }
        if self.awaits_sync() {
            self.owes_sync = !sync.is_some_and(|sync| self.send(sync));
        }
        self.held.is_some() || !self.owes_sync
    }

    /// A frame of its choice, if it may have one; `caught_up`: it has all that comes before frames.
    pub fn frame(&mut self, frame: &Frame, caught_up: bool, now: Instant) {
        let may = caught_up && self.held.is_none() && !self.owes_sync && self.backlog() <= BACKLOG;
        if !may || !self.send(frame.after(self.skipped)) {
            self.skipped += 1;
            return;
        }
        self.skipped = 0;
        self.sent = frame.seq;
        self.waiting.get_or_insert(now);
    }

    /// An event that may be left out when there is no room: the next one says the same or more.
    pub fn offer(&mut self, bytes: &Bytes) {
        if !self.owes_sync && self.backlog() <= BACKLOG {
            self.send(bytes.clone());
        }
    }

    /// What windows say, if it looks at any of them; what it cannot be told now it is told to ask for later.
    pub fn windows(&mut self, news: &window::News, caught_up: bool, moment: i64, events: &Events) {
        let Some(event) = news.event(&self.wishes.windows, self.windows_gap, moment, events) else { return };
        let may = caught_up && !self.owes_sync && self.backlog() <= BACKLOG;
        self.windows_gap = !(may && self.send(event));
    }

    fn backlog(&self) -> usize {
        self.out.max_capacity() - self.out.capacity()
    }

    /// Puts an event into the mailbox, if there is room. One who has gone has room for everything.
    pub fn send(&mut self, bytes: Bytes) -> bool {
        !matches!(self.out.try_send(bytes), Err(TrySendError::Full(_)))
    }

    /// For the pipeline's page.
    pub fn view(&self) -> serde_json::Value {
        json!({
            "cid": self.cid,
            "seq": self.sent,
            "acked": self.acked,
            "lag_ms": self.lag_ms,
            "lagging": self.held.is_some(),
        })
    }
}
