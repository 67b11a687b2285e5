//! The `window` events: what windows say of the series whose windows a page shows.
//!
//! Each stream names a few series; the run is asked for what is open of all of them together, and of no others. A row
//! that is provisional goes to these streams and nowhere else.

use super::Hub;
use super::event::Events;
use crate::model::{Changes, Row};
use bytes::Bytes;
use ouzel_engine::series::Series;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The most series whose windows one stream is told of: as many as a person can follow.
pub const LOOKED: usize = 16;

/// The most rows of one event; beyond, the oldest are left out, and it says so.
const ROWS: usize = 200;

/// The most rows that wait to be told: a burst of steps at the most.
const WAITING: usize = 4_000;

/// What is to be told of windows.
#[derive(Debug, Default)]
pub struct News {
    /// All that is open; `None`: as told before.
    pub open: Option<Vec<Row>>,
    /// What has closed, or was given again.
    pub closed: Vec<Row>,
}

impl News {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.open.is_none() && self.closed.is_empty()
    }

    /// The event for one who looks at these; nothing if it says nothing to them. `gap`: they missed one before it.
    pub fn event(&self, looked: &[u32], gap: bool, moment: i64, events: &Events) -> Option<Bytes> {
        let wanted = |rows: &[Row]| -> (Vec<String>, bool) {
            let all: Vec<&Row> = rows.iter().filter(|row| looked.binary_search(&row.shown.0).is_ok()).collect();
            let left = all.len().saturating_sub(ROWS);
            (all[left..].iter().map(|row| row.json.clone()).collect(), left > 0)
        };
        let open = self.open.as_deref().map(wanted);
        let (closed, left_out) = wanted(&self.closed);
        if looked.is_empty() || (open.is_none() && closed.is_empty()) {
            return None;
        }
        let open = open.map_or("null".to_owned(), |(rows, _)| format!("[{}]", rows.join(",")));
        let gap = gap || left_out;
        let mut into = events.head(events.last(), "window");
        let closed = closed.join(",");
        let data = format!("{{\"now\":{moment},\"gap\":{gap},\"open\":{open},\"closed\":[{closed}]}}\n\n");
        into.extend_from_slice(data.as_bytes());
        Some(into.into())
    }
}

impl Hub {
    /// Lets the run know whose windows are looked at, where that is news.
    pub fn look(&mut self) {
        let looked: BTreeSet<Series> = self.clients.looked().collect();
        if *self.model.windows().looked() != looked {
            let all: Arc<[Series]> = looked.iter().copied().collect();
            // Nobody hears it where the run is at its end.
            self.looks.send_replace(all);
            self.model.windows_mut().look(looked);
        }
    }

    /// Keeps what a step has changed until it is told.
    pub(super) fn take_windows(&mut self, changes: &mut Changes) {
        self.windows_open |= changes.open;
        let room = WAITING.saturating_sub(self.windows_closed.len());
        self.counters.unseen.add(changes.closed.len().saturating_sub(room) as u64);
        self.windows_closed.extend(changes.closed.drain(..).take(room));
    }

    /// What is to be told of windows now.
    pub(super) fn window_news(&mut self) -> News {
        let closed = std::mem::take(&mut self.windows_closed);
        let open = std::mem::take(&mut self.windows_open);
        // What closed is no longer among what is open, and that is to be seen at once.
        let open = open || !closed.is_empty();
        News { open: open.then(|| self.model.windows().rows(&self.model.book())), closed }
    }
}
