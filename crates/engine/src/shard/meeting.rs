//! Groups whose readings meet: who is in them, and how far their clocks are.
//!
//! A group's clock is the least watermark of its members. Finding it anew at each reading would cost as much as there are members, so
//! watermarks stand in a heap as they were when they were last looked at: only the least one has to be true. A
//! member is whoever has said something that meets others. One that is silent for [`crate::plan::IDLE`] by the stream's clock holds nobody back until
//! it speaks again. Where each device is for itself, it is a group of one, whose clock is its watermark.

use super::snapshot::{BadSlot, damaged, take};
use super::state::{NOBODY, NOT_OURS};
use super::{Outputs, Shard};
use crate::checkpoint::append;
use crate::node::Node;
use crate::plan::{Per, Plan};
use crate::series::{Device, Series};
use crate::time::{Span, Time};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// All groups of a shard.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// The kinds of groups whose readings meet, each once, and how long their members may be silent.
    kinds: Vec<(Per, Span)>,
    list: Vec<Group>,
    free: Vec<u32>,
    /// By kind and name; devices for themselves have no name here.
    by_name: HashMap<(u16, Box<str>), u32>,
}

/// A group, or a device for itself.
#[derive(Debug)]
pub(super) struct Group {
    kind: u16,
    name: Box<str>,
    members: Vec<Member>,
    /// Members that are gone.
    free: Vec<u32>,
    /// Watermarks of those who hold it back, as they were when they were last looked at.
    clocks: BinaryHeap<Reverse<(Time, u32)>>,
    /// What is before this has been worked off.
    clock: Time,
    /// Members that hold nobody back.
    idle: u32,
    /// Its nodes, and the place of its state in each.
    nodes: Vec<(u16, u32)>,
}

#[derive(Debug)]
struct Member {
    /// Its place; [`NOT_OURS`]: gone.
    device: u32,
    /// When it spoke last: by the stream's clock, or its own if that is further.
    heard: Time,
    /// Readings of the others wait for it.
    holds: bool,
    /// It stands in `clocks`.
    queued: bool,
}

/// A group as it is saved: its kind and name, its clock, and of each member when it was heard and whether it holds others back. Its
/// states stand behind it.
#[derive(Serialize, Deserialize)]
pub(super) struct Saved {
    per: Per,
    name: String,
    clock: Time,
    members: Vec<(Device, Time, bool)>,
}

impl Groups {
    pub(super) fn new(plan: &Plan) -> Groups {
        let mut kinds: Vec<(Per, Span)> = Vec::new();
        for (per, idle) in plan.operators.iter().filter_map(|operator| operator.meets()) {
            match kinds.iter_mut().find(|(known, _)| known == per) {
                // Whoever waits longest decides: all share one clock.
                Some((_, known)) => *known = idle.max(*known),
                None => kinds.push((per.clone(), idle)),
            }
        }
        Groups { kinds, ..Groups::default() }
    }

    fn kind(&self, per: &Per) -> Option<u16> {
        self.kinds.iter().position(|(known, _)| known == per).map(|kind| kind as u16)
    }

    /// A node that knows the kind of its groups, if readings meet in it.
    pub(super) fn known_to(&self, mut node: Node) -> Node {
        if let Node::Meet(meet) = &mut node {
            let kind = self.kind(&meet.per);
            kind.into_iter().for_each(|kind| meet.set_kind(kind));
        }
        node
    }

    pub(super) fn bytes(&self) -> usize {
        let of = |group: &Group| {
            group.members.capacity() * size_of::<Member>() + group.clocks.capacity() * 16 + group.name.len()
        };
        self.list.capacity() * size_of::<Group>() + self.list.iter().map(of).sum::<usize>()
    }
}

impl Group {
    /// A device speaks for the first time; gives its place among the members.
    fn join(&mut self, device: u32) -> u32 {
        let member = self.free.pop().unwrap_or(self.members.len() as u32);
        if member as usize == self.members.len() {
            self.members.push(Member { device, heard: Time::MIN, holds: true, queued: false });
        } else {
            self.members[member as usize] = Member { device, heard: Time::MIN, holds: true, queued: false };
        }
        member
    }

    /// Whether nobody is in it any more.
    fn is_left(&self) -> bool {
        self.members.iter().all(|member| member.device == NOT_OURS)
    }

