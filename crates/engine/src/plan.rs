//! What a config compiles to: channel facts, one flat list of operators in topological order, and the alerts.
//!
//! Plain data. Names are resolved when a series is declared: an operator takes every series whose channel it names.
//! An operator's *definition* is its section without its place in the list, so that state saved under one config
//! finds its operator under the next one if that operator did not change.

mod feature;
mod meet;
mod per;
mod signal;
mod table;

pub use feature::{DecaySpec, Decayed, FeaturePart, FeatureSpec, PartSpec, Rolled, RollingSpec, Stepped, StepsSpec};
pub use meet::{Among, AmongGiven, AmongSpec, How, IDLE, JoinSpec, Paired};
pub use per::Per;
pub use signal::{ClockSpec, Daily, DailySpec, Hand, Spectral, SpectrumSpec};
pub use table::{Factor, TableSpec};

use crate::condition::{Condition, Formula};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Everything the engine needs to know of a config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Facts about channels; a channel that is not listed has none.
    pub channels: Vec<ChannelFacts>,
    /// The operators; each may only name channels of readings or of operators before it.
    pub operators: Vec<Operator>,
    /// What people are told about.
    pub alerts: Vec<AlertRule>,
    /// Derived channels whose readings come out, because somebody named them: `minute.temperature.mean`. Each once.
    pub said: Vec<String>,
}

/// What is known of a channel: a `[channel.NAME]` section.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelFacts {
    /// The channel.
    pub name: String,
    /// Unit of its values, for people.
    pub unit: String,
    /// Plausible range, both ends included. A value outside is a sensor fault.
    pub range: Option<(f64, f64)>,
    /// Expected time between readings.
    pub every: Option<Span>,
    /// Smallest step of its values.
    pub resolution: Option<f64>,
    /// Names of states, where values are numbers of states: `["off", "on"]`.
    pub states: Vec<String>,
}

/// One node of the list: a filter, a feature, a join, a window or a detector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operator {
    /// The name of its section: `spike` for `[detector.spike]`.
    pub name: String,
    /// The channels it takes: of readings (`temperature`) or derived (`minute.temperature.mean`).
    pub on: Vec<String>,
    /// What it does.
    pub work: Work,
}

/// What an operator does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// `[window.NAME]`
    Window(WindowSpec),
    /// `type = "threshold"`
    Threshold(Limits),
    /// `type = "zscore"`
    ZScore(ZScoreSpec, Limits),
    /// `type = "flatline"`
    Flatline(FlatlineSpec, Limits),
    /// `type = "missing"`: a device's channel fell silent
    Silence(SilenceSpec, Limits),
    /// `type = "missing"`: too few of the expected readings came
    MissingRate(MissingRateSpec, Limits),
    /// `type = "missing"`: readings outside the channel's plausible range
    RangeFault(Limits),
    /// `[filter.NAME]` with `type = "compress"`
    Compress(CompressSpec),
    /// `[filter.NAME]` with a condition: makes `NAME.CHANNEL` of the readings that meet it.
    Filter(FilterSpec),
    /// `[feature.NAME]` with `on`: makes `NAME.CHANNEL.STATISTIC` of each reading and those before it.
    Feature(FeatureSpec),
    /// `[feature.NAME]` with a formula: makes `NAME.value` of what a device says at one moment. It is on all channels that
    /// the formula asks for.
    Formula(Formula),
    /// `[feature.NAME]` with `per`: what a group's devices say together.
    Among(AmongSpec),
    /// `[join.NAME]` of streams
    Join(JoinSpec),
    /// `[join.NAME]` with a `table`: makes `NAME.CHANNEL.COLUMN` of its columns, and `NAME.CHANNEL.value` of the value.
    Table(TableSpec),
}

