//! What the operators count: how late readings came and what became of the late, what filters let through, what features
//! gave and withheld, which parts of groups came after their window.

use ouzel_engine::feature::Made;
use ouzel_engine::filter::Tested;
use ouzel_engine::lateness::{LateCounts, Lateness};
use ouzel_engine::meet;
use ouzel_engine::plan::{Plan, Work};
use ouzel_engine::shard::Shard;
use ouzel_engine::table;
use ouzel_engine::time::Span;
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    /// How late readings came, and what became of those that were late and did not go aside.
    pub late: LateCounts,
    /// Of each filter with a condition, by its place in the plan's operators, what passed and why the rest did not.
    pub tested: BTreeMap<u16, Tested>,
    /// Of each operator whose readings meet, by its place in the plan's operators, what became of them.
    pub met: BTreeMap<u16, meet::Joined>,
    /// Of each feature section, by its place in the plan's operators, what it gave, and why other results did not come.
    pub made: BTreeMap<u16, Made>,
    /// Of each join with a table, likewise, how many readings found all that they asked for.
    pub joined: BTreeMap<u16, table::Lookups>,
    /// Parts of groups that came after their window.
    pub missed: u64,
}

impl Counted {
    /// What one shard counts.
    pub fn of(shard: &Shard) -> Counted {
        let tested = shard.tested().map(|(index, tested)| (index, tested.clone())).collect();
        let (made, joined, met) = (shard.made().collect(), shard.joined().collect(), shard.met().collect());
        Counted { late: *shard.late_counts(), tested, made, joined, met, missed: 0 }
    }

    /// The filters by name, with their parts in words.
    pub fn filters(&self, plan: &Plan) -> Vec<FilterCount> {
        let one = |(index, tested): (&u16, &Tested)| {
            let operator = plan.operators.get(usize::from(*index))?;
            let Work::Filter(spec) = &operator.work else { return None };
            let counts = tested.parts.iter().copied().chain(std::iter::repeat(0));
            let parts = spec.when.parts().iter().cloned().zip(counts).collect();
            let Tested { passed, failed, unknown, .. } = *tested;
            Some(FilterCount { name: operator.name.clone(), passed, failed, unknown, parts })
        };
        self.tested.iter().filter_map(one).collect()
    }

    /// The features by name.
    pub fn features(&self, plan: &Plan) -> Vec<FeatureCount> {
        let one = |(index, made): (&u16, &Made)| {
            let operator = plan.operators.get(usize::from(*index))?;
            let is_feature = matches!(operator.work, Work::Feature(_) | Work::Formula(_));
            is_feature.then(|| FeatureCount { name: operator.name.clone(), made: *made })
        };
        self.made.iter().filter_map(one).collect()
    }

    /// The joins and features of groups by name.
    pub fn joins(&self, plan: &Plan) -> Vec<JoinCount> {
        let name = |index: u16| Some(plan.operators.get(usize::from(index))?.name.clone());
        let word = |index: u16| match plan.operators.get(usize::from(index)).map(|operator| &operator.work) {
            Some(Work::Among(_)) => "feature",
            _ => "join",
        };
        let of_table = |(index, joined): (&u16, &table::Lookups)| {
            let table::Lookups { found, missing } = *joined;
            Some(JoinCount {
                word: word(*index),
                name: name(*index)?,
                is_table: true,
                found,
                missing,
                ..JoinCount::default()
            })
        };
        let of_streams = |(index, met): (&u16, &meet::Joined)| {
            let meet::Joined { paired, missing, late, dropped } = *met;
            let (word, name) = (word(*index), name(*index)?);
            Some(JoinCount { word, name, is_table: false, found: paired, missing, late, dropped })
        };
        self.joined.iter().filter_map(of_table).chain(self.met.iter().filter_map(of_streams)).collect()
    }
}

/// What a join has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JoinCount {
    /// The kind of its section: `join`, or `feature` of a group.
    pub word: &'static str,
    /// Its name.
    pub name: String,
    /// Whether it is a join with a table, in which a reading may find a part of what was asked for.
    pub is_table: bool,
    /// Results of readings that found what was asked for, and readings that lacked something.
    pub found: u64,
    /// See `found`.
    pub missing: u64,
    /// Readings that came after the clock of their group had passed them, and that too many others pushed out.
    pub late: u64,
    /// See `late`.
    pub dropped: u64,
}

