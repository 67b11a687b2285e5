//! Windows of several devices: the parts that devices have of them are put together.
//!
//! A *group* is the devices that have the same value of a tag, or all. Shards close the windows of each device for itself and
//! send what they have (a [`Part`], the first time an empty one: it has joined); here the parts of one channel, group and window become one aggregate, of a device that
//! stands for the group (`room=kitchen`, `all`). A window closes when every device of the group has passed its end;
//! a device passes with the parts it gives. Who is silent gives what it has when the stream's clock is [`WindowSpec::idle`] (and
//! the device's allowance) past the window's end: no window waits longer for anybody. Parts that come after their window has
//! closed are counted. Parts arrive in order of place, so that the number of shards changes nothing.

use crate::aggregate::{Around, Tally};
use crate::output::{Aggregate, Output, Part, What};
use crate::plan::{AmongSpec, Operator, Per, Plan, WindowSpec, Work};
use crate::reading::{Reading, StreamClock};
use crate::series::{Declaration, Device, Names, Series, Timing};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Windows of one group and channel that may be open at once; the oldest closes when there are more.
const OPEN_MOST: usize = 1_024;

/// All windows of several devices.
#[derive(Debug, Default)]
pub struct GroupWindows {
    windows: Vec<GroupWindow>,
    clock: StreamClock,
    /// Parts that came after their window had closed.
    missed: u64,
    /// The groups that have parts of an input whose parts have not all been heard yet. Empty between two stretches.
    due: BTreeSet<(u64, u16, Series)>,
}

#[derive(Debug)]
struct GroupWindow {
    node: u16,
    definition: u64,
    spec: WindowSpec,
    idle: Span,
    groups: BTreeMap<Series, Group>,
}

/// The stream's clock, and by the definitions of windows what each group has.
type Saved = (StreamClock, Vec<(u64, BTreeMap<Series, Group>)>);