impl Work {
    /// From which scores on a detector speaks; none of what is no detector.
    pub fn limits(&self) -> Option<&Limits> {
        match self {
            Work::Threshold(limits) | Work::RangeFault(limits) => Some(limits),
            Work::ZScore(_, limits) => Some(limits),
            Work::Flatline(_, limits) => Some(limits),
            Work::Silence(_, limits) => Some(limits),
            Work::MissingRate(_, limits) => Some(limits),
            _ => None,
        }
    }
}

/// Which readings go on, by a condition over the channels of a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilterSpec {
    /// What a reading, or the point it belongs to, has to meet.
    pub when: Condition,
    /// Readings that do not meet it go aside and reach nobody else; otherwise they go on, and only those who take
    /// `NAME.CHANNEL` are without them.
    pub drop: bool,
    /// Whether those that do not meet it come out, for whoever keeps them.
    pub tell: bool,
}

/// The last part of the name of what a formula makes: `load.value`.
pub const FORMULA_RESULT: &str = "value";

/// A device is not idle before this, however short its windows are.
const IDLE_LEAST: Span = Span(10_000_000_000);

/// A window: which readings belong together, and what is said of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowSpec {
    /// Which readings belong together.
    pub shape: Shape,
    /// The statistics to give, in the order asked for.
    pub give: Vec<Given>,
    /// Fewer good readings than this, and it says nothing. At least 1, the default.
    pub min: u64,
    /// Whose readings belong together.
    pub per: Per,
    /// What becomes of readings that come after the watermark has passed them.
    pub when_late: WhenLate,
    /// Another channel of the device: only readings at moments when both spoke count, and statistics of pairs are of both.
    pub with: Option<String>,
    /// Names of the detectors whose anomalies it counts: [`Statistic::Anomalies`] has the place here.
    pub counts: Vec<String>,
}

/// Which readings belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Shape {
    /// `[start, start + size)`: tumbling where `every` equals `size`, else hopping.
    Time {
        /// Length.
        size: Span,
        /// From one start to the next; starts are multiples of it since the epoch. Not longer than `size`.
        every: Span,
    },
    /// Days, weeks, months or years of people, or parts of their day.
    Calendar {
        /// How long.
        step: Step,
        /// Where they live.
        zone: Zone,
    },
    /// What came within `size` up to a reading: `[t − size, t]`, both ends included. The first reading starts the count: it
    /// speaks at the first one at least `every` after that, or after it spoke last; `every = 0`: at each.
    Sliding {
        /// Length.
        size: Span,
        /// Least time between two results.
        every: Span,
    },
    /// So many good readings: tumbling where `every` equals `size`, else the last `size` after every `every` of them.
    /// Speaks only when full, at the reading that fills it; start and end are the times of its first and last reading.
    Count {
        /// Readings in a window.
        size: u32,
        /// Readings from one start to the next; from 1 to `size`.
        every: u32,
    },
    /// Readings without a pause longer than `gap`. From its first to its last activity, both ends included.
    Session(Box<SessionSpec>),
}

/// When a session begins, goes on and ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionSpec {
    /// The longest pause inside it; a pause exactly as long is inside.
    pub gap: Span,
    /// It ends at this length, whatever goes on; the next active reading begins another one.
    pub longest: Option<Span>,
    /// What begins it; without one each reading (each active one, where `active` is given) does.
    pub start: Option<Condition>,
    /// What keeps it open; without one each reading does.
    pub active: Option<Condition>,
}

/// The steps of a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// So many hours of the clock on the wall, counted from midnight; 1, 2, 3, 4, 6, 8 or 12.
    Hours(u8),
    /// From midnight to midnight.
    Day,
    /// From Monday to Monday.
    Week,
    /// From the first to the first.
    Month,
    /// From New Year to New Year.
    Year,
}

impl Step {
    /// The longest that it may be, in hours: days may have 25.
    pub fn hours(self) -> u32 {
        match self {
            Step::Hours(hours) => u32::from(hours) + 1,
            Step::Day => 25,
            Step::Week => 7 * 24 + 1,
            Step::Month => 31 * 24 + 1,
            Step::Year => 366 * 24 + 1,
        }
    }
}

