//! What is wrong with the pipeline itself, as far as it is not over: the disk is full, a sink was overtaken.

use super::micros;
use ouzel_pipeline::trouble::Trouble;
use serde::Serialize;
use std::collections::BTreeMap;

/// Open troubles, by the part that has them.
#[derive(Debug, Default)]
pub struct Troubles {
    open: BTreeMap<String, Trouble>,
}

/// One as it stands on the wire.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct TroubleView<'a> {
    part: &'a str,
    what: &'a str,
    since: i64,
}

impl Troubles {
    /// How many are kept. Parts are few: journal, lake, and one a sink.
    const MOST: usize = 64;

    /// Takes over what was said. Beyond the bound the one that began first goes; gives how many have gone so.
    pub fn take(&mut self, trouble: &Trouble) -> u64 {
        if trouble.over {
            self.open.remove(&trouble.part);
            return 0;
        }
        self.open.insert(trouble.part.clone(), trouble.clone());
        if self.open.len() <= Troubles::MOST {
            return 0;
        }
        let oldest = self.open.values().min_by_key(|trouble| trouble.since).map(|trouble| trouble.part.clone());
        oldest.is_some_and(|part| self.open.remove(&part).is_some()).into()
    }

    /// Another process has begun: what an earlier one could not do this one may be able to, and if not it says so itself.
    pub fn begin(&mut self) {
        self.open.clear();
    }

    /// The one of a part.
    pub fn of(&self, part: &str) -> Option<&Trouble> {
        self.open.get(part)
    }

    /// All that are open, by their parts.
    pub fn views(&self) -> Vec<TroubleView<'_>> {
        let all = self.open.values();
        all.map(|one| TroubleView { part: &one.part, what: &one.what, since: micros(one.since) }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ouzel_engine::time::Time;

    fn trouble(part: &str, since: i64, over: bool) -> Trouble {
        let (since, at) = (Time::from_secs(since), Time::from_secs(since + 5));
        Trouble { part: part.into(), what: format!("{part} is in trouble"), since, at, over }
    }

    #[test]
    fn a_part_has_one_trouble_until_it_is_over_or_another_process_begins() {
        let mut troubles = Troubles::default();
        troubles.take(&trouble("journal", 1, false));
        troubles.take(&trouble("sink desk", 2, false));
        troubles.take(&trouble("journal", 3, false));
        let views = troubles.views();
        assert_eq!(
            views.iter().map(|view| (view.part, view.since)).collect::<Vec<_>>(),
            [("journal", 3_000_000), ("sink desk", 2_000_000)]
        );
        troubles.take(&trouble("journal", 3, true));
        assert!(troubles.of("journal").is_none() && troubles.of("sink desk").is_some());
        troubles.begin();
        assert!(troubles.views().is_empty());
    }

    #[test]
    fn troubles_are_bounded_and_what_goes_is_counted() {
        let mut troubles = Troubles::default();
        let gone: u64 = (0..100).map(|number| troubles.take(&trouble(&format!("sink {number}"), number, false))).sum();
        assert_eq!((gone, troubles.views().len()), (36, Troubles::MOST));
        assert!(troubles.of("sink 35").is_none() && troubles.of("sink 36").is_some());
    }
}
