//! From a recorded stream and a plan to all that windows, filters and features must say.
//!
//! Not for windows over what windows say, nor for `compress`: those have laws of their own. Detectors are not judged either:
//! what they have found is taken as given, for windows that count it.

use super::arrived::{Device, END, One, devices};
use super::civil;
use super::compare::{Aside, Said, Told, size};
use super::feature::feature;
use super::points::{self, judge, points, sessions};
use super::shapes::{Together, between, windows};
use super::statistic::{Around, learned, missing, value};
use super::tables::{Versions, joined};
use ouzel_engine::condition::{Formula, Truth};
use ouzel_engine::plan::{FilterSpec, Operator, Per, Plan, SessionSpec, Shape, Statistic, WhenLate, WindowSpec, Work};
use ouzel_pipeline::intake::Stretch;
use std::collections::{BTreeMap, BTreeSet};

/// An anomaly: the detector's place in the plan, device, channel, and when.
pub type Found = (u16, String, String, i64);

/// What has waited in a filter goes on when its moment is over, and the oracle does not say by which input that is.
const UNKNOWN: u64 = END - 1;

/// All that a plan must say of a stream, with these versions of tables.
pub fn whole(plan: &Plan, stretches: &[Stretch], found: &[Found], versions: &Versions<'_>) -> Said {
    let mut devices = devices(plan, stretches);
    let first = devices.iter().map(first_heard).collect();
    let mut oracle = Oracle { plan, found, first, said: Said::default(), taken: BTreeSet::new() };
    for (node, operator) in (0u16..).zip(&plan.operators) {
        match &operator.work {
            Work::Window(spec) => oracle.window(node, operator, spec, &devices),
            Work::Filter(spec) => {
                for (device, first) in devices.iter_mut().zip(&mut oracle.first) {
                    let aside = filter(operator, spec, device, first);
                    oracle.said.filtered.entry(node).or_default().extend(aside);
                }
            }
            Work::Feature(spec) => {
                for (device, first) in devices.iter_mut().zip(&mut oracle.first) {
                    feature(operator, spec, device, first);
                }
            }
            Work::Formula(formula) => {
                for (device, first) in devices.iter_mut().zip(&mut oracle.first) {
                    work_out(operator, formula, device, first);
                }
            }
            Work::Table(spec) => {
                for (device, first) in devices.iter_mut().zip(&mut oracle.first) {
                    for channel in &operator.on {
                        for (derived, readings) in joined(operator, spec, device, channel, versions) {
                            first.extend(first.get(channel).copied().map(|heard| (derived.clone(), heard)));
                            device.in_order.insert(derived, readings);
                        }
                    }
                }
            }
            _ => {}
        }
    }
    oracle.late(&devices);
    oracle.said
}

/// What one device has of a window of several, and whether it was first heard after the start.
type Part = (Together, Around, bool);

/// What all devices have of the windows of a group, by end and start.
type ByEdges = BTreeMap<(i64, i64), Vec<Part>>;

struct Oracle<'a> {
    plan: &'a Plan,
    found: &'a [Found],
    /// For each device: when its channels were first heard.
    first: Vec<BTreeMap<String, i64>>,
    said: Said,
    /// Late readings that windows have taken in, by device name and number.
    taken: BTreeSet<(String, u64)>,
}

fn first_heard(device: &Device) -> BTreeMap<String, i64> {
    device.in_order.iter().map(|(channel, all)| (channel.clone(), all[0].time)).collect()
}

/// Gives what went aside. What passes is a channel of its own from then on; what is dropped is gone for all operators behind.
fn filter(
    operator: &Operator,
    spec: &FilterSpec,
    device: &mut Device,
    first: &mut BTreeMap<String, i64>,
) -> Vec<Aside> {
    let asked: Vec<&str> = spec.when.channels().iter().map(String::as_str).collect();
    let on: Vec<&str> = operator.on.iter().map(String::as_str).collect();
    let points = points(device, &on, &asked);
    let verdicts = judge(&spec.when, device, &points);
    let (mut passed, mut failed, mut aside) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for (point, judged) in points.iter().zip(verdicts) {
        for (channel, one) in point.readings.iter().filter(|(channel, _)| on.contains(&channel.as_str())) {
            if judged.truth == Truth::True {
                passed.insert(one.number);
                continue;
            }
            failed.insert(one.number);
            let of = (device.name.clone(), channel.clone());
            aside.push(Aside { of, time: one.time, value: one.value, why: (judged.failed, spec.drop) });
        }
    }
    for channel in on {
        let Some(all) = device.in_order.get_mut(channel) else { continue };
        let waited = |one: &One| One { released: UNKNOWN, ..*one };
        let passing: Vec<One> = all.iter().filter(|one| passed.contains(&one.number)).map(waited).collect();
        if spec.drop {
            *all = all.iter().filter(|one| !failed.contains(&one.number)).map(waited).collect();
        }
        let derived = format!("{}.{channel}", operator.name);
        if let Some(heard) = first.get(channel).copied() {
            first.insert(derived.clone(), heard);
        }
        device.in_order.insert(derived, passing);
    }
    if spec.tell { aside } else { Vec::new() }
}