    /// A member is gone.
    fn leave(&mut self, place: u32) {
        let Some(member) = self.members.get_mut(place as usize) else { return };
        self.idle -= u32::from(!member.holds);
        *member = Member { device: NOT_OURS, heard: Time::MIN, holds: false, queued: false };
        self.clocks.retain(|Reverse((_, other))| *other != place);
        self.free.push(place);
    }
}

impl Shard {
    /// The group of this kind and name, or of this device; made now if there is none yet.
    fn group(&mut self, kind: u16, name: Option<&str>) -> u32 {
        let Groups { list, free, by_name, .. } = &mut self.groups;
        if let Some(known) = name.and_then(|name| by_name.get(&(kind, name.into()))) {
            return *known;
        }
        let group = Group {
            kind,
            name: name.unwrap_or_default().into(),
            members: Vec::new(),
            free: Vec::new(),
            clocks: BinaryHeap::new(),
            clock: Time::MIN,
            idle: 0,
            nodes: Vec::new(),
        };
        let place = free.pop().unwrap_or(list.len() as u32);
        if place as usize == list.len() {
            list.push(group);
        } else {
            list[place as usize] = group;
        }
        if let Some(name) = name {
            by_name.insert((kind, name.into()), place);
        }
        place
    }

    /// The state of a group in a node; made now if there is none yet.
    fn state_of_group(&mut self, group: u32, node: u16) -> u32 {
        let Group { nodes, .. } = &mut self.groups.list[group as usize];
        if let Some(known) = nodes.iter().find(|known| known.0 == node) {
            return known.1;
        }
        let Node::Meet(meet) = &mut self.nodes[usize::from(node)] else { return NOT_OURS };
        let state = meet.enter();
        nodes.push((node, state));
        nodes.sort_unstable();
        state
    }

    /// Where readings of a series have to meet others: its routes lead to the states of the groups of its device. Who is
    /// in no group goes nowhere there.
    pub(super) fn enter_groups(&mut self, device: u32, place: u32, channel: u32) {
        let (from, to) = self.series[place as usize].all();
        for at in from..to {
            let node = self.routes[at as usize].node;
            let Node::Meet(meet) = &self.nodes[usize::from(node)] else { continue };
            let operator = &self.plan.operators[usize::from(node)];
            let (name, facts) = (&self.channels[channel as usize].name, &self.facts[device as usize]);
            let (per, port) = (meet.per.clone(), meet.port(operator, &facts.name, name));
            let (Some(kind), named) = (self.groups.kind(&per), per.group(&facts.name, &facts.tags)) else { continue };
            let own = facts.groups.iter().find(|(group, _)| self.groups.list[*group as usize].kind == kind);
            let group = match (own, named) {
                (Some(&(group, _)), _) => Some(group),
                (None, None) if per != Per::Device => None,
                (None, named) => {
                    let group = self.group(kind, named.as_deref());
                    self.facts[device as usize].groups.push((group, NOT_OURS));
                    Some(group)
                }
            };
            let state = group.map_or(NOT_OURS, |group| self.state_of_group(group, node));
            let route = &mut self.routes[at as usize];
            (route.state, route.port) = (state, port);
        }
    }

    /// If this channel is what a group says, of which this device stands for one, the group will feed it.
    pub(super) fn feed_of_group(&mut self, device: u32, derived: u32, channel: &str) -> bool {
        let plan = std::sync::Arc::clone(&self.plan);
        for (node, operator) in (0u16..).zip(&plan.operators) {
            let Some((per, _)) = operator.meets() else { continue };
            for (on, of) in (0u16..).zip(&operator.on) {
                let made = operator.derived_of_group(of).into_iter().find(|(_, name)| name == channel);
                let (Some((index, _)), Some(kind)) = (made, self.groups.kind(per)) else { continue };
                let name = self.facts[device as usize].name.clone();
                if !per.names(&name) {
                    continue;
                }
                let group = self.group(kind, Some(&name));
                let state = self.state_of_group(group, node);
                if let Node::Meet(meet) = &mut self.nodes[usize::from(node)] {
                    meet.feed_of_group(state, on, index, derived);
                }
                return true;
            }
        }
        false
    }

