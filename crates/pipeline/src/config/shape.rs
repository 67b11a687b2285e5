//! The shape of a window: which readings belong together. One key says which shape it is, others belong to it.

use super::memory::panes;
use super::place::Place;
use super::tree::{At, Table};
use super::zone;
use ouzel_engine::plan::{SessionSpec, Shape, Step};
use ouzel_engine::time::Span;

/// The most pieces that a hopping window may have: 64 MB a series.
const PANES_MAX: u64 = 1_000_000;
/// The most readings of a window of a number of readings: 8 MB a series and more.
const COUNT_MAX: u64 = 1_000_000;

/// A shape, and where it was written.
#[derive(Debug)]
pub(crate) struct Shaped {
    pub(crate) what: Shape,
    /// Where the value of its key stands.
    pub(crate) place: Place,
    /// Where `every` stands, if it does.
    pub(crate) step: Option<Place>,
    /// Conditions of a session, not read yet: they name channels that come later in the file.
    pub(crate) start: Option<At<String>>,
    pub(crate) active: Option<At<String>>,
}

impl Shaped {
    /// Whether it is a session that conditions begin or keep open.
    pub(crate) fn has_conditions(&self) -> bool {
        self.start.is_some() || self.active.is_some()
    }
}

/// The keys that say the shape, and those that belong to each.
const KEYS: [(&str, &[&str]); 5] = [
    ("size", &["every"]),
    ("sliding", &["every"]),
    ("count", &["every"]),
    ("calendar", &["zone"]),
    ("gap", &["longest", "start", "active"]),
];

/// For messages: what belongs together.
const WAYS: &str = "one of `size` (with `every` it hops), `sliding` (with `every`), `count` (with `every`), \
                    `calendar` (with `zone`), `gap` (with `longest`, `start`, `active`)";

/// Reads the settings of the shape.
pub(crate) fn read(table: &mut Table<'_, '_>) -> Option<Shaped> {
    let there: Vec<&str> = KEYS.iter().map(|(key, _)| *key).filter(|key| table.has(key)).collect();
    if there.is_empty() {
        table.need("size", format!("how long it is: size = \"1m\"; or {WAYS}"));
    }
    for second in there.iter().skip(1) {
        let why = format!("and `{}` exclude each other: a window has one shape", there[0]);
        table.refuse(second, &why, WAYS);
    }
    // What belongs to other shapes only is told here; asking for it below makes every key known.
    let own =
        there.first().and_then(|shape| KEYS.iter().find(|(key, _)| key == shape)).map_or(&[][..], |(_, own)| *own);
    if let [shape] = there[..] {
        for key in ["every", "zone", "longest", "start", "active"].into_iter().filter(|key| !own.contains(key)) {
            let of: Vec<String> =
                KEYS.iter().filter(|(_, keys)| keys.contains(&key)).map(|(shape, _)| format!("`{shape}`")).collect();
            table.refuse(key, &format!("does not belong to `{shape}`"), format!("it belongs to {}", of.join(", ")));
        }
    }
    let (size, sliding, gap) = (table.length("size"), table.length("sliding"), table.length("gap"));
    let count = table.whole("count", 1, COUNT_MAX);
    let calendar = calendar(table);
    let zone = zone::read(table);
    let longest = table.length("longest");
    let (start, active) = (table.text("start"), table.text("active"));
    let (step, steps) = match table.has("count") && !table.has("size") && !table.has("sliding") {
        true => (None, table.whole("every", 1, COUNT_MAX)),
        false => (table.length("every"), None),
    };
    let [shape] = there[..] else { return None };
    let place = table.value_place(shape)?;
    let shaped = |what| Shaped { what, place: place.clone(), step: None, start: None, active: None };
    match shape {
        "size" => {
            let size = size?.what;
            let every = within(table, size, step)?;
            Some(Shaped {
                step: table.value_place("every"),
                ..shaped(Shape::Time { size, every: every.unwrap_or(size) })
            })
        }
        "sliding" => {
            let size = sliding?.what;
            let every = within_sliding(table, size, step)?;
            Some(Shaped { step: table.value_place("every"), ..shaped(Shape::Sliding { size, every }) })
        }
        "count" => {
            let size = count?;
            let every = counted(table, &size, steps)?;
            let shape = Shape::Count { size: size.what as u32, every: every as u32 };
            Some(Shaped { step: table.value_place("every"), ..shaped(shape) })
        }
        "calendar" => {
            let (step, zone) = (calendar?, zone?);
            Some(shaped(Shape::Calendar { step, zone }))
        }
        _ => {
            let spec = SessionSpec { gap: gap?.what, longest: longest.map(|l| l.what), start: None, active: None };
            Some(Shaped { start, active, ..shaped(Shape::Session(Box::new(spec))) })
        }
    }
}

/// The step of a window of time: `Some(None)` where there is none, `None` where it is wrong.
fn within(table: &mut Table<'_, '_>, size: Span, step: Option<At<Span>>) -> Option<Option<Span>> {
    if table.has("every") && step.is_none() {
        return None;
    }
    let Some(step) = step else { return Some(None) };
    if !short_enough(table, size, &step) {
        return None;
    }
    if panes(size, step.what) > PANES_MAX {
        let message = format!("a window would be put together from {} pieces", panes(size, step.what));
        table.found.problem(&step.place, message, format!("write a longer `every` that divides {size}"));
        return None;
    }
    Some(Some(step.what))
}

/// The same of a sliding window, which speaks at each reading where there is none.
fn within_sliding(table: &mut Table<'_, '_>, size: Span, step: Option<At<Span>>) -> Option<Span> {
    match step {
        Some(step) => short_enough(table, size, &step).then_some(step.what),
        None => (!table.has("every")).then_some(Span::ZERO),
    }
}

fn short_enough(table: &mut Table<'_, '_>, size: Span, step: &At<Span>) -> bool {
    if step.what <= size {
        return true;
    }
    let gap = Span(step.what.0 - size.0);
    let key = if table.has("sliding") { "sliding" } else { "size" };
    let message = format!("`every` is longer than `{key}`: {gap} of each {} would be in no window", step.what);
    table.found.problem(&step.place, message, format!("write \"{size}\" or less"));
    false
}

fn counted(table: &mut Table<'_, '_>, size: &At<u64>, step: Option<At<u64>>) -> Option<u64> {
    let Some(step) = step else { return (!table.has("every")).then_some(size.what) };
    if step.what > size.what {
        let lost = step.what - size.what;
        let message =
            format!("`every` is more than `count`: {lost} of each {} readings would be in no window", step.what);
        table.found.problem(&step.place, message, format!("write {} or less", size.what));
        return None;
    }
    Some(step.what)
}

fn calendar(table: &mut Table<'_, '_>) -> Option<Step> {
    const HOURS: [(&str, Step); 7] = [
        ("1h", Step::Hours(1)),
        ("2h", Step::Hours(2)),
        ("3h", Step::Hours(3)),
        ("4h", Step::Hours(4)),
        ("6h", Step::Hours(6)),
        ("8h", Step::Hours(8)),
        ("12h", Step::Hours(12)),
    ];
    let mut known = vec![("day", Step::Day), ("week", Step::Week), ("month", Step::Month), ("year", Step::Year)];
    known.extend(HOURS);
    table.choice("calendar", &known).map(|step| step.what)
}
