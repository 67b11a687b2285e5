//! The operators of a plan with their state: a closed list, walked for each reading.

use crate::aggregate::Tally;
use crate::checkpoint::append;
use crate::detector::flatline::Flatline;
use crate::detector::missing::{MissingRate, RangeFault, Silence};
use crate::detector::threshold::Threshold;
use crate::detector::zscore::ZScore;
use crate::detector::{Detector, Judge, Moment, Verdict};
use crate::feature::FeatureNode;
use crate::filter::{Compress, FilterNode, Kept};
use crate::formula::FormulaNode;
use crate::joint::JointNode;
use crate::meet::MeetNode;
use crate::output::{Anomaly, Filtered, Over, What};
use crate::plan::{CompressSpec, Operator, Plan, Statistic, WindowSpec, Work};
use crate::point::Port;
use crate::reading::{Quality, Reading};
use crate::series::Series;
use crate::table::TableNode;
use crate::time::Time;
use crate::window::{Closed, SeriesFacts, Windows};

/// One operator and what it keeps of each series it takes.
#[derive(Debug)]
pub enum Node {
    /// A window.
    Window(WindowNode),
    /// `compress`
    Compress(CompressNode),
    /// Features.
    Feature(FeatureNode),
    /// A join with a table.
    Table(TableNode),
    /// What judges points: its states are of devices.
    Points(Points),
    /// What works on readings that meet: its states are of groups.
    Meet(MeetNode),
    /// `threshold`
    Threshold(Judge<Threshold>),
    /// `zscore`
    ZScore(Judge<ZScore>),
    /// `flatline`
    Flatline(Judge<Flatline>),
    /// `missing`, silence
    Silence(Judge<Silence>),
    /// `missing`, rate
    MissingRate(Judge<MissingRate>),
    /// `missing`, range
    RangeFault(Judge<RangeFault>),
}

/// An operator that judges what a device says at one moment.
#[derive(Debug)]
pub enum Points {
    /// A filter with a condition.
    Filter(FilterNode),
    /// A window that asks for conditions, or for another channel.
    Joint(JointNode),
    /// A feature by a formula.
    Formula(FormulaNode),
}

/// What comes of judging points.
#[derive(Debug)]
pub enum Onward {
    /// A reading goes on as one of the series at this place.
    To(u32, Reading),
    /// A reading goes on where it was stopped.
    Resume(Reading),
    /// A reading does not go on.
    Aside(Filtered),
    /// A window over the series has closed.
    Closed(Series, Closed),
}

/// Does the same for whichever judge a node holds; the arms for all other nodes are the caller's.
macro_rules! with_judge {
    ($node:expr, $judge:ident: $d:ident => $body:expr, $($other:pat => $does:expr),+ $(,)?) => {
        match $node {
            Node::Threshold($judge) => {
                type $d = Threshold;
                $body
            }
            Node::ZScore($judge) => {
                type $d = ZScore;
                $body
            }
            Node::Flatline($judge) => {
                type $d = Flatline;
                $body
            }
            Node::Silence($judge) => {
                type $d = Silence;
                $body
            }
            Node::MissingRate($judge) => {
                type $d = MissingRate;
                $body
            }
            Node::RangeFault($judge) => {
                type $d = RangeFault;
                $body
            }
            $($other => $does,)+
        }
    };
}

/// The state of a series in a node that has states of devices only.
pub const OF_A_DEVICE: u32 = u32::MAX;

