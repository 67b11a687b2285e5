//! What a series keeps of one past, for all statistics of it: sums, extremes and values in order, each only where one asks.
//!
//! By count the values stand in one ring, with a tree of extremes over it, and the one that leaves it leaves the order, too. By
//! time there are panes for sums and extremes, and samples for quantiles (`sampled.rs`). What is not full yet says nothing:
//! no statistic of half a past is ever taken for one of a whole past.

use super::rolling::Moments;
use super::sampled::Sampled;
use super::tree::{Kinds, Tree};
use super::{Fold, Folded, Ranked, Rolling};
use crate::plan::{Past, Rolled, RollingSpec};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};

/// What is to be kept of a past, and said of it: worked out once, for all series and readings.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    past: Past,
    /// Readings before it speaks; none by time, where it is not stated.
    least: u32,
    give: Vec<Rolled>,
    needs: Needs,
    /// Whether a tree is kept of a ring, or panes of a span, and where in a tree the smallest and the largest value are.
    folds: bool,
    least_at: usize,
    most_at: usize,
    /// By count: so many readings; none by time.
    full: u32,
}

/// One past of a series.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recent {
    /// The ring of a past by count, and the sums. Of a past by time it is empty where nobody asks for sums.
    rolling: Rolling,
    /// By time: when the first reading was; [`Time::MAX`] before it.
    first: Time,
    /// By count, over the ring. Not saved: it follows from it.
    #[serde(skip)]
    tree: Tree,
    /// By time.
    folds: Option<Box<Folds>>,
    order: Order,
}

/// What is said of a past: its moments are worked out once.
pub struct Results<'a> {
    recent: &'a Recent,
    rule: &'a Rule,
    moments: Moments,
}

/// Sum, smallest and largest value of a past by time, where somebody asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Folds {
    sum: Option<Folded>,
    least: Option<Folded>,
    most: Option<Folded>,
}

/// The values in order, where quantiles are asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Order {
    None,
    /// By count. Not saved: it follows from the ring.
    Ring(#[serde(skip)] Ranked),
    Span(Box<Sampled>),
}

/// What a past has to keep for what it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Needs {
    sums: bool,
    folds: Kinds,
    order: bool,
}

impl Needs {
    fn of(spec: &RollingSpec) -> Needs {
        let asks = |of: fn(Rolled) -> bool| spec.give.iter().any(|&what| of(what));
        let crest = asks(|what| what == Rolled::Crest);
        // Panes know how many readings they stand for.
        let by_time = matches!(spec.past, Past::Span(_));
        let counts = by_time && (spec.min.is_some() || asks(|what| what == Rolled::Count));
        let sums = asks(|what| {
            use Rolled::{Crest, Mean, Rms, Std, StdSample, Variance, VarianceSample};
            matches!(what, Mean | Std | StdSample | Variance | VarianceSample | Rms | Crest)
        });
        let folds = Kinds {
            sum: asks(|what| what == Rolled::Sum),
            least: crest || asks(|what| matches!(what, Rolled::Min | Rolled::Range)),
            most: crest || asks(|what| matches!(what, Rolled::Max | Rolled::Range)),
        };
        Needs { sums: sums || counts, folds, order: asks(|what| matches!(what, Rolled::Quantile(_))) }
    }
}

impl Rule {
    /// What is to be said, in the order of the spec.
    pub fn give(&self) -> &[Rolled] {
        &self.give
    }

    /// The rule of a spec.
    pub fn of(spec: &RollingSpec) -> Rule {
        let full = if let Past::Count(most) = spec.past { most } else { 0 };
        let needs = Needs::of(spec);
        let folds = !needs.folds.is_none();
        Rule {
            past: spec.past,
            least: spec.min.unwrap_or(full),
            give: spec.give.clone(),
            needs,
            folds,
            least_at: needs.folds.place(Fold::Least),
            most_at: needs.folds.place(Fold::Most),
            full,
        }
    }
}

