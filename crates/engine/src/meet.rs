//! Operators over readings that meet: of the devices of a group, or of two channels.
//!
//! What one device says depends here on what another one has said, so readings have to be brought into one order. A group has
//! a clock: the least watermark of its devices, of those that are not idle. Readings wait until that clock has passed their
//! time; then all of one moment are worked off together. So the order of arrival, as far as the allowance of each device goes,
//! cannot be seen in what comes out. A reading that comes after the group's clock has passed it (its device was idle) is
//! counted, and part of nothing here.

mod among;
mod join;

pub use join::Joined;

use crate::checkpoint::append;
use crate::node::Onward;
use crate::plan::{AmongSpec, JoinSpec, Operator, Per};
use crate::point::{Places, Port};
use crate::reading::Reading;
use crate::series::Series;
use crate::time::{Span, Time};
use among::Crowds;
use hashbrown::HashMap;
use join::Partners;
use serde::{Deserialize, Serialize};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Readings that may wait in one group; with one more the oldest are worked off early, counted.
const WAITING_MOST: usize = 262_144;

/// An operator over readings that meet, and what it keeps of each group.
#[derive(Debug)]
pub struct MeetNode {
    work: Meeting,
    /// Whose readings meet.
    pub per: Per,
    /// Which of the kinds of groups these are, as a bit: [`MeetNode::set_kind`].
    pub kind: u16,
    /// How many channels it works on.
    on: usize,
    states: Places<Met>,
    /// Of all groups together, those that are gone among them.
    pub total: Joined,
    /// Empty between two calls.
    moment: Vec<Waiting>,
}

#[derive(Debug)]
enum Meeting {
    Among(AmongSpec),
    Join(JoinSpec),
}

/// What is kept of one group.
#[derive(Debug)]
struct Met {
    state: State,
    /// Which results of a series go on, and as what: place in `give`, and the shard's place of the series that takes them.
    feeds: HashMap<Series, Vec<(u16, u32)>>,
    /// The same for results of the group, by the channel they are of.
    of_group: Vec<(u16, (u16, u32))>,
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// What is before this has been worked off.
    clock: Time,
    /// Readings so far: gives those of one series and moment their order.
    arrivals: u64,
    #[serde(with = "heap")]
    waiting: BinaryHeap<Reverse<Waiting>>,
    kept: Kept,
}

#[derive(Debug, Serialize, Deserialize)]
enum Kept {
    Among(Crowds),
    Join(Partners),
}

/// A reading that waits for its moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Waiting {
    time: Time,
    arrival: u64,
    series: Series,
    /// Where among the channels it works on; [`NO_ON`] if it is a partner only.
    on: u8,
    /// It may be a partner of others.
    with: bool,
    /// NaN: no reading, but that the device of the series leaves.
    value: f64,
}

impl Waiting {
    fn leaves(&self) -> bool {
        self.value.is_nan()
    }
}

const NO_ON: u8 = u8::MAX;

impl Eq for Waiting {}
impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Waiting) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Waiting {
    fn cmp(&self, other: &Waiting) -> Ordering {
        (self.time, self.arrival).cmp(&(other.time, other.arrival))
    }
}

mod heap {
    //! A heap as the list of what is in it, in order: how it stands in memory depends on how it came there.

    use super::Waiting;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    pub(super) fn serialize<S: Serializer>(heap: &BinaryHeap<Reverse<Waiting>>, to: S) -> Result<S::Ok, S::Error> {
        let mut list: Vec<Waiting> = heap.iter().map(|waiting| waiting.0).collect();
        list.sort_unstable();
        list.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BinaryHeap<Reverse<Waiting>>, D::Error> {
        Ok(Vec::<Waiting>::deserialize(from)?.into_iter().map(Reverse).collect())
    }
}

/// Where a result goes.
enum Whose {
    /// Of a reading of this series.
    Of(Series),
    /// Of the group, of this of its channels.
    OfGroup(u8),
}

/// How series are ordered that speak at one moment: by the names of their devices and channels.
pub type ByName<'a> = &'a dyn Fn(Series, Series) -> Ordering;

impl MeetNode {
    /// What a group says together, without any group yet.
    pub fn among(operator: &Operator, spec: AmongSpec) -> MeetNode {
        let per = spec.per.clone();
        MeetNode::new(operator, per, Meeting::Among(spec))
    }

