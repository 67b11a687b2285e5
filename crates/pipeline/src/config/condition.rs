//! Conditions in a config: what they name is looked up, and a mistake is shown where it stands in the file.

use super::place::{Findings, Place};
use super::tree::At;
use super::window::{Input, Windows};
use ouzel_engine::condition::{Condition, Known};
use ouzel_engine::plan::{ChannelFacts, Shape};
use std::cell::RefCell;

/// Reads the conditions of all filters and sessions, now that all names are known.
pub(crate) fn read_all(windows: &mut Windows, facts: &[ChannelFacts], text: &str, found: &mut Findings) {
    for index in 0..windows.list.len() {
        let Some(shape) = &windows.list[index].shape else { continue };
        let texts = [&shape.start, &shape.active].map(Option::clone);
        let read = texts.map(|one| one.map(|one| read(&one, windows, facts, text, found)));
        let window = &mut windows.list[index];
        let broken = read.iter().any(|read| matches!(read, Some(None)));
        let [start, active] = read.map(Option::flatten);
        window.asks.extend(start.iter().chain(&active).flat_map(|(_, asks)| asks.iter().cloned()));
        if let Some(Shape::Session(spec)) = window.shape.as_mut().map(|shape| &mut shape.what) {
            spec.start = start.map(|(condition, _)| condition);
            spec.active = active.map(|(condition, _)| condition);
        }
        if broken {
            window.shape = None;
        }
    }
    for index in 0..windows.filters.len() {
        let Some(when) = windows.filters[index].when.clone() else { continue };
        if let Some((condition, asks)) = read(&when, windows, facts, text, found) {
            windows.filters[index].meet(condition, asks);
        }
    }
}

/// Reads one; gives also the channels that it asks for.
fn read(
    written: &At<String>,
    windows: &Windows,
    facts: &[ChannelFacts],
    text: &str,
    found: &mut Findings,
) -> Option<(Condition, Vec<Input>)> {
    let asks: RefCell<Vec<Input>> = RefCell::default();
    let resolve = |name: &str| {
        let input = windows.look_up(&At { what: name.to_owned(), place: written.place.clone() })?;
        let name = input.name.clone();
        asks.borrow_mut().push(input);
        Ok(name)
    };
    match Condition::parse(&written.what, &Known { channels: facts, resolve: &resolve }) {
        Ok(condition) => Some((condition, asks.into_inner())),
        Err(mistake) => {
            found.problem(&inside(written, mistake.at, text), mistake.what, mistake.hint);
            None
        }
    }
}

/// The place of a part of a text value; the whole value where the file writes it with escapes.
pub(crate) fn inside(value: &At<String>, part: Place, text: &str) -> Place {
    let raw = text.get(value.place.clone()).unwrap_or("");
    match raw.find(&value.what) {
        Some(at) => value.place.start + at + part.start..value.place.start + at + part.end,
        None => value.place.clone(),
    }
}