/// One channel of a group, by the series that stands for it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Group {
    members: BTreeMap<Series, Member>,
    /// By end and start.
    open: BTreeMap<(Time, Time), Gathered>,
    /// The end of the last window that closed; [`Time::MIN`] before the first.
    closed: Option<Time>,
    results: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Member {
    /// The end of the last window that it has given a part of.
    passed: Option<Time>,
    /// When it did, or joined, by the stream's clock; [`Time::MIN`] before the clock goes.
    heard: Time,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Gathered {
    tally: Tally,
    partial: bool,
}

impl Plan {
    /// Whether a device of this name stands for a group.
    pub fn stands_for_group(&self, name: &str) -> bool {
        self.operators.iter().any(|operator| match &operator.work {
            Work::Window(WindowSpec { per, .. }) | Work::Among(AmongSpec { per, .. }) => per.names(name),
            _ => false,
        })
    }

    /// How many devices among new names stand for groups.
    pub fn stand_ins(&self, declarations: &[Declaration]) -> usize {
        let stands_in = |declaration: &&Declaration| match declaration {
            Declaration::Device { name, .. } => self.stands_for_group(name),
            Declaration::Series { .. } => false,
        };
        declarations.iter().filter(stands_in).count()
    }

    /// How many of the devices stand for groups.
    pub fn group_devices(&self, names: &Names) -> usize {
        let may_stand = |operator: &Operator| match &operator.work {
            Work::Window(WindowSpec { per, .. }) | Work::Among(AmongSpec { per, .. }) => *per != Per::Device,
            _ => false,
        };
        if !self.operators.iter().any(may_stand) {
            return 0;
        }
        let all = (0..names.device_count() as u32).map(Device);
        all.filter(|device| self.stands_for_group(names.device_name(*device))).count()
    }

    /// Names the devices that stand for groups, with their channel, for a series that some window of groups takes.
    pub(crate) fn declare_groups(&self, names: &mut Names, device: Device, channel: &str) {
        for operator in self.operators.iter().filter(|operator| operator.on.iter().any(|on| on == channel)) {
            let (per, channels) = match &operator.work {
                Work::Window(WindowSpec { per, .. }) if *per != Per::Device => (per, vec![channel.to_owned()]),
                Work::Among(spec) => {
                    let derived = operator.derived_of_group(channel).into_iter().map(|(_, name)| name);
                    (&spec.per, derived.filter(|name| self.wants(name)).collect())
                }
                _ => continue,
            };
            // Nobody has to stand for a group of which nobody takes anything.
            if channels.is_empty() {
                continue;
            }
            let Some(group) = per.group(names.device_name(device), names.device_tags(device)) else { continue };
            let tags = names.device_tags(device).to_vec();
            // Where there is no room for one more device there is none for the group; its parts are counted as missed.
            let Ok(group) = names.device(&group, Timing::default(), &per.common(&tags)) else { continue };
            for channel in channels {
                let channel = names.channel(&channel);
                names.series(group, channel);
            }
        }
    }
}

impl GroupWindows {
    /// Of a plan, without any device yet.
    pub fn new(plan: &Plan) -> GroupWindows {
        let windows = (0u16..).zip(&plan.operators).filter_map(|(node, operator)| {
            let Work::Window(spec) = &operator.work else { return None };
            (spec.per != Per::Device).then(|| GroupWindow {
                node,
                definition: operator.definition(),
                spec: spec.clone(),
                idle: spec.idle(),
                groups: BTreeMap::new(),
            })
        });
        GroupWindows { windows: windows.collect(), ..GroupWindows::default() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Parts that came after their window had closed.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Takes the stream's clock back.
    pub fn resume(&mut self, clock: StreamClock) {
        self.clock = clock;
    }

    /// A part of a device, as what came of input `number`. What is closed by an input goes to `say` when all its parts have been
    /// heard, with the next input or with [`GroupWindows::settle`]: else the names of devices would decide who comes too late.
    pub fn hear(&mut self, number: u64, node: u16, part: &Part, names: &Names, say: &mut dyn FnMut(Output)) {
        if self.due.first().is_some_and(|due| due.0 != number) {
            self.settle(names, say);
        }
        let GroupWindows { windows, clock, missed, due } = self;
        let Some(window) = windows.iter_mut().find(|window| window.node == node) else { return };
        let (device, channel) = names.of(part.series);
        // Who lacks the tag is in no group.
        let Some(series) = window.group_of(device, names.channel_name(channel), names) else { return };
        let group = window.groups.entry(series).or_default();
        let heard = clock.now();
        if part.joins() {
            group.members.entry(part.series).or_insert(Member { passed: None, heard });
            return;
        }
        let member = group.members.entry(part.series).or_insert(Member { passed: None, heard });
        *member = Member { passed: member.passed.max(Some(part.end)), heard };
        if group.closed.is_some_and(|closed| part.end <= closed) {
            return *missed += 1;
        }
        let fresh = || Gathered { tally: Tally::new(&window.spec), partial: false };
        let gathered = group.open.entry((part.end, part.start)).or_insert_with(fresh);
        gathered.tally.merge_beside(&part.tally);
        gathered.partial |= part.partial;
        due.insert((number, node, series));
    }

    /// All parts of the last input have been heard: what is closed by it goes to `say`.
    pub fn settle(&mut self, names: &Names, say: &mut dyn FnMut(Output)) {
        let now = self.clock.now();
        let mut due: Vec<(u64, u16, Series)> = std::mem::take(&mut self.due).into_iter().collect();
        due.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| by_name(a.2, b.2, names)));
        for (number, node, series) in due {
            let Some(window) = self.windows.iter_mut().find(|window| window.node == node) else { continue };
            let Some(group) = window.groups.get(&series) else { continue };
            let surplus = group.open.len().checked_sub(OPEN_MOST + 1);
            let oldest = surplus.and_then(|last| group.open.keys().nth(last)).map_or(Time::MIN, |key| key.0);
            window.close(series, oldest, now, number, names, say);
        }
    }

    /// The stream's clock has moved.
    pub fn tick(&mut self, number: u64, tick: &Reading, names: &Names, say: &mut dyn FnMut(Output)) {
        self.settle(names, say);
        let begins = self.clock.now() == Time::MIN;
        self.clock.tick(tick);
        let now = self.clock.now();
        if begins {
            // Whoever joined before the clock went has been there since it goes.
            let groups = self.windows.iter_mut().flat_map(|window| window.groups.values_mut());
            groups.flat_map(|group| group.members.values_mut()).for_each(|member| member.heard = member.heard.max(now));
        }
        self.each(names, |window, series| window.close(series, Time::MIN, now, number, names, say));
    }

    /// These devices are gone: they hold nobody back.
    pub fn retire(&mut self, number: u64, devices: &[Device], names: &Names, say: &mut dyn FnMut(Output)) {
        self.settle(names, say);
        let (now, gone) = (self.clock.now(), devices.iter().copied().collect::<HashSet<Device>>());
        for window in &mut self.windows {
            for group in window.groups.values_mut() {
                group.members.retain(|member, _| !gone.contains(&names.of(*member).0));
            }
        }
        self.each(names, |window, series| {
            let is_left = window.groups.get(&series).is_some_and(|group| group.members.is_empty());
            window.close(series, if is_left { Time::MAX } else { Time::MIN }, now, number, names, say);
        });
        let is_left = |group: &Group| group.members.is_empty() && group.open.is_empty();
        self.windows.iter_mut().for_each(|window| window.groups.retain(|_, group| !is_left(group)));
    }

    /// The input has ended: everything closes.
    pub fn end(&mut self, number: u64, names: &Names, say: &mut dyn FnMut(Output)) {
        self.settle(names, say);
        let now = self.clock.now();
        self.each(names, |window, series| window.close(series, Time::MAX, now, number, names, say));
    }

    fn each(&mut self, names: &Names, mut what: impl FnMut(&mut GroupWindow, Series)) {
        for window in &mut self.windows {
            let mut open: Vec<Series> =
                window.groups.iter().filter(|(_, group)| !group.open.is_empty()).map(|(series, _)| *series).collect();
            open.sort_by(|a, b| by_name(*a, *b, names));
            open.into_iter().for_each(|series| what(window, series));
        }
    }

    /// The state, as bytes.
    pub fn save(&self) -> Vec<u8> {
        let windows: Vec<(u64, &BTreeMap<Series, Group>)> =
            self.windows.iter().map(|window| (window.definition, &window.groups)).collect();
        postcard::to_allocvec(&(self.clock, windows)).expect("plain data always encodes")
    }

    /// Takes the state back; that of windows that are gone is dropped.
    ///
    /// # Errors
    /// When the bytes are not such a state.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), postcard::Error> {
        let (clock, saved): Saved = postcard::from_bytes(bytes)?;
        self.clock = clock;
        for (definition, groups) in saved {
            if let Some(window) = self.windows.iter_mut().find(|window| window.definition == definition) {
                window.groups = groups;
            }
        }
        Ok(())
    }
}

