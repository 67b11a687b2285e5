//! A feature section at work: what it keeps of each series, and where its results go.
//!
//! A part whose results nobody takes is not followed, and a statistic that nobody takes is not computed. Every result that
//! somebody waits for is counted: given, withheld because too few readings have come, or without a value.

use super::clock::Clock;
use super::daily::Daily;
use super::decay::Decay;
use super::recent::{Recent, Rule};
use super::spectrum::Spectrum;
use super::steps::Steps;
use crate::checkpoint::append;
use crate::plan::{ClockSpec, DailySpec, DecaySpec, FeaturePart, FeatureSpec, PartSpec, SpectrumSpec, StepsSpec};
use crate::reading::{Flags, Reading};
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// How many results a feature has given, and why others did not come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Results that went on.
    pub given: u64,
    /// Withheld: fewer readings had come than it takes.
    pub not_full: u64,
    /// There was none: a rate between two readings of one moment, or a number too large.
    pub no_value: u64,
    /// Readings that began a block of vibration anew, because they did not come at its pace.
    pub uneven: u64,
}

impl AddAssign for Made {
    fn add_assign(&mut self, other: Made) {
        self.given = self.given.saturating_add(other.given);
        self.not_full = self.not_full.saturating_add(other.not_full);
        self.no_value = self.no_value.saturating_add(other.no_value);
        self.uneven = self.uneven.saturating_add(other.uneven);
    }
}

/// The features of a section.
#[derive(Debug)]
pub struct FeatureNode {
    /// What it gives.
    pub spec: FeatureSpec,
    parts: Vec<Part>,
    accounts: Vec<Account>,
    /// Of all series together, those that have left among them.
    pub total: Made,
}

/// What is counted of a series.
#[derive(Debug, Default)]
struct Account {
    /// How many of its results are taken.
    taken: u32,
    made: Made,
}

/// A part of the section, with all series side by side: what a reading needs of one lies together, and which kind of part
/// it is does not have to be found out for each of them.
#[derive(Debug)]
struct Part {
    kept: Kept,
    /// How many results it has.
    width: usize,
    /// For each result of each series, the shard's place of the series that takes it; [`NOBODY`].
    to: Vec<u32>,
    /// For each series, the results that are taken, a bit each.
    wanted: Vec<u64>,
    /// The bits of all results; none where there are so many that the last bit stands for some of them.
    all: u64,
}

const NOBODY: u32 = u32::MAX;

/// What a part keeps of each series.
#[derive(Debug)]
enum Kept {
    Rolling(Rule, Vec<Recent>),
    Steps(StepsSpec, Vec<Steps>),
    Decay(DecaySpec, Vec<Decay>),
    Clock(ClockSpec, Clock),
    Daily(DailySpec, Vec<Daily>),
    Spectrum(SpectrumSpec, Vec<Spectrum>),
}

/// Whether somebody takes the statistic of this place; those far behind are always given.
#[inline]
pub(super) fn is_wanted(wanted: u64, index: usize) -> bool {
    index >= 64 || wanted >> index & 1 == 1
}

/// Does the same for whichever kind of state a part keeps; a clock keeps none.
macro_rules! with_states {
    ($kept:expr, ($spec:ident, $states:ident: $state:ident) => $does:expr, $clock:pat => $else:expr) => {
        match $kept {
            Kept::Rolling($spec, $states) => {
                type $state = Recent;
                $does
            }
            Kept::Steps($spec, $states) => {
                type $state = Steps;
                $does
            }
            Kept::Decay($spec, $states) => {
                type $state = Decay;
                $does
            }
            Kept::Daily($spec, $states) => {
                type $state = Daily;
                $does
            }
            Kept::Spectrum($spec, $states) => {
                type $state = Spectrum;
                $does
            }
            $clock => $else,
        }
    };
}