    /// A device has spoken, and what it said has gone its way: its groups' clocks may go on.
    #[inline(never)]
    pub(super) fn meet(&mut self, number: u64, device: u32, out: &mut Outputs) {
        let order = &self.devices[device as usize].order;
        // In a replay the stream's clock stands behind the newest of its devices.
        let (heard, watermark) = (self.clock.now().max(order.latest()), order.watermark());
        let meets = self.devices[device as usize].meets;
        for index in 0..self.facts[device as usize].groups.len() {
            let (group, member) = self.facts[device as usize].groups[index];
            let of = &mut self.groups.list[group as usize];
            // What it has said so far may have been nothing to these.
            if member == NOT_OURS && meets & (1 << of.kind.min(15)) == 0 {
                continue;
            }
            let member = if member == NOT_OURS { of.join(device) } else { member };
            self.facts[device as usize].groups[index].1 = member;
            let Group { members, clocks, idle, .. } = of;
            let known = &mut members[member as usize];
            *idle -= u32::from(!known.holds);
            (known.heard, known.holds) = (heard, true);
            if !known.queued {
                known.queued = true;
                clocks.push(Reverse((watermark, member)));
            }
            self.advance(number, group, out);
        }
    }

    /// Lets a group's clock go as far as its members let it, and what is before it with it.
    fn advance(&mut self, number: u64, group: u32, out: &mut Outputs) {
        let Shard { groups, devices, .. } = self;
        let Group { members, clocks, .. } = &mut groups.list[group as usize];
        let mut least = None;
        while let Some(mut top) = clocks.peek_mut() {
            let Reverse((known, member)) = *top;
            let holder = &mut members[member as usize];
            if !holder.holds {
                holder.queued = false;
                std::collections::binary_heap::PeekMut::pop(top);
                continue;
            }
            let now = devices[holder.device as usize].order.watermark();
            if now <= known {
                least = Some(known);
                break;
            }
            *top = Reverse((now, member));
        }
        let of = &self.groups.list[group as usize];
        // Who is silent must not be left behind by one whose clock is wrong: as long as anybody is, the stream's clock bounds it.
        let bound = if of.idle > 0 { self.clock.now() } else { Time::MAX };
        // Without anybody who holds it back it goes as far as that; without members it stands.
        let free = if of.idle > 0 { Time::MAX } else { Time::MIN };
        self.pass_group(number, group, least.unwrap_or(free).min(bound), out);
        for index in 0..self.groups.list[group as usize].nodes.len() {
            let (node, state) = self.groups.list[group as usize].nodes[index];
            let Node::Meet(meet) = &mut self.nodes[usize::from(node)] else { continue };
            if let Some(oldest) = meet.overfull(state) {
                self.pass_group(number, group, oldest + Span(1), out);
            }
        }
    }

    /// The clock of a group has come to `clock`.
    fn pass_group(&mut self, number: u64, group: u32, clock: Time, out: &mut Outputs) {
        if clock <= self.groups.list[group as usize].clock {
            return;
        }
        self.groups.list[group as usize].clock = clock;
        for index in 0..self.groups.list[group as usize].nodes.len() {
            let (node, state) = self.groups.list[group as usize].nodes[index];
            while self.pass_moment(number, group, (node, state), clock, out) {}
        }
    }

    /// One moment of a group in one of its nodes; `false` if there is none before `clock`.
    fn pass_moment(
        &mut self,
        number: u64,
        group: u32,
        (node, state): (u16, u32),
        clock: Time,
        out: &mut Outputs,
    ) -> bool {
        let Shard { nodes, onward, series, series_places, facts, channels, .. } = self;
        let Node::Meet(meet) = &mut nodes[usize::from(node)] else { return false };
        // Who has left for another group may be one of ours or not.
        let is_here = |device: u32| facts[device as usize].groups.iter().any(|(own, _)| *own == group);
        let of = |of: Series| {
            let series = series_places.get(of.0 as usize).and_then(|place| series.get(*place as usize));
            series.filter(|series| series.series != NOBODY && is_here(series.device))
        };
        let by_name = |a: Series, b: Series| -> Ordering {
            let (a, b) = match (of(a), of(b)) {
                (Some(a), Some(b)) => (a, b),
                // Those that are gone have no names here, and come first.
                (gone, other) => return gone.is_some().cmp(&other.is_some()).then(a.cmp(&b)),
            };
            let device = |of: u32| &facts[of as usize].name;
            let channel = |of: u32| &channels[of as usize].name;
            device(a.device).cmp(device(b.device)).then_with(|| channel(a.channel).cmp(channel(b.channel)))
        };
        let more = meet.pass(state, clock, &by_name, &mut |it| onward.push((node, it)));
        if !self.onward.is_empty() {
            self.go_on(number, out);
        }
        more
    }

