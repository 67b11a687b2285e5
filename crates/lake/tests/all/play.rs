//! A stream to put into a lake: two presses and a door, with what came out of it, made by chance from a seed.

use ouzel_engine::condition::{Condition, Known};
use ouzel_engine::output::{Aggregate, Alert, Anomaly, Class, Filtered, Output, Severity, State, What};
use ouzel_engine::plan::{
    AlertRule, ChannelFacts, FilterSpec, Levels, Limits, Operator, Plan, Statistic, WindowSpec, Work,
};
use ouzel_engine::reading::{Batch, Quality, Reading};
use ouzel_engine::series::{Declaration, Device, Names, Series, Timing};
use ouzel_engine::time::{Span, Time};
use ouzel_lake::{LakeSettings, LakeWriter};
use std::path::PathBuf;
use std::sync::Arc;

/// Half a minute before the midnight that begins 2026: most streams here cross it.
pub const START: Time = Time::from_secs(1_767_225_570);

/// A step of the stream, as a lake takes it.
#[derive(Clone, Debug, Default)]
pub struct Step {
    pub declarations: Vec<Declaration>,
    pub batch: Batch,
    pub outputs: Vec<Output>,
}

/// A whole stream.
pub struct Stream {
    pub names: Names,
    pub plan: Arc<Plan>,
    pub steps: Vec<Step>,
}

/// A reading as the lake should have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    pub seq: u64,
    pub device: String,
    pub channel: String,
    pub micros: i64,
    pub value: f64,
    pub quality: Quality,
    pub late: bool,
    pub state: Option<String>,
}

pub fn plan() -> Plan {
    let temperature = ChannelFacts {
        name: "temperature".into(),
        unit: "°C".into(),
        range: Some((-40.0, 125.0)),
        ..Default::default()
    };
    let door = ChannelFacts { name: "door".into(), states: vec!["shut".into(), "open".into()], ..Default::default() };
    let minute = Span::from_secs(60);
    // In an order of their own, so that a row from a file must know its window.
    let give = [Statistic::Mean, Statistic::Quantile(95_000), Statistic::Count, Statistic::Bad];
    let window = |name: &str, give: &[Statistic]| Operator {
        name: name.into(),
        on: vec!["temperature".into()],
        work: Work::Window(WindowSpec::time(minute, minute, give)),
    };
    let resolve = |name: &str| Ok(name.to_owned());
    let known = Known { channels: &[], resolve: &resolve };
    let when = Condition::parse("temperature < 80 and abs(temperature) > 1", &known).expect("it is a condition");
    let work = Work::Filter(FilterSpec { when, drop: false, tell: true });
    let filter = Operator { name: "calm".into(), on: vec!["temperature".into()], work };
    let hot = Limits { above: Levels { warning: Some(80.0), critical: None }, ..Limits::default() };
    let detector = Operator { name: "hot".into(), on: vec!["temperature".into()], work: Work::Threshold(hot) };
    let alert = AlertRule {
        name: "fire".into(),
        on: vec!["hot".into()],
        severity: None,
        hold: Span::ZERO,
        clear: minute,
        warm_up: 0,
        say: String::new(),
        send: Vec::new(),
    };
    Plan {
        channels: vec![temperature, door],
        operators: vec![window("minute", &give), window("width", &[Statistic::Max]), detector, filter],
        alerts: vec![alert],
        said: Vec::new(),
    }
}

/// A source of chance: SplitMix64.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}

impl Stream {
    /// `rows` readings in steps of odd sizes, with ticks among them, some of them late, bad, or out of order.
    pub fn play(seed: u64, rows: usize) -> Stream {
        let mut chance = Chance(seed);
        let mut names = Names::new();
        let mut stream = Stream { names: Names::new(), plan: Arc::new(plan()), steps: Vec::new() };
        let (mut number, mut left, mut now) = (0, rows, START);
        while left > 0 {
            let count = (chance.next(60) as usize).min(left);
            let mut step = Step { batch: Batch { first: number, ..Batch::default() }, ..Step::default() };
            for _ in 0..count {
                left -= 1;
                now = now + Span(chance.next(400_000_000) as i64 + 7);
                if chance.next(20) == 0 {
                    step.batch.rows.push(Reading::tick(now));
                    number += 1;
                }
                let which = chance.next(3);
                let series = device(&mut names, which);
                step.batch.rows.push(reading(&mut chance, series, which == 2, now));
                let row = *step.batch.rows.last().expect("just added");
                step.outputs.extend(out(&mut chance, number, &names, &row));
                number += 1;
            }
            step.declarations = names.take_fresh();
            stream.steps.push(step);
        }
        stream.names = names;
        stream
    }

    /// Its readings, as the lake should have them, in the order of their numbers.
    pub fn expected(&self) -> Vec<Expected> {
        self.steps.iter().flat_map(|step| self.expected_of(step)).collect()
    }

