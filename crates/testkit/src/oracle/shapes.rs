//! Which readings of a series belong together, for every shape of window: by looking at all readings for each window.

use super::arrived::{Device, One};
use super::civil;
use ouzel_engine::plan::{SessionSpec, Shape};

/// Readings that belong together.
#[derive(Clone, Debug)]
pub struct Together {
    /// As the result says them.
    pub start: i64,
    /// As the result says it.
    pub end: i64,
    /// Until when the last value holds.
    pub until: i64,
    /// It is over when the watermark has come to this moment.
    pub over: i128,
    /// The input by which it is given.
    pub given: u64,
    /// Good readings and bad ones, in the order of times.
    pub good: Vec<One>,
    /// See `good`.
    pub bad: Vec<One>,
    /// How many readings of the series, good and bad, had been before it was given.
    pub heard: usize,
}

/// All windows of one series of a device, in the order in which they are over. Some have no good reading. `min` matters to
/// sliding windows, which speak again only after they have spoken.
pub fn windows(shape: &Shape, device: &Device, all: &[One], min: u64) -> Vec<Together> {
    match shape {
        Shape::Time { size, every } => hopping(device, all, size.0.into(), every.0.into()),
        Shape::Calendar { step, zone } => {
            let mut edges: Vec<_> = all.iter().map(|one| civil::window(*step, zone, one.time.into())).collect();
            edges.dedup();
            edges.into_iter().map(|edges| between(device, all, edges)).collect()
        }
        Shape::Sliding { size, every } => sliding(all, size.0, every.0, min),
        Shape::Count { size, every } => count(all, *size as usize, *every as usize),
        Shape::Session(session) => sessions(device, all, session),
    }
}

/// What is inside `[start, end)`. Ends that the type of times cannot hold are not for the oracle.
pub fn between(device: &Device, all: &[One], (start, end): (i128, i128)) -> Together {
    let inside = |one: &&One| start <= one.time.into() && i128::from(one.time) < end;
    let (good, bad) = all.iter().filter(inside).partition(|one| one.good);
    let heard = all.iter().filter(|one| i128::from(one.time) < end).count();
    let (start, last) = (start as i64, end as i64);
    Together { start, end: last, until: last, over: end, given: device.passes(end), good, bad, heard }
}

fn hopping(device: &Device, all: &[One], size: i128, every: i128) -> Vec<Together> {
    let mut starts: Vec<i128> = Vec::new();
    for one in all {
        let mut start = i128::from(one.time).div_euclid(every) * every;
        while start + size > one.time.into() {
            starts.push(start);
            start -= every;
        }
    }
    starts.sort_unstable();
    starts.dedup();
    starts.into_iter().map(|start| between(device, all, (start, start + size))).collect()
}

fn sliding(all: &[One], size: i64, every: i64, min: u64) -> Vec<Together> {
    let (mut since, mut told): (Option<i64>, Vec<Together>) = (None, Vec::new());
    for (index, one) in all.iter().enumerate().filter(|(_, one)| one.good) {
        // The first reading starts the count.
        let counts_from = *since.get_or_insert(one.time);
        let inside = all[..=index].iter().filter(|other| one.time - size <= other.time);
        let (good, bad): (Vec<One>, Vec<One>) = inside.partition(|other| other.good);
        if one.time - counts_from < every || (good.len() as u64) < min {
            continue;
        }
        since = Some(one.time);
        let (start, end, heard) = (one.time - size, one.time, index + 1);
        told.push(Together { start, end, until: end, over: end.into(), given: one.released, good, bad, heard });
    }
    told
}

fn count(all: &[One], size: usize, every: usize) -> Vec<Together> {
    let places: Vec<usize> = (0..all.len()).filter(|place| all[*place].good).collect();
    let mut told = Vec::new();
    let mut first = 0;
    while first + size <= places.len() {
        let (from, to) = (places[first], places[first + size - 1]);
        // Bad readings stand between the good ones: those since the good reading before the window are in it.
        let from_bad = if first == 0 { 0 } else { places[first - 1] + 1 };
        let good = all[from..=to].iter().filter(|one| one.good).copied().collect();
        let bad = all[from_bad..=to].iter().filter(|one| !one.good).copied().collect();
        let (start, end, given) = (all[from].time, all[to].time, all[to].released);
        told.push(Together { start, end, until: end, over: end.into(), given, good, bad, heard: to + 1 });
        first += every;
    }
    told
}

/// Sessions without conditions: each good reading is activity.
fn sessions(device: &Device, all: &[One], session: &SessionSpec) -> Vec<Together> {
    let mut of: Vec<Vec<One>> = Vec::new();
    for one in all.iter().filter(|one| one.good) {
        let goes_on = of.last().is_some_and(|open| {
            let (first, last) = (open[0].time, open[open.len() - 1].time);
            let short = session.longest.is_none_or(|longest| one.time - first < longest.0);
            one.time - last <= session.gap.0 && short
        });
        match of.last_mut() {
            Some(open) if goes_on => open.push(*one),
            _ => of.push(vec![*one]),
        }
    }
    let told = |good: Vec<One>| {
        let (start, end) = (good[0].time, good[good.len() - 1].time);
        let silent = i128::from(end) + i128::from(session.gap.0) + 1;
        let over = session.longest.map_or(silent, |longest| silent.min(i128::from(start) + i128::from(longest.0)));
        // It begins with its first reading: a bad one of the same moment that came before that is in none.
        let inside = |one: &&One| !one.good && (start, good[0].number) <= (one.time, one.number) && one.time <= end;
        let bad = all.iter().filter(inside).copied().collect();
        let heard = all.iter().filter(|one| i128::from(one.time) < over).count();
        Together { start, end, until: end, over, given: device.passes(over), good, bad, heard }
    };
    of.into_iter().map(told).collect()
}