impl Node {
    /// The node of an operator of a plan, without any series yet.
    pub fn new(plan: &Plan, operator: &Operator) -> Node {
        match operator.work.clone() {
            Work::Window(spec) if operator.is_of_points() => {
                Node::Points(Points::Joint(JointNode::new(operator, spec)))
            }
            Work::Window(spec) => Node::Window(WindowNode::new(plan, spec)),
            Work::Among(spec) => Node::Meet(MeetNode::among(operator, spec)),
            Work::Join(spec) => Node::Meet(MeetNode::join(operator, spec)),
            Work::Filter(spec) => Node::Points(Points::Filter(FilterNode::new(spec))),
            Work::Formula(formula) => Node::Points(Points::Formula(FormulaNode::new(formula))),
            Work::Compress(spec) => {
                Node::Compress(CompressNode { spec, states: Vec::new(), feeds: Vec::new(), total: Kept::default() })
            }
            Work::Feature(spec) => Node::Feature(FeatureNode::new(spec)),
            Work::Table(spec) => Node::Table(TableNode::new(spec)),
            Work::Threshold(limits) => Node::Threshold(Judge::new((), limits)),
            Work::ZScore(spec, limits) => Node::ZScore(Judge::new(spec, limits)),
            Work::Flatline(spec, limits) => Node::Flatline(Judge::new(spec, limits)),
            Work::Silence(spec, limits) => Node::Silence(Judge::new(spec, limits)),
            Work::MissingRate(spec, limits) => Node::MissingRate(Judge::new(spec, limits)),
            Work::RangeFault(limits) => Node::RangeFault(Judge::new((), limits)),
        }
    }

    /// Makes room for one more series; gives its place.
    pub fn add(&mut self) -> u32 {
        with_judge!(
            self,
            judge: D => { let _ = D::EACH; judge.add() },
            Node::Window(window) => window.add_series(),
            Node::Compress(filter) => filter.add_series(),
            Node::Feature(feature) => feature.add_series(),
            Node::Table(table) => table.add_series(),
            Node::Points(_) | Node::Meet(_) => OF_A_DEVICE,
        )
    }

    /// Forgets what it knows of the series at a place.
    pub fn reset(&mut self, place: u32) {
        with_judge!(
            self,
            judge: D => { let _ = D::EACH; judge.reset(place) },
            Node::Window(window) => {
                window.states[place as usize] = Windows::new(&window.spec);
                window.feeds[place as usize] = Vec::new();
            },
            Node::Compress(filter) => filter.reset(place),
            Node::Feature(feature) => feature.reset(place),
            Node::Table(table) => table.reset(place),
            Node::Points(_) | Node::Meet(_) => (),
        );
    }

    /// Whether it sees readings as they arrive and hears the ticks, rather than in order of time.
    pub fn timed(&self) -> bool {
        with_judge!(self, _judge: D => D::TIMED, _ => false)
    }

    /// Whether it takes readings outside the plausible range.
    pub fn takes_bad(&self) -> bool {
        with_judge!(self, _judge: D => D::TAKES_BAD, Node::Window(window) => window.takes_bad, _ => false)
    }

    /// A reading of the series at `place`; what a detector has to say of it goes to `say`. All other nodes are asked by
    /// the loop itself.
    #[inline]
    pub fn observe(
        &mut self,
        place: u32,
        at: Moment,
        heard: Time,
        value: f64,
        subject: Subject,
        mut say: impl FnMut(What),
    ) {
        with_judge!(
            self,
            judge: D => judge.observe(place, at, heard, value, |verdict| say(subject.what::<D>(verdict))),
            _ => unreachable!("the loop asks these itself"),
        );
    }

    /// The tick clock has moved: what timed detectors have to say, with the places of their series.
    pub fn tick(&mut self, now: Time, mut say: impl FnMut(u32, Verdict)) {
        with_judge!(self, judge: D => { let _ = D::EACH; judge.tick(now, &mut say) }, _ => ());
    }

    /// The process was started at `at`, by the stream's clock.
    pub fn start(&mut self, at: Time) {
        with_judge!(self, judge: D => { let _ = D::EACH; judge.start(at) }, _ => ());
    }

    /// The values of a series that are no anomaly to this node, if it is a detector that can tell beforehand.
    pub fn band(&self, place: u32) -> Option<(f64, f64)> {
        with_judge!(self, judge: D => { let _ = D::EACH; judge.band(place) }, _ => None)
    }

    /// Reads the state of a series, to have it near when it is needed.
    #[inline]
    pub fn touch(&self, place: u32) -> i64 {
        match self {
            Node::Window(window) => window.states[place as usize].next_end().0,
            Node::Feature(feature) => feature.touch(place),
            _ => 0,
        }
    }

    /// The same for all of the state, before it is saved.
    pub fn touch_all(&self, place: u32) -> u64 {
        with_judge!(self, judge: D => { let _ = D::EACH; judge.touch(place) }, _ => self.touch(place) as u64)
    }