/// A time zone: how far its clocks are ahead of UTC, and since when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Zone {
    /// Its name in the tz database: `Europe/Berlin`.
    pub name: String,
    /// Seconds ahead of UTC before the first turn.
    pub first: i32,
    /// Moments from which on clocks are so many seconds ahead of UTC, in order.
    pub turns: Vec<(Time, i32)>,
}

/// What becomes of readings that come after the watermark has passed them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum WhenLate {
    /// They go aside: an output of their own.
    #[default]
    Aside,
    /// They are counted and nothing else, where all windows of their series say so.
    Forget,
    /// Closed windows are kept this long; one that a late reading falls into is given again, with a revision number.
    Revise(Span),
}

/// A statistic with the word for it in channel names and output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// `mean`, `p95`, `share_open`.
    pub name: String,
    /// What it is.
    pub what: Statistic,
}

impl WindowSpec {
    /// A window of time for each device, which gives these and sets the late aside.
    pub fn time(size: Span, every: Span, give: &[Statistic]) -> WindowSpec {
        WindowSpec::of(Shape::Time { size, every }, give)
    }

    /// A window of this shape for each device, which gives these and sets the late aside.
    pub fn of(shape: Shape, give: &[Statistic]) -> WindowSpec {
        let give = give.iter().map(|&what| Given { name: what.name(), what }).collect();
        WindowSpec { shape, give, min: 1, per: Per::Device, when_late: WhenLate::Aside, with: None, counts: Vec::new() }
    }
}

/// Which readings of a series are kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompressSpec {
    /// The way of choosing.
    pub by: Keep,
    /// A reading that comes this long after the last kept one, or later, is kept whatever it says.
    pub at_least: Option<Span>,
}

/// The ways of choosing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Keep {
    /// What is left out lies within `error` of the line between its kept neighbours.
    SwingingDoor {
        /// In the channel's unit.
        error: f64,
    },
    /// What is left out lies within `error` of the last kept reading.
    DeadBand {
        /// In the channel's unit.
        error: f64,
    },
    /// The first reading of each span, aligned to the epoch.
    Every(Span),
    /// The first of each so many readings; at least 1.
    First(u32),
}

/// What a window says of its readings. All are of good readings, but for [`Statistic::Missing`] and [`Statistic::Bad`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Statistic {
    /// How many good readings.
    Count,
    /// Arithmetic mean.
    Mean,
    /// Population standard deviation.
    Std,
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
    /// Sum of the values.
    Sum,
    /// Sample standard deviation (divided by n − 1); none of a single value.
    StdSample,
    /// Population variance.
    Variance,
    /// Sample variance (divided by n − 1); none of a single value.
    VarianceSample,
    /// Largest minus smallest value.
    Range,
    /// The value of the earliest reading.
    First,
    /// The value of the latest reading.
    Last,
    /// Change per second from the earliest to the latest reading; none where they have the same time.
    Rate,
    /// A quantile, in hundred-thousandths: 95 000 is `p95`, 50 000 `median`. Exact up to 1 024 readings, beyond that its rank is
    /// off by at most 0.5 %.
    Quantile(u32),
    /// Mean weighted by time: each value counts until the next reading, the last one until the window's end.
    TimeMean,
    /// Share of the time, 0 to 1, in which the value was this number (a state); each value holds as for [`Statistic::TimeMean`].
    Share(u16),
    /// Share of the expected readings that did not come, 0 to 1.
    Missing,
    /// Readings outside the plausible range, or flagged by their producer.
    Bad,
    /// Longest time between two readings, in seconds; none of a single one.
    Gap,
    /// Anomalies of a detector, by its place in [`WindowSpec::counts`].
    Anomalies(u16),
    /// Mean minus the mean of the window before; none for the first.
    Change,
    /// Change per second of time between the starts of both windows; none for the first.
    Slope,
    /// Readings of the series so far for each result of this window so far.
    Reduction,
    /// Population covariance with the channel of [`WindowSpec::with`].
    Covariance,
    /// Pearson's correlation with that channel, −1 to 1; none where either does not change.
    Correlation,
    /// Slope of the line (least squares) of the values over those of that channel; none where that one does not change.
    SlopeWith,
}