impl Kept {
    /// A reading of the series at a place; results go to `give` with their places.
    #[inline(never)]
    fn observe(&mut self, place: usize, wanted: u64, reading: &Reading, give: &mut impl FnMut(usize, f64)) {
        let Reading { time, value, .. } = *reading;
        // The result of a window is of what was before its end: Sunday's last hour ends on Monday and is Sunday.
        let of_day = || time - Span(i64::from(reading.flags.has(Flags::UP_TO)));
        match self {
            // (A loop of its own does the most usual kind.)
            Kept::Rolling(..) => {}
            Kept::Steps(spec, states) => states[place].observe(spec, wanted, time, value, give),
            Kept::Decay(spec, states) => states[place].observe(spec, wanted, time, value, give),
            Kept::Clock(spec, clock) => clock.observe(spec, wanted, of_day(), give),
            Kept::Daily(spec, states) => states[place].observe(spec, wanted, of_day(), value, give),
            Kept::Spectrum(spec, states) => states[place].observe(spec, wanted, time, value, give),
        }
    }

    /// How often a block of a series was begun anew.
    #[inline]
    fn uneven(&self, place: usize) -> u64 {
        if let Kept::Spectrum(_, states) = self { states[place].broken() } else { 0 }
    }
}

impl Part {
    fn new(part: &FeaturePart) -> Part {
        let kept = match &part.work {
            PartSpec::Rolling(spec) => Kept::Rolling(Rule::of(spec), Vec::new()),
            PartSpec::Steps(spec) => Kept::Steps(spec.clone(), Vec::new()),
            PartSpec::Decay(spec) => Kept::Decay(spec.clone(), Vec::new()),
            PartSpec::Clock(spec) => Kept::Clock(spec.clone(), Clock::new(spec)),
            PartSpec::Daily(spec) => Kept::Daily(spec.clone(), Vec::new()),
            PartSpec::Spectrum(spec) => Kept::Spectrum(spec.clone(), Vec::new()),
        };
        let width = part.names.len();
        let all = if width < 64 { (1 << width) - 1 } else { 0 };
        Part { kept, width, to: Vec::new(), wanted: Vec::new(), all }
    }

    /// A reading of the series at a place. What it gives counts what there was no value for and what was begun anew, and as
    /// `not_full` the results that are not due.
    #[inline(never)]
    fn observe(&mut self, place: usize, reading: &Reading, into: &mut Vec<(u32, f64)>) -> Made {
        let first = into.len();
        let own = &self.to[place * self.width..][..self.width];
        let (mut made, broken) = (Made::default(), self.kept.uneven(place));
        self.kept.observe(place, self.wanted[place], reading, &mut |index, value| {
            let to = own[index];
            if to == NOBODY {
            } else if value.is_finite() {
                into.push((to, value));
            } else {
                made.no_value += 1;
            }
        });
        // A block speaks at its end; until then nothing is withheld.
        if matches!(self.kept, Kept::Spectrum(..)) {
            made.uneven = self.kept.uneven(place) - broken;
            if into.len() == first && made.no_value == 0 {
                made.not_full = own.iter().map(|to| u64::from(*to != NOBODY)).sum();
            }
        }
        made
    }

    /// Makes room for one more series.
    fn add(&mut self) {
        with_states!(&mut self.kept, (spec, states: State) => states.push(State::new(spec)), Kept::Clock(..) => ());
        self.to.resize(self.to.len() + self.width, NOBODY);
        self.wanted.push(0);
    }

    /// Forgets what it knows of the series at a place, and who takes it.
    fn reset(&mut self, place: usize) {
        self.forget(place);
        self.to[place * self.width..][..self.width].fill(NOBODY);
        self.wanted[place] = 0;
    }

    fn forget(&mut self, place: usize) {
        with_states!(&mut self.kept, (spec, states: State) => states[place] = State::new(spec), Kept::Clock(..) => ());
    }

    fn save(&self, place: usize, into: &mut Vec<u8>) {
        with_states!(&self.kept, (_spec, states: _State) => append(&states[place], into), Kept::Clock(..) => ());
    }