    /// The stream's clock has moved: who has been silent for too long holds nobody back any more.
    pub(super) fn tick_groups(&mut self, number: u64, begins: bool, out: &mut Outputs) {
        if self.groups.list.is_empty() {
            return;
        }
        let now = self.clock.now();
        for place in 0..self.groups.list.len() as u32 {
            let Groups { kinds, list, .. } = &mut self.groups;
            let group = &mut list[place as usize];
            let (per, idle) = &kinds[usize::from(group.kind)];
            if *per == Per::Device {
                continue;
            }
            for member in group.members.iter_mut().filter(|member| member.holds) {
                if begins {
                    // Whoever spoke before the clock went, or before the process was started again, has been heard since then.
                    member.heard = member.heard.max(now);
                }
                if member.device != NOT_OURS && now >= member.heard + *idle {
                    member.holds = false;
                    group.idle += 1;
                }
            }
            if group.idle > 0 {
                self.advance(number, place, out);
            }
        }
    }

    /// The input has ended for all devices.
    pub(super) fn end_groups(&mut self, number: u64, out: &mut Outputs) {
        for group in 0..self.groups.list.len() as u32 {
            self.pass_group(number, group, Time::MAX, out);
        }
    }

    /// A device is gone: its groups do not wait for it any longer, and what waits in one that was for itself goes on.
    pub(super) fn leave_groups(&mut self, number: u64, device: u32, out: &mut Outputs) {
        for index in 0..self.facts[device as usize].groups.len() {
            let (group, member) = self.facts[device as usize].groups[index];
            if self.is_for_itself(group) {
                self.pass_group(number, group, Time::MAX, out);
            } else {
                self.groups.list[group as usize].leave(member);
                match self.groups.list[group as usize].is_left() {
                    true => self.pass_group(number, group, Time::MAX, out),
                    false => self.advance(number, group, out),
                }
            }
        }
    }

    /// What a device has said last does not count any more in the groups that it leaves.
    pub(super) fn take_back(&mut self, device: u32) {
        let Shard { facts, series, routes, nodes, devices, .. } = self;
        let last = devices[device as usize].order.latest();
        for &place in &facts[device as usize].series {
            let (from, to) = series[place as usize].all();
            for route in routes[from as usize..to as usize].iter().filter(|route| route.state != NOT_OURS) {
                if let Node::Meet(meet) = &mut nodes[usize::from(route.node)] {
                    meet.leave_group(route.state, route.port, series[place as usize].series, last);
                }
            }
        }
    }

    /// Nothing goes on of a device that has left, and what stood for a group hears nothing of it any more.
    pub(super) fn forget_groups(&mut self, device: u32) {
        for kind in 0..self.groups.kinds.len() as u16 {
            let stands_for = self.groups.by_name.get(&(kind, self.facts[device as usize].name.clone()));
            for &(node, state) in stands_for.iter().flat_map(|group| &self.groups.list[**group as usize].nodes) {
                if let Node::Meet(meet) = &mut self.nodes[usize::from(node)] {
                    meet.forget_of_group(state);
                }
            }
        }
        for (group, _) in std::mem::take(&mut self.facts[device as usize].groups) {
            let for_itself = self.is_for_itself(group);
            let of = &mut self.groups.list[group as usize];
            let is_left = of.is_left();
            for &(node, state) in &of.nodes {
                let Node::Meet(meet) = &mut self.nodes[usize::from(node)] else { continue };
                let all = self.facts[device as usize].series.iter();
                all.for_each(|place| meet.forget(state, self.series[*place as usize].series));
                match (for_itself, is_left) {
                    (true, _) => meet.leave(state),
                    // A start knows nothing of a group without members, so this process must not either.
                    (false, true) => meet.renew(state),
                    (false, false) => {}
                }
            }
            if for_itself {
                of.nodes.clear();
                self.groups.free.push(group);
            } else if is_left {
                of.clock = Time::MIN;
            }
        }
    }

    fn is_for_itself(&self, group: u32) -> bool {
        self.groups.kinds[usize::from(self.groups.list[group as usize].kind)].0 == Per::Device
    }