/// The value of a formula at each point at which it has one is a channel of its own, which was heard when it spoke first.
fn work_out(operator: &Operator, formula: &Formula, device: &mut Device, first: &mut BTreeMap<String, i64>) {
    let asked: Vec<&str> = formula.channels().iter().map(String::as_str).collect();
    let points = points(device, &[], &asked);
    let values = points::values(formula, device, &points);
    let results = points.iter().zip(values).filter(|(_, value)| value.is_finite());
    let results: Vec<One> = results
        .map(|(point, value)| {
            let last = point.readings[point.readings.len() - 1].1;
            One { value, good: true, released: UNKNOWN, ..last }
        })
        .collect();
    let derived = format!("{}.value", operator.name);
    if let Some(result) = results.first() {
        first.insert(derived.clone(), result.time);
    }
    device.in_order.insert(derived, results);
}

/// The readings of a channel at moments when the other one spoke, too.
fn pairs(device: &Device, channel: &str, other: &str) -> Vec<One> {
    let points = points(device, &[channel], &[other]);
    let both = points.iter().flat_map(|point| {
        let with = point.readings.iter().find(|(of, _)| of == other).map(|(_, one)| one.value);
        let ours = point.readings.iter().filter(|(of, _)| of == channel);
        ours.filter_map(move |(_, one)| Some(One { with: with?, released: UNKNOWN, ..*one }))
    });
    both.collect()
}

