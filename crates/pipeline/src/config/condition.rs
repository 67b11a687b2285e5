//! Conditions and formulas in a config: what they name is looked up, and a mistake is shown where it stands in the file.

use super::place::{Findings, Place};
use super::tree::At;
use super::window::{Input, Windows};
use ouzel_engine::condition::{Condition, Formula, Known, Mistake};
use ouzel_engine::plan::{ChannelFacts, Shape};
use std::cell::RefCell;

/// Reads the conditions of all filters and sessions, and all formulas, now that all names are known.
pub(crate) fn read_all(windows: &mut Windows, facts: &[ChannelFacts], text: &str, found: &mut Findings) {
    for index in 0..windows.list.len() {
        let Some(shape) = &windows.list[index].shape else { continue };
        let texts = [&shape.start, &shape.active].map(Option::clone);
        let read = texts.map(|one| one.map(|one| read(&one, windows, facts, text, found, Condition::parse)));
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
        if let Some((condition, asks)) = read(&when, windows, facts, text, found, Condition::parse) {
            windows.filters[index].meet(condition, asks);
        }
    }
    for index in 0..windows.formulas.len() {
        let Some(is) = windows.formulas[index].is.clone() else { continue };
        if let Some((formula, asks)) = read(&is, windows, facts, text, found, Formula::parse) {
            (windows.formulas[index].work, windows.formulas[index].asks) = (Some(formula), asks);
        }
    }
}

/// Reads one; gives also the channels that it asks for.
fn read<T>(
    written: &At<String>,
    windows: &Windows,
    facts: &[ChannelFacts],
    text: &str,
    found: &mut Findings,
    parse: impl Fn(&str, &Known<'_>) -> Result<T, Mistake>,
) -> Option<(T, Vec<Input>)> {
    let asks: RefCell<Vec<Input>> = RefCell::default();
    let resolve = |name: &str| {
        let input = windows.look_up(&At { what: name.to_owned(), place: written.place.clone() })?;
        let name = input.name.clone();
        asks.borrow_mut().push(input);
        Ok(name)
    };
    match parse(&written.what, &Known { channels: facts, resolve: &resolve }) {
        Ok(condition) => Some((condition, asks.into_inner())),
        Err(mistake) => {
            found.problem(&inside(written, mistake.at, text), mistake.what, mistake.hint);
            None
        }
    }
}

/// The place of a part of a text value, also where the file writes it with escapes; the whole value where it stands over
/// several lines and has some.
pub(crate) fn inside(value: &At<String>, part: Place, text: &str) -> Place {
    let raw = text.get(value.place.clone()).unwrap_or("");
    if let Some(at) = raw.find(&value.what) {
        return value.place.start + at + part.start..value.place.start + at + part.end;
    }
    let (from, to) = (written_at(raw, part.start), written_at(raw, part.end));
    from.zip(to).map_or(value.place.clone(), |(from, to)| value.place.start + from..value.place.start + to)
}

/// Where in a basic string of TOML, with its quotes, a byte of its meaning is written.
fn written_at(raw: &str, byte: usize) -> Option<usize> {
    let body = raw.strip_prefix('"').filter(|body| !body.starts_with("\"\""))?;
    let (mut at, mut meant) = (0, 0);
    while meant < byte {
        let rest = &body[at..];
        let first = rest.chars().next()?;
        let (written, means) = match (first, rest[first.len_utf8()..].chars().next()) {
            ('\\', Some(kind @ ('x' | 'u' | 'U'))) => {
                let digits = [('x', 2), ('u', 4), ('U', 8)].iter().find(|known| known.0 == kind)?.1;
                let code = u32::from_str_radix(rest.get(2..2 + digits)?, 16).ok()?;
                (2 + digits, char::from_u32(code)?.len_utf8())
            }
            ('\\', Some(_)) => (2, 1),
            _ => (first.len_utf8(), first.len_utf8()),
        };
        (at, meant) = (at + written, meant + means);
    }
    Some(1 + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_text_is_found_where_the_file_writes_it() {
        for (raw, meant, part, at) in [
            (r#""x > 3 and y""#, "x > 3 and y", "y", "y"),
            (r#"'door = "open"'"#, "door = \"open\"", "\"open\"", "\"open\""),
            (r#""door = \"opne\" and y""#, "door = \"opne\" and y", "\"opne\"", r#"\"opne\""#),
            (r#""\u00b5x = 3 and \t y""#, "µx = 3 and \t y", "y", "y"),
            (r#""µ\\ > y""#, "µ\\ > y", "y", "y"),
            ("\"\"\"a \\\n  b\"\"\"", "a b", "b", "\"\"\"a \\\n  b\"\"\""),
        ] {
            let text = format!("when = {raw}\n");
            let value = At { what: meant.to_owned(), place: 7..7 + raw.len() };
            let start = meant.find(part).unwrap();
            assert_eq!(&text[inside(&value, start..start + part.len(), &text)], at, "{raw}");
        }
    }
}
