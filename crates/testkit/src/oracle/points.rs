//! What a device says at one moment, put together from its readings, and judged: filters, and sessions with conditions.

use super::arrived::{Device, One};
use ouzel_engine::condition::{Condition, Formula, Judged, Memory, Truth};
use ouzel_engine::plan::SessionSpec;
use ouzel_engine::time::Time;

/// Readings of one moment.
#[derive(Clone, Debug)]
pub struct Point {
    /// Of all of them.
    pub time: i64,
    /// With their channels, in the order of arrival; those that are only asked for are among them.
    pub readings: Vec<(String, One)>,
}

/// The points of a device over these channels. `asked` are those whose values a condition asks for: a second reading of one
/// of them at the same moment is of another point, and so is what another message brings.
pub fn points(device: &Device, channels: &[&str], asked: &[&str]) -> Vec<Point> {
    let known = channels.iter().chain(asked).collect::<std::collections::BTreeSet<_>>();
    let mut all: Vec<(String, One)> = Vec::new();
    for channel in known {
        let readings = device.in_order.get(*channel).into_iter().flatten();
        all.extend(readings.filter(|one| one.good).map(|one| ((*channel).to_owned(), *one)));
    }
    // What a table makes of a reading has its number, and comes behind it.
    all.sort_by_key(|(channel, one)| (one.time, one.number, channel.matches('.').count()));
    let mut points: Vec<Point> = Vec::new();
    for (channel, one) in all {
        let joins = points.last().is_some_and(|point| {
            let twin = asked.contains(&channel.as_str()) && point.readings.iter().any(|(other, _)| *other == channel);
            point.time == one.time && point.readings[0].1.message == one.message && !twin
        });
        match points.last_mut() {
            Some(point) if joins => point.readings.push((channel, one)),
            _ => points.push(Point { time: one.time, readings: vec![(channel, one)] }),
        }
    }
    points
}

/// What a condition says of each point: a value for each channel that it asks for, NaN where there is none.
pub fn judge(condition: &Condition, device: &Device, points: &[Point]) -> Vec<Judged> {
    let mut memory = Memory::new(condition, &device.tags);
    points.iter().map(|point| memory.judge(condition, Time(point.time), &point.of(condition.channels()))).collect()
}

/// The value of a formula at each point, NaN where there is none.
pub fn values(formula: &Formula, device: &Device, points: &[Point]) -> Vec<f64> {
    let mut memory = Memory::of_formula(formula, &device.tags);
    points.iter().map(|point| memory.value(formula, Time(point.time), &point.of(formula.channels()))).collect()
}

impl Point {
    /// The values of channels, NaN where there is none.
    fn of(&self, channels: &[String]) -> Vec<f64> {
        let value =
            |channel: &String| self.readings.iter().find(|(of, _)| of == channel).map_or(f64::NAN, |it| it.1.value);
        channels.iter().map(value).collect()
    }
}

/// A session of a device: first and last activity, and all readings of its points up to there, with their channels.
pub struct Session {
    /// First activity.
    pub start: i64,
    /// Last activity.
    pub end: i64,
    /// Of the channels that it sums up.
    pub readings: Vec<(String, One)>,
}

/// The sessions of a device, over these channels.
pub fn sessions(device: &Device, on: &[&str], session: &SessionSpec) -> Vec<Session> {
    let asks = |condition: &Option<Condition>| condition.as_ref().map_or(Vec::new(), |c| c.channels().to_vec());
    let asked: Vec<String> = asks(&session.start).into_iter().chain(asks(&session.active)).collect();
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let points = points(device, on, &asked);
    let holds = |condition: &Option<Condition>| -> Option<Vec<bool>> {
        let condition = condition.as_ref()?;
        Some(judge(condition, device, &points).into_iter().map(|judged| judged.truth == Truth::True).collect())
    };
    let (starts, keeps) = (holds(&session.start), holds(&session.active));
    let mut all: Vec<Session> = Vec::new();
    let mut open: Option<Session> = None;
    let mut pending: Vec<(String, One)> = Vec::new();
    // Until then activity begins another one without being asked, because the last one grew too long.
    let mut again_until: Option<i64> = None;
    for (index, point) in points.iter().enumerate() {
        let of_ours: Vec<(String, One)> =
            point.readings.iter().filter(|(channel, _)| on.contains(&channel.as_str())).cloned().collect();
        let active = keeps.as_ref().map_or(!of_ours.is_empty(), |keeps| keeps[index]);
        if let Some(session_now) = open.take() {
            let silent = point.time - session_now.end > session.gap.0;
            let long = session.longest.is_some_and(|longest| point.time - session_now.start >= longest.0);
            if silent || long {
                again_until = (!silent).then_some(session_now.end + session.gap.0);
                all.push(session_now);
                pending.clear();
            } else {
                open = Some(session_now);
            }
        }
        let begins = open.is_none() && {
            let again = active && again_until.is_some_and(|until| point.time <= until);
            starts.as_ref().map_or(active, |starts| starts[index]) || again
        };
        if begins {
            open = Some(Session { start: point.time, end: point.time, readings: Vec::new() });
            again_until = None;
        }
        let Some(session_now) = &mut open else { continue };
        pending.extend(of_ours);
        // What comes at the moment of the last activity is inside, also as a point of its own.
        if active || begins || point.time == session_now.end {
            session_now.end = point.time;
            session_now.readings.append(&mut pending);
        }
    }
    all.extend(open);
    all
}
