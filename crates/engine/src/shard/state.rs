//! What a shard keeps of a device and of a series, and how it has the next ones near.

use super::Shard;
use crate::feature::Made;
use crate::filter::{Kept, Tested};
use crate::lateness::LateCounts;
use crate::meet::Joined;
use crate::node::{Node, Points};
use crate::order::Order;
use crate::plan::{Plan, WhenLate};
use crate::point::Port;
use crate::reading::Reading;
use crate::series::{Device, Series};
use crate::time::{Span, Time};

/// The place of what another shard has, and of what is retired.
pub(super) const NOT_OURS: u32 = u32::MAX;

/// The series of a place that nobody has.
pub(super) const NOBODY: Series = Series(u32::MAX);

/// Rows whose state is fetched together.
pub(super) const AHEAD: usize = 16;

/// The state of this many series is in the processor's own cache anyway: looking ahead gains nothing at 1 000 series,
/// and takes a reading at 100 000 from about 320 ns to 130 ns.
pub(super) const NEAR: usize = 1_500;

/// A device of ours, as far as each reading needs it.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) order: Order,
    /// No window of it ends before this, and no point is judged; [`Time::MAX`] if none is open.
    pub(super) next_end: Time,
    pub(super) device: Device,
    /// Nodes have something of its last message.
    pub(super) gathers: bool,
    /// The kinds of groups in which its readings have met those of others, or each other; see [`crate::meet::MeetNode::kind`].
    pub(super) meets: u16,
}

/// What is seldom needed of a device.
#[derive(Debug, Default)]
pub(super) struct DeviceFacts {
    pub(super) name: Box<str>,
    /// Its series, in the order of their numbers.
    pub(super) series: Vec<u32>,
    /// Nodes that judge its points, and the place of its state in each.
    pub(super) points: Vec<(u16, u32)>,
    /// Groups whose readings meet, and its place among the members of each; [`NOT_OURS`] until it speaks.
    pub(super) groups: Vec<(u32, u32)>,
    /// Where its state lives.
    pub(super) slot: u8,
    /// Kept only where conditions or groups may ask for them.
    pub(super) tags: Box<[(String, String)]>,
}

/// What is to be done with a channel, whoever measures it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: Box<str>,
    /// Plausible values, both ends included; everything where nothing is known.
    pub(super) range: (f64, f64),
    /// Expected time between readings.
    pub(super) every: Option<Span>,
    /// A formula makes it.
    pub(super) of_formula: bool,
    pub(super) shape: u32,
    pub(super) late: Late,
    pub(super) passed: Passed,
}

/// The nodes that take a channel. Series of one shape need the same room, so one can have that of another.
#[derive(Debug, PartialEq)]
pub(super) struct Shape {
    /// Nodes that take it in order of time, and those that take it as it arrives.
    pub(super) in_order: Vec<u16>,
    pub(super) on_arrival: Vec<u16>,
}

/// A series of ours.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) series: Series,
    pub(super) device: u32,
    /// The series of readings that it is derived from, or itself; what a formula makes begins a chain of its own.
    pub(super) origin: u32,
    /// Readings so far.
    pub(super) seen: u32,
    pub(super) channel: u32,
    /// Time of the earliest reading that was not late; [`Time::MAX`]: none yet.
    pub(super) first: Time,
    /// Where its routes begin: first to the nodes that take it in order of time, then to those that take it as it
    /// arrives, and how many there are of each.
    pub(super) routes: u32,
    pub(super) ordered: u16,
    pub(super) arriving: u16,
    /// Kept by a swinging door, or derived from what is: its readings come later than their device's clock says, so
    /// its windows wait for its own next reading.
    pub(super) behind: bool,
    /// Made by a formula of any number of channels: it was heard when it spoke first, and not when one of these did.
    pub(super) is_worked_out: bool,
    /// It has spoken since this process began, or no group waits for anybody.
    pub(super) joined: bool,
    pub(super) late: Late,
    pub(super) passed: Passed,
    /// Plausible values, both ends included; everything where nothing is known.
    pub(super) range: (f64, f64),
}

impl Followed {
    /// Routes to the nodes that take it in order of time: a range of the shard's.
    #[inline(always)]
    pub(super) fn in_order(&self) -> (u32, u32) {
        (self.routes, self.routes + u32::from(self.ordered))
    }

    /// Routes to the nodes that take it as it arrives.
    #[inline(always)]
    pub(super) fn on_arrival(&self) -> (u32, u32) {
        let from = self.routes + u32::from(self.ordered);
        (from, from + u32::from(self.arriving))
    }

    /// All of them.
    pub(super) fn all(&self) -> (u32, u32) {
        (self.routes, self.on_arrival().1)
    }
}

/// Who hears of the readings of a derived channel, beside the nodes that take it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    /// The operator that makes it.
    pub(super) by: u16,
    /// Its place in the plan's list of channels whose readings come out; [`u16::MAX`]: they do not.
    pub(super) said: u16,
}

