//! A feature section at work: what it keeps of each series, and where its results go.
//!
//! A part whose results nobody takes is not followed, and a statistic that nobody takes is not computed. Every result that
//! somebody waits for is counted: given, withheld because too few readings have come, or without a value.

use super::clock::Clock;
use super::daily::Daily;
use super::decay::Decay;
use super::recent::Recent;
use super::spectrum::Spectrum;
use super::steps::Steps;
use crate::checkpoint::append;
use crate::plan::{FeaturePart, FeatureSpec, PartSpec};
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

/// What a part keeps of one series.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Part {
    Rolling(Recent),
    Steps(Steps),
    Decay(Decay),
    Clock(Clock),
    Daily(Daily),
    Spectrum(Spectrum),
}

/// What all parts keep of one series.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Features {
    parts: Vec<Part>,
    made: Made,
}

/// Who takes what is made of one series.
#[derive(Clone, Debug)]
struct Feeds {
    /// For each result, the shard's place of the series that takes it; [`NOBODY`].
    to: Box<[u32]>,
    /// For each part, the results that are taken, a bit each.
    wanted: Box<[u64]>,
    /// How many are taken.
    count: u32,
}

const NOBODY: u32 = u32::MAX;

/// The features of a section.
#[derive(Debug)]
pub struct FeatureNode {
    /// What it gives.
    pub spec: FeatureSpec,
    states: Vec<Features>,
    feeds: Vec<Feeds>,
    /// Of all series together, those that have left among them.
    pub total: Made,
}

impl Part {
    fn new(spec: &PartSpec) -> Part {
        match spec {
            PartSpec::Rolling(spec) => Part::Rolling(Recent::new(spec)),
            PartSpec::Steps(spec) => Part::Steps(Steps::new(spec)),
            PartSpec::Decay(spec) => Part::Decay(Decay::new(spec)),
            PartSpec::Clock(spec) => Part::Clock(Clock::new(spec)),
            PartSpec::Daily(spec) => Part::Daily(Daily::new(spec)),
            PartSpec::Spectrum(spec) => Part::Spectrum(Spectrum::new(spec)),
        }
    }

    #[inline]
    fn observe(&mut self, spec: &PartSpec, wanted: u64, reading: &Reading, give: &mut impl FnMut(usize, f64)) {
        let Reading { time, value, .. } = *reading;
        // The result of a window is of what was before its end: Sunday's last hour ends on Monday and is Sunday.
        let of_day = time - Span(i64::from(reading.flags.has(Flags::UP_TO)));
        match (self, spec) {
            (Part::Rolling(recent), PartSpec::Rolling(spec)) => recent.observe(spec, wanted, time, value, give),
            (Part::Steps(steps), PartSpec::Steps(spec)) => steps.observe(spec, wanted, time, value, give),
            (Part::Decay(decay), PartSpec::Decay(spec)) => decay.observe(spec, wanted, time, value, give),
            (Part::Clock(clock), PartSpec::Clock(spec)) => clock.observe(spec, wanted, of_day, give),
            (Part::Daily(daily), PartSpec::Daily(spec)) => daily.observe(spec, wanted, of_day, value, give),
            (Part::Spectrum(spectrum), PartSpec::Spectrum(spec)) => spectrum.observe(spec, wanted, time, value, give),
            // A part is made for its spec and never changes.
            _ => {}
        }
    }

    /// Whether bytes that were read back are of this part: nothing that is done with it can go wrong then.
    fn fits(&self, spec: &PartSpec) -> bool {
        match (self, spec) {
            (Part::Rolling(recent), PartSpec::Rolling(spec)) => recent.fits(spec),
            (Part::Steps(steps), PartSpec::Steps(spec)) => steps.fits(spec),
            (Part::Decay(decay), PartSpec::Decay(spec)) => decay.fits(spec),
            (Part::Clock(_), PartSpec::Clock(_)) => true,
            (Part::Daily(daily), PartSpec::Daily(spec)) => daily.fits(spec),
            (Part::Spectrum(spectrum), PartSpec::Spectrum(spec)) => spectrum.fits(spec),
            _ => false,
        }
    }

    /// Makes what was not saved, because it follows from the rest.
    fn restore(&mut self) {
        if let Part::Rolling(recent) = self {
            recent.restore();
        }
    }

    /// How often a block of it was begun anew.
    fn uneven(&self) -> u64 {
        if let Part::Spectrum(spectrum) = self { spectrum.broken() } else { 0 }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Part::Rolling(recent) => recent.heap_bytes(),
            Part::Steps(steps) => steps.heap_bytes(),
            Part::Daily(daily) => daily.heap_bytes(),
            Part::Spectrum(spectrum) => spectrum.heap_bytes(),
            Part::Decay(_) | Part::Clock(_) => 0,
        }
    }
}

impl Features {
    fn new(spec: &FeatureSpec) -> Features {
        Features { parts: spec.parts.iter().map(|part| Part::new(&part.work)).collect(), made: Made::default() }
    }
}

impl Feeds {
    fn new(spec: &FeatureSpec) -> Feeds {
        let to = vec![NOBODY; spec.names().count()].into();
        Feeds { to, wanted: vec![0; spec.parts.len()].into(), count: 0 }
    }
}

impl FeatureNode {
    /// Without any series yet.
    pub fn new(spec: FeatureSpec) -> FeatureNode {
        FeatureNode { spec, states: Vec::new(), feeds: Vec::new(), total: Made::default() }
    }