impl Recent {
    /// Nothing yet.
    pub fn new(rule: &Rule) -> Recent {
        let Needs { folds, order, .. } = rule.needs;
        let fold = |needed: bool| needed.then(Folded::default);
        let by_time = matches!(rule.past, Past::Span(_));
        let folds = || Box::new(Folds { sum: fold(folds.sum), least: fold(folds.least), most: fold(folds.most) });
        Recent {
            rolling: Rolling::new(rule.past),
            first: Time::MAX,
            tree: Tree::default(),
            folds: (by_time && !rule.needs.folds.is_none()).then(folds),
            order: match (order, by_time) {
                (false, _) => Order::None,
                (true, false) => Order::Ring(Ranked::new()),
                (true, true) => Order::Span(Box::default()),
            },
        }
    }

    /// A reading in its turn. Gives whether there are enough now, to ask for [`Recent::results`].
    #[inline(always)]
    pub fn take(&mut self, rule: &Rule, time: Time, value: f64) -> bool {
        // A ring that is full is nearly always there.
        match self.rolling.replace(rule.full, value) {
            Some(leaving) => self.replaced(rule, leaving, value),
            None => return self.take_one(rule, time, value),
        }
        true
    }

    /// By count, a value has taken the place of another.
    #[inline(always)]
    fn replaced(&mut self, rule: &Rule, leaving: f64, value: f64) {
        if rule.needs.sums {
            self.rolling.exchange(leaving, value);
        }
        if rule.folds {
            self.tree.change(rule.needs.folds, self.rolling.values(), self.rolling.newest());
        }
        if let Order::Ring(ranked) = &mut self.order {
            ranked.replace(leaving, value);
        }
    }

    #[inline(never)]
    fn take_one(&mut self, rule: &Rule, time: Time, value: f64) -> bool {
        let most = match rule.past {
            Past::Count(most) => most,
            Past::Span(span) => {
                self.take_timed(rule, span, time, value);
                let full = rule.least > 0 || time.since(self.first) >= span;
                return full && self.rolling.count() >= rule.least;
            }
        };
        if rule.needs.sums {
            self.rolling.push(rule.past, time, value);
        } else {
            self.rolling.push_value(rule.past, time, value);
        }
        if rule.folds {
            self.tree.grow(rule.needs.folds, self.rolling.values(), most as usize);
        }
        if let Order::Ring(ranked) = &mut self.order {
            // Doubles, but not past the limit.
            if ranked.len().is_power_of_two() {
                ranked.reserve((2 * ranked.len()).max(4).min(most as usize));
            }
            ranked.insert(value);
        }
        self.rolling.count() >= rule.least
    }

    #[inline(never)]
    fn take_timed(&mut self, rule: &Rule, span: Span, time: Time, value: f64) {
        self.first = self.first.min(time);
        if rule.needs.sums {
            self.rolling.advance(rule.past, time);
            self.rolling.push(rule.past, time, value);
        }
        if let Some(folds) = &mut self.folds {
            for (fold, folded) in folds.all() {
                folded.take(fold, rule.past, time, value);
            }
        }
        if let Order::Span(sampled) = &mut self.order {
            sampled.take(span, time, value);
        }
    }

    /// What is to be said of the readings, if there are enough.
    #[inline(always)]
    pub fn results<'a>(&'a self, rule: &'a Rule) -> Results<'a> {
        let moments = if rule.needs.sums { self.rolling.moments() } else { Moments::NONE };
        Results { recent: self, rule, moments }
    }

    /// What costs more, or is asked for less.
    #[inline(never)]
    fn other_value(&self, rule: &Rule, what: Rolled) -> f64 {
        let moments = self.results(rule).moments;
        let rms = || (moments.mean * moments.mean + moments.variance()).sqrt();
        match what {
            Rolled::Variance => moments.variance(),
            Rolled::StdSample => moments.variance_sample().sqrt(),
            Rolled::VarianceSample => moments.variance_sample(),
            Rolled::Count => f64::from(self.rolling.count()),
            Rolled::Range => self.folded(rule.most_at, Fold::Most) - self.folded(rule.least_at, Fold::Least),
            Rolled::Quantile(q) => match &self.order {
                Order::None => f64::NAN,
                Order::Ring(ranked) => ranked.quantile(q),
                Order::Span(sampled) => sampled.quantile(q),
            },
            Rolled::Rms => rms(),
            Rolled::Crest => {
                let (least, most) = (self.folded(rule.least_at, Fold::Least), self.folded(rule.most_at, Fold::Most));
                least.abs().max(most.abs()) / rms()
            }
            Rolled::Mean | Rolled::Std | Rolled::Min | Rolled::Max | Rolled::Sum => f64::NAN,
        }
    }