impl Passed {
    /// Of a channel of readings.
    pub(super) const NOBODY: Passed = Passed { by: u16::MAX, said: u16::MAX };

    pub(super) fn of(plan: &Plan, channel: &str) -> Passed {
        let Some(by) = plan.maker(channel) else { return Passed::NOBODY };
        let said = plan.said.iter().take(usize::from(u16::MAX)).position(|said| said == channel);
        Passed { by, said: said.map_or(u16::MAX, |said| said as u16) }
    }
}

/// What becomes of late readings of a channel, by the windows that take it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Late {
    /// Windows may take them in.
    pub(super) revise: bool,
    /// They go aside if no window took them in.
    pub(super) forget: bool,
    /// They go aside, whatever windows took in.
    pub(super) aside: bool,
}

impl Late {
    pub(super) fn of(policies: impl Iterator<Item = WhenLate>) -> Late {
        let mut late = Late::default();
        for policy in policies {
            match policy {
                WhenLate::Aside => late.aside = true,
                WhenLate::Forget => late.forget = true,
                WhenLate::Revise(_) => late.revise = true,
            }
        }
        // Nobody's readings go aside.
        late.aside |= !late.forget && !late.revise;
        late
    }
}

/// One node that takes a series, and the place of its state there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) node: u16,
    pub(super) takes_bad: bool,
    /// How a node that judges points takes it.
    pub(super) port: Port,
    /// Of the series, or of its device where the node judges points.
    pub(super) state: u32,
}

impl Shard {
    /// Touches what the next rows will need, so that it is in the cache when their turn comes. The state of a series
    /// is three steps through memory away, and a row is too long for the processor to see past it; here the steps of
    /// many rows run side by side ("group prefetching", Chen, Ailamaki, Gibbons, Mowry 2004). Changes nothing.
    #[inline]
    pub(super) fn look_ahead(&self, rows: &[Reading]) {
        let mut touched = 0;
        for row in rows {
            let Some(&place) = self.series_places.get(row.series.0 as usize) else { continue };
            let Some(series) = self.series.get(place as usize) else { continue };
            let device = &self.devices[series.device as usize];
            touched ^= device.next_end.0 ^ device.order.touch();
            if let Some(route) = self.routes.get(series.routes as usize) {
                touched ^= self.nodes[route.node as usize].touch(route.state);
            }
        }
        std::hint::black_box(touched);
    }

    /// Readings of series that nobody declared, or whose device was retired: they went nowhere.
    pub fn strays(&self) -> u64 {
        self.strays
    }

    /// Of each filter, by its place in the plan, how many readings it has kept and left out.
    pub fn kept(&self) -> impl Iterator<Item = (u16, Kept)> {
        (0u16..).zip(&self.nodes).filter_map(|(index, node)| match node {
            Node::Compress(filter) => Some((index, filter.total)),
            _ => None,
        })
    }

    /// Of each filter with a condition, by its place in the plan, how many readings passed it, and why others did not.
    pub fn tested(&self) -> impl Iterator<Item = (u16, &Tested)> {
        (0u16..).zip(&self.nodes).filter_map(|(index, node)| match node {
            Node::Points(Points::Filter(filter)) => Some((index, &filter.total)),
            _ => None,
        })
    }

    /// Of each operator whose readings meet, by its place in the plan, what became of them.
    pub fn met(&self) -> impl Iterator<Item = (u16, Joined)> {
        (0u16..).zip(&self.nodes).filter_map(|(index, node)| match node {
            Node::Meet(meet) => Some((index, meet.total)),
            _ => None,
        })
    }

    /// Of each feature section, by its place in the plan, how many results it has given, and why others did not come.
    pub fn made(&self) -> impl Iterator<Item = (u16, Made)> {
        (0u16..).zip(&self.nodes).filter_map(|(index, node)| match node {
            Node::Feature(features) => Some((index, features.total)),
            Node::Points(Points::Formula(formula)) => Some((index, formula.total)),
            _ => None,
        })
    }

    /// What became of late readings that did not go aside, and how late readings came.
    pub fn late_counts(&self) -> &LateCounts {
        &self.late
    }

    /// Bytes that the operators keep for all series.
    pub fn bytes(&self) -> usize {
        self.nodes.iter().map(Node::bytes).sum::<usize>()
            + self
                .devices
                .iter()
                .map(|d| size_of::<Spoken>() + size_of::<DeviceFacts>() + d.order.heap_bytes())
                .sum::<usize>()
            + self.facts.iter().map(|facts| facts.name.len() + facts.series.capacity() * 4).sum::<usize>()
            + self.groups.bytes()
            + self.series.capacity() * size_of::<Followed>()
            + self.routes.capacity() * size_of::<Route>()
            + self.owners.iter().map(|owners| owners.capacity() * 4).sum::<usize>()
            + (self.device_places.capacity() + self.series_places.capacity()) * 4
    }
}