impl WindowSpec {
    /// Whether it gives nothing but count, mean, standard deviation, smallest and largest value, and so needs a
    /// [`crate::aggregate::Summary`] of its readings and nothing else.
    pub fn is_plain(&self) -> bool {
        self.give.iter().all(|given| Statistic::USUAL.contains(&given.what))
    }

    /// Of windows of several devices: after so long behind its end, by the stream's clock, nobody is waited for who has
    /// given nothing in the meantime. A device gives something once a step at most.
    pub fn idle(&self) -> Span {
        let length = match &self.shape {
            Shape::Time { size, every } => Span(size.0.saturating_add(every.0)),
            Shape::Calendar { step, .. } => Span::from_secs(2 * 3_600 * i64::from(step.hours())),
            _ => IDLE_LEAST,
        };
        length.max(IDLE_LEAST)
    }

    /// Whether it gives this.
    pub fn gives(&self, what: Statistic) -> bool {
        self.give.iter().any(|given| given.what == what)
    }
}

impl Statistic {
    /// Those that a window gives when nobody says which, in the order of the manual.
    pub const USUAL: [Statistic; 5] =
        [Statistic::Count, Statistic::Mean, Statistic::Std, Statistic::Min, Statistic::Max];

    /// All that have one name, in the order of the manual; beside them `median`, `p95`, `share_STATE`, `anomalies_DETECTOR`.
    pub const NAMED: [(&'static str, Statistic); 23] = [
        ("count", Statistic::Count),
        ("mean", Statistic::Mean),
        ("std", Statistic::Std),
        ("min", Statistic::Min),
        ("max", Statistic::Max),
        ("sum", Statistic::Sum),
        ("std_sample", Statistic::StdSample),
        ("variance", Statistic::Variance),
        ("variance_sample", Statistic::VarianceSample),
        ("range", Statistic::Range),
        ("first", Statistic::First),
        ("last", Statistic::Last),
        ("rate", Statistic::Rate),
        ("time_mean", Statistic::TimeMean),
        ("missing", Statistic::Missing),
        ("bad", Statistic::Bad),
        ("gap", Statistic::Gap),
        ("change", Statistic::Change),
        ("slope", Statistic::Slope),
        ("reduction", Statistic::Reduction),
        ("covariance", Statistic::Covariance),
        ("correlation", Statistic::Correlation),
        ("slope_with", Statistic::SlopeWith),
    ];

    /// The word in configs, channel names and output; `share_1` and `anomalies_0` where the config has a better one.
    pub fn name(self) -> String {
        match self {
            Statistic::Quantile(50_000) => "median".to_owned(),
            Statistic::Quantile(q) => format!("p{}", f64::from(q) / 1e3).replace('.', "_"),
            Statistic::Share(state) => format!("share_{state}"),
            Statistic::Anomalies(place) => format!("anomalies_{place}"),
            _ => Statistic::NAMED.iter().find(|named| named.1 == self).map_or("", |named| named.0).to_owned(),
        }
    }
}

/// How far back a rolling statistic looks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Past {
    /// This many readings.
    Count(u32),
    /// This long.
    Span(Span),
}

/// Distance from the mean of the past, in standard deviations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZScoreSpec {
    /// How far back.
    pub past: Past,
    /// Readings before it speaks. Default 20.
    pub min: u32,
    /// The spread is taken to be at least this, in the channel's unit. Default 0.
    pub floor: f64,
    /// Whether the judged reading is part of its own past (the form of the lab, which caps the score at
    /// √(n − 1)). Default false.
    pub include: bool,
}

/// A value that stays within `spread` for too long.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlatlineSpec {
    /// Stuck for this many readings, or for this long.
    pub past: Past,
    /// Largest minus smallest value of a stuck stretch, in the channel's unit. Default: the channel's resolution, or 0.
    pub spread: f64,
}