    /// Makes room for one more series; gives its place.
    pub fn add_series(&mut self) -> u32 {
        self.states.push(Features::new(&self.spec));
        self.feeds.push(Feeds::new(&self.spec));
        self.states.len() as u32 - 1
    }

    /// Forgets what it knows of the series at a place.
    pub fn reset(&mut self, place: u32) {
        self.states[place as usize] = Features::new(&self.spec);
        self.feeds[place as usize] = Feeds::new(&self.spec);
    }

    /// The `index`-th result of the series at `place` goes to the series at `to`.
    pub fn feed(&mut self, place: u32, mut index: usize, to: u32) {
        let Feeds { to: all, wanted, count } = &mut self.feeds[place as usize];
        all[index] = to;
        *count += 1;
        for (part, wanted) in self.spec.parts.iter().zip(wanted) {
            match index.checked_sub(part.names.len()) {
                Some(rest) => index = rest,
                None => return *wanted |= 1 << index.min(63),
            }
        }
    }

    /// A reading of the series at `place`; what is made of it goes to `keep`, with the series that takes it.
    #[inline(never)]
    pub fn observe(&mut self, place: u32, reading: &Reading, mut keep: impl FnMut(u32, Reading)) {
        let (state, feeds) = (&mut self.states[place as usize], &self.feeds[place as usize]);
        let (mut to, mut given, mut no_value, mut not_due, mut uneven) = (&feeds.to[..], 0, 0, 0, 0);
        for ((part, spec), &wanted) in state.parts.iter_mut().zip(&self.spec.parts).zip(&feeds.wanted) {
            let (own, rest) = to.split_at(spec.names.len());
            to = rest;
            if wanted == 0 {
                continue;
            }
            let (before, broken) = (given + no_value, part.uneven());
            part.observe(&spec.work, wanted, reading, &mut |index, value| {
                let to = own[index];
                if to == NOBODY {
                } else if value.is_finite() {
                    given += 1;
                    keep(to, Reading { value, ..*reading });
                } else {
                    no_value += 1;
                }
            });
            uneven += part.uneven() - broken;
            // A block speaks at its end; until then nothing is withheld.
            if matches!(part, Part::Spectrum(_)) && given + no_value == before {
                not_due += u64::from(wanted.count_ones());
            }
        }
        let not_full = u64::from(feeds.count).saturating_sub(given + no_value + not_due);
        let made = Made { given, not_full, no_value, uneven };
        state.made += made;
        self.total += made;
    }

    /// Reads what the next reading of a series needs, to have it near.
    #[inline]
    pub fn touch(&self, place: u32) -> i64 {
        let state = &self.states[place as usize];
        i64::from(state.parts.first().is_some_and(|part| matches!(part, Part::Steps(_))))
    }

    /// Adds the state of a series to bytes.
    pub fn save(&self, place: u32, into: &mut Vec<u8>) {
        append(&self.states[place as usize], into);
    }

    /// Takes the state of a series back from bytes.
    ///
    /// # Errors
    /// When the bytes are not such a state.
    pub fn load(&mut self, place: u32, bytes: &[u8]) -> Result<(), postcard::Error> {
        let mut state: Features = postcard::from_bytes(bytes)?;
        let fits = |(part, spec): (&Part, &FeaturePart)| part.fits(&spec.work);
        if state.parts.len() != self.spec.parts.len() || !state.parts.iter().zip(&self.spec.parts).all(fits) {
            return Err(postcard::Error::DeserializeBadEncoding);
        }
        let wanted = &self.feeds[place as usize].wanted;
        for ((part, spec), &wanted) in state.parts.iter_mut().zip(&self.spec.parts).zip(wanted) {
            match wanted {
                // What nobody follows any more must not go on with a hole in it, should somebody take it up again.
                0 => *part = Part::new(&spec.work),
                _ => part.restore(),
            }
        }
        self.total += state.made;
        self.states[place as usize] = state;
        Ok(())
    }

    /// Bytes for all series.
    pub fn bytes(&self) -> usize {
        let parts =
            |state: &Features| state.parts.iter().map(|part| size_of::<Part>() + part.heap_bytes()).sum::<usize>();
        let results = self.feeds.first().map_or(0, |feeds| size_of_val(&*feeds.to) + size_of_val(&*feeds.wanted));
        self.states.capacity() * size_of::<Features>()
            + self.states.iter().map(parts).sum::<usize>()
            + self.feeds.capacity() * (size_of::<Feeds>() + results)
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
            node.observe(0, &reading, |to, made| said.push((to, made.time, made.value.to_bits())));
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
            node.observe(0, reading, |_, made| all.push((made.time, made.value)));
            all
        };
        let turn = |part: f64, of: f64| libm::sin(std::f64::consts::TAU * (part / of));
        assert_eq!(said(&reading), [(reading.time, 0.0), (reading.time, 0.0)]);
        reading.flags = Flags::UP_TO;
        assert_eq!(said(&reading), [(reading.time, turn(6.0, 7.0)), (reading.time, turn(23.0, 24.0))]);
    }

    #[test]
    fn readings_that_begin_a_block_anew_are_counted() {
        let spec = SpectrumSpec { hertz: 1.0, block: 16, hop: 16, bands: Vec::new(), give: vec![Spectral::Peak] };
        let mut node = one(1, PartSpec::Spectrum(spec));
        for second in [0, 1, 2, 5, 6, 6, 7] {
            node.observe(0, &Reading::new(Series(0), Time::from_secs(second), 1.0), |_, _| {});
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
        assert!(matches!(&other.states[0].parts[2], Part::Steps(steps) if steps.heap_bytes() == 0));
    }
}