    #[inline]
    fn folded(&self, place: usize, fold: Fold) -> f64 {
        match &self.folds {
            None => self.tree.value(place),
            Some(folds) => folds.of(fold).map_or(f64::NAN, |folded| folded.value(fold)),
        }
    }

    /// Puts in order what was read back.
    pub fn restore(&mut self, rule: &Rule) {
        let values = self.rolling.values();
        if let Past::Count(most) = rule.past {
            self.tree.build(rule.needs.folds, values, most as usize, self.rolling.newest());
        }
        match &mut self.order {
            Order::None => {}
            Order::Ring(ranked) => *ranked = Ranked::of(values.iter().copied()),
            Order::Span(sampled) => sampled.rank(),
        }
    }

    /// Whether a state that was read back can be gone on with.
    pub fn fits(&self, rule: &Rule) -> bool {
        let by_time = matches!(rule.past, Past::Span(_));
        let folds = match &self.folds {
            Some(folds) => by_time && folds.fits(rule) && !rule.needs.folds.is_none(),
            None => !by_time || rule.needs.folds.is_none(),
        };
        let order = match &self.order {
            Order::None => !rule.needs.order,
            Order::Ring(_) => rule.needs.order && !by_time && self.rolling.values().iter().all(|v| v.is_finite()),
            Order::Span(sampled) => rule.needs.order && by_time && sampled.fits(),
        };
        folds && order && self.rolling.fits(rule.past)
    }

    /// Reads the first of what the next reading needs.
    #[inline]
    pub fn touch(&self) -> i64 {
        i64::from(self.rolling.count())
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let folds = self.folds.as_ref().map_or(0, |folds| size_of::<Folds>() + folds.heap_bytes());
        let order = match &self.order {
            Order::None => 0,
            Order::Ring(ranked) => ranked.heap_bytes(),
            Order::Span(sampled) => size_of::<Sampled>() + sampled.heap_bytes(),
        };
        self.rolling.heap_bytes() + self.tree.heap_bytes() + folds + order
    }
}

impl Folds {
    fn all(&mut self) -> impl Iterator<Item = (Fold, &mut Folded)> {
        let all = [(Fold::Sum, &mut self.sum), (Fold::Least, &mut self.least), (Fold::Most, &mut self.most)];
        all.into_iter().filter_map(|(fold, folded)| Some((fold, folded.as_mut()?)))
    }

    fn of(&self, fold: Fold) -> Option<&Folded> {
        match fold {
            Fold::Sum => self.sum.as_ref(),
            Fold::Least => self.least.as_ref(),
            Fold::Most => self.most.as_ref(),
        }
    }

    fn fits(&self, rule: &Rule) -> bool {
        let has = Kinds { sum: self.sum.is_some(), least: self.least.is_some(), most: self.most.is_some() };
        let all = [&self.sum, &self.least, &self.most].into_iter().flatten();
        has == rule.needs.folds && all.into_iter().all(|folded| folded.fits(rule.past))
    }

    fn heap_bytes(&self) -> usize {
        [&self.sum, &self.least, &self.most].into_iter().flatten().map(Folded::heap_bytes).sum()
    }
}

impl Results<'_> {
    /// A statistic; no number where there is none.
    #[inline(always)]
    pub fn of(&self, what: Rolled) -> f64 {
        let Results { recent, rule, moments } = *self;
        match what {
            Rolled::Mean => moments.mean,
            Rolled::Std => moments.variance().sqrt(),
            Rolled::Min => recent.folded(rule.least_at, Fold::Least),
            Rolled::Max => recent.folded(rule.most_at, Fold::Most),
            Rolled::Sum => recent.folded(0, Fold::Sum),
            _ => recent.other_value(rule, what),
        }
    }
}