    /// Takes the state of a series back from the beginning of bytes, and gives the rest of them.
    fn load<'a>(&mut self, place: usize, bytes: &'a [u8]) -> Result<&'a [u8], postcard::Error> {
        let rest = with_states!(&mut self.kept, (spec, states: State) => {
            let (state, rest) = postcard::take_from_bytes::<State>(bytes)?;
            // Nothing that is done with it can go wrong then.
            if !state.fits(spec) {
                return Err(postcard::Error::DeserializeBadEncoding);
            }
            states[place] = state;
            rest
        }, Kept::Clock(..) => bytes);
        match (self.wanted[place], &mut self.kept) {
            // What nobody follows any more must not go on with a hole in it, should somebody take it up again.
            (0, _) => self.forget(place),
            // What was not saved, because it follows from the rest.
            (_, Kept::Rolling(rule, states)) => states[place].restore(rule),
            _ => {}
        }
        Ok(rest)
    }

    fn bytes(&self) -> usize {
        let kept = match &self.kept {
            Kept::Rolling(_, all) => all.capacity() * size_of::<Recent>() + sum(all, Recent::heap_bytes),
            Kept::Steps(_, all) => all.capacity() * size_of::<Steps>() + sum(all, Steps::heap_bytes),
            Kept::Decay(_, all) => all.capacity() * size_of::<Decay>(),
            Kept::Clock(..) => 0,
            Kept::Daily(_, all) => all.capacity() * size_of::<Daily>() + sum(all, Daily::heap_bytes),
            Kept::Spectrum(_, all) => all.capacity() * size_of::<Spectrum>() + sum(all, Spectrum::heap_bytes),
        };
        kept + self.to.capacity() * size_of::<u32>() + self.wanted.capacity() * size_of::<u64>()
    }
}

fn sum<T>(states: &[T], of: fn(&T) -> usize) -> usize {
    states.iter().map(of).sum()
}

/// A reading of a past: adds what is said of it to a list, for who takes it; gives how often there was no value.
#[inline(always)]
fn roll(rule: &Rule, state: &mut Recent, reading: &Reading, to: &[u32], all: bool, into: &mut Vec<(u32, f64)>) -> u64 {
    if !state.take(rule, reading.time, reading.value) {
        return 0;
    }
    if !all {
        return give_some(rule, state, to, into);
    }
    let (first, results, mut finite) = (into.len(), state.results(rule), true);
    into.extend(rule.give().iter().zip(to).map(|(&what, &to)| {
        let value = results.of(what);
        finite &= value.is_finite();
        (to, value)
    }));
    if finite { 0 } else { strike(into, first) }
}

/// What is said of a past to a list, where not all of it is taken.
#[inline(never)]
fn give_some(rule: &Rule, state: &Recent, to: &[u32], into: &mut Vec<(u32, f64)>) -> u64 {
    let (first, results) = (into.len(), state.results(rule));
    let taken = rule.give().iter().zip(to).filter(|(_, to)| **to != NOBODY);
    into.extend(taken.map(|(&what, &to)| (to, results.of(what))));
    strike(into, first)
}

/// Takes what is no number out of a list, from a place on; gives how many there were.
#[inline(never)]
fn strike(made: &mut Vec<(u32, f64)>, first: usize) -> u64 {
    let said = made.len();
    let mut place = 0;
    made.retain(|(_, value)| {
        place += 1;
        place <= first || value.is_finite()
    });
    (said - made.len()) as u64
}

impl FeatureNode {
    /// Without any series yet.
    pub fn new(spec: FeatureSpec) -> FeatureNode {
        let parts = spec.parts.iter().map(Part::new).collect();
        FeatureNode { spec, parts, accounts: Vec::new(), total: Made::default() }
    }

    /// Makes room for one more series; gives its place.
    pub fn add_series(&mut self) -> u32 {
        self.parts.iter_mut().for_each(Part::add);
        self.accounts.push(Account::default());
        self.accounts.len() as u32 - 1
    }

    /// Forgets what it knows of the series at a place.
    pub fn reset(&mut self, place: u32) {
        self.parts.iter_mut().for_each(|part| part.reset(place as usize));
        self.accounts[place as usize] = Account::default();
    }

    /// The `index`-th result of the series at `place` goes to the series at `to`.
    pub fn feed(&mut self, place: u32, mut index: usize, to: u32) {
        let place = place as usize;
        for part in &mut self.parts {
            if index < part.width {
                part.to[place * part.width + index] = to;
                part.wanted[place] |= 1 << index.min(63);
                self.accounts[place].taken += 1;
                return;
            }
            index -= part.width;
        }
    }