impl Oracle<'_> {
    fn window(&mut self, node: u16, operator: &Operator, spec: &WindowSpec, devices: &[Device]) {
        for (index, device) in devices.iter().enumerate() {
            if let Shape::Session(session) = &spec.shape
                && (session.start.is_some() || session.active.is_some())
            {
                self.judged_sessions(node, operator, (spec, session), device);
                continue;
            }
            for channel in operator.on.iter().filter(|_| spec.per == Per::Device) {
                let all = match &spec.with {
                    Some(other) => pairs(device, channel, other),
                    None => device.in_order.get(channel).cloned().unwrap_or_default(),
                };
                let told = self.series(spec, device, index, channel, &all);
                if !told.is_empty() {
                    self.said.windows.insert((node, device.name.clone(), channel.clone()), told);
                }
            }
        }
        if spec.per != Per::Device {
            self.groups(node, operator, spec, devices);
        }
    }

    /// The results of one series, in the order in which they are given.
    fn series(&mut self, spec: &WindowSpec, device: &Device, index: usize, channel: &str, all: &[One]) -> Vec<Told> {
        let mut told = Vec::new();
        // The mean of the window before, and how large the numbers in it are, which may have cancelled.
        let (mut previous, mut size_before) = (None, 0.0f64);
        let every = self.every(channel);
        // Bad readings are told to those windows that ask for them.
        let mut of_shape = windows(&spec.shape, device, all, spec.min.max(1));
        let revises = matches!(spec.when_late, WhenLate::Revise(_));
        let mut given_again = if revises { self.revise(spec, device, channel, &mut of_shape) } else { Vec::new() };
        for (together, late) in
            of_shape.iter().map(|together| (together, false)).chain(given_again.iter().map(|t| (t, true)))
        {
            if (together.good.len() as u64) < spec.min.max(1) {
                continue;
            }
            let mut around = self.around(spec, device, index, channel, together, every);
            if spec.with.is_some() {
                // Of two channels it counts when they first spoke together.
                around.first = all[0].time;
            }
            if late && all.iter().all(|one| one.released > together.given) {
                // A late reading of a series that has not been heard in time yet.
                around.first = i64::MAX;
            }
            around.previous = previous;
            let results = told.len() + 1;
            let heard = all[..together.heard.min(all.len())].iter().filter(|one| one.good).count();
            around.so_far = (heard, results);
            if spec.gives(Statistic::Missing) && every.is_none() {
                let times: Vec<i64> = all[..together.heard.min(all.len())].iter().map(|one| one.time).collect();
                around.expected = learned(&times);
            }
            let mut result = self.tell(spec, together, &around);
            let own_size = result.size;
            result.size = own_size.max(size_before);
            if !late {
                size_before = own_size;
                previous = Some((together.start, value(Statistic::Mean, &together.good, 0, &around)));
            }
            result.partial &= matches!(spec.shape, Shape::Time { .. } | Shape::Calendar { .. });
            told.push(result);
        }
        if revises {
            given_again.clear();
            told.sort_by_key(|told| (told.given, told.end, told.start));
            // How often each was given before.
            let mut given: BTreeMap<(i64, i64), u32> = BTreeMap::new();
            for told in &mut told {
                let before = given.entry((told.start, told.end)).or_default();
                told.revision = *before;
                *before += 1;
            }
        }
        told
    }

    /// Late readings join windows that are open, and those that are kept, which are given again: these come back.
    fn revise(&mut self, spec: &WindowSpec, device: &Device, channel: &str, all: &mut Vec<Together>) -> Vec<Together> {
        let WhenLate::Revise(horizon) = spec.when_late else { return Vec::new() };
        let mut again = Vec::new();
        let late = device.late.iter().filter(|(of, one, _)| of == channel && one.good && one.time != i64::MAX);
        for (_, one, watermark) in late {
            let (time, watermark) = (i128::from(one.time), i128::from(*watermark));
            let edges: Vec<(i128, i128)> = match &spec.shape {
                Shape::Time { size, every } => {
                    let (size, every) = (i128::from(size.0), i128::from(every.0));
                    let last = time.div_euclid(every) * every;
                    (0..)
                        .map(|i| last - i * every)
                        .take_while(|start| start + size > time)
                        .map(|s| (s, s + size))
                        .collect()
                }
                Shape::Calendar { step, zone } => vec![civil::window(*step, zone, time)],
                _ => Vec::new(),
            };
            for (start, end) in edges.into_iter().rev() {
                if !all.iter().any(|known| i128::from(known.start) == start && i128::from(known.end) == end) {
                    all.push(between(device, &[], (start, end)));
                }
            }
            for together in all.iter_mut() {
                let of_moments = !matches!(spec.shape, Shape::Session(_));
                let open = together.given > one.number;
                // Of an open session only what has gone on by now.
                let last =
                    together.good.iter().filter(|other| !open || other.released < one.number).map(|o| o.time).max();
                let inside = match (of_moments, last) {
                    (true, _) => together.start <= one.time && one.time < together.end,
                    (false, Some(last)) => together.start <= one.time && one.time <= last,
                    (false, None) => false,
                };
                let kept = open || watermark < together.over + i128::from(horizon.0);
                if !inside || !kept {
                    continue;
                }
                self.taken.insert((device.name.clone(), one.number));
                together.good.push(*one);
                together.good.sort_by_key(|one| (one.time, one.number));
                if !open {
                    again.push(Together { given: one.number, ..together.clone() });
                }
            }
        }
        // What a window said when it closed is what was in it then.
        for together in all.iter_mut() {
            let given = together.given;
            let late: BTreeSet<u64> = device.late.iter().map(|late| late.1.number).collect();
            together.good.retain(|one| !late.contains(&one.number) || one.number < given);
        }
        all.sort_by_key(|together| (together.over, together.start));
        again
    }

    fn every(&self, channel: &str) -> Option<i64> {
        self.plan.channels.iter().find(|facts| facts.name == channel).and_then(|facts| facts.every).map(|every| every.0)
    }

    fn around(
        &self,
        spec: &WindowSpec,
        device: &Device,
        index: usize,
        channel: &str,
        together: &Together,
        expected: Option<i64>,
    ) -> Around {
        let has_edges = matches!(spec.shape, Shape::Time { .. } | Shape::Calendar { .. });
        let inside =
            |time: i64| together.start <= time && if has_edges { time < together.end } else { time <= together.end };
        let found_by = |name: &String| {
            let node = self.plan.operators.iter().position(|operator| operator.name == *name);
            let here =
                |found: &&Found| Some(usize::from(found.0)) == node && found.1 == device.name && found.2 == channel;
            self.found.iter().filter(here).filter(|found| inside(found.3)).count()
        };
        let first = self.first[index].get(channel).copied().unwrap_or(i64::MAX);
        let anomalies = spec.counts.iter().map(found_by).collect();
        let (start, until) = (together.start, together.until);
        Around { start, until, first, expected, previous: None, so_far: (0, 0), anomalies }
    }

    fn tell(&self, spec: &WindowSpec, together: &Together, around: &Around) -> Told {
        let values: Vec<f64> = together.good.iter().map(|one| one.value).collect();
        let previous = around.previous.map_or(0.0, |previous| previous.1.abs());
        Told {
            given: Some(together.given).filter(|given| *given != UNKNOWN),
            start: together.start,
            end: together.end,
            revision: 0,
            partial: around.first > together.start.saturating_add(around.expected.unwrap_or(0)),
            values: spec.give.iter().map(|g| value(g.what, &together.good, together.bad.len(), around)).collect(),
            size: together
                .good
                .iter()
                .map(|one| one.size)
                .fold((size(&values) * values.len() as f64).max(previous), f64::max),
        }
    }

    fn judged_sessions(
        &mut self,
        node: u16,
        operator: &Operator,
        (spec, session): (&WindowSpec, &SessionSpec),
        device: &Device,
    ) {
        let on: Vec<&str> = operator.on.iter().map(String::as_str).collect();
        for of in sessions(device, &on, session) {
            for &channel in &on {
                let good: Vec<One> =
                    of.readings.iter().filter(|(other, _)| *other == channel).map(|(_, one)| *one).collect();
                if (good.len() as u64) < spec.min.max(1) {
                    continue;
                }
                let (start, end, until) = (of.start, of.end, of.end);
                let over = i128::from(end);
                let together = Together { start, end, until, over, given: UNKNOWN, good, bad: Vec::new(), heard: 0 };
                let around = Around { start, until, first: start, expected: self.every(channel), ..Around::default() };
                let told = Told { partial: false, ..self.tell(spec, &together, &around) };
                let key = (node, device.name.clone(), channel.to_owned());
                self.said.windows.entry(key).or_default().push(told);
            }
        }
    }

    /// Windows of several devices: the windows of each, put together.
    fn groups(&mut self, node: u16, operator: &Operator, spec: &WindowSpec, devices: &[Device]) {
        let mut parts: BTreeMap<(String, String), ByEdges> = BTreeMap::new();
        for (index, device) in devices.iter().enumerate() {
            let group = match &spec.per {
                Per::Tag(tag) => {
                    let of_tag = device.tags.iter().find(|(key, value)| key == tag && !value.is_empty());
                    of_tag.map(|(_, value)| format!("{tag}={value}"))
                }
                _ => Some("all".to_owned()),
            };
            let Some(group) = group else { continue };
            for channel in &operator.on {
                let all = device.in_order.get(channel).map_or(&[][..], Vec::as_slice);
                for together in windows(&spec.shape, device, all, spec.min.max(1)) {
                    let every = self.every(channel);
                    let mut around = self.around(spec, device, index, channel, &together, every);
                    // What an interval is that nobody gave is not asked for here.
                    let partial = around.first > together.start.saturating_add(every.unwrap_or(0));
                    if spec.gives(Statistic::Missing) && every.is_none() {
                        let times: Vec<i64> = all[..together.heard].iter().map(|one| one.time).collect();
                        around.expected = learned(&times);
                    }
                    let windows = parts.entry((group.clone(), channel.clone())).or_default();
                    windows.entry((together.end, together.start)).or_default().push((together, around, partial));
                }
            }
        }
        for ((group, channel), windows) in parts {
            let told: Vec<Told> = windows.into_values().filter_map(|parts| self.together(spec, &parts)).collect();
            if !told.is_empty() {
                self.said.windows.insert((node, group, channel), told);
            }
        }
    }

    fn together(&self, spec: &WindowSpec, parts: &[Part]) -> Option<Told> {
        let mut good: Vec<One> = parts.iter().flat_map(|part| part.0.good.iter().copied()).collect();
        if (good.len() as u64) < spec.min.max(1) {
            return None;
        }
        good.sort_by_key(|one| (one.time, one.number));
        let bad = parts.iter().flat_map(|part| part.0.bad.iter().copied()).collect();
        let (mut around, places) = (parts[0].1.clone(), spec.counts.len());
        around.anomalies = (0..places).map(|place| parts.iter().map(|part| part.1.anomalies[place]).sum()).collect();
        let together = Together { good, bad, given: UNKNOWN, ..parts[0].0.clone() };
        let mut told = self.tell(spec, &together, &around);
        told.partial = parts.iter().any(|part| part.2);
        let counted: Vec<(usize, Around)> =
            parts.iter().map(|(part, around, _)| (part.good.len() + part.bad.len(), around.clone())).collect();
        for (given, value) in spec.give.iter().zip(&mut told.values) {
            if given.what == Statistic::Missing {
                *value = missing(&counted);
            }
        }
        Some(told)
    }

    /// Late readings: aside where some window of the channel, or none at all, wants them so, and where no window took one in
    /// and none says to forget it.
    fn late(&mut self, devices: &[Device]) {
        for device in devices {
            for (channel, one, _) in &device.late {
                let windows = self.plan.operators.iter().filter(|operator| operator.on.contains(channel));
                let policies: Vec<WhenLate> = windows
                    .filter_map(
                        |operator| if let Work::Window(spec) = &operator.work { Some(spec.when_late) } else { None },
                    )
                    .collect();
                let aside = policies.is_empty() || policies.contains(&WhenLate::Aside);
                let taken = self.taken.contains(&(device.name.clone(), one.number));
                if aside || (!taken && !policies.contains(&WhenLate::Forget)) {
                    let of = (device.name.clone(), channel.clone());
                    self.said.late.push(Aside { of, time: one.time, value: one.value, why: (one.number, false) });
                }
            }
        }
        self.said.late.sort_by_key(|late| late.why.0);
    }
}
