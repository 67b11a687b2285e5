//! Puts operators into an order in which each takes only what those before it give.
//!
//! Level 0 works on readings, level 1 on results of level 0, and so on; within a level the order is that of the file.

use super::detector::Detector;
use super::place::Findings;
use super::window::{Input, Windows};
use ouzel_engine::plan::{Operator, Work};

/// All operators of the config. Windows and filters that are over their own results are a problem.
pub(crate) fn operators(windows: &Windows, detectors: &[Detector], found: &mut Findings) -> Vec<Operator> {
    let levels = levels(windows, found);
    let level_of =
        |inputs: &[Input]| inputs.iter().filter_map(|input| Some(levels[input.from?] + 1)).max().unwrap_or(0);
    let mut all: Vec<(usize, usize, Vec<Operator>)> = Vec::new();
    for window in &windows.list {
        let on = window.over.iter().map(|input| input.name.clone()).collect();
        let operator =
            window.spec().map(|spec| Operator { name: window.name.what.clone(), on, work: Work::Window(spec) });
        all.push((level_of(&window.over), window.name.place.start, operator.into_iter().collect()));
    }
    for filter in &windows.filters {
        let on = filter.on.iter().map(|input| input.name.clone()).collect();
        let operator =
            filter.spec.map(|spec| Operator { name: filter.name.what.clone(), on, work: Work::Compress(spec) });
        all.push((level_of(&filter.on), filter.name.place.start, operator.into_iter().collect()));
    }
    for detector in detectors {
        all.push((level_of(&detector.on), detector.name.place.start, detector.operators.clone()));
    }
    all.sort_by_key(|(level, place, _)| (*level, *place));
    all.into_iter().flat_map(|(_, _, operators)| operators).collect()
}

/// The level of each window and filter.
fn levels(windows: &Windows, found: &mut Findings) -> Vec<usize> {
    let mut levels: Vec<Option<usize>> = vec![None; windows.count()];
    loop {
        let mut moved = false;
        for index in 0..windows.count() {
            let below = windows.takes(index).iter().filter_map(|input| input.from).map(|from| levels[from]);
            // `None` as soon as one of them is open.
            let below: Option<Vec<usize>> = below.collect();
            if let (None, Some(below)) = (levels[index], below) {
                levels[index] = Some(below.into_iter().map(|level| level + 1).max().unwrap_or(0));
                moved = true;
            }
        }
        if moved {
            continue;
        }
        let Some(open) = levels.iter().position(Option::is_none) else { break };
        // A circle is reported, then taken for settled, so that a second one is found, too.
        let circle = circle(windows, &levels, open);
        report(windows, &circle, found);
        circle.iter().for_each(|&index| levels[index] = Some(0));
    }
    levels.into_iter().flatten().collect()
}

/// Follows open windows until one comes again. Each open window is over another one that is open.
fn circle(windows: &Windows, levels: &[Option<usize>], start: usize) -> Vec<usize> {
    let mut path = vec![start];
    loop {
        let last = windows.takes(path[path.len() - 1]).iter();
        let Some(next) = last.filter_map(|input| input.from).find(|&from| levels[from].is_none()) else {
            return path;
        };
        if let Some(again) = path.iter().position(|&index| index == next) {
            let mut circle = path.split_off(again);
            let first = circle.iter().enumerate().min_by_key(|(_, index)| **index).map_or(0, |(at, _)| at);
            circle.rotate_left(first);
            return circle;
        }
        path.push(next);
    }
}

fn report(windows: &Windows, circle: &[usize], found: &mut Findings) {
    let name = |at: usize| windows.name(circle[at % circle.len()]).what.as_str();
    let steps: Vec<String> = (0..circle.len()).map(|at| format!("`{}` is over `{}`", name(at), name(at + 1))).collect();
    let inputs = windows.takes(circle[0]);
    let next = circle[1 % circle.len()];
    let place = inputs
        .iter()
        .find(|input| input.from == Some(next))
        .map_or(&windows.name(circle[0]).place, |input| &input.place);
    let what = if circle.iter().all(|&at| at < windows.list.len()) { "windows" } else { "windows and filters" };
    let message = format!("{what} go round in a circle: {}", steps.join(", "));
    found.problem(place, message, "leave it out, or put what closes the circle into a window of its own");
}
