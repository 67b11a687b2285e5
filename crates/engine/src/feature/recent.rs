//! What a series keeps of one past, for all statistics of it: sums, extremes and values in order, each only where one asks.
//!
//! By count the values stand in the ring of the sums, and the one that leaves it leaves the order, too. By time there are
//! panes for sums and extremes, and samples for quantiles (`sampled.rs`). What is not full yet says nothing: no statistic
//! of half a past is ever taken for one of a whole past.

use super::sampled::Sampled;
use super::{Fold, Folded, Ranked, Rolling};
use crate::plan::{Past, Rolled, RollingSpec};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// One past of a series.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recent {
    /// Time of the first reading; [`Time::MAX`] before it.
    first: Time,
    /// By count: readings in it.
    held: u32,
    sums: Option<Rolling>,
    sum: Option<Box<Folded>>,
    least: Option<Box<Folded>>,
    most: Option<Box<Folded>>,
    order: Order,
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
    sum: bool,
    least: bool,
    most: bool,
    order: bool,
}

impl Needs {
    fn of(spec: &RollingSpec) -> Needs {
        let asks = |of: fn(Rolled) -> bool| spec.give.iter().any(|&what| of(what));
        let by_time = matches!(spec.past, Past::Span(_));
        let order = asks(|what| matches!(what, Rolled::Quantile(_)));
        let crest = asks(|what| what == Rolled::Crest);
        // Panes know how many readings they stand for, and the ring has the value that leaves.
        let counts = by_time && (spec.min.is_some() || asks(|what| what == Rolled::Count));
        let sums = asks(|what| {
            use Rolled::{Crest, Mean, Rms, Std, StdSample, Variance, VarianceSample};
            matches!(what, Mean | Std | StdSample | Variance | VarianceSample | Rms | Crest)
        });
        Needs {
            sums: sums || counts || (order && !by_time),
            sum: asks(|what| what == Rolled::Sum),
            least: crest || asks(|what| matches!(what, Rolled::Min | Rolled::Range)),
            most: crest || asks(|what| matches!(what, Rolled::Max | Rolled::Range)),
            order,
        }
    }
}

impl Recent {
    /// Nothing yet.
    pub fn new(spec: &RollingSpec) -> Recent {
        let needs = Needs::of(spec);
        let fold = |needed: bool| needed.then(Box::default);
        let order = match spec.past {
            _ if !needs.order => Order::None,
            Past::Count(_) => Order::Ring(Ranked::new()),
            Past::Span(_) => Order::Span(Box::default()),
        };
        Recent {
            first: Time::MAX,
            held: 0,
            sums: needs.sums.then(|| Rolling::new(spec.past)),
            sum: fold(needs.sum),
            least: fold(needs.least),
            most: fold(needs.most),
            order,
        }
    }

    /// A reading in its turn. Those of `wanted`, a bit each, go to `give` if there are readings enough; what there is no
    /// value for goes there as no number.
    #[inline]
    pub fn observe(
        &mut self,
        spec: &RollingSpec,
        wanted: u64,
        time: Time,
        value: f64,
        give: &mut impl FnMut(usize, f64),
    ) {
        self.take(spec.past, time, value);
        if !self.speaks(spec, time) {
            return;
        }
        for (index, &what) in spec.give.iter().enumerate() {
            if is_wanted(wanted, index) {
                give(index, self.value(what));
            }
        }
    }

    #[inline]
    fn take(&mut self, past: Past, time: Time, value: f64) {
        self.first = self.first.min(time);
        if let Past::Count(most) = past {
            self.held = (self.held + 1).min(most);
        }
        let mut leaving = None;
        if let Some(sums) = &mut self.sums {
            sums.advance(past, time);
            leaving = sums.push(past, time, value);
        }
        for (fold, of) in [(Fold::Sum, &mut self.sum), (Fold::Least, &mut self.least), (Fold::Most, &mut self.most)] {
            if let Some(folded) = of {
                folded.take(fold, past, time, value);
            }
        }
        match (&mut self.order, past) {
            (Order::Ring(ranked), Past::Count(most)) => match leaving {
                Some(leaving) => drop(ranked.replace(leaving, value)),
                None => {
                    // Doubles, but not past the limit.
                    if ranked.len().is_power_of_two() {
                        ranked.reserve((2 * ranked.len()).max(4).min(most as usize));
                    }
                    ranked.insert(value);
                }
            },
            (Order::Span(sampled), Past::Span(span)) => sampled.take(span, time, value),
            _ => {}
        }
    }

