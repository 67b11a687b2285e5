//! What a condition compiles to: a flat list of steps, each on the results of earlier ones.
//!
//! Everything is a number. A value that is absent is no number (NaN). A truth is 0, ½ or 1, as Kleene has it, with ½ where it is
//! unknown: `and` is the smaller of two, `or` the larger, `not` what is left to 1. None of that needs a branch, which on
//! noisy data would be foretold wrongly each second time.
//! A step that stands there already is not made again, so `x > mean(x, 60s) + 3 * std(x, 60s)` remembers one past and not two
//! (value numbering, Cocke 1970). Steps on constants are worked out while they are compiled.

use super::past::{Kept, PastSpec};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// The place of a step in its program.
pub(super) type Place = u16;

/// A step. Its numbers are places of steps before it, but for those of channels, tags and pasts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Step {
    Number(f64),
    /// The value of a channel, by its place in the point.
    Channel(u16),
    /// What was found of the device's tags.
    Tag(u16),
    Negate(Place),
    Abs(Place),
    Root(Place),
    Round(Place),
    Add(Place, Place),
    Subtract(Place, Place),
    Multiply(Place, Place),
    Divide(Place, Place),
    Least(Place, Place),
    Most(Place, Place),
    Less(Place, Place),
    LessOrEqual(Place, Place),
    Equal(Place, Place),
    /// Two truths that are the same.
    Same(Place, Place),
    /// Not zero.
    Holds(Place),
    /// Not absent.
    Known(Place),
    Not(Place),
    And(Place, Place),
    Or(Place, Place),
    /// The value so many readings before this one.
    Lag(Place, u16),
    /// Change per second since the reading before.
    Rate(Place, u16),
    /// The newest value, where it is not too old.
    Last(Place, u16),
    /// Sum, least or most of a past.
    Fold(Place, u16),
    Median(Place, u16),
    /// Takes a value into a past, of which the next three tell.
    Take(Place, u16),
    Mean(Place, u16),
    Std(Place, u16),
    Count(Place, u16),
    /// True where the first turns true while armed; the second arms it again.
    Turn(Place, Place, u16),
}

/// A question to the tags of a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TagTest {
    pub(super) tag: String,
    /// Its value; nothing: whether it has any.
    pub(super) value: Option<String>,
}

/// Steps in order, and what they remember.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    pub(super) pasts: Vec<PastSpec>,
    pub(super) tags: Vec<TagTest>,
    /// The steps that must all be true.
    pub(super) parts: Vec<Place>,
    /// A number for all of it: memory of another program is recognised by it.
    pub(super) id: u64,
}

impl Program {
    /// The place of this step, which is made if it is not there yet.
    pub(super) fn step(&mut self, step: Step) -> Place {
        let constant = |place: Place| match self.steps[usize::from(place)] {
            Step::Number(number) => Some(number),
            _ => None,
        };
        let step = match step.operands() {
            Some((a, b)) => match (constant(a), constant(b)) {
                (Some(x), Some(y)) => step.pure(|place| if place == a { x } else { y }).map_or(step, Step::Number),
                _ => step,
            },
            None => step,
        };
        let place = self.steps.iter().position(|known| *known == step).unwrap_or_else(|| {
            self.steps.push(step);
            self.steps.len() - 1
        });
        Place::try_from(place).expect("a text of 4 096 bytes makes fewer steps than 65 536")
    }

    /// The place of a step that has a past.
    pub(super) fn past(&mut self, spec: PastSpec, step: impl Fn(u16) -> Step) -> Place {
        let slots = (0u16..).zip(&self.pasts).filter(|(_, known)| **known == spec);
        let there = slots.map(|(slot, _)| step(slot)).find(|step| self.steps.contains(step));
        if let Some(step) = there {
            return self.step(step);
        }
        self.pasts.push(spec);
        self.step(step((self.pasts.len() - 1) as u16))
    }

    /// The names of the tags that it asks for.
    pub(super) fn tags_asked(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(|test| test.tag.as_str())
    }

    /// The place of a question to the device's tags.
    pub(super) fn tag(&mut self, tag: &str, value: Option<&str>) -> Place {
        let test = TagTest { tag: tag.to_owned(), value: value.map(str::to_owned) };
        let place = self.tags.iter().position(|known| *known == test).unwrap_or_else(|| {
            self.tags.push(test);
            self.tags.len() - 1
        });
        self.step(Step::Tag(place as u16))
    }