    /// Adds the state of a series to bytes; of what judges points that of a device, of what meets that of a group.
    pub fn save(&self, place: u32, into: &mut Vec<u8>) {
        with_judge!(
            self,
            judge: D => { let _ = D::EACH; judge.save(place, into) },
            Node::Window(window) => append(&window.states[place as usize], into),
            Node::Compress(filter) => filter.save(place, into),
            Node::Table(table) => table.save(place, into),
            Node::Feature(feature) => feature.save(place, into),
            Node::Points(points) => points.save(place, into),
            Node::Meet(meet) => meet.save(place, into),
        );
    }

    /// Takes such a state back from bytes.
    ///
    /// # Errors
    /// When the bytes are not such a state.
    pub fn load(&mut self, place: u32, bytes: &[u8]) -> Result<(), postcard::Error> {
        with_judge!(
            self,
            judge: D => { let _ = D::EACH; judge.load(place, bytes) },
            Node::Window(window) => window.load(place, bytes),
            Node::Compress(filter) => filter.load(place, bytes),
            Node::Feature(feature) => feature.load(place, bytes),
            Node::Table(table) => table.load(place, bytes),
            Node::Points(points) => points.load(place, bytes),
            Node::Meet(meet) => meet.load(place, bytes),
        )
    }

    /// Bytes for all series.
    pub fn bytes(&self) -> usize {
        with_judge!(
            self,
            judge: D => { let _ = D::EACH; judge.bytes() },
            Node::Window(window) => window.bytes(),
            Node::Compress(filter) => filter.bytes(),
            Node::Feature(feature) => feature.bytes(),
            Node::Table(table) => table.bytes(),
            Node::Points(points) => points.bytes(),
            Node::Meet(meet) => meet.bytes(),
        )
    }
}

impl Points {
    /// Room for a device with these tags; gives its place.
    pub fn enter(&mut self, tags: &[(String, String)]) -> u32 {
        match self {
            Points::Filter(filter) => filter.add(tags),
            Points::Joint(windows) => windows.add(tags),
            Points::Formula(formula) => formula.add(tags),
        }
    }

    /// The device at this place is gone.
    pub fn leave(&mut self, place: u32) {
        match self {
            Points::Filter(filter) => filter.free(place),
            Points::Joint(windows) => windows.free(place),
            Points::Formula(formula) => formula.free(place),
        }
    }

    /// The channels of a device that a window sums up; a filter or formula has none.
    pub fn over(&mut self, place: u32) -> Option<&mut crate::point::Over> {
        match self {
            Points::Filter(_) | Points::Formula(_) => None,
            Points::Joint(windows) => Some(windows.over(place)),
        }
    }

    /// The `index`-th statistic of a channel that goes on, and as what; with all that the window gives.
    pub fn fed(&self, place: u32, of: Series, index: usize) -> Option<(&WindowSpec, (u16, u32))> {
        match self {
            Points::Filter(_) | Points::Formula(_) => None,
            Points::Joint(windows) => Some((&windows.spec, windows.fed(place, of, index)?)),
        }
    }

    /// Whether readings of this port stop here until they are judged.
    pub fn stops(&self, port: Port) -> bool {
        matches!(self, Points::Filter(filter) if filter.spec.drop) && port.waits()
    }

    /// A reading in its turn; what comes of it, and of what waited for it, goes to `give`.
    pub fn observe(&mut self, place: u32, port: Port, reading: &Reading, give: &mut dyn FnMut(Onward)) {
        match self {
            Points::Filter(filter) => filter.observe(place, port, reading, give),
            Points::Joint(windows) => windows.observe(place, port, reading, give),
            Points::Formula(formula) => formula.observe(place, port, reading, give),
        }
    }

    /// Nothing more comes of the point of a device.
    pub fn settle(&mut self, place: u32, give: &mut dyn FnMut(Onward)) {
        match self {
            Points::Filter(filter) => filter.settle(place, give),
            Points::Joint(windows) => windows.settle(place, give),
            Points::Formula(formula) => formula.settle(place, give),
        }
    }

