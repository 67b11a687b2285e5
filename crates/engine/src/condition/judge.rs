//! Going through the steps of a condition at a point, with what is remembered of one device.

use super::past::{Kept, PastSpec};
use super::program::{Program, Step, TagTest, UNKNOWN, and, known, truth};
use super::{Condition, Formula, Judged, Truth};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// What a condition remembers of one device.
///
/// Bytes that were read back may be damaged, or belong to another condition: such a memory judges every point
/// [`Truth::Unknown`], and [`Memory::fits`] tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Memory {
    /// The program that it is of.
    program: u64,
    /// What was found of the device's tags.
    tags: Vec<bool>,
    pasts: Vec<Kept>,
    /// Room for the result of each step. It says nothing between two points, is not saved, and is empty until the memory
    /// was looked at for the first time.
    #[serde(skip)]
    results: Vec<f64>,
}

/// The room for results is no part of what is remembered.
impl PartialEq for Memory {
    fn eq(&self, other: &Memory) -> bool {
        (self.program, &self.tags, &self.pasts) == (other.program, &other.tags, &other.pasts)
    }
}

impl Memory {
    /// Of a device with these tags, nothing of which was heard yet.
    pub fn new(condition: &Condition, tags: &[(String, String)]) -> Memory {
        Memory::of(&condition.program, tags)
    }

    /// The same for a formula.
    pub fn of_formula(formula: &Formula, tags: &[(String, String)]) -> Memory {
        Memory::of(&formula.program, tags)
    }

    fn of(program: &Program, tags: &[(String, String)]) -> Memory {
        let value = |name: &str| tags.iter().find(|(tag, _)| tag == name).map(|(_, value)| value);
        let asked = |test: &TagTest| match &test.value {
            Some(wanted) => value(&test.tag) == Some(wanted),
            None => value(&test.tag).is_some(),
        };
        Memory {
            program: program.id,
            tags: program.tags.iter().map(asked).collect(),
            pasts: program.pasts.iter().map(PastSpec::empty).collect(),
            results: Vec::new(),
        }
    }

    /// Whether this is a memory of the condition, and nothing in it is damaged in a way that could do harm.
    pub fn fits(&self, condition: &Condition) -> bool {
        self.is_of(&condition.program)
    }

    /// The same for a formula.
    pub fn fits_formula(&self, formula: &Formula) -> bool {
        self.is_of(&formula.program)
    }

    fn is_of(&self, program: &Program) -> bool {
        self.program == program.id
            && self.tags.len() == program.tags.len()
            && self.pasts.len() == program.pasts.len()
            && self.pasts.iter().zip(&program.pasts).all(|(kept, spec)| kept.fits(spec))
    }

    /// The value of a formula at a point, as [`Memory::judge`] has it; no number where it cannot be told.
    pub fn value(&mut self, formula: &Formula, time: Time, point: &[f64]) -> f64 {
        if !self.go_through(&formula.program, time, point) {
            return f64::NAN;
        }
        let value = self.results.get(usize::from(formula.result())).copied().unwrap_or(f64::NAN);
        // A zero has no sign, so that nobody sees by which way it came.
        if formula.is_truth && value == UNKNOWN { f64::NAN } else { value + 0.0 }
    }

    /// Judges a point of one time: a value for each channel of the condition, NaN where there is none. Points come in
    /// order of time.
    pub fn judge(&mut self, condition: &Condition, time: Time, point: &[f64]) -> Judged {
        let program = &condition.program;
        if !self.go_through(program, time, point) {
            return Judged { truth: Truth::Unknown, failed: 0 };
        }
        let (mut all, mut failed) = (1.0, 0);
        for (i, &part) in program.parts.iter().enumerate() {
            let result = self.results[usize::from(part)];
            all = and(all, result);
            failed |= u64::from(result == 0.0) << i;
        }
        Judged { truth: Truth::of(all), failed }
    }