/// No reading for longer than `after`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SilenceSpec {
    /// The longest allowed gap; a gap exactly as long is not silence.
    pub after: Span,
}

/// Fewer readings than expected in a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MissingRateSpec {
    /// Length of a stretch; stretches are aligned to the epoch.
    pub past: Span,
    /// Expected time between readings.
    pub every: Span,
}

/// From a score to a verdict: two levels, two sides, hysteresis and hold. Comparisons are strict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Limits on the high side.
    pub above: Levels,
    /// Limits on the low side, as values of the score (for a z-score: negative numbers).
    pub below: Levels,
    /// A verdict ends when the score is this far back inside its limit. Default 0: at the limit.
    pub hysteresis: f64,
    /// The score must stay past its limit this long. Default 0: at once.
    pub hold: Span,
    /// What kind of trouble it is, in the user's word or the detector's own (`spike`, `flatline`).
    pub kind: String,
}

/// One side's limits. A missing level never fires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Levels {
    /// Past this it is a warning.
    pub warning: Option<f64>,
    /// Past this it is critical.
    pub critical: Option<f64>,
}

/// An `[alert.NAME]` section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertRule {
    /// Its name.
    pub name: String,
    /// Names of the detectors it listens to.
    pub on: Vec<String>,
    /// Severity, where it is not the anomaly's own.
    pub severity: Option<crate::output::Severity>,
    /// The trouble must last this long before anyone is told. Default 0.
    pub hold: Span,
    /// Quiet for this long means it is over. Default 5 minutes.
    pub clear: Span,
    /// Readings of a series before its trouble counts. Default 30.
    pub warm_up: u32,
    /// What to tell, with `{device}`, `{channel}`, `{value}` and so on in braces; empty: the anomaly's own message.
    pub say: String,
    /// Names of the sinks to send it to.
    pub send: Vec<String>,
}

impl Plan {
    /// The operator that makes a derived channel, by its position.
    pub fn maker(&self, channel: &str) -> Option<u16> {
        let of = |operator: &Operator, on: &str| {
            operator.derived(on).iter().any(|derived| derived == channel)
                || operator.derived_of_group(on).iter().any(|(_, derived)| derived == channel)
        };
        let makes =
            |operator: &Operator| channel.starts_with(&operator.name) && operator.on.iter().any(|on| of(operator, on));
        self.operators.iter().position(makes).map(|place| place as u16)
    }

    /// Whether some windows are of several devices.
    pub fn has_groups(&self) -> bool {
        let of_several = |operator: &Operator| matches!(&operator.work, Work::Window(spec) if spec.per != Per::Device);
        self.operators.iter().any(of_several)
    }
}

impl Operator {
    /// A number for what this operator is: equal definitions have equal hashes on every machine.
    pub fn definition(&self) -> u64 {
        xxh3_64(&postcard::to_allocvec(self).expect("plain data always encodes"))
    }

    /// The same as the first builds made it, of a tumbling window that they could have had; its state has not changed.
    pub fn first_definition(&self) -> Option<u64> {
        let Work::Window(spec) = &self.work else { return None };
        let Shape::Time { size, every } = spec.shape else { return None };
        let usual = WindowSpec { give: spec.give.clone(), ..WindowSpec::time(size, every, &[]) };
        if !spec.is_plain() || size != every || *spec != usual {
            return None;
        }
        // Fields follow each other in these bytes; windows were the first kind of work.
        let give: Vec<Statistic> = spec.give.iter().map(|given| given.what).collect();
        let first = (&self.name, &self.on, 0u32, size, every, give);
        Some(xxh3_64(&postcard::to_allocvec(&first).expect("plain data always encodes")))
    }

    /// Whether it takes this channel, to work on it or to ask it.
    pub fn takes(&self, channel: &str) -> bool {
        self.on.iter().any(|on| on == channel) || self.asks().any(|asked| asked == channel)
    }