    /// A join, without any group yet.
    pub fn join(operator: &Operator, spec: JoinSpec) -> MeetNode {
        let per = spec.per.clone();
        MeetNode::new(operator, per, Meeting::Join(spec))
    }

    fn new(operator: &Operator, per: Per, work: Meeting) -> MeetNode {
        let (on, total) = (operator.on.len(), Joined::default());
        MeetNode { work, per, kind: 0, on, states: Places::default(), total, moment: Vec::new() }
    }

    /// Its groups are of this kind, counted from 0; the last bit is shared by all kinds that have none of their own.
    pub fn set_kind(&mut self, kind: u16) {
        self.kind = 1 << kind.min(15);
    }

    /// How a channel of a device is taken.
    pub fn port(&self, operator: &Operator, device: &str, channel: &str) -> Port {
        let on = operator.on.iter().position(|on| on == channel);
        match &self.work {
            Meeting::Among(_) => Port::new(true, on),
            Meeting::Join(spec) => {
                let is_partner = spec.with == channel && spec.of.as_deref().is_none_or(|of| of == device);
                Port::new(on.is_some(), is_partner.then_some(0))
            }
        }
    }

    /// Room for a group; gives its place.
    pub fn enter(&mut self) -> u32 {
        let met = self.fresh();
        self.states.enter(met)
    }

    fn fresh(&self) -> Met {
        let kept = match &self.work {
            Meeting::Among(_) => Kept::Among(Crowds::new(self.on)),
            Meeting::Join(_) => Kept::Join(Partners::default()),
        };
        let state = State { clock: Time::MIN, arrivals: 0, waiting: BinaryHeap::new(), kept };
        Met { state, feeds: HashMap::new(), of_group: Vec::new() }
    }

    /// The group at this place is gone.
    pub fn leave(&mut self, place: u32) {
        let nobody = self.fresh();
        self.states.leave(place, nobody);
    }

    /// The `index`-th of the results of devices is to go on, of this series, as the one at a place of the shard.
    pub fn feed(&mut self, place: u32, of: Series, index: usize, to: u32) {
        let index = match &self.work {
            Meeting::Among(spec) => {
                let of_device = (0..).zip(&spec.give).filter(|(_, given)| given.what.is_of_device());
                of_device.map(|(place, _)| place).nth(index)
            }
            Meeting::Join(_) => Some(index as u16),
        };
        self.states[place].feeds.entry(of).or_default().extend(index.map(|index| (index, to)));
    }

    /// The same for a result of the group, by its place in `give` and the channel it is of.
    pub fn feed_of_group(&mut self, place: u32, on: u16, index: u16, to: u32) {
        self.states[place].of_group.push((on, (index, to)));
    }

    /// The last member of the group at this place is gone: what was known is forgotten; who hears of the group still does.
    pub fn renew(&mut self, place: u32) {
        self.states[place].state = self.fresh().state;
    }

    /// A series of the group is gone: nothing of it goes on.
    pub fn forget(&mut self, place: u32, series: Series) {
        self.states[place].feeds.remove(&series);
    }

    /// Nobody hears any more what the group says.
    pub fn forget_of_group(&mut self, place: u32) {
        self.states[place].of_group.clear();
    }

    /// A reading of a member.
    pub fn observe(&mut self, place: u32, port: Port, reading: &Reading) {
        let state = &mut self.states[place].state;
        let (on, with) = match (&self.work, port.waits()) {
            (Meeting::Among(_), _) => (port.asked().map_or(NO_ON, |on| on as u8), false),
            (Meeting::Join(_), waits) => (if waits { 0 } else { NO_ON }, port.asked().is_some()),
        };
        if on == NO_ON && !with {
            return;
        }
        if reading.time < state.clock {
            return self.total.late += 1;
        }
        let Reading { series, time, value, .. } = *reading;
        state.arrivals += 1;
        state.waiting.push(Reverse(Waiting { time, arrival: state.arrivals, series, on, with, value }));
    }

    /// The device of a series leaves the group: behind its last reading, of this time, its value does not count any more.
    pub fn leave_group(&mut self, place: u32, port: Port, series: Series, last: Time) {
        let (Meeting::Among(spec), Some(on)) = (&self.work, port.asked()) else { return };
        let State { clock, arrivals, waiting, kept } = &mut self.states[place].state;
        let (on, time) = (on as u8, last + Span(1));
        if time >= *clock {
            *arrivals += 1;
            let leaves = Waiting { time, arrival: *arrivals, series, on, with: false, value: f64::NAN };
            waiting.push(Reverse(leaves));
        } else if let Kept::Among(crowds) = kept {
            crowds.leave(spec, on, series);
        }
    }

