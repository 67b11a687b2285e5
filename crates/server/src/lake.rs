//! The lake as the history that the server asks.

use crate::history::{History, ReadingRow, RowsAsk, SeriesAsk, SeriesColumns, Tier};
use ouzel_connect::fault::Fault;
use ouzel_connect::sink::Noun;
use ouzel_engine::reading::Quality;
use ouzel_engine::time::Time;
use ouzel_lake::downsample::{Columns, line, thin};
use ouzel_lake::{Asked, Bucket, LakeReader};

/// The most readings that one chart is made of; a longer range comes from a tier.
const POINTS: usize = 2_000_000;

impl History for LakeReader {
    fn series(&self, ask: &SeriesAsk<'_>) -> Result<SeriesColumns, Fault> {
        let columns = Columns::new(ask.from, ask.to, ask.px);
        let Some(tier) = of(ask.tier) else {
            let points = LakeReader::points(self, ask.device, ask.channel, ask.from, ask.to, POINTS)?;
            let good = (0..points.len()).filter(|&index| points.quality[index] == Quality::Good);
            let (time, value): (Vec<Time>, Vec<f64>) =
                good.map(|index| (points.time[index], points.value[index])).unzip();
            let line = line(columns, &time, &value, ask.pins, ask.gap);
            let time = line.time.iter().map(|&time| micros(time)).collect();
            let value = line.value.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
            return Ok(SeriesColumns { time, value, extremes: None });
        };
        let buckets = thin(columns, &self.buckets(tier, ask.device, ask.channel, ask.from, ask.to)?);
        let longest = ask.gap.max(columns.width()).max(tier.width());
        Ok(with_gaps(&buckets, longest.0.saturating_mul(2)))
    }

    fn points(
        &self,
        device: &str,
        channel: &str,
        (from, to): (Time, Time),
        limit: usize,
    ) -> Result<Vec<(Time, f64)>, Fault> {
        let points = LakeReader::points(self, device, channel, from, to, limit)?;
        let good = (0..points.len()).filter(|&index| points.quality[index] == Quality::Good);
        Ok(good.map(|index| (points.time[index], points.value[index])).collect())
    }

    fn readings(&self, ask: &RowsAsk<'_>) -> Result<Vec<ReadingRow>, Fault> {
        let rows = LakeReader::readings(self, &asked(ask))?;
        let row = |row: ouzel_lake::Row| ReadingRow {
            seq: row.seq,
            device: row.device,
            channel: row.channel,
            time: row.time,
            value: row.value,
            quality: row.quality,
            late: row.late,
        };
        Ok(rows.into_iter().map(row).collect())
    }

    fn rows(&self, noun: Noun, ask: &RowsAsk<'_>) -> Result<Vec<String>, Fault> {
        LakeReader::rows(self, noun, &asked(ask))
    }
}

fn micros(time: Time) -> i64 {
    time.0.div_euclid(1_000)
}

fn of(tier: Tier) -> Option<ouzel_lake::Tier> {
    match tier {
        Tier::Raw => None,
        Tier::TenSeconds => Some(ouzel_lake::Tier::TenSeconds),
        Tier::Minute => Some(ouzel_lake::Tier::Minute),
        Tier::TenMinutes => Some(ouzel_lake::Tier::TenMinutes),
    }
}

fn asked(ask: &RowsAsk<'_>) -> Asked {
    let (devices, channels) = (ask.devices.to_vec(), ask.channels.to_vec());
    Asked { devices, channels, from: ask.from, to: ask.to, limit: ask.limit, ..Asked::default() }
}

/// Columns of buckets; where two of them are further apart than `longest` nanoseconds, a break stands between.
fn with_gaps(buckets: &[Bucket], longest: i64) -> SeriesColumns {
    let mut columns = SeriesColumns { extremes: Some(Default::default()), ..SeriesColumns::default() };
    let mut last: Option<Time> = None;
    for bucket in buckets {
        let mut push = |time: Time, mean: f64, min: f64, max: f64| {
            columns.time.push(micros(time));
            columns.value.push(mean);
            if let Some((low, high)) = &mut columns.extremes {
                low.push(min);
                high.push(max);
            }
        };
        if let Some(before) = last
            && bucket.start.since(before).0 > longest
        {
            let middle = Time(before.0 + bucket.start.since(before).0 / 2);
            push(middle, f64::NAN, f64::NAN, f64::NAN);
        }
        push(bucket.start, bucket.mean, bucket.min, bucket.max);
        last = Some(bucket.start);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_buckets_breaks_where_some_are_missing() {
        let bucket = |second: i64, mean: f64| Bucket {
            start: Time::from_secs(second),
            count: 1,
            min: mean - 1.0,
            max: mean + 1.0,
            mean,
            first: mean,
            last: mean,
        };
        let columns = with_gaps(&[bucket(0, 1.0), bucket(10, 2.0), bucket(60, 3.0)], 20_000_000_000);
        assert_eq!(columns.time, [0, 10_000_000, 35_000_000, 60_000_000]);
        assert!(columns.value[2].is_nan() && columns.value[3] == 3.0);
        assert_eq!(columns.extremes.unwrap().1[3], 4.0);
    }
}
