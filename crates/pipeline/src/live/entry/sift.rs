//! What of a packet goes on, and what stays here: what is ahead of the clock, what has no room, what came before.

use super::Feed;
use crate::known::Remembered;
use crate::sequence::Seen;
use ouzel_connect::source::Rejected;
use ouzel_connect::source::live::{Fate, Packet};
use ouzel_engine::reading::Reading;
use ouzel_engine::series::Series;
use ouzel_engine::time::{Span, Time};

/// The clock, as a round has it.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    /// When it is.
    pub(super) now: Time,
    /// The last tick before it.
    pub(super) ticked: Time,
}

/// What did not go on, and what is to be known of the rest.
#[derive(Default)]
pub(super) struct Sifted {
    pub(super) aside: Aside,
    /// Of each series that is ahead of the clock, its time; the first few.
    pub(super) ahead: Vec<(Series, Time)>,
    /// Rows of the packet that came before: where they begin, and how many they are.
    pub(super) again: Vec<(u32, u32)>,
    /// The numbered messages that go on.
    pub(super) numbers: Vec<Seen>,
}

/// Series of a packet that are named when they are ahead of the clock.
const AHEAD: usize = 1_000;

/// Adds the rows that go on to `rows`, with the stream's numbers.
pub(super) fn sift(
    feed: &Feed,
    packet: &Packet,
    at: Moment,
    remembered: &mut Remembered,
    rows: &mut Vec<Reading>,
) -> Sifted {
    let latest = at.now + feed.ahead;
    let mut sifted = Sifted::default();
    let mut messages = packet.numbered.iter().peekable();
    let mut passing = 0;
    for (index, row) in (0u32..).zip(&packet.rows) {
        if index < passing {
            continue;
        }
        let message = messages.next_if(|message| message.row == index);
        let Some((series, arrives)) = feed.series.get(row.series.0 as usize).copied().flatten() else {
            sifted.aside.add(Why::TooMany);
            continue;
        };
        if !arrives && row.time > latest {
            sifted.aside.add(Why::Ahead(feed.ahead));
            if sifted.ahead.len() < AHEAD {
                sifted.ahead.push((series, row.time));
            }
            continue;
        }
        if let Some(message) = message {
            let time = (message.timed && !arrives).then_some(row.time);
            let seen = Seen { series, number: message.number, time };
            if !remembered.number(feed.key, seen) {
                sifted.again.push((message.row, message.count));
                passing = message.row.saturating_add(message.count);
                continue;
            }
            sifted.numbers.push(seen);
        }
        let time = if arrives { row.time.max(at.ticked) } else { row.time };
        rows.push(Reading { series, time, ..*row });
    }
    sifted
}

impl Sifted {
    /// Readings that came before.
    pub(super) fn duplicates(&self) -> u64 {
        self.again.iter().map(|(_, count)| u64::from(*count)).sum()
    }
}

/// Why readings are put aside.
#[derive(Clone, Copy)]
enum Why {
    /// Their time lies more than this ahead of the clock here.
    Ahead(Span),
    TooMany,
}

/// Readings of a packet that were put aside: how many, and why the first of them.
#[derive(Default)]
pub(super) struct Aside {
    count: u64,
    /// Of these, how many were ahead of the clock.
    pub(super) ahead: u64,
    why: Option<Why>,
}

impl Aside {
    fn add(&mut self, why: Why) {
        self.count += 1;
        self.ahead += u64::from(matches!(why, Why::Ahead(_)));
        self.why.get_or_insert(why);
    }

    /// For the sender.
    pub(super) fn fate(&self) -> Fate {
        let why = |why| match why {
            Why::Ahead(_) => "their time lies too far ahead of the clock here",
            Why::TooMany => "their device is beyond the limit of devices",
        };
        self.why.map_or(Fate::Kept, |one| Fate::Partly { aside: self.count, why: why(one) })
    }

    /// For the people here.
    pub(super) fn told(&self, source: &str) -> Option<Rejected> {
        let why = match self.why? {
            Why::Ahead(ahead) => format!("their time lies more than {ahead} ahead of the clock here"),
            Why::TooMany => "their device is beyond the limit of devices".to_owned(),
        };
        let reason = format!("{} readings of a message were put aside: {why}", self.count);
        Some(Rejected { source: source.to_owned(), line: 0, reason, text: String::new() })
    }
}