    /// The channels that its conditions or its formula ask for, each once.
    pub fn asks(&self) -> impl Iterator<Item = &str> {
        let conditions = self.conditions();
        let with = match &self.work {
            Work::Window(spec) => spec.with.as_ref(),
            Work::Join(spec) => Some(&spec.with),
            _ => None,
        };
        let [mut first, second] = conditions.map(|condition| condition.map_or(&[][..], Condition::channels));
        if let Work::Formula(formula) = &self.work {
            first = formula.channels();
        }
        let asked = first.iter().chain(second.iter().filter(|channel| !first.contains(channel)));
        asked.chain(with).map(String::as_str)
    }

    fn conditions(&self) -> [Option<&Condition>; 2] {
        match &self.work {
            Work::Filter(spec) => [Some(&spec.when), None],
            Work::Window(WindowSpec { shape: Shape::Session(spec), .. }) => [spec.start.as_ref(), spec.active.as_ref()],
            _ => [None, None],
        }
    }

    /// The tags of a device on which it depends what this makes of its readings; one may be there twice.
    fn heeds(&self) -> impl Iterator<Item = &str> {
        let per = match &self.work {
            Work::Window(spec) => Some(&spec.per),
            _ => self.meets().map(|(per, _)| per),
        };
        let formula = if let Work::Formula(formula) = &self.work { Some(formula) } else { None };
        let conditions = self.conditions().into_iter().flatten().flat_map(Condition::tags);
        let own = per.into_iter().flat_map(|per| per.tags().iter().map(String::as_str));
        own.chain(conditions).chain(formula.into_iter().flat_map(Formula::tags))
    }

    /// Whose readings meet in it; none, if readings do not have to.
    pub fn meets(&self) -> Option<(&Per, Span)> {
        match &self.work {
            Work::Among(spec) => Some((&spec.per, spec.idle)),
            Work::Join(spec) => Some((&spec.per, spec.idle)),
            _ => None,
        }
    }

    /// Whether it judges points of a device, not the readings of a series.
    pub fn is_of_points(&self) -> bool {
        match &self.work {
            Work::Filter(_) | Work::Formula(_) | Work::Window(WindowSpec { with: Some(_), .. }) => true,
            Work::Window(WindowSpec { shape: Shape::Session(spec), .. }) => {
                spec.start.is_some() || spec.active.is_some()
            }
            _ => false,
        }
    }

    /// The channels this operator makes, for one channel it works on: `minute.temperature.mean`.
    pub fn derived(&self, channel: &str) -> Vec<String> {
        match &self.work {
            Work::Window(spec) => spec.give.iter().map(|s| format!("{}.{channel}.{}", self.name, s.name)).collect(),
            Work::Feature(spec) => spec.names().map(|name| format!("{}.{channel}.{name}", self.name)).collect(),
            Work::Compress(_) | Work::Filter(_) => vec![format!("{}.{channel}", self.name)],
            Work::Among(spec) => {
                let of_devices = spec.give.iter().filter(|given| given.what.is_of_device());
                of_devices.map(|given| format!("{}.{channel}.{}", self.name, given.name)).collect()
            }
            Work::Join(spec) => spec.give.iter().map(|of| format!("{}.{channel}.{}", self.name, of.name())).collect(),
            Work::Formula(_) => vec![format!("{}.{FORMULA_RESULT}", self.name)],
            Work::Table(spec) => spec.words().map(|word| format!("{}.{channel}.{word}", self.name)).collect(),
            _ => Vec::new(),
        }
    }

    /// The channels it makes of a group, for one channel it works on, each with its place in `give`.
    pub fn derived_of_group(&self, channel: &str) -> Vec<(u16, String)> {
        let Work::Among(spec) = &self.work else { return Vec::new() };
        let of_group = (0..).zip(&spec.give).filter(|(_, given)| !given.what.is_of_device());
        of_group.map(|(index, given)| (index, format!("{}.{channel}.{}", self.name, given.name))).collect()
    }
}
