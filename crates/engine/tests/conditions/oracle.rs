//! A slow and obvious evaluator: each node of a condition over the whole history at once, each past computed anew at each
//! point from all the points before. The engine must agree with it on random conditions and streams, wherever it is
//! saved and read back.
//!
//! Means and spreads differ in their last digits, as sums taken in another order do. A case in which a comparison hangs
//! on them is passed over; the comparisons themselves are exact.

use super::*;
use proptest::prelude::*;
use std::cell::Cell;

const SECOND: i64 = 1_000_000_000;
const CHANNELS: [&str; 3] = ["x", "flow", "minute.`Flow Rate`.mean"];
const PANES: usize = 1_024;

/// An expression that is a number.
#[derive(Clone, Debug)]
enum N {
    Const(f64),
    Channel(usize),
    One(&'static str, Box<N>),
    Two(char, Box<N>, Box<N>),
    Of(&'static str, Vec<N>),
    Lag(Box<N>, usize),
    Last(Box<N>, i64),
    Over(&'static str, Box<N>, Back),
}

/// How far back, in readings or seconds.
#[derive(Clone, Copy, Debug)]
enum Back {
    Readings(usize),
    Seconds(i64),
}

/// An expression that is true or false.
#[derive(Clone, Debug)]
enum C {
    Constant(bool),
    Channel(usize),
    Compare(&'static str, N, N),
    Between(bool, N, N, N),
    In(bool, N, Vec<N>),
    There(bool, N),
    Tag(bool, &'static str, &'static str),
    Not(Box<C>),
    And(Box<C>, Box<C>),
    Or(Box<C>, Box<C>),
    Same(bool, Box<C>, Box<C>),
    Becomes(Box<C>, bool),
    Crosses(bool, N, N, Option<N>),
}

// As text, with no more brackets than it needs.

impl N {
    /// How tightly it binds: a sum 0, a product 1, a sign 2, everything else 3.
    fn binds(&self) -> u8 {
        match self {
            N::Two('+' | '-', ..) => 0,
            N::Two(..) => 1,
            N::One("-", _) => 2,
            N::Const(c) if *c < 0.0 => 2,
            _ => 3,
        }
    }

    fn inside(&self, least: u8) -> String {
        if self.binds() < least { format!("({})", self.text()) } else { self.text() }
    }

    fn text(&self) -> String {
        let list = |all: &[N]| all.iter().map(N::text).collect::<Vec<_>>().join(", ");
        match self {
            N::Const(c) => format!("{c:?}"),
            N::Channel(c) => CHANNELS[*c].into(),
            N::One("-", a) => format!("-{}", a.inside(2)),
            N::One(f, a) => format!("{f}({})", a.text()),
            N::Two(sign @ ('+' | '-'), a, b) => format!("{} {sign} {}", a.inside(0), b.inside(1)),
            N::Two(sign, a, b) => format!("{} {sign} {}", a.inside(1), b.inside(2)),
            N::Of(f, all) => format!("{f}({})", list(all)),
            N::Lag(a, n) => format!("lag({}, {n})", a.text()),
            N::Last(a, seconds) => format!("last({}, {seconds}s)", a.text()),
            N::Over(f, a, Back::Readings(n)) => format!("{f}({}, {n})", a.text()),
            N::Over(f, a, Back::Seconds(s)) => format!("{f}({}, {s}s)", a.text()),
        }
    }

    /// Whether the engine has the same digits, and not only nearly.
    fn is_exact(&self) -> bool {
        match self {
            N::Const(_) | N::Channel(_) => true,
            N::One(_, a) | N::Lag(a, _) | N::Last(a, _) => a.is_exact(),
            N::Two(_, a, b) => a.is_exact() && b.is_exact(),
            N::Of(_, all) => all.iter().all(N::is_exact),
            N::Over("mean" | "std", ..) => false,
            N::Over("sum", a, _) => matches!(**a, N::Channel(_)),
            N::Over(_, a, _) => a.is_exact(),
        }
    }
}

impl C {
    /// How tightly it binds: `or` 0, `and` 1, `not` 2, a claim 3, a word 4.
    fn binds(&self) -> u8 {
        match self {
            C::Or(..) => 0,
            C::And(..) => 1,
            C::Not(_) => 2,
            C::Constant(_) | C::Channel(_) => 4,
            _ => 3,
        }
    }

    fn inside(&self, least: u8) -> String {
        if self.binds() < least { format!("({})", self.text()) } else { self.text() }
    }

    fn text(&self) -> String {
        let not = |not: &bool| if *not { " not" } else { "" };
        match self {
            C::Constant(c) => c.to_string(),
            C::Channel(c) => CHANNELS[*c].into(),
            C::Compare(sign, a, b) => format!("{} {sign} {}", a.text(), b.text()),
            C::Between(n, a, b, c) => format!("{}{} between {} and {}", a.text(), not(n), b.text(), c.text()),
            C::In(n, a, all) => {
                let all = all.iter().map(N::text).collect::<Vec<_>>().join(", ");
                format!("{}{} in ({all})", a.text(), not(n))
            }
            C::There(present, a) => format!("{} is {}", a.text(), if *present { "present" } else { "absent" }),
            C::Tag(equal, tag, value) => format!("tag.{tag} {} \"{value}\"", if *equal { "=" } else { "!=" }),
            C::Not(a) => format!("not {}", a.inside(2)),
            C::And(a, b) => format!("{} and {}", a.inside(1), b.inside(2)),
            C::Or(a, b) => format!("{} or {}", a.inside(0), b.inside(1)),
            C::Same(equal, a, b) => format!("{} {} {}", a.same(), if *equal { "=" } else { "!=" }, b.same()),
            C::Becomes(a, to) => format!("{} becomes {to}", a.inside(3)),
            C::Crosses(rises, a, b, back) => {
                let (verb, to, from) = if *rises { ("rises", "above", "below") } else { ("falls", "below", "above") };
                let back = back.as_ref().map_or(String::new(), |w| format!(" (back {from} {})", w.text()));
                format!("{} {verb} {to} {}{back}", a.text(), b.text())
            }
        }
    }

    /// A side of `=`: a channel alone would be a number there.
    fn same(&self) -> String {
        match self {
            C::Channel(_) => format!("(not not {})", self.text()),
            _ => self.inside(4),
        }
    }
}

// Over the whole history.

type Numbers = Vec<Option<f64>>;
type Truths = Vec<Option<bool>>;

#[derive(Debug)]
struct History {
    times: Vec<i64>,
    points: Vec<Vec<f64>>,
    /// Something hung on digits that may differ.
    doubtful: Cell<bool>,
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

impl History {
    fn every<T>(&self, at: impl Fn(usize) -> T) -> Vec<T> {
        (0..self.times.len()).map(at).collect()
    }

    /// Notes that the engine may see this difference on the other side of zero.
    fn doubt(&self, exact: bool, apart: f64, size: f64) {
        if !exact && apart.abs() <= 1e-9 * size.abs().max(1.0) {
            self.doubtful.set(true);
        }
    }

    fn numbers(&self, n: &N) -> Numbers {
        match n {
            N::Const(c) => self.every(|_| Some(*c)),
            N::Channel(c) => self.every(|i| finite(self.points[i][*c])),
            N::One(f, a) => {
                let of = self.numbers(a);
                self.every(|i| of[i].and_then(|value| self.one(f, value, a)))
            }
            N::Two(sign, a, b) => {
                let (left, right) = (self.numbers(a), self.numbers(b));
                self.every(|i| {
                    let (x, y) = (left[i]?, right[i]?);
                    if *sign == '/' {
                        self.doubt(b.is_exact(), y, 1.0);
                    }
                    finite(match sign {
                        '+' => x + y,
                        '-' => x - y,
                        '*' => x * y,
                        _ => x / y,
                    })
                })
            }
            N::Of(f, all) => {
                let all: Vec<Numbers> = all.iter().map(|n| self.numbers(n)).collect();
                self.every(|i| {
                    let values: Option<Vec<f64>> = all.iter().map(|numbers| numbers[i]).collect();
                    values?.into_iter().reduce(if *f == "min" { f64::min } else { f64::max })
                })
            }
            N::Lag(a, n) => {
                let of = self.numbers(a);
                self.every(|i| of[i].and_then(|_| before(&of, i, *n)).map(|j| of[j].unwrap()))
            }
            N::Last(a, seconds) => {
                let of = self.numbers(a);
                self.every(|i| {
                    let j = (0..=i).rev().find(|&j| of[j].is_some())?;
                    (self.times[i] - self.times[j] <= seconds * SECOND).then_some(of[j].unwrap())
                })
            }
            N::Over(f, a, back) => {
                let inside = self.inside(&self.numbers(a), *back);
                self.every(|i| over(f, &inside[i]))
            }
        }
    }

    fn one(&self, f: &str, value: f64, of: &N) -> Option<f64> {
        match f {
            "-" => Some(-value),
            "abs" => Some(value.abs()),
            "round" => {
                self.doubt(of.is_exact(), (value.abs() + 0.5).fract().min(1.0 - (value.abs() + 0.5).fract()), value);
                Some(value.round())
            }
            _ => {
                self.doubt(of.is_exact(), value, 1.0);
                (value >= 0.0).then(|| value.sqrt())
            }
        }
    }

    /// The values that are in the past at each point. A span of more than 1 024 lets go by panes.
    fn inside(&self, of: &Numbers, back: Back) -> Vec<Vec<f64>> {
        let span = match back {
            Back::Readings(n) => {
                let last = |i: usize| of[..=i].iter().rev().filter_map(|value| *value).take(n).collect();
                return self.every(last);
            }
            Back::Seconds(s) => s * SECOND,
        };
        let mut panes: Vec<(i64, Vec<f64>)> = Vec::new();
        let mut inside = Vec::new();
        for (i, &time) in self.times.iter().enumerate() {
            panes.retain(|(newest, _)| *newest > time - span);
            if let Some(value) = of[i] {
                let piece = span / PANES as i64;
                let dense = panes.len() >= PANES;
                match panes.last_mut() {
                    Some((newest, values)) if dense && newest.div_euclid(piece) == time.div_euclid(piece) => {
                        *newest = time;
                        values.push(value);
                    }
                    _ => panes.push((time, vec![value])),
                }
            }
            inside.push(panes.iter().flat_map(|(_, values)| values.iter().copied()).collect());
        }
        inside
    }

    fn truths(&self, c: &C) -> Truths {
        match c {
            C::Constant(value) => self.every(|_| Some(*value)),
            C::Channel(c) => self.every(|i| finite(self.points[i][*c]).map(|value| value != 0.0)),
            C::Compare(sign, a, b) => self.compare(sign, a, b),
            C::Between(not, a, b, c) => {
                let (low, high) = (self.compare(">=", a, b), self.compare("<=", a, c));
                self.every(|i| and(low[i], high[i]).map(|between| between != *not))
            }
            C::In(not, a, all) => {
                let all: Vec<Truths> = all.iter().map(|b| self.compare("=", a, b)).collect();
                self.every(|i| {
                    let mut none = Some(true);
                    for equal in &all {
                        none = and(none, equal[i].map(|equal| !equal));
                    }
                    none.map(|none| none == *not)
                })
            }
            C::There(present, a) => {
                let of = self.numbers(a);
                self.every(|i| Some(of[i].is_some() == *present))
            }
            C::Tag(equal, tag, value) => {
                let has = kitchen().iter().any(|(name, its)| name == tag && its == value);
                self.every(|_| Some(has == *equal))
            }
            C::Not(a) => self.truths(a).into_iter().map(|value| value.map(|value| !value)).collect(),
            C::And(a, b) => {
                let (a, b) = (self.truths(a), self.truths(b));
                self.every(|i| and(a[i], b[i]))
            }
            C::Or(a, b) => {
                let (a, b) = (self.truths(a), self.truths(b));
                self.every(|i| and(a[i].map(|a| !a), b[i].map(|b| !b)).map(|neither| !neither))
            }
            C::Same(equal, a, b) => {
                let (a, b) = (self.truths(a), self.truths(b));
                self.every(|i| Some((a[i]? == b[i]?) == *equal))
            }
            C::Becomes(a, to) => {
                let of: Truths = self.truths(a).into_iter().map(|value| value.map(|value| value == *to)).collect();
                self.every(|i| and(of[i], of[..i].iter().rev().find_map(|value| *value).map(|before| !before)))
            }
            C::Crosses(rises, a, limit, back) => {
                let (past, inside) = if *rises { (">", "<") } else { ("<", ">") };
                let set = self.compare(past, a, limit);
                let reset = match back {
                    Some(back) => self.compare(inside, a, back),
                    None => set.iter().map(|value| value.map(|value| !value)).collect(),
                };
                self.every(|i| and(set[i], on_before(&set, &reset, i).map(|on| !on)))
            }
        }
    }

    fn compare(&self, sign: &str, a: &N, b: &N) -> Truths {
        let (left, right) = (self.numbers(a), self.numbers(b));
        self.every(|i| {
            let (x, y) = (left[i]?, right[i]?);
            self.doubt(a.is_exact() && b.is_exact(), x - y, x.abs().max(y.abs()));
            Some(match sign {
                "<" => x < y,
                "<=" => x <= y,
                ">" => x > y,
                ">=" => x >= y,
                "=" => x == y,
                _ => x != y,
            })
        })
    }
}

fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    if a == Some(false) || b == Some(false) { Some(false) } else { Some(a? && b?) }
}

/// The place of the n-th known value before this place.
fn before(of: &Numbers, i: usize, n: usize) -> Option<usize> {
    (0..i).rev().filter(|&j| of[j].is_some()).nth(n - 1)
}

/// Whether it was past its limit, and not yet back, before a point.
fn on_before(set: &Truths, reset: &Truths, i: usize) -> Option<bool> {
    let mut on = None;
    for j in 0..i {
        if on == Some(true) {
            on = Some(reset[j] != Some(true));
        } else if set[j].is_some() {
            on = set[j];
        }
    }
    on
}

fn over(f: &str, values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    match f {
        "count" => Some(count),
        _ if values.is_empty() => None,
        "mean" => finite(mean),
        "sum" => finite(values.iter().sum()),
        "min" => values.iter().copied().reduce(f64::min),
        "max" => values.iter().copied().reduce(f64::max),
        "median" => {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
            Some(low + (high - low) / 2.0)
        }
        "range" => Some(values.iter().copied().reduce(f64::max)? - values.iter().copied().reduce(f64::min)?),
        _ if values.len() < 2 => None,
        _ => finite((values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt()),
    }
}

// Random ones.

fn quarter() -> impl Strategy<Value = f64> {
    (-8i32..=8).prop_map(|quarters| f64::from(quarters) / 4.0)
}

fn back() -> impl Strategy<Value = Back> {
    prop_oneof![(1usize..6).prop_map(Back::Readings), (1i64..12).prop_map(Back::Seconds)]
}

fn number() -> impl Strategy<Value = N> {
    let leaf = prop_oneof![1 => quarter().prop_map(N::Const), 4 => (0usize..3).prop_map(N::Channel)];
    leaf.prop_recursive(3, 8, 3, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let one = prop_oneof![Just("-"), Just("abs"), Just("round"), Just("sqrt")];
        let two = prop_oneof![Just('+'), Just('-'), Just('*'), Just('/')];
        let over = prop::sample::select(vec!["mean", "median", "std", "min", "max", "range", "sum"]);
        prop_oneof![
            (one, boxed.clone()).prop_map(|(f, a)| N::One(f, a)),
            (two, boxed.clone(), boxed.clone()).prop_map(|(sign, a, b)| N::Two(sign, a, b)),
            (prop_oneof![Just("min"), Just("max")], prop::collection::vec(inner, 2..4))
                .prop_map(|(f, all)| N::Of(f, all)),
            (boxed.clone(), 1usize..4).prop_map(|(a, n)| N::Lag(a, n)),
            (boxed.clone(), 1i64..6).prop_map(|(a, seconds)| N::Last(a, seconds)),
            (over, boxed.clone(), back()).prop_map(|(f, a, back)| N::Over(f, a, back)),
            (boxed, 1i64..12).prop_map(|(a, seconds)| N::Over("count", a, Back::Seconds(seconds))),
        ]
    })
}

fn condition() -> impl Strategy<Value = C> {
    let sign = prop_oneof![Just("<"), Just("<="), Just(">"), Just(">="), Just("="), Just("!=")];
    let leaf = prop_oneof![
        1 => any::<bool>().prop_map(C::Constant),
        2 => (0usize..3).prop_map(C::Channel),
        6 => (sign, number(), number()).prop_map(|(sign, a, b)| C::Compare(sign, a, b)),
        1 => (any::<bool>(), number(), number(), number()).prop_map(|(not, a, b, c)| C::Between(not, a, b, c)),
        1 => (any::<bool>(), number(), prop::collection::vec(number(), 1..3)).prop_map(|(not, a, all)| C::In(not, a, all)),
        1 => (any::<bool>(), number()).prop_map(|(present, a)| C::There(present, a)),
        1 => (any::<bool>(), prop_oneof![Just(("room", "kitchen")), Just(("room", "bath")), Just(("wing", "east"))])
            .prop_map(|(equal, (tag, value))| C::Tag(equal, tag, value)),
        2 => (any::<bool>(), number(), number(), prop::option::of(number()))
            .prop_map(|(rises, a, b, back)| C::Crosses(rises, a, b, back)),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let boxed = inner.prop_map(Box::new);
        prop_oneof![
            boxed.clone().prop_map(C::Not),
            (boxed.clone(), boxed.clone()).prop_map(|(a, b)| C::And(a, b)),
            (boxed.clone(), boxed.clone()).prop_map(|(a, b)| C::Or(a, b)),
            (any::<bool>(), boxed.clone(), boxed.clone()).prop_map(|(equal, a, b)| C::Same(equal, a, b)),
            (boxed, any::<bool>()).prop_map(|(a, to)| C::Becomes(a, to)),
        ]
    })
}

fn history() -> impl Strategy<Value = History> {
    let value = || prop_oneof![6 => quarter(), 2 => Just(f64::NAN), 1 => Just(0.0)];
    let step = prop_oneof![4 => Just(SECOND), 1 => Just(0), 2 => 1..6 * SECOND, 1 => Just(3 * SECOND)];
    prop::collection::vec((step, [value(), value(), value()]), 1..40).prop_map(|rows| {
        let mut time = 1_700_000_000 * SECOND;
        let times = rows.iter().map(|(step, _)| (time += step, time).1).collect();
        let points = rows.iter().map(|(_, point)| point.to_vec()).collect();
        History { times, points, doubtful: Cell::new(false) }
    })
}

/// What the engine says; where a bit is set, its memory was saved and read back before the point.
fn engine(text: &str, history: &History, saved: &[bool]) -> Result<(Truths, Vec<u8>), String> {
    let condition = parse(text).map_err(|mistake| mistake.to_string())?;
    let places: Vec<usize> = condition
        .channels()
        .iter()
        .map(|name| CHANNELS.iter().position(|known| known.replace('`', "") == *name).unwrap())
        .collect();
    let mut memory = Memory::new(&condition, &kitchen());
    let mut said = Vec::new();
    for (i, point) in history.points.iter().enumerate() {
        if saved.get(i) == Some(&true) {
            memory = postcard::from_bytes(&postcard::to_allocvec(&memory).unwrap()).unwrap();
            assert!(memory.fits(&condition));
        }
        let point: Vec<f64> = places.iter().map(|&place| point[place]).collect();
        said.push(match memory.judge(&condition, Time(history.times[i]), &point).truth {
            Truth::True => Some(true),
            Truth::False => Some(false),
            Truth::Unknown => None,
        });
        assert!(memory.heap_bytes() <= condition.heap_bytes());
    }
    Ok((said, postcard::to_allocvec(&memory).unwrap()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_global_rejects: 1_000_000, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_the_slow_way(
        condition in condition(), history in history(), saved in prop::collection::vec(any::<bool>(), 40)
    ) {
        let text = condition.text();
        prop_assume!(text.len() <= 4_096);
        let expected = history.truths(&condition);
        let (said, bytes) = match engine(&text, &history, &[]) {
            Ok(said) => said,
            // What is worked out while it is read has to have a value, and an empty range is refused.
            Err(why) => {
                prop_assert!(["has no value", "nothing is between", "the limit itself"].iter().any(|it| why.contains(it)), "{text}: {why}");
                return Ok(());
            }
        };
        let (again, after) = engine(&text, &history, &saved).unwrap();
        prop_assert_eq!(&said, &again, "{} saved and read back", text);
        prop_assert_eq!(bytes, after, "{} saved and read back", text);
        prop_assume!(!history.doubtful.get());
        prop_assert_eq!(said, expected, "{}", text);
    }

    #[test]
    fn formulas_have_the_values_of_the_slow_way(
        of in prop_oneof![number().prop_map(Ok), condition().prop_map(Err)], history in history(),
        saved in prop::collection::vec(any::<bool>(), 40)
    ) {
        let (text, exact) = match &of {
            Ok(number) => (number.text(), number.is_exact()),
            Err(condition) => (condition.text(), true),
        };
        prop_assume!(text.len() <= 4_096);
        let expected: Numbers = match &of {
            Ok(number) => history.numbers(number),
            Err(condition) => history.truths(condition).into_iter().map(|it| it.map(|it| f64::from(u8::from(it)))).collect(),
        };
        let formula = match Formula::parse(&text, &Known { channels: &facts(), resolve: &resolve }) {
            Ok(formula) => formula,
            Err(why) => {
                let odd = ["has no value", "nothing is between", "the limit itself", "asks for no channel"];
                prop_assert!(odd.iter().any(|it| why.what.contains(it)), "{text}: {why}");
                return Ok(());
            }
        };
        // A channel alone is a number in a formula, and a question in a condition.
        prop_assume!(of.is_ok() || formula.is_condition());
        let mut memory = Memory::of_formula(&formula, &kitchen());
        let mut said = Vec::new();
        for (i, time) in history.times.iter().enumerate() {
            if saved[i] {
                memory = postcard::from_bytes(&postcard::to_allocvec(&memory).unwrap()).unwrap();
                prop_assert!(memory.fits_formula(&formula));
            }
            let place = |name: &String| CHANNELS.iter().position(|channel| channel.replace('`', "") == *name).unwrap();
            let point: Vec<f64> = formula.channels().iter().map(|name| history.points[i][place(name)]).collect();
            said.push(memory.value(&formula, Time(*time), &point));
        }
        prop_assume!(!history.doubtful.get());
        for (said, expected) in said.into_iter().zip(expected) {
            let near = expected.map_or(said.is_nan(), |it| {
                if exact { said == it } else { (said - it).abs() <= 1e-6 * it.abs().max(1.0) }
            });
            prop_assert!(near, "{}: {} and not {:?}", text, said, expected);
        }
    }

    #[test]
    fn the_order_of_parts_changes_nothing(a in condition(), b in condition(), history in history()) {
        let (first, second) = (C::And(a.clone().into(), b.clone().into()), C::And(b.into(), a.into()));
        let (Ok(first), Ok(second)) = (engine(&first.text(), &history, &[]), engine(&second.text(), &history, &[])) else {
            return Ok(());
        };
        prop_assert_eq!(first.0, second.0);
    }

    #[test]
    fn no_text_is_too_odd_to_be_read(text in "[ a-z0-9().,<>=!&|'\"`+*/-]{0,60}|(x|y|door|tag\\.room|not|and|or|is|in|becomes|true|rises|above|back|between|min|mean|lag|\\(|\\)|,| |60s|5|<|=|-|\"a\"){0,30}") {
        match parse(&text) {
            Ok(condition) => {
                let mut memory = Memory::new(&condition, &[]);
                memory.judge(&condition, Time(0), &[1.0]);
            }
            Err(mistake) => prop_assert!(text.get(mistake.at).is_some()),
        }
    }
}

/// 256, or what `OUZEL_CASES` says.
fn cases() -> u32 {
    std::env::var("OUZEL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256)
}

#[test]
fn a_span_of_more_than_1024_readings_is_kept_by_panes() {
    let mut state = 7u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i64
    };
    let mut time = 0;
    let rows: Vec<(i64, Vec<f64>)> = (0..6_000)
        .map(|i| {
            time += random() % 9_000_000 + if i % 2_500 == 0 { 4 * SECOND } else { 0 };
            (time, vec![(random() % 1_000) as f64 / 4.0, 0.0, 0.0])
        })
        .collect();
    let (times, points) = rows.into_iter().unzip();
    let history = History { times, points, doubtful: Cell::new(false) };
    for (f, limit) in
        [("sum", 280_000.0), ("min", 0.25), ("max", 249.5), ("mean", 124.123), ("std", 72.1), ("count", 2_200.0)]
    {
        let over = N::Over(f, Box::new(N::Channel(0)), Back::Seconds(10));
        let condition = C::Compare(">", over, N::Const(limit));
        let expected = history.truths(&condition);
        let (said, _) = engine(&condition.text(), &history, &[]).unwrap();
        assert_eq!(said, expected, "{f}");
        let (yes, no) = (said.contains(&Some(true)), said.contains(&Some(false)));
        assert!(yes && no, "{f} shows nothing");
    }
}