    /// A reading of the series at `place`; the numbers that are made of it are added to a list, with the series that take them.
    #[inline(never)]
    pub fn observe(&mut self, place: u32, reading: &Reading, into: &mut Vec<(u32, f64)>) {
        let place = place as usize;
        let (first, mut more) = (into.len(), Made::default());
        for part in &mut self.parts {
            let wanted = part.wanted[place];
            match &mut part.kept {
                _ if wanted == 0 => {}
                Kept::Rolling(rule, states) => {
                    let own = &part.to[place * part.width..][..part.width];
                    more.no_value += roll(rule, &mut states[place], reading, own, wanted == part.all, into);
                }
                _ => more += part.observe(place, reading, into),
            }
        }
        let (given, account) = ((into.len() - first) as u64, &mut self.accounts[place]);
        if given == u64::from(account.taken) {
            // Nearly always all of them have come.
            account.made.given = account.made.given.saturating_add(given);
            self.total.given = self.total.given.saturating_add(given);
        } else {
            more.given = given;
            self.count(place, more);
        }
    }

    /// Counts what was made of a reading of the series at a place, and that all else is not full.
    #[inline(never)]
    fn count(&mut self, place: usize, mut more: Made) {
        let Account { taken, made } = &mut self.accounts[place];
        more.not_full = u64::from(*taken).saturating_sub(more.given + more.no_value + more.not_full);
        *made += more;
        self.total += more;
    }

    /// Reads what the next reading of a series needs, to have it near.
    #[inline]
    pub fn touch(&self, place: u32) -> i64 {
        self.parts.first().map_or(0, |part| match &part.kept {
            Kept::Rolling(_, states) => states[place as usize].touch(),
            Kept::Steps(_, states) => states[place as usize].touch(),
            _ => part.wanted[place as usize] as i64,
        })
    }

    /// Adds the state of a series to bytes.
    pub fn save(&self, place: u32, into: &mut Vec<u8>) {
        append(&self.accounts[place as usize].made, into);
        self.parts.iter().for_each(|part| part.save(place as usize, into));
    }

    /// Takes the state of a series back from bytes.
    ///
    /// # Errors
    /// When the bytes are not such a state. Nothing is known of the series then.
    pub fn load(&mut self, place: u32, bytes: &[u8]) -> Result<(), postcard::Error> {
        let place = place as usize;
        let (made, mut rest) = postcard::take_from_bytes::<Made>(bytes)?;
        for part in 0..self.parts.len() {
            match self.parts[part].load(place, rest) {
                Ok(behind) => rest = behind,
                Err(damaged) => {
                    self.parts.iter_mut().for_each(|part| part.forget(place));
                    return Err(damaged);
                }
            }
        }
        self.total += made;
        self.accounts[place].made = made;
        Ok(())
    }