    /// The device's clock has come to `time`: what is to be judged by now is, and what ends by now ends.
    pub fn pass(&mut self, place: u32, time: Time, give: &mut dyn FnMut(Onward)) {
        match self {
            Points::Filter(filter) => filter.pass(place, time, give),
            Points::Joint(windows) => windows.pass(place, time, give),
            Points::Formula(formula) => formula.pass(place, time, give),
        }
    }

    /// The clock at which the next thing is to be done for a device; [`Time::MAX`]: nothing is.
    pub fn next(&self, place: u32) -> Time {
        match self {
            Points::Filter(filter) => filter.next(place),
            Points::Joint(windows) => windows.next(place),
            Points::Formula(formula) => formula.next(place),
        }
    }

    /// Adds the state of a device to bytes.
    pub fn save(&self, place: u32, into: &mut Vec<u8>) {
        match self {
            Points::Filter(filter) => filter.save(place, into),
            Points::Joint(windows) => windows.save(place, into),
            Points::Formula(formula) => formula.save(place, into),
        }
    }

    /// Takes the state of a device back from bytes.
    ///
    /// # Errors
    /// When the bytes are not such a state.
    pub fn load(&mut self, place: u32, bytes: &[u8]) -> Result<(), postcard::Error> {
        match self {
            Points::Filter(filter) => filter.load(place, bytes),
            Points::Joint(windows) => windows.load(place, bytes),
            Points::Formula(formula) => formula.load(place, bytes),
        }
    }

    /// Bytes for all devices.
    pub fn bytes(&self) -> usize {
        match self {
            Points::Filter(filter) => filter.bytes(),
            Points::Joint(windows) => windows.bytes(),
            Points::Formula(formula) => formula.bytes(),
        }
    }
}

/// Whose verdict it is.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// The series.
    pub series: Series,
    /// Readings of it so far.
    pub seen: u32,
}

impl Subject {
    /// A verdict as an output.
    pub fn what<D: Detector>(self, verdict: Verdict) -> What {
        self.spoken(verdict, D::CLASS, D::LEARNS, D::EACH)
    }

    /// A verdict of a timed detector as an output; all of those are about sensors.
    pub fn timed(self, verdict: Verdict) -> What {
        self.spoken(verdict, crate::output::Class::Sensor, false, false)
    }

    fn spoken(self, verdict: Verdict, class: crate::output::Class, learns: bool, each: bool) -> What {
        match verdict {
            Verdict::Anomaly { time, score, severity, threshold, twin } => What::Anomaly(Box::new(Anomaly {
                series: self.series,
                time,
                value: score.value,
                expected: score.expected,
                spread: score.spread,
                threshold,
                score: score.score,
                severity,
                class,
                twin,
                stands: !each,
                seen: if learns { self.seen } else { u32::MAX },
            })),
            Verdict::Over(time) => What::Over(Over { series: self.series, time }),
        }
    }
}

/// A filter that keeps some readings.
#[derive(Debug)]
pub struct CompressNode {
    /// How it chooses.
    pub spec: CompressSpec,
    /// What it knows of each series.
    pub states: Vec<Compress>,
    /// For each series, the shard's number of the channel that takes what is kept, if somebody does.
    pub feeds: Vec<Option<u32>>,
    /// Of all series together, those that have left among them.
    pub total: Kept,
}

impl CompressNode {
    fn add_series(&mut self) -> u32 {
        self.states.push(Compress::default());
        self.feeds.push(None);
        self.states.len() as u32 - 1
    }

    /// A reading of the series at `place`; what is kept goes to `keep`, with the channel that takes it.
    #[inline(never)]
    pub fn observe(&mut self, place: u32, reading: &Reading, mut keep: impl FnMut(u32, Reading)) {
        let (state, feed) = (&mut self.states[place as usize], self.feeds[place as usize]);
        let before = state.count();
        state.observe(&self.spec, reading, |kept| feed.into_iter().for_each(|feed| keep(feed, kept)));
        self.total.add(before, state.count());
    }

    /// The series at `place` has ended.
    pub fn end(&mut self, place: u32, like: Reading, mut keep: impl FnMut(u32, Reading)) {
        let (state, feed) = (&mut self.states[place as usize], self.feeds[place as usize]);
        let before = state.count();
        state.end(like, |kept| feed.into_iter().for_each(|feed| keep(feed, kept)));
        self.total.add(before, state.count());
    }

