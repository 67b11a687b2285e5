//! A journal with a hole: what follows the hole is still right.
//!
//! Numbers of devices and series are given in order, and a declaration says which one it gives. Where some are missing,
//! names are put in their places, `lost-3`, so that all that comes later keeps its own number; readings of a series
//! whose name was never heard of are taken out, and counted. A journal without a hole passes through unchanged.

use crate::intake::Stretch;
use ouzel_engine::reading::TICK;
use ouzel_engine::series::{Declaration, Device, Series, Timing};

/// More names than this are not put in the place of lost ones, in all holes together: what stands behind a checkpoint
/// has hardly more new ones. A record that speaks of more is damaged, though its checksum agrees.
const MOST_MADE: u32 = 1 << 16;

/// Follows a journal from its begin and mends what it reads.
#[derive(Clone, Debug, Default)]
pub struct Mender {
    devices: u32,
    series: u32,
    lost: u64,
    /// Names that were put in the place of lost ones.
    made: u32,
}

impl Mender {
    /// Goes on where a checkpoint knows this many devices and series.
    pub fn behind(devices: usize, series: usize) -> Mender {
        Mender { devices: devices as u32, series: series as u32, ..Mender::default() }
    }

    /// Readings that were taken out so far.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Mends the next stretch.
    pub fn mend(&mut self, stretch: &mut Stretch) {
        if !self.follows(&stretch.declarations) {
            let declarations = std::mem::take(&mut stretch.declarations);
            declarations.into_iter().for_each(|declaration| self.declare(declaration, &mut stretch.declarations));
        }
        let known = self.series;
        let unknown = |series: Series| series.0 >= known && series != TICK;
        if stretch.batch.rows.iter().any(|row| unknown(row.series)) {
            let batch = &mut stretch.batch;
            let numbered = batch.rows.iter().enumerate();
            let kept: Vec<usize> = numbered.filter(|(_, row)| !unknown(row.series)).map(|(index, _)| index).collect();
            self.lost += (batch.rows.len() - kept.len()) as u64;
            batch.offsets = kept.iter().map(|&index| index as u32).collect();
            batch.rows = kept.iter().map(|&index| batch.rows[index]).collect();
        }
    }

    /// Whether declarations go on where the last ones ended; they are counted then.
    fn follows(&mut self, declarations: &[Declaration]) -> bool {
        let (mut devices, mut series) = (self.devices, self.series);
        for declaration in declarations {
            let (number, next) = match declaration {
                Declaration::Device { device, .. } => (device.0, &mut devices),
                Declaration::Series { series: number, device, .. } => {
                    if device.0 >= devices {
                        return false;
                    }
                    (number.0, &mut series)
                }
            };
            if number > *next {
                return false;
            }
            *next = (*next).max(number + 1);
        }
        (self.devices, self.series) = (devices, series);
        true
    }

    /// What was damaged had only so many names; whoever says that it had more is damaged, too.
    fn is_too_far(&self, declaration: &Declaration) -> bool {
        let (series, device) = match declaration {
            Declaration::Device { device, .. } => (self.series, device.0),
            Declaration::Series { series, device, .. } => (series.0, device.0),
        };
        let (series, devices) = (series.saturating_sub(self.series), device.saturating_sub(self.devices));
        series.saturating_add(devices) > MOST_MADE - self.made
    }

    fn declare(&mut self, declaration: Declaration, into: &mut Vec<Declaration>) {
        if self.is_too_far(&declaration) {
            return;
        }
        match &declaration {
            Declaration::Device { device, .. } => {
                self.devices_before(device.0, into);
                // One that was declared already is declared by the hole's own hand, or is back after it was retired.
                if device.0 == self.devices {
                    self.devices += 1;
                }
                into.push(declaration);
            }
            Declaration::Series { series, device, .. } => {
                self.devices_before(device.0 + 1, into);
                while self.series < series.0 {
                    self.devices_before(1, into);
                    let channel = format!("lost-{}", self.series);
                    into.push(Declaration::Series { series: Series(self.series), device: Device(0), channel });
                    self.series += 1;
                    self.made = (self.made + 1).min(MOST_MADE);
                }
                if series.0 == self.series {
                    self.series += 1;
                }
                into.push(declaration);
            }
        }
    }

