//! The inputs of the benchmark: one reading a second of each sensor, arriving up to 1.5 s late. Seeded: always the same.

use crate::ending::Failure;
use ouzel_connect::encode::number::push_time;
use ouzel_connect::encode::readings::{Form, Head, ReadingWriter, Row};
use ouzel_connect::fault::Fault;
use ouzel_engine::time::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// What kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `ts,sensor,value`
    Csv,
    /// The same columns.
    Parquet,
    /// `{"ts":…,"device":…,"temperature":…,"humidity":…}`
    Ndjson,
}

/// How its times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeForm {
    /// Milliseconds since 1970.
    Epoch,
    /// `2024-01-01T00:00:00.250Z`
    Rfc3339,
}

impl Kind {
    /// The name of its file.
    pub fn file(self) -> &'static str {
        match self {
            Kind::Csv => "readings.csv",
            Kind::Parquet => "readings.parquet",
            Kind::Ndjson => "messages.ndjson",
        }
    }
}

impl TimeForm {
    /// The word in the table.
    pub fn name(self) -> &'static str {
        match self {
            TimeForm::Epoch => "epoch",
            TimeForm::Rfc3339 => "RFC 3339",
        }
    }
}

/// One reading on its way: it orders by arrival.
type Arriving = Reverse<(u64, u64, u32, u32)>;

/// Writes an input.
///
/// # Errors
/// When the file cannot be written.
pub fn make(path: &Path, kind: Kind, time: TimeForm, sensors: u32, readings: u64) -> Result<(), Failure> {
    if kind == Kind::Parquet {
        let head = Head { measurement: "bench".into(), tags: Vec::new(), channels: vec!["value".into()] };
        let mut writer = ReadingWriter::create(Form::Parquet, head, path)?;
        let write = |millis: u64, sensor: u32, value: u32| {
            let (time, device) = (Time(millis as i64 * 1_000_000), format!("sensor_{sensor:04}"));
            writer.write(&Row { time, device: &device, tags: &[], values: &[f64::from(value) / 1000.0] })
        };
        each(sensors, readings, write)?;
        return Ok(writer.finish(&ouzel_engine::series::Names::new())?);
    }
    let fault = |e: std::io::Error| Fault::yours(format!("{}: {e}", path.display()));
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).map_err(fault)?);
    if kind == Kind::Csv {
        out.write_all(b"ts,sensor,value\n").map_err(fault)?;
    }
    let mut stamp = Vec::new();
    each(sensors, readings, |millis, sensor, value| {
        stamp.clear();
        match time {
            TimeForm::Epoch => write!(stamp, "{millis}").map_err(fault)?,
            TimeForm::Rfc3339 => {
                push_time(Time(millis as i64 * 1_000_000), &mut stamp);
                // Every device writes its milliseconds, also when they are zero.
                if stamp.len() == "2024-01-01T00:00:00Z".len() {
                    stamp.truncate(stamp.len() - 1);
                    stamp.extend_from_slice(b".000Z");
                }
            }
        }
        let (whole, thousandths) = (value / 1000, value % 1000);
        let stamp = std::str::from_utf8(&stamp).expect("digits");
        match kind {
            Kind::Ndjson => writeln!(
                out,
                "{{\"ts\":{stamp},\"device\":\"sensor_{sensor:04}\",\"temperature\":{whole}.{thousandths:03},\
                 \"humidity\":{}.{}}}",
                whole + 20,
                thousandths % 10
            ),
            _ => writeln!(out, "{stamp},sensor_{sensor:04},{whole}.{thousandths:03}"),
        }
        .map_err(fault)
    })?;
    Ok(out.flush().map_err(fault)?)
}

/// Gives `readings` readings in order of arrival: milliseconds since 1970, sensor, value in thousandths.
fn each(sensors: u32, readings: u64, mut give: impl FnMut(u64, u32, u32) -> Result<(), Fault>) -> Result<(), Fault> {
    const START: u64 = 1_704_067_200_000;
    let mut state = 20_240_101u64;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as u32) % below
    };
    let mut under_way: BinaryHeap<Arriving> = BinaryHeap::new();
    for number in 0..readings {
        let (second, sensor) = (number / u64::from(sensors), (number % u64::from(sensors)) as u32);
        let millis = START + second * 1_000 + u64::from(sensor) * 1_000 / u64::from(sensors);
        // A daily-looking wave is not needed: the cost of a reading does not depend on its value.
        let value = 20_000 + random(5_000);
        under_way.push(Reverse((millis + u64::from(random(1_500)), millis, sensor, value)));
        while under_way.peek().is_some_and(|Reverse((arrival, ..))| *arrival < millis) {
            if let Some(Reverse((_, millis, sensor, value))) = under_way.pop() {
                give(millis, sensor, value)?;
            }
        }
    }
    while let Some(Reverse((_, millis, sensor, value))) = under_way.pop() {
        give(millis, sensor, value)?;
    }
    Ok(())
}
