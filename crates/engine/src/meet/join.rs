//! Readings of one channel with their partners of another, in order of time.
//!
//! Of each moment the partners are taken in first, so that one of the same time counts. A series is never its own partner.
//! *As of*: the newest partner that is not newer (`merge_asof` of pandas, direction backward). *Nearest*: the reading waits for the first
//! partner behind it, or until the clock says that none comes within the tolerance. *Interval*: all pairs within the
//! tolerance, each said when its later one is there (Flink's interval join).

use super::{NO_ON, Waiting, Whose};
use crate::plan::{How, JoinSpec, Paired};
use crate::series::Series;
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::ops::AddAssign;

/// So many readings of each side may wait for partners in one group; with one more the oldest goes without, counted.
const KEPT_MOST: usize = 65_536;

/// What became of readings that were to meet others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// Results: pairs of a join, readings that a group had something to say of.
    pub paired: u64,
    /// Readings without a partner, or whose group had too few devices.
    pub missing: u64,
    /// Readings that came after their group's clock had passed them: their device had been idle.
    pub late: u64,
    /// Readings that stopped waiting because too many did.
    pub dropped: u64,
}

impl AddAssign for Joined {
    fn add_assign(&mut self, other: Joined) {
        self.paired += other.paired;
        self.missing += other.missing;
        self.late += other.late;
        self.dropped += other.dropped;
    }
}

/// What is kept of the partners of one group.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Partners {
    /// The newest reading of two different partners, the newer one first: one of them is not the series itself.
    newest: [Option<Side>; 2],
    /// Readings that wait for a partner behind them, or that may be in further pairs.
    readings: VecDeque<Asking>,
    /// Partners that may be in further pairs.
    partners: VecDeque<Side>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Side {
    series: Series,
    time: Time,
    value: f64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Asking {
    reading: Side,
    /// The partner before it.
    before: Option<Side>,
    /// It had a partner.
    met: bool,
}

type Tell<'a> = &'a mut dyn FnMut(Whose, Time, u16, f64);

impl Partners {
    /// All readings of one moment.
    pub(super) fn moment(&mut self, spec: &JoinSpec, moment: &[Waiting], total: &mut Joined, tell: Tell<'_>) {
        let Some(time) = moment.first().map(|first| first.time) else { return };
        self.pass(spec, time, total, tell);
        let side = |waiting: &Waiting| Side { series: waiting.series, time, value: waiting.value };
        for partner in moment.iter().filter(|waiting| waiting.with).map(side) {
            match spec.how {
                How::AsOf => self.renew(partner),
                How::Nearest => {
                    self.decide_before(spec, partner, total, tell);
                    self.renew(partner);
                }
                How::Interval => {
                    for asking in self.readings.iter_mut().filter(|asking| asking.reading.series != partner.series) {
                        asking.met = true;
                        say(spec, &asking.reading, &partner, time, total, tell);
                    }
                    if self.partners.len() >= KEPT_MOST {
                        self.partners.pop_front();
                        total.dropped += 1;
                    }
                    self.partners.push_back(partner);
                }
            }
        }
        for reading in moment.iter().filter(|waiting| waiting.on != NO_ON).map(side) {
            let before = self.newest.iter().flatten().find(|partner| partner.series != reading.series).copied();
            let before = before.filter(|before| time.since(before.time) <= spec.tolerance);
            match spec.how {
                How::AsOf => conclude(spec, &reading, before, total, tell),
                // None can be nearer.
                How::Nearest if before.is_some_and(|before| before.time == time) => {
                    conclude(spec, &reading, before, total, tell);
                }
                How::Nearest => self.ask(spec, Asking { reading, before, met: false }, total, tell),
                How::Interval => {
                    let mut met = false;
                    for partner in self.partners.iter().filter(|partner| partner.series != reading.series) {
                        met = true;
                        say(spec, &reading, partner, time, total, tell);
                    }
                    self.ask(spec, Asking { reading, before: None, met }, total, tell);
                }
            }
        }
    }

    /// The clock has come to `clock`: who has waited for too long goes.
    pub(super) fn pass(&mut self, spec: &JoinSpec, clock: Time, total: &mut Joined, tell: Tell<'_>) {
        if spec.how == How::AsOf {
            return;
        }
        while self.readings.front().is_some_and(|asking| is_over(asking.reading.time, spec.tolerance, clock)) {
            self.give_up(spec, total, tell);
        }
        while self.partners.front().is_some_and(|partner| is_over(partner.time, spec.tolerance, clock)) {
            self.partners.pop_front();
        }
    }

    fn ask(&mut self, spec: &JoinSpec, asking: Asking, total: &mut Joined, tell: Tell<'_>) {
        if self.readings.len() >= KEPT_MOST {
            self.give_up(spec, total, tell);
            total.dropped += 1;
        }
        self.readings.push_back(asking);
    }

    /// The reading that has waited longest has what it will have.
    fn give_up(&mut self, spec: &JoinSpec, total: &mut Joined, tell: Tell<'_>) {
        let Some(asking) = self.readings.pop_front() else { return };
        match spec.how {
            How::Interval if asking.met => {}
            _ => conclude(spec, &asking.reading, asking.before, total, tell),
        }
    }

    /// A partner behind all that wait: the nearest one for each is known.
    fn decide_before(&mut self, spec: &JoinSpec, partner: Side, total: &mut Joined, tell: Tell<'_>) {
        let mut own = VecDeque::new();
        while let Some(asking) = self.readings.pop_front() {
            let Asking { reading, before, .. } = asking;
            if reading.series == partner.series {
                own.push_back(asking);
                continue;
            }
            let behind = partner.time.since(reading.time);
            let is_nearer = before.is_none_or(|before| behind < reading.time.since(before.time));
            let nearest = if is_nearer && behind <= spec.tolerance { Some(partner) } else { before };
            conclude(spec, &reading, nearest, total, tell);
        }
        self.readings = own;
    }

    fn renew(&mut self, partner: Side) {
        let [first, second] = self.newest;
        let other = if first.is_some_and(|first| first.series == partner.series) { second } else { first };
        self.newest = [Some(partner), other];
    }

    pub(super) fn fits(&self) -> bool {
        let in_order = |times: &mut dyn Iterator<Item = Time>| times.is_sorted();
        in_order(&mut self.readings.iter().map(|asking| asking.reading.time))
            && in_order(&mut self.partners.iter().map(|partner| partner.time))
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.readings.capacity() * size_of::<Asking>() + self.partners.capacity() * size_of::<Side>()
    }
}

/// Whether nothing that comes at `clock` or later is within the tolerance.
fn is_over(time: Time, tolerance: Span, clock: Time) -> bool {
    clock.since(time) > tolerance
}

/// A reading has its partner, or none.
fn conclude(spec: &JoinSpec, reading: &Side, partner: Option<Side>, total: &mut Joined, tell: Tell<'_>) {
    match partner {
        Some(partner) => say(spec, reading, &partner, reading.time, total, tell),
        None => total.missing += 1,
    }
}

fn say(spec: &JoinSpec, reading: &Side, partner: &Side, time: Time, total: &mut Joined, tell: Tell<'_>) {
    total.paired += 1;
    for (index, what) in (0..).zip(&spec.give) {
        let value = match what {
            Paired::Value => partner.value,
            Paired::Age => (reading.time.0 as f64 - partner.time.0 as f64) / 1e9,
            Paired::Difference => reading.value - partner.value,
            Paired::Ratio => reading.value / partner.value,
        };
        tell(Whose::Of(reading.series), time, index, value);
    }
}
