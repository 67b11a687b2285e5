//! What of a window's settings does not go together: revising and groups ask for statistics that can be taken back or put
//! beside each other, and for a bound on what is kept.

use super::maker::Maker;
use super::memory::pane;
use super::place::{Findings, Place};
use super::shape::Shaped;
use super::window::{Input, Window, Windows};
use ouzel_engine::plan::{Per, Shape, Statistic, Step, WhenLate};
use ouzel_engine::time::Span;

/// Closed windows, or pieces of them, that are kept of a series for late readings.
const KEPT_MAX: i64 = 1_024;

/// Notes what does not go together in what is judged by points: channels must be able to meet at a moment.
pub(crate) fn meet(windows: &Windows, maker: usize, found: &mut Findings) {
    let (takes, asks) = (windows.takes(maker), windows.asks(maker));
    let mut names: Vec<&str> = takes.iter().chain(asks).map(|input| input.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let formula = if let Maker::Formula(formula) = windows.maker(maker) { formula.work.as_ref() } else { None };
    if let Maker::Meet(_) = windows.maker(maker) {
        for input in takes.iter().chain(asks).filter(|input| windows.is_behind(input, 0)) {
            let message =
                format!("`{}` comes with an old time, which the clock of its group has passed by then", input.name);
            let hint = "take the channel that it is made of";
            found.problem(&input.place, message, hint);
        }
        return;
    }
    if let Maker::Window(window) = windows.maker(maker)
        && window.per.what != Per::Device
    {
        for input in takes.iter().filter(|input| windows.is_behind(input, 0)) {
            let message =
                format!("`{}` comes with an old time, which windows of several devices do not wait for", input.name);
            found.problem(&input.place, message, "leave `per` out, or sum up the channel that it is made of");
        }
    }
    if asks.is_empty() || names.len() < 2 || (formula.is_some() && said_together(windows, asks)) {
        return;
    }
    let hint = match formula {
        Some(_) => "a formula can ask for that channel alone, or for what one window says of one channel",
        None => "ask for that channel alone, in a filter or window of its own",
    };
    for input in takes.iter().chain(asks) {
        if windows.is_behind(input, 0) {
            let message =
                format!("`{}` comes later than the others with its old time, so that they never meet", input.name);
            found.problem(&input.place, message, hint);
        }
    }
    for input in takes.iter().filter(|input| windows.is_of_a_window(input, 0) && !windows.is_behind(input, 0)) {
        let message =
            format!("`{}` is said when a window ends, which no reading of another channel waits for", input.name);
        found.problem(&input.place, message, hint);
    }
}

/// Whether channels are results of one window for one channel, which come one right after the other.
fn said_together(windows: &Windows, inputs: &[Input]) -> bool {
    let of = |input: &Input| {
        let window = input.from.filter(|&maker| matches!(windows.maker(maker), Maker::Window(_)))?;
        Some((window, input.name.rsplit_once('.')?.0.to_owned()))
    };
    inputs.first().and_then(of).is_some_and(|first| inputs.iter().all(|input| of(input).as_ref() == Some(&first)))
}

/// Advises a formula that asks for the result of a window and for readings: these hardly ever are of one moment.
pub(crate) fn advise(windows: &Windows, found: &mut Findings) {
    for formula in &windows.formulas {
        let Some(work) = &formula.work else { continue };
        let at_once = |input: &&Input| !work.is_held(&input.name);
        let read = formula.asks.iter().filter(at_once).find(|input| !windows.is_of_a_window(input, 0));
        let summed = |input: &&Input| windows.is_of_a_window(input, 0) && !windows.is_behind(input, 0);
        let summed = formula.asks.iter().filter(at_once).find(summed);
        if let (Some(read), Some(summed)) = (read, summed) {
            let message = format!(
                "`{}` is said when a window ends, and `{}` seldom speaks at that very moment",
                summed.name, read.name
            );
            let hint = format!("write how old it may be: `last({}, 1h)`", summed.name);
            found.advice(&summed.place, message, hint);
        }
    }
}

/// Notes what does not go together.
pub(crate) fn check(window: &Window, found: &mut Findings) {
    if let Some(shape) = &window.shape {
        per(window, &shape.what, found);
        pairs(window, found);
        judged(window, found);
        if window.when_late.what != WhenLate::Aside
            && let Some(input) = window.over.iter().find(|input| input.from.is_some())
        {
            let message = format!("`{}` is made of readings that were in time: nothing of it is late", input.name);
            found.problem(
                &window.when_late.place,
                message,
                "leave it out, or write it where the readings are summed up",
            );
        }
        revise(window, &shape.what, found);
        if let Shape::Count { size, .. } = shape.what
            && window.min > u64::from(size)
        {
            let message = format!("it holds {size} readings and says nothing before `min` = {}", window.min);
            found.problem(&shape.place, message, format!("leave `min` out, or write count = {}", window.min));
        }
    }
}

/// Statistics of pairs need another channel, and another channel one clock and one device.
fn pairs(window: &Window, found: &mut Findings) {
    let is_of_pairs =
        |statistic| matches!(statistic, Statistic::Covariance | Statistic::Correlation | Statistic::SlopeWith);
    let Some(with) = &window.with else {
        for entry in window.give.iter().filter(|entry| is_of_pairs(entry.kind())) {
            let message = format!("`{}` is of two channels", entry.word);
            found.problem(&entry.place, message, "name the other one: with = \"pressure\"");
        }
        return;
    };
    if window.per.what != Per::Device {
        let message = "channels of several devices make no pairs";
        found.problem(&with.place, message, "leave `per` out, or `with`");
    }
    if window.when_late.what != WhenLate::Aside {
        let message = "a late reading has lost the one it belonged to";
        found.problem(&window.when_late.place, message, "leave `when_late` out, or `with`");
    }
    if window.over.iter().any(|input| window.asks.first().is_some_and(|other| other.name == input.name)) {
        found.problem(&with.place, "a channel and itself make no pairs", "name another channel");
    }
    if window.shape.as_ref().is_some_and(Shaped::has_conditions) {
        let message = "a session with conditions takes readings one by one";
        found.problem(&with.place, message, "leave `with` out, or `start` and `active`");
    }
}

/// What is judged by points sees good readings only, and no detector.
fn judged(window: &Window, found: &mut Findings) {
    if window.with.is_none() && !window.shape.as_ref().is_some_and(Shaped::has_conditions) {
        return;
    }
    for entry in window.give.iter().filter(|entry| matches!(entry.kind(), Statistic::Bad | Statistic::Anomalies(_))) {
        let message = format!("`{}` cannot be told beside a condition or another channel", entry.word);
        found.problem(&entry.place, message, "give it in a window of its own");
    }
}

fn per(window: &Window, shape: &Shape, found: &mut Findings) {
    if window.per.what == Per::Device {
        return;
    }
    let place = &window.per.place;
    if let Some(word) = match shape {
        Shape::Time { .. } | Shape::Calendar { .. } => None,
        Shape::Sliding { .. } => Some("a sliding window"),
        Shape::Count { .. } => Some("a window of a number of readings"),
        Shape::Session(_) => Some("a session"),
    } {
        let message = format!("{word} cannot be of several devices: each has its own");
        found.problem(place, message, "write `size` or `calendar`, or leave `per` out");
    }
    if matches!(window.when_late.what, WhenLate::Revise(_)) {
        let message = "windows of several devices cannot be revised";
        found.problem(&window.when_late.place, message, "write \"aside\" or \"forget\", or leave `per` out");
    }
    refuse(window, found, "cannot be put together from several devices", |statistic| {
        matches!(
            statistic,
            Statistic::TimeMean
                | Statistic::Share(_)
                | Statistic::Gap
                | Statistic::Rate
                | Statistic::Change
                | Statistic::Slope
                | Statistic::Reduction
        )
    });
}

fn revise(window: &Window, shape: &Shape, found: &mut Findings) {
    let WhenLate::Revise(horizon) = window.when_late.what else { return };
    let place = &window.when_late.place;
    let otherwise = "write \"aside\" or \"forget\"";
    if let Some(word) = match shape {
        Shape::Time { .. } => None,
        Shape::Calendar { step: Step::Month | Step::Year, .. } => Some("months and years"),
        Shape::Calendar { .. } => None,
        Shape::Sliding { .. } => Some("sliding windows"),
        Shape::Count { .. } => Some("windows of a number of readings"),
        Shape::Session(_) => {
            let judged = window.shape.as_ref().is_some_and(Shaped::has_conditions);
            judged.then_some("sessions with conditions")
        }
    } {
        found.problem(place, format!("{word} cannot be revised"), otherwise);
        return;
    }
    bounded(shape, horizon, place, found);
    refuse(window, found, "needs its readings in order, so a window that gives it cannot be revised", |statistic| {
        matches!(
            statistic,
            Statistic::Gap
                | Statistic::TimeMean
                | Statistic::Share(_)
                | Statistic::Change
                | Statistic::Slope
                | Statistic::Missing
                | Statistic::Reduction
        )
    });
}

/// What is kept has a bound.
fn bounded(shape: &Shape, horizon: Span, place: &Place, found: &mut Findings) {
    const HOUR: i64 = 3_600_000_000_000;
    // The length of a piece, and how much is kept beside the horizon.
    let (piece, beside) = match shape {
        Shape::Time { size, every } => (pane(*size, *every), *size),
        Shape::Calendar { step, .. } => {
            let hours = match step {
                Step::Hours(hours) => i64::from(*hours),
                Step::Day => 23,
                _ => 24 * 7,
            };
            (Span(hours * HOUR), Span(hours * HOUR))
        }
        // Of steady readings a session follows the other as soon as it is too long.
        Shape::Session(spec) => (spec.longest.map_or(spec.gap, |longest| longest.min(spec.gap)), spec.gap),
        Shape::Sliding { .. } | Shape::Count { .. } => return,
    };
    let kept = horizon.0.saturating_add(beside.0) / piece.0.max(1);
    if kept > KEPT_MAX {
        let longest = Span(piece.0.saturating_mul(KEPT_MAX).saturating_sub(beside.0));
        let message = format!("{kept} pieces of windows would be kept of each series, more than {KEPT_MAX}");
        let hint = match longest > Span::ZERO {
            true => format!("write \"revise {longest}\" or less, or longer windows"),
            false => "write a longer `every` that divides the size".to_owned(),
        };
        found.problem(place, message, hint);
    }
}

fn refuse(window: &Window, found: &mut Findings, why: &str, is: impl Fn(Statistic) -> bool) {
    for entry in window.give.iter().filter(|entry| is(entry.kind())) {
        found.problem(
            &entry.place,
            format!("`{}` {why}", entry.word),
            "leave it out here, or give it in a window of its own",
        );
    }
}