    fn expected_of(&self, step: &Step) -> Vec<Expected> {
        let late: Vec<u64> =
            step.outputs.iter().filter(|o| matches!(o.what, What::Late(_))).map(|output| output.input).collect();
        let rows = step.batch.rows.iter().enumerate().filter(|(_, row)| row.series != ouzel_engine::reading::TICK);
        rows.map(|(index, row)| {
            let (device, channel) = self.names.of(row.series);
            let channel = self.names.channel_name(channel).to_owned();
            let seq = step.batch.number(index);
            let bad = channel == "temperature" && !(-40.0..=125.0).contains(&row.value);
            let states = ["shut", "open"];
            Expected {
                seq,
                device: self.names.device_name(device).to_owned(),
                state: (channel == "door").then(|| states[row.value as usize].to_owned()),
                channel,
                micros: row.time.0.div_euclid(1_000),
                value: row.value,
                quality: if bad && row.quality == Quality::Good { Quality::OutOfRange } else { row.quality },
                late: late.contains(&seq),
            }
        })
        .collect()
    }

    /// Its outputs, in order.
    pub fn outputs(&self) -> impl Iterator<Item = &Output> {
        self.steps.iter().flat_map(|step| &step.outputs)
    }

    /// Gives all steps to a lake.
    pub fn pour(&self, writer: &mut LakeWriter) {
        for Step { declarations, batch, outputs } in &self.steps {
            writer.take(declarations, batch, outputs).unwrap();
        }
    }
}

fn device(names: &mut Names, which: u64) -> Series {
    let (name, channel) =
        [("press-1", "temperature"), ("press 2", "temperature"), ("gate \"A\"", "door")][which as usize];
    let tags: &[(&str, &str)] = if which == 0 { &[("line", "3"), ("place", "hall \"B\"")] } else { &[] };
    let device = names.device(name, Timing::default(), tags).expect("few devices");
    let channel = names.channel(channel);
    names.series(device, channel)
}

fn reading(chance: &mut Chance, series: Series, door: bool, now: Time) -> Reading {
    let back = if chance.next(10) == 0 { Span(chance.next(30_000_000_000) as i64) } else { Span::ZERO };
    let value = match chance.next(15) {
        _ if door => chance.next(2) as f64,
        0 => 999.0,
        1 => 1.0 / 3.0,
        _ => chance.next(12_000) as f64 / 100.0,
    };
    let mut reading = Reading::new(series, now - back, value);
    if chance.next(25) == 0 {
        reading.quality = Quality::Flagged;
    }
    reading
}

fn out(chance: &mut Chance, input: u64, names: &Names, row: &Reading) -> Vec<Output> {
    let (device, _) = names.of(row.series);
    let mut outputs = Vec::new();
    let mut say = |device: Device, node, what| {
        let ordinal = outputs.len() as u32;
        outputs.push(Output { input, device, node, ordinal, what });
    };
    if chance.next(12) == 0 {
        say(device, 0, What::Late(*row));
        return outputs;
    }
    // Whole microseconds: beyond them a row from a file has fewer digits than one from memory, which is tested apart.
    let time = Time(row.time.0.div_euclid(1_000) * 1_000);
    if chance.next(8) == 0 {
        let start = time.floor(Span::from_secs(60), Span::ZERO);
        let node = chance.next(2) as u16;
        let (end, count) = (start + Span::from_secs(60), 1 + chance.next(50));
        let aggregate = Aggregate {
            series: row.series,
            start,
            end,
            count,
            mean: row.value / 3.0,
            std: 0.5,
            min: -1.0,
            max: 1e300,
            more: (node == 0).then(|| Box::from([row.value / 7.0, chance.next(3) as f64])),
            revision: chance.next(3).saturating_sub(1) as u32,
            partial: chance.next(4) == 0,
        };
        say(device, node, What::Aggregate(aggregate));
    }
    if chance.next(8) == 0 {
        let filtered =
            Filtered { reading: Reading { time, ..*row }, failed: chance.next(4), dropped: chance.next(2) == 0 };
        say(device, 3, What::Filtered(filtered));
    }
    if chance.next(8) == 0 {
        let anomaly = Anomaly {
            series: row.series,
            time,
            value: row.value,
            expected: f64::NAN,
            spread: f64::NAN,
            threshold: 80.0,
            score: row.value,
            severity: if chance.next(2) == 0 { Severity::Warning } else { Severity::Critical },
            class: Class::Process,
            twin: 0,
            stands: false,
            seen: 100,
        };
        say(device, 2, What::Anomaly(Box::new(anomaly.clone())));
        let alert = Alert {
            rule: 0,
            series: row.series,
            detector: 2,
            state: State::Firing,
            severity: anomaly.severity,
            since: time,
            time,
            count: 1,
            worst: anomaly,
        };
        say(device, 4, What::Alert(Box::new(alert)));
    }
    outputs
}

/// Settings under which nothing is written before it is asked for.
pub fn patient() -> LakeSettings {
    LakeSettings { rows: u64::MAX, ..LakeSettings::new(PathBuf::from("lake")) }
}