    /// The groups that have members among these devices, in an order that is the same whatever the shards are.
    pub(super) fn groups_of(&self, places: &[u32]) -> Vec<u32> {
        let mut groups: Vec<u32> = Vec::new();
        for &place in places {
            groups.extend(self.facts[place as usize].groups.iter().map(|(group, _)| *group));
        }
        let rank = |group: &u32| {
            let Group { kind, name, members, .. } = &self.groups.list[*group as usize];
            let first = members.first().filter(|member| member.device != NOT_OURS);
            (*kind, name, first.map(|member| self.devices[member.device as usize].device))
        };
        groups.sort_by(|a, b| rank(a).cmp(&rank(b)).then(a.cmp(b)));
        groups.dedup();
        // One without members knows nothing.
        let has_members =
            |group: &u32| self.groups.list[*group as usize].members.iter().any(|member| member.device != NOT_OURS);
        groups.retain(has_members);
        groups
    }

    /// Adds the groups of these devices to bytes.
    pub(super) fn save_groups(&self, places: &[u32], into: &mut Vec<u8>) {
        let groups = self.groups_of(places);
        append(&(groups.len() as u32), into);
        for group in groups {
            let Group { kind, name, members, clock, nodes, .. } = &self.groups.list[group as usize];
            let mut there: Vec<(Device, Time, bool)> = Vec::new();
            for member in members.iter().filter(|member| member.device != NOT_OURS) {
                there.push((self.devices[member.device as usize].device, member.heard, member.holds));
            }
            there.sort_unstable();
            let per = self.groups.kinds[usize::from(*kind)].0.clone();
            append(&Saved { per, name: (**name).to_owned(), clock: *clock, members: there }, into);
            self.save_states(nodes.iter().copied(), into);
        }
    }

    /// Takes groups back, behind their devices; those of other shards, and those that nobody asks for any more, are left out.
    pub(super) fn restore_groups(&mut self, left: &mut &[u8], nodes: &[Option<u16>]) -> Result<(), BadSlot> {
        let count: u32 = take(left)?;
        for _ in 0..count {
            let Saved { per, name: _, clock, members } = take(left)?;
            let kind = self.groups.kind(&per);
            let of_kind = |(group, _): &&(u32, u32)| Some(self.groups.list[*group as usize].kind) == kind;
            let of_member = |(device, ..): &(Device, Time, bool)| {
                let place = self.place_of(*device)?;
                self.facts[place as usize].groups.iter().find(of_kind).map(|of| of.0)
            };
            let group = members.iter().find_map(of_member);
            if let Some(group) = group {
                self.groups.list[group as usize].clock = clock;
            }
            for (device, heard, holds) in members {
                let Some(place) = self.place_of(device) else { continue };
                let watermark = self.devices[place as usize].order.watermark();
                let facts = &mut self.facts[place as usize];
                let Some(own) = facts.groups.iter_mut().find(|own| Some(own.0) == group) else { continue };
                let group = &mut self.groups.list[own.0 as usize];
                own.1 = group.join(place);
                self.devices[place as usize].meets |= 1 << group.kind.min(15);
                group.members[own.1 as usize] = Member { device: place, heard, holds, queued: holds };
                group.idle += u32::from(!holds);
                if holds {
                    group.clocks.push(Reverse((watermark, own.1)));
                }
            }
            self.restore_states(left, nodes, |shard, node, state| {
                let Some(group) = group else { return Ok(()) };
                // It may be of a channel that only devices had which are gone.
                let at = shard.state_of_group(group, node);
                let Node::Meet(meet) = &mut shard.nodes[usize::from(node)] else { return Ok(()) };
                meet.load(at, state).map_err(damaged)
            })?;
        }
        Ok(())
    }

    /// Devices that have spoken are waited for in groups that nothing was known of before: `known` tells which operators
    /// there were.
    pub(super) fn join_known(&mut self, places: &[u32], known: impl Fn(u16) -> bool) {
        let operators = (0u16..).zip(&self.plan.operators);
        let old = operators.filter(|(node, _)| known(*node)).filter_map(|(_, operator)| operator.meets());
        let old: Vec<u16> = old.filter_map(|(per, _)| self.groups.kind(per)).collect();
        for &place in places {
            let order = &self.devices[place as usize].order;
            let (latest, watermark) = (order.latest(), order.watermark());
            if latest == Time::MIN {
                continue;
            }
            for own in self.facts[place as usize].groups.iter_mut().filter(|own| own.1 == NOT_OURS) {
                let group = &mut self.groups.list[own.0 as usize];
                if old.contains(&group.kind) {
                    continue;
                }
                self.devices[place as usize].meets |= 1 << group.kind.min(15);
                own.1 = group.join(place);
                group.members[own.1 as usize] = Member { device: place, heard: latest, holds: true, queued: true };
                group.clocks.push(Reverse((watermark, own.1)));
            }
        }
    }
}