    /// All steps, one after the other; not if this is no memory of the program.
    #[inline]
    fn go_through(&mut self, program: &Program, time: Time, point: &[f64]) -> bool {
        if (self.program, self.results.len()) != (program.id, program.steps.len()) {
            if !self.is_of(program) {
                return false;
            }
            self.results = vec![f64::NAN; program.steps.len()];
        }
        for (i, step) in program.steps.iter().enumerate() {
            let result = step.pure(|place| self.results[usize::from(place)]);
            let result = result.unwrap_or_else(|| self.look(program, *step, time, point));
            self.results[i] = result;
        }
        true
    }

    /// A step that reads the point or remembers.
    #[inline]
    fn look(&mut self, program: &Program, step: Step, time: Time, point: &[f64]) -> f64 {
        let results = &self.results;
        let result = |place: u16| results[usize::from(place)];
        match step {
            Step::Channel(place) => point.get(usize::from(place)).map_or(f64::NAN, |&value| known(value)),
            Step::Tag(place) => truth(self.tags[usize::from(place)]),
            Step::Mean(..) | Step::Std(..) | Step::Count(..) => self.tell(step),
            Step::Turn(set, reset, slot) => {
                let (set, reset) = (result(set), result(reset));
                let Kept::Side(side) = &mut self.pasts[usize::from(slot)] else { return UNKNOWN };
                let turned = and(set, side.armed());
                *side = side.after(set, reset);
                turned
            }
            Step::Lag(of, slot)
            | Step::Rate(of, slot)
            | Step::Last(of, slot)
            | Step::Fold(of, slot)
            | Step::Median(of, slot)
            | Step::Take(of, slot) => {
                let value = result(of);
                let slot = usize::from(slot);
                remember(&mut self.pasts[slot], program.pasts[slot], step, time, value)
            }
            _ => f64::NAN,
        }
    }

    /// What a past says that another step has taken this point's value into.
    #[inline]
    fn tell(&self, step: Step) -> f64 {
        let (Step::Mean(_, slot) | Step::Std(_, slot) | Step::Count(_, slot)) = step else { return f64::NAN };
        let Kept::Rolling(rolling) = &self.pasts[usize::from(slot)] else { return f64::NAN };
        match step {
            Step::Count(..) => f64::from(rolling.count()),
            Step::Mean(..) if rolling.count() >= 1 => known(rolling.mean()),
            Step::Std(..) if rolling.count() >= 2 => known(rolling.std()),
            _ => f64::NAN,
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let own = self.tags.capacity() + self.pasts.capacity() * size_of::<Kept>() + self.results.capacity() * 8;
        own + self.pasts.iter().map(Kept::heap_bytes).sum::<usize>()
    }
}

/// A value, or none, comes into a past; gives what the past then says.
#[inline]
fn remember(kept: &mut Kept, spec: PastSpec, step: Step, time: Time, value: f64) -> f64 {
    let is_known = !value.is_nan();
    match (kept, spec) {
        (Kept::Lag(ring), PastSpec::Lag(most)) if is_known => ring.push(most, value),
        (Kept::Newest(newest), PastSpec::Newest) if is_known => match newest.replace((time, value)) {
            Some((_, before)) if matches!(step, Step::Lag(..)) => before,
            Some((then, before)) => known((value - before) / time.since(then).as_secs_f64()),
            None => f64::NAN,
        },
        (Kept::Newest(newest), PastSpec::Last(longest)) => {
            if is_known {
                *newest = Some((time, value));
            }
            newest.filter(|(then, _)| time.since(*then) <= longest).map_or(f64::NAN, |(_, value)| value)
        }
        (Kept::Rolling(rolling), PastSpec::Rolling(past)) => {
            rolling.advance(past, time);
            if is_known {
                rolling.push(past, time, value);
            }
            f64::from(rolling.count())
        }
        (Kept::Folded(folded), PastSpec::Fold(fold, past)) => known(folded.take(fold, past, time, value)),
        (Kept::Median(median), PastSpec::Median(past)) => median.take(past, time, value),
        _ => f64::NAN,
    }
}