    /// The number that a step always has.
    pub(super) fn constant(&self, place: Place) -> Option<f64> {
        match self.steps[usize::from(place)] {
            Step::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Whether nothing but [`Step::Last`] takes the value of a channel.
    pub(super) fn is_held(&self, channel: u16) -> bool {
        let Some(place) = self.steps.iter().position(|step| *step == Step::Channel(channel)) else { return false };
        let place = place as Place;
        let taken = self.steps.iter().any(|step| !matches!(step, Step::Last(..)) && step.takes(place));
        !taken && !self.parts.contains(&place)
    }

    /// Numbers the whole, once nothing is added any more.
    pub(super) fn finish(mut self, parts: Vec<Place>) -> Program {
        self.parts = parts;
        self.id = xxh3_64(&postcard::to_allocvec(&self).expect("plain data always encodes"));
        self
    }

    /// The most bytes that a memory of it takes on the heap.
    pub(super) fn heap_bytes_most(&self) -> usize {
        let own = self.pasts.len() * size_of::<Kept>() + self.steps.len() * 8 + self.tags.len();
        own + self.pasts.iter().map(PastSpec::heap_bytes_most).sum::<usize>()
    }
}

impl Step {
    /// The two operands of a step that neither reads nor remembers anything; twice the same, where it has one.
    fn operands(self) -> Option<(Place, Place)> {
        use Step::*;
        match self {
            Negate(a) | Abs(a) | Root(a) | Round(a) | Holds(a) | Known(a) | Not(a) => Some((a, a)),
            Add(a, b) | Subtract(a, b) | Multiply(a, b) | Divide(a, b) | Least(a, b) | Most(a, b) => Some((a, b)),
            Less(a, b) | LessOrEqual(a, b) | Equal(a, b) | Same(a, b) | And(a, b) | Or(a, b) => Some((a, b)),
            _ => None,
        }
    }

    /// Whether it works on the result of a step.
    fn takes(self, place: Place) -> bool {
        use Step::*;
        match self {
            Number(_) | Channel(_) | Tag(_) => false,
            Lag(of, _) | Rate(of, _) | Last(of, _) | Fold(of, _) | Take(of, _) => of == place,
            Median(of, _) | Mean(of, _) | Std(of, _) | Count(of, _) => of == place,
            Turn(set, reset, _) => set == place || reset == place,
            _ => self.operands().is_some_and(|(a, b)| a == place || b == place),
        }
    }

    /// The result of a step that neither reads nor remembers anything.
    #[inline]
    pub(super) fn pure(self, of: impl Fn(Place) -> f64) -> Option<f64> {
        use Step::*;
        Some(match self {
            Number(number) => number,
            Negate(a) => -of(a),
            Abs(a) => of(a).abs(),
            Root(a) => of(a).sqrt(),
            Round(a) => of(a).round(),
            Add(a, b) => known(of(a) + of(b)),
            Subtract(a, b) => known(of(a) - of(b)),
            Multiply(a, b) => known(of(a) * of(b)),
            Divide(a, b) => known(of(a) / of(b)),
            Least(a, b) => if_known(of(a), of(b), f64::NAN, if of(b) < of(a) { of(b) } else { of(a) }),
            Most(a, b) => if_known(of(a), of(b), f64::NAN, if of(b) > of(a) { of(b) } else { of(a) }),
            Less(a, b) => if_known(of(a), of(b), UNKNOWN, truth(of(a) < of(b))),
            LessOrEqual(a, b) => if_known(of(a), of(b), UNKNOWN, truth(of(a) <= of(b))),
            Equal(a, b) => if_known(of(a), of(b), UNKNOWN, truth(of(a) == of(b))),
            Same(a, b) if of(a) == UNKNOWN || of(b) == UNKNOWN => UNKNOWN,
            Same(a, b) => truth(of(a) == of(b)),
            Holds(a) => if_known(of(a), 0.0, UNKNOWN, truth(of(a) != 0.0)),
            Known(a) => truth(!of(a).is_nan()),
            Not(a) => 1.0 - of(a),
            And(a, b) => and(of(a), of(b)),
            Or(a, b) => 1.0 - and(1.0 - of(a), 1.0 - of(b)),
            _ => return None,
        })
    }
}

/// A result past the largest number, or of a division by zero, is unknown: nothing may come of it.
#[inline]
pub(super) fn known(number: f64) -> f64 {
    if number.is_finite() { number } else { f64::NAN }
}

/// The truth of what cannot be told.
pub(super) const UNKNOWN: f64 = 0.5;

/// Both of two truths.
#[inline]
pub(super) fn and(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

#[inline]
fn if_known(a: f64, b: f64, unknown: f64, then: f64) -> f64 {
    if a.is_nan() || b.is_nan() { unknown } else { then }
}

#[inline]
pub(super) fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}