    /// Whether so many readings wait that the oldest have to go on before their moment has passed for everybody, counted; gives
    /// the moment.
    pub fn overfull(&mut self, place: u32) -> Option<Time> {
        let waiting = &self.states[place].state.waiting;
        if waiting.len() <= WAITING_MOST {
            return None;
        }
        self.total.dropped += 1;
        waiting.peek().map(|oldest| oldest.0.time)
    }

    /// The group's clock has come to `clock`: the oldest moment before it is worked off. `false`: there is none, and who has
    /// waited for too long has gone.
    pub fn pass(&mut self, place: u32, clock: Time, by_name: ByName<'_>, give: &mut dyn FnMut(Onward)) -> bool {
        let MeetNode { work, states, total, moment, .. } = self;
        let Met { state, feeds, of_group } = &mut states[place];
        let State { waiting, kept, .. } = state;
        let mut tell = |result: Whose, time: Time, index: u16, value: f64| {
            if !value.is_finite() {
                return;
            }
            let mut go_on = |&(of, to): &(u16, u32), series: Series| {
                if of == index {
                    give(Onward::To(to, Reading::new(series, time, value)));
                }
            };
            match result {
                Whose::Of(series) => feeds.get(&series).into_iter().flatten().for_each(|feed| go_on(feed, series)),
                Whose::OfGroup(on) => {
                    let of_on = of_group.iter().filter(|(of, _)| *of == u16::from(on));
                    of_on.for_each(|(_, feed)| go_on(feed, Series(u32::MAX)));
                }
            }
        };
        if waiting.peek().is_some_and(|oldest| oldest.0.time < clock) {
            moment.clear();
            while let Some(Reverse(next)) = waiting.peek() {
                if moment.first().is_some_and(|first: &Waiting| first.time != next.time) {
                    break;
                }
                moment.push(*next);
                waiting.pop();
            }
            if moment.len() > 1 {
                moment.sort_by(|a, b| by_name(a.series, b.series).then(a.arrival.cmp(&b.arrival)));
            }
            match (&*work, &mut *kept) {
                (Meeting::Among(spec), Kept::Among(crowds)) => crowds.moment(spec, moment, total, &mut tell),
                (Meeting::Join(spec), Kept::Join(partners)) => partners.moment(spec, moment, total, &mut tell),
                _ => {}
            }
            return true;
        }
        if let (Meeting::Join(spec), Kept::Join(partners)) = (&*work, kept) {
            partners.pass(spec, clock, total, &mut tell);
        }
        state.clock = state.clock.max(clock);
        false
    }

    /// Adds the state of a group to bytes.
    pub fn save(&self, place: u32, into: &mut Vec<u8>) {
        append(&self.states[place].state, into);
    }

    /// Takes it back.
    ///
    /// # Errors
    /// When the bytes are not such a state.
    pub fn load(&mut self, place: u32, bytes: &[u8]) -> Result<(), postcard::Error> {
        let state: State = postcard::from_bytes(bytes)?;
        let fits = match (&self.work, &state.kept) {
            (Meeting::Among(_), Kept::Among(crowds)) => crowds.fits(self.on),
            (Meeting::Join(_), Kept::Join(partners)) => partners.fits(),
            _ => false,
        };
        let is_ours = |waiting: &Reverse<Waiting>| waiting.0.on == NO_ON || usize::from(waiting.0.on) < self.on.max(1);
        if !fits || !state.waiting.iter().all(is_ours) {
            return Err(postcard::Error::DeserializeBadEncoding);
        }
        self.states[place].state = state;
        Ok(())
    }

    /// Bytes for all groups.
    pub fn bytes(&self) -> usize {
        let of_kept = |kept: &Kept| match kept {
            Kept::Among(crowds) => crowds.heap_bytes(),
            Kept::Join(partners) => partners.heap_bytes(),
        };
        let of = |met: &Met| {
            met.state.waiting.capacity() * size_of::<Waiting>()
                + of_kept(&met.state.kept)
                + met.feeds.len() * (size_of::<(Series, Vec<(u16, u32)>)>() + 8)
        };
        self.states.bytes(of)
    }
}