    fn reset(&mut self, place: u32) {
        self.states[place as usize] = Compress::default();
        self.feeds[place as usize] = None;
    }

    fn save(&self, place: u32, into: &mut Vec<u8>) {
        append(&self.states[place as usize], into);
    }

    fn load(&mut self, place: u32, bytes: &[u8]) -> Result<(), postcard::Error> {
        let state: Compress = postcard::from_bytes(bytes)?;
        self.total.add(self.states[place as usize].count(), state.count());
        self.states[place as usize] = state;
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.states.capacity() * size_of::<Compress>() + self.feeds.capacity() * size_of::<Option<u32>>()
    }
}

/// A window operator.
#[derive(Debug)]
pub struct WindowNode {
    /// Its shape and what it gives.
    pub spec: WindowSpec,
    /// The open windows of each series.
    pub states: Vec<Windows>,
    /// The derived channels of each series that somebody takes: place in `give`, and the shard's number of the channel.
    pub feeds: Vec<Vec<(u16, u32)>>,
    /// The nodes of the detectors whose anomalies it counts.
    pub counted: Vec<u16>,
    takes_bad: bool,
}

impl WindowNode {
    fn new(plan: &Plan, spec: WindowSpec) -> WindowNode {
        // Others may have the names of detectors.
        let finds = |work: &Work| work.limits().is_some();
        let place =
            |name: &String| plan.operators.iter().position(|operator| operator.name == *name && finds(&operator.work));
        let counted = spec.counts.iter().map(|name| place(name).map_or(u16::MAX, |place| place as u16)).collect();
        let takes_bad = spec.gives(Statistic::Bad) || spec.gives(Statistic::Missing);
        WindowNode { spec, states: Vec::new(), feeds: Vec::new(), counted, takes_bad }
    }

    /// A reading of the series at `place`, whose detectors in `found` have just found an anomaly. Gives what
    /// [`Windows::add`] gives.
    #[inline(always)]
    pub fn take(&mut self, place: u32, reading: &Reading, time: Time, found: &[u16]) -> Time {
        let windows = &mut self.states[place as usize];
        if reading.quality == Quality::Good {
            let opened = windows.add(&self.spec, time, reading.value);
            if !found.is_empty() && !self.counted.is_empty() {
                self.count(place, time, found);
            }
            opened
        } else {
            windows.add_bad(&self.spec, time)
        }
    }

    #[cold]
    fn count(&mut self, place: u32, time: Time, found: &[u16]) {
        for found in found {
            for (at, _) in (0..).zip(&self.counted).filter(|(_, counted)| *counted == found) {
                self.states[place as usize].add_anomaly(&self.spec, time, at);
            }
        }
    }

    fn add_series(&mut self) -> u32 {
        self.states.push(Windows::new(&self.spec));
        self.feeds.push(Vec::new());
        self.states.len() as u32 - 1
    }

    fn load(&mut self, place: u32, bytes: &[u8]) -> Result<(), postcard::Error> {
        let windows: Windows = postcard::from_bytes(bytes)?;
        if !windows.fits(&self.spec) {
            return Err(postcard::Error::DeserializeBadEncoding);
        }
        self.states[place as usize] = windows;
        Ok(())
    }

    /// Closes the window of a series that ends at `end`, if there is one.
    pub fn close(&mut self, place: u32, end: Time, series: &SeriesFacts) -> Option<Closed> {
        let windows = &mut self.states[place as usize];
        if windows.next_end() == end { windows.close(&self.spec, series) } else { None }
    }

    /// The same for a window of several devices: its edges, and what this one has of it.
    pub fn close_part(&mut self, place: u32, end: Time, series: &SeriesFacts) -> Option<(Time, Time, Tally)> {
        let windows = &mut self.states[place as usize];
        if windows.next_end() == end { windows.close_part(&self.spec, series) } else { None }
    }

    fn bytes(&self) -> usize {
        self.states.capacity() * size_of::<Windows>()
            + self.feeds.iter().map(|feeds| size_of_val(feeds) + size_of_val(&feeds[..])).sum::<usize>()
            + self.states.iter().map(Windows::heap_bytes).sum::<usize>()
    }
}
