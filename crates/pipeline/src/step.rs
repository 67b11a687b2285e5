//! A step of a live run as others see it: what went in, and what came out of it.

use crate::config::InForce;
use crate::control::Control;
use crate::intake::Stretch;
use ouzel_engine::output::{Aggregate, Output};
use ouzel_engine::reading::Reading;
use ouzel_engine::series::Series;
use ouzel_engine::time::Time;

/// What went in, and what came out of it. Shared by those who look on: the lake, the server.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Names (the derived ones, too), readings and ticks, in their order.
    pub stretch: Stretch,
    /// What people said, before these rows.
    pub controls: Vec<Control>,
    /// What came out, in order.
    pub outputs: Vec<Output>,
    /// What the detectors expect next, once a second.
    pub expected: Vec<Expected>,
    /// What the open windows of the series that somebody looks at would say by now, each with its operator's position in
    /// the plan; once a second, all that are open. For pages only: it is no output.
    pub open: Option<Vec<(u16, Aggregate)>>,
    /// Readings that the operators passed on that somebody listens to, each with its operator's position in the plan; and
    /// how many were too many to be told. For listeners only: they are no outputs.
    pub tapped: (Vec<(u16, Reading)>, u64),
    /// How many readings that went in were left out for those who look on too slowly.
    pub left_out: u64,
    /// When what went in has arrived.
    pub arrived: Option<Time>,
    /// Another config is in force from here on.
    pub config: Option<InForce>,
    /// Read from the logs at the start: it happened before this process began.
    pub past: bool,
}

/// What a detector expects of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Of which series.
    pub series: Series,
    /// As of when.
    pub time: Time,
    /// A value below is an anomaly; minus infinity where there is no such limit.
    pub low: f64,
    /// A value above is an anomaly; infinity where there is no such limit.
    pub high: f64,
}
