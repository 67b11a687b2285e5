//! Conditions from outside: the manual's examples, every mistake's message, and a slow evaluator that must agree.

#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, and their helpers have none")]

mod forms;
mod kept;
mod manual;
mod mistakes;
mod oracle;

use ouzel_engine::condition::{Condition, Formula, Known, Memory, Mistake, Truth};
use ouzel_engine::plan::ChannelFacts;
use ouzel_engine::time::{Span, Time};

/// Channels that the tests know facts of.
fn facts() -> Vec<ChannelFacts> {
    let states = |name: &str, states: &[&str]| ChannelFacts {
        name: name.into(),
        states: states.iter().map(|&state| state.into()).collect(),
        ..ChannelFacts::default()
    };
    vec![
        states("door", &["closed", "open", "ajar"]),
        states("mode", &["off", "heating", "cooling"]),
        states("flow-rate", &[]),
    ]
}

/// A name as it stands there, for a channel that devices may have; those that begin with `no_` nobody has.
fn resolve(written: &str) -> Result<String, (String, String)> {
    let name = written.replace('`', "");
    match name.strip_prefix("no_") {
        Some(meant) => Err((format!("there is no channel `{name}`"), format!("did you mean `{meant}`?"))),
        None => Ok(name),
    }
}

fn parse(text: &str) -> Result<Condition, Mistake> {
    Condition::parse(text, &Known { channels: &facts(), resolve: &resolve })
}

fn kitchen() -> Vec<(String, String)> {
    [("room", "kitchen"), ("floor", "2")].map(|(tag, value)| (tag.to_owned(), value.to_owned())).to_vec()
}

/// What a condition says of these points, in seconds.
fn judged(text: &str, points: &[(f64, &[f64])]) -> Vec<Truth> {
    let condition = parse(text).unwrap_or_else(|mistake| panic!("{text}: {mistake}"));
    let mut memory = Memory::new(&condition, &kitchen());
    let at = |seconds: f64| Time((seconds * 1e9) as i64);
    points.iter().map(|(seconds, point)| memory.judge(&condition, at(*seconds), point).truth).collect()
}

/// The same for one channel, a point a second: `+` true, `-` false, `?` unknown.
fn line(text: &str, values: &[f64]) -> String {
    let points: Vec<[f64; 1]> = values.iter().map(|&value| [value]).collect();
    let points: Vec<(f64, &[f64])> = (0u32..).zip(&points).map(|(i, point)| (f64::from(i), &point[..])).collect();
    judged(text, &points).into_iter().map(letter).collect()
}

fn letter(truth: Truth) -> char {
    match truth {
        Truth::True => '+',
        Truth::False => '-',
        Truth::Unknown => '?',
    }
}