impl AddAssign<&Counted> for Counted {
    fn add_assign(&mut self, other: &Counted) {
        self.late += &other.late;
        self.missed += other.missed;
        for (index, joined) in &other.met {
            *self.met.entry(*index).or_default() += *joined;
        }
        for (index, joined) in &other.joined {
            *self.joined.entry(*index).or_default() += *joined;
        }
        for (index, tested) in &other.tested {
            match self.tested.get_mut(index) {
                Some(all) => *all += tested,
                None => drop(self.tested.insert(*index, tested.clone())),
            }
        }
        for (index, made) in &other.made {
            *self.made.entry(*index).or_default() += *made;
        }
    }
}

/// What a feature section has given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureCount {
    /// Its name.
    pub name: String,
    /// Its results, and those that did not come.
    pub made: Made,
}

/// What a filter has let through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterCount {
    /// Its name.
    pub name: String,
    /// Readings that met its condition, that did not, and of which nobody could tell.
    pub passed: u64,
    /// See `passed`.
    pub failed: u64,
    /// See `passed`.
    pub unknown: u64,
    /// The parts of its condition in words, and how many readings failed each.
    pub parts: Vec<(String, u64)>,
}

impl FilterCount {
    /// Readings that it has seen.
    pub fn readings(&self) -> u64 {
        self.passed.saturating_add(self.failed).saturating_add(self.unknown)
    }

    /// Share of the readings that passed, 0 to 1; `None` before the first.
    pub fn pass_rate(&self) -> Option<f64> {
        let all = self.readings();
        (all > 0).then(|| self.passed as f64 / all as f64)
    }
}

/// The smallest of [`Lateness::EDGES`] that a share of the readings that came out of order did not exceed, and that share;
/// `None` when none was, or they came later than all edges.
pub fn at_most(lateness: &Lateness, share: f64) -> Option<(Span, f64)> {
    let total = lateness.total();
    let mut within = 0;
    Lateness::EDGES.iter().zip(lateness.counts()).find_map(|(edge, count)| {
        within += count;
        let so_far = within as f64 / total as f64;
        (total > 0 && so_far >= share).then_some((*edge, so_far))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_that_would_keep_nearly_all_is_the_smallest_that_does() {
        let mut lateness = Lateness::default();
        assert_eq!(at_most(&lateness, 0.99), None);
        (0..99).for_each(|_| lateness.add(Span::from_millis(1_500)));
        lateness.add(Span::from_secs(3_000));
        assert_eq!(at_most(&lateness, 0.99), Some((Span::from_secs(10), 0.99)));
        assert_eq!(at_most(&lateness, 1.0), Some((Span::from_secs(3_600), 1.0)));
        lateness.add(Span(i64::MAX));
        assert_eq!(at_most(&lateness, 1.0), None);
    }

    #[test]
    fn what_two_shards_count_adds_up() {
        let tested = |passed, part| Tested { passed, failed: part, unknown: 0, parts: vec![part] };
        let mut all = Counted { tested: [(3, tested(5, 1))].into(), missed: 1, ..Counted::default() };
        let made = |given| Made { given, not_full: 1, uneven: 3, ..Made::default() };
        all.made = [(4, made(2))].into();
        let other = Counted { tested: [(3, tested(2, 4)), (9, tested(1, 0))].into(), missed: 2, ..Counted::default() };
        all += &Counted { made: [(4, made(3)), (5, made(1))].into(), ..other };
        assert_eq!(all.missed, 3);
        assert_eq!(all.made, [(4, Made { given: 5, not_full: 2, uneven: 6, ..Made::default() }), (5, made(1))].into());
        assert_eq!(all.tested, [(3, tested(7, 5)), (9, tested(1, 0))].into());
        assert!(all.filters(&Plan::default()).is_empty(), "a plan without them has no names for them");
    }
}