    fn count(&self) -> u32 {
        self.sums.as_ref().map_or(self.held, Rolling::count)
    }

    /// Whether it has readings enough.
    #[inline]
    fn speaks(&self, spec: &RollingSpec, time: Time) -> bool {
        match (spec.min, spec.past) {
            (Some(min), _) => self.count() >= min,
            (None, Past::Count(most)) => self.held >= most,
            (None, Past::Span(span)) => time.since(self.first) >= span,
        }
    }

    #[inline]
    fn value(&self, what: Rolled) -> f64 {
        let sums = |of: fn(&Rolling) -> f64| self.sums.as_ref().map_or(f64::NAN, of);
        let sampled = |of: f64, count: u32| if count > 1 { of / f64::from(count - 1) } else { f64::NAN };
        let folded = |of: &Option<Box<Folded>>, fold| of.as_ref().map_or(f64::NAN, |folded| folded.value(fold));
        let (least, most) = (|| folded(&self.least, Fold::Least), || folded(&self.most, Fold::Most));
        let rms = |sums: &Rolling| {
            let mean = sums.mean();
            (mean * mean + sums.variance()).sqrt()
        };
        match what {
            Rolled::Count => f64::from(self.count()),
            Rolled::Sum => folded(&self.sum, Fold::Sum),
            Rolled::Mean => sums(Rolling::mean),
            Rolled::Std => sums(Rolling::std),
            Rolled::Variance => sums(Rolling::variance),
            Rolled::StdSample => sampled(sums(Rolling::deviations), self.count()).sqrt(),
            Rolled::VarianceSample => sampled(sums(Rolling::deviations), self.count()),
            Rolled::Min => least(),
            Rolled::Max => most(),
            Rolled::Range => most() - least(),
            Rolled::Quantile(q) => match &self.order {
                Order::None => f64::NAN,
                Order::Ring(ranked) => ranked.quantile(q),
                Order::Span(sampled) => sampled.quantile(q),
            },
            Rolled::Rms => sums(rms),
            Rolled::Crest => least().abs().max(most().abs()) / sums(rms),
        }
    }

    /// Puts in order what was read back.
    pub fn restore(&mut self) {
        match &mut self.order {
            Order::None => {}
            Order::Ring(ranked) => {
                let values = self.sums.as_ref().map_or(&[][..], Rolling::values);
                *ranked = Ranked::of(values.iter().copied());
            }
            Order::Span(sampled) => sampled.rank(),
        }
    }

    /// Whether a state that was read back can be gone on with.
    pub fn fits(&self, spec: &RollingSpec) -> bool {
        let needs = Needs::of(spec);
        let folds = [&self.sum, &self.least, &self.most];
        let has = Needs {
            sums: self.sums.is_some(),
            sum: self.sum.is_some(),
            least: self.least.is_some(),
            most: self.most.is_some(),
            order: !matches!(self.order, Order::None),
        };
        let held = match spec.past {
            Past::Count(most) => self.held <= most && self.sums.as_ref().is_none_or(|sums| sums.count() == self.held),
            Past::Span(_) => self.held == 0,
        };
        let in_order = match (&self.order, spec.past) {
            (Order::None, _) => true,
            (Order::Ring(_), Past::Count(_)) => {
                self.sums.as_ref().is_some_and(|sums| sums.values().iter().all(|value| value.is_finite()))
            }
            (Order::Span(sampled), Past::Span(_)) => sampled.fits(),
            _ => false,
        };
        needs == has
            && held
            && in_order
            && self.sums.as_ref().is_none_or(|sums| sums.fits(spec.past))
            && folds.into_iter().flatten().all(|folded| folded.fits(spec.past))
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let folds = [&self.sum, &self.least, &self.most].into_iter().flatten();
        let order = match &self.order {
            Order::None => 0,
            Order::Ring(ranked) => ranked.heap_bytes(),
            Order::Span(sampled) => size_of::<Sampled>() + sampled.heap_bytes(),
        };
        self.sums.as_ref().map_or(0, Rolling::heap_bytes)
            + folds.map(|folded| size_of::<Folded>() + folded.heap_bytes()).sum::<usize>()
            + order
    }
}

/// Whether somebody takes the statistic of this place; those far behind are always given.
#[inline]
pub(super) fn is_wanted(wanted: u64, index: usize) -> bool {
    index >= 64 || wanted >> index & 1 == 1
}
