//! What readings that meet say, from all of them: for each reading, those of its group are gone through.

use ouzel_engine::plan::{Among, AmongSpec, How, JoinSpec, Operator, Paired, Per, Work};
use ouzel_engine::time::Time;
use std::collections::BTreeMap;

/// A reading, with who it is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// The device.
    pub device: String,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// The channel.
    pub channel: String,
    /// When.
    pub time: Time,
    /// Its value.
    pub value: f64,
}

/// What an operator gives: device or what stands for its group, derived channel, time and value; sorted.
pub type Given = Vec<(String, String, Time, f64)>;

/// What an operator makes of readings of which none came too late for its group.
pub fn meet(operator: &Operator, all: &[Said]) -> Given {
    let mut given = match &operator.work {
        Work::Among(spec) => operator.on.iter().flat_map(|on| among(operator, spec, on, all)).collect(),
        Work::Join(spec) => operator.on.iter().flat_map(|on| join(operator, spec, on, all)).collect(),
        _ => Given::new(),
    };
    given.retain(|(.., value)| value.is_finite());
    given.sort_by(|a, b| (&a.0, &a.1, a.2).cmp(&(&b.0, &b.1, b.2)).then(a.3.total_cmp(&b.3)));
    given
}

/// The group of a device; each for itself where there are no groups.
fn group(per: &Per, of: &Said) -> Option<String> {
    if *per == Per::Device { Some(of.device.clone()) } else { per.group(&of.device, &of.tags) }
}

fn among(operator: &Operator, spec: &AmongSpec, on: &str, all: &[Said]) -> Given {
    let mut given = Given::new();
    let mut moments: BTreeMap<(String, Time), Vec<&Said>> = BTreeMap::new();
    for said in all.iter().filter(|said| said.channel == on) {
        if let Some(group) = group(&spec.per, said) {
            moments.entry((group, said.time)).or_default().push(said);
        }
    }
    for ((group_name, time), readings) in &moments {
        let mut newest: BTreeMap<&str, (Time, f64)> = BTreeMap::new();
        for said in all.iter().filter(|said| said.channel == on && said.time <= *time) {
            if group(&spec.per, said).as_ref() == Some(group_name) {
                let known = newest.entry(&said.device).or_insert((said.time, said.value));
                if known.0 <= said.time {
                    *known = (said.time, said.value);
                }
            }
        }
        let mut values: Vec<f64> =
            newest.values().filter(|(at, _)| time.since(*at) <= spec.fresh).map(|(_, value)| *value).collect();
        values.sort_by(f64::total_cmp);
        if values.len() < spec.min as usize {
            continue;
        }
        for what in &spec.give {
            let name = format!("{}.{on}.{}", operator.name, what.name);
            if what.what == Among::Residual {
                let of_each =
                    |said: &&Said| (said.device.clone(), name.clone(), *time, said.value - quantile(&values, 0.5));
                given.extend(readings.iter().map(of_each));
            } else {
                given.push((group_name.clone(), name, *time, statistic(what.what, &values)));
            }
        }
    }
    given
}

fn statistic(what: Among, values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let (sum, mean) = (values.iter().sum::<f64>(), values.iter().sum::<f64>() / count);
    let of = |is: &dyn Fn(f64) -> bool| values.iter().filter(|value| is(**value)).count() as f64;
    match what {
        Among::Count => count,
        Among::Sum => sum,
        Among::Mean => mean,
        Among::Std => (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt(),
        Among::Min => values[0],
        Among::Max => values[values.len() - 1],
        Among::Range => values[values.len() - 1] - values[0],
        Among::Quantile(q) => quantile(values, f64::from(q) / 1e5),
        Among::CountTrue => of(&|value| value != 0.0),
        Among::ShareTrue => of(&|value| value != 0.0) / count,
        Among::CountOf(state) => of(&|value| value == f64::from(state)),
        Among::ShareOf(state) => of(&|value| value == f64::from(state)) / count,
        Among::Residual => f64::NAN,
    }
}

/// By linear interpolation between the two nearest values (type 7 of Hyndman and Fan).
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * (place - place.floor())
}

fn join(operator: &Operator, spec: &JoinSpec, on: &str, all: &[Said]) -> Given {
    let mut given = Given::new();
    for reading in all.iter().filter(|said| said.channel == on) {
        let Some(own) = group(&spec.per, reading) else { continue };
        let is_partner = |said: &&Said| {
            said.channel == spec.with
                && spec.of.as_ref().is_none_or(|of| *of == said.device)
                && group(&spec.per, said).as_ref() == Some(&own)
                && (said.device != reading.device || said.channel != reading.channel)
        };
        let partners: Vec<&Said> = all.iter().filter(is_partner).collect();
        let near = |said: &&&Said| {
            let apart =
                said.time.since(reading.time).0.unsigned_abs().max(reading.time.since(said.time).0.unsigned_abs());
            apart <= spec.tolerance.0.unsigned_abs()
        };
        // At one moment the last by name stands for all.
        let before =
            partners.iter().filter(|said| said.time <= reading.time).max_by_key(|said| (said.time, &said.device));
        let behind = partners.iter().filter(|said| said.time > reading.time);
        let behind = behind.min_by_key(|said| (said.time, &said.device));
        let mut say = |partner: &Said, time: Time| {
            for what in &spec.give {
                let value = match what {
                    Paired::Value => partner.value,
                    Paired::Age => (reading.time.0 as f64 - partner.time.0 as f64) / 1e9,
                    Paired::Difference => reading.value - partner.value,
                    Paired::Ratio => reading.value / partner.value,
                };
                let name = format!("{}.{on}.{}", operator.name, what.name());
                given.push((reading.device.clone(), name, time, value));
            }
        };
        match spec.how {
            How::AsOf => before.filter(near).into_iter().for_each(|partner| say(partner, reading.time)),
            How::Nearest => {
                let is_nearer =
                    |behind: &&Said, before: &&Said| behind.time.since(reading.time) < reading.time.since(before.time);
                let nearest = match (before, behind) {
                    (Some(before), Some(behind)) => Some(if is_nearer(behind, before) { behind } else { before }),
                    (before, behind) => before.or(behind),
                };
                nearest.filter(near).into_iter().for_each(|partner| say(partner, reading.time));
            }
            How::Interval => {
                partners.iter().filter(near).for_each(|partner| say(partner, reading.time.max(partner.time)));
            }
        }
    }
    given
}