    /// Bytes for all series.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(Part::bytes).sum::<usize>() + self.accounts.capacity() * size_of::<Account>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{
        ClockSpec, DecaySpec, Decayed, Hand, Past, Rolled, RollingSpec, Spectral, SpectrumSpec, Stepped, StepsSpec,
        Zone,
    };
    use crate::series::Series;
    use crate::time::Time;

    fn everything() -> FeatureNode {
        let mut give: Vec<Rolled> = Rolled::NAMED.iter().map(|named| named.1).collect();
        give.push(Rolled::Quantile(95_000));
        let rolling = |past, min| PartSpec::Rolling(RollingSpec { past, min, give: give.clone() });
        let steps = StepsSpec { give: vec![Stepped::Lag(3), Stepped::Difference, Stepped::Rate] };
        let decay = DecaySpec { half_life: Past::Span(Span(9)), min: None, give: vec![Decayed::Mean, Decayed::Std] };
        let parts = [
            (give.len(), rolling(Past::Count(5), None)),
            (give.len(), rolling(Past::Span(Span(7)), Some(2))),
            (3, PartSpec::Steps(steps)),
            (2, PartSpec::Decay(decay)),
        ];
        let named = |(count, work)| FeaturePart { names: vec![String::new(); count], work };
        let mut node = FeatureNode::new(FeatureSpec { parts: parts.map(named).to_vec() });
        node.add_series();
        (0..node.spec.names().count()).for_each(|index| node.feed(0, index, index as u32));
        node
    }

    fn observe(node: &mut FeatureNode, times: std::ops::Range<i64>) -> Vec<(u32, Time, u64)> {
        let mut said = Vec::new();
        for time in times {
            let reading = Reading::new(Series(0), Time(time * 2), ((time * 7_919) % 13) as f64);
            let mut made = Vec::new();
            node.observe(0, &reading, &mut made);
            said.extend(made.into_iter().map(|(to, value)| (to, reading.time, value.to_bits())));
        }
        said
    }

    #[test]
    fn what_was_saved_goes_on_as_if_nothing_had_happened() {
        for cut in 0..12 {
            let (mut straight, mut before, mut after) = (everything(), everything(), everything());
            let mut said = observe(&mut before, 0..cut);
            let mut bytes = Vec::new();
            before.save(0, &mut bytes);
            after.load(0, &bytes).unwrap();
            said.extend(observe(&mut after, cut..30));
            assert_eq!(said, observe(&mut straight, 0..30), "cut at {cut}");
            assert_eq!(after.total, straight.total);
        }
    }

    /// A node of one part, all of whose results are taken, by one series.
    fn one(count: usize, work: PartSpec) -> FeatureNode {
        let parts = vec![FeaturePart { names: vec![String::new(); count], work }];
        let mut node = FeatureNode::new(FeatureSpec { parts });
        node.add_series();
        (0..count).for_each(|index| node.feed(0, index, index as u32));
        node
    }

    #[test]
    fn what_a_window_says_is_of_the_time_before_its_end() {
        let spec = ClockSpec { zone: Zone::default(), give: vec![Hand::WeekdaySin, Hand::HourSin] };
        let mut node = one(2, PartSpec::Clock(spec));
        // Midnight at the end of Sunday, 4 January 1970.
        let mut reading = Reading::new(Series(0), Time::from_secs(4 * 86_400), 1.0);
        let mut said = |reading: &Reading| {
            let mut all = Vec::new();
            node.observe(0, reading, &mut all);
            all.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
        };
        let turn = |part: f64, of: f64| libm::sin(std::f64::consts::TAU * (part / of));
        assert_eq!(said(&reading), [0.0, 0.0]);
        reading.flags = Flags::UP_TO;
        assert_eq!(said(&reading), [turn(6.0, 7.0), turn(23.0, 24.0)]);
    }

    #[test]
    fn readings_that_begin_a_block_anew_are_counted() {
        let spec = SpectrumSpec { hertz: 1.0, block: 16, hop: 16, bands: Vec::new(), give: vec![Spectral::Peak] };
        let mut node = one(1, PartSpec::Spectrum(spec));
        for second in [0, 1, 2, 5, 6, 6, 7] {
            node.observe(0, &Reading::new(Series(0), Time::from_secs(second), 1.0), &mut Vec::new());
        }
        assert_eq!(node.total, Made { uneven: 2, ..Made::default() });
    }

    #[test]
    fn damaged_state_neither_panics_nor_hangs() {
        let mut node = everything();
        observe(&mut node, 0..12);
        let mut bytes = Vec::new();
        node.save(0, &mut bytes);
        for at in 0..bytes.len() {
            for flip in [1, 0x10, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                let mut other = everything();
                if other.load(0, &damaged).is_ok() {
                    observe(&mut other, 12..40);
                }
            }
            assert!(everything().load(0, &bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_part_that_nobody_takes_is_not_followed_and_begins_afresh() {
        let mut node = everything();
        observe(&mut node, 0..12);
        let mut bytes = Vec::new();
        node.save(0, &mut bytes);
        let mut other = FeatureNode::new(node.spec.clone());
        other.add_series();
        other.feed(0, 0, 7);
        other.load(0, &bytes).unwrap();
        // Only the count of five readings is taken: it goes on, and nothing else is computed.
        assert_eq!(observe(&mut other, 12..13), [(7, Time(24), 5f64.to_bits())]);
        assert!(matches!(&other.parts[2].kept, Kept::Steps(_, steps) if steps[0].heap_bytes() == 0));
    }
}