    fn devices_before(&mut self, number: u32, into: &mut Vec<Declaration>) {
        while self.devices < number {
            let name = format!("lost-{}", self.devices);
            let (device, timing) = (Device(self.devices), Timing::default());
            into.push(Declaration::Device { device, name, timing, tags: Vec::new() });
            self.devices += 1;
            self.made = (self.made + 1).min(MOST_MADE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ouzel_engine::reading::{Batch, Reading};
    use ouzel_engine::series::Names;
    use ouzel_engine::time::Time;
    use proptest::prelude::*;

    /// A stretch for each device: its name, its series, a reading.
    fn stretches(devices: u32) -> Vec<Stretch> {
        let mut names = Names::new();
        let stretch = |number: u32| {
            let device = names.device(&format!("press-{number}"), Timing::default(), &[]).unwrap();
            let channel = names.channel("heat");
            let series = names.series(device, channel);
            // It speaks of the device before it, too.
            let series = [series, Series(series.0.saturating_sub(1))];
            let rows = series.map(|series| Reading::new(series, Time(i64::from(number)), f64::from(series.0))).into();
            let batch = Batch { first: u64::from(number) * 2, rows, offsets: Vec::new() };
            Stretch { declarations: names.take_fresh(), batch, ..Stretch::default() }
        };
        (0..devices).map(stretch).collect()
    }

    proptest! {
        #[test]
        fn with_holes_every_reading_is_its_own_devices_or_taken_out(holes in proptest::collection::vec(any::<bool>(), 1..20)) {
            let mut mender = Mender::default();
            let mut names = Names::new();
            let (mut rows, mut lost) = (0, 0);
            for (stretch, _) in stretches(holes.len() as u32).into_iter().zip(&holes).filter(|(_, hole)| !**hole) {
                let mut mended = stretch.clone();
                mender.mend(&mut mended);
                mended.declarations.iter().for_each(|declaration| names.follow(declaration));
                for (index, row) in mended.batch.rows.iter().enumerate() {
                    let (device, _) = names.of(row.series);
                    let name = names.device_name(device);
                    let of_a_hole = names.channel_name(names.of(row.series).1).starts_with("lost-");
                    let its_own = format!("press-{}", row.value);
                    prop_assert!(name == its_own || of_a_hole);
                    prop_assert!(stretch.batch.rows.contains(row));
                    let number = mended.batch.number(index);
                    prop_assert_eq!(stretch.batch.rows[(number - stretch.batch.first) as usize], *row);
                    rows += 1;
                }
                lost += stretch.batch.rows.len() - mended.batch.rows.len();
            }
            prop_assert_eq!(mender.lost() as usize, lost);
            prop_assert_eq!(rows + lost, 2 * holes.iter().filter(|hole| !**hole).count());
        }
    }

    #[test]
    fn a_record_that_speaks_of_numbers_far_away_makes_no_names() {
        let mut mender = Mender::default();
        let mut names = Names::new();
        for number in [u32::MAX, u32::MAX - 1, MOST_MADE + 1] {
            let device = Declaration::Device {
                device: Device(number),
                name: "far".into(),
                timing: Timing::default(),
                tags: Vec::new(),
            };
            let series = Declaration::Series { series: Series(number), device: Device(number), channel: "heat".into() };
            let mut stretch = Stretch { declarations: vec![device, series], ..Stretch::default() };
            mender.mend(&mut stretch);
            assert!(stretch.declarations.is_empty(), "{number}");
        }
        let mut stretch = stretches(1).remove(0);
        mender.mend(&mut stretch);
        stretch.declarations.iter().for_each(|declaration| names.follow(declaration));
        assert_eq!(names.device_name(Device(0)), "press-0");
    }

    #[test]
    fn many_holes_together_make_no_more_names_than_one() {
        let mut mender = Mender::default();
        let mut made = 0;
        for round in 1..90 {
            let series =
                Declaration::Series { series: Series(round * 20_000), device: Device(0), channel: "heat".into() };
            let mut stretch = Stretch { declarations: vec![series], ..Stretch::default() };
            mender.mend(&mut stretch);
            made += stretch.declarations.len();
        }
        assert!((60_000..=MOST_MADE as usize + 90).contains(&made), "{made}");
    }

    #[test]
    fn a_whole_journal_passes_unchanged() {
        let mut mender = Mender::default();
        for stretch in stretches(5) {
            let mut mended = stretch.clone();
            mender.mend(&mut mended);
            assert_eq!(mended, stretch);
        }
    }
}