/// The numbers of series tell who was declared first, which is not to be seen.
fn by_name(a: Series, b: Series, names: &Names) -> Ordering {
    let name = |series: Series| {
        let (device, channel) = names.of(series);
        (names.device_name(device), names.channel_name(channel))
    };
    name(a).cmp(&name(b))
}

impl GroupWindow {
    /// The series that stands for the group of a device.
    fn group_of(&self, device: Device, channel: &str, names: &Names) -> Option<Series> {
        names.find(&self.spec.per.group(names.device_name(device), names.device_tags(device))?, channel)
    }

    /// Closes the windows of a group that all who are not idle have passed, and those that end at `upto` or before.
    fn close(
        &mut self,
        series: Series,
        upto: Time,
        now: Time,
        number: u64,
        names: &Names,
        say: &mut dyn FnMut(Output),
    ) {
        let Some(group) = self.groups.get_mut(&series) else { return };
        while let Some(open) = group.open.first_entry() {
            let end = open.key().0;
            let holds = |(series, member): (&Series, &Member)| {
                // Until then a device's shard has given all that it has, if the device was silent.
                let wait = Span(self.idle.0.saturating_add(names.device_timing(names.of(*series).0).late.0));
                let is_idle = now >= end + wait && now >= member.heard + wait && member.heard != Time::MIN;
                member.passed.is_none_or(|passed| passed < end) && !is_idle
            };
            if end > upto && group.members.iter().any(holds) {
                break;
            }
            let ((end, start), gathered) = open.remove_entry();
            group.closed = Some(end);
            if gathered.tally.summary().count() < self.spec.min {
                continue;
            }
            group.results += 1;
            let around =
                Around { start, end, first: start, expected: None, previous: None, so_far: (0, group.results) };
            let summary = gathered.tally.summary();
            let aggregate = Aggregate {
                series,
                start,
                end,
                count: summary.count(),
                mean: summary.mean(),
                std: summary.std(),
                min: summary.min(),
                max: summary.max(),
                more: gathered.tally.more(&self.spec, &around),
                revision: 0,
                partial: gathered.partial,
            };
            let device = names.of(series).0;
            say(Output { input: number, device, node: self.node, ordinal: 0, what: What::Aggregate(aggregate) });
        }
    }
}
