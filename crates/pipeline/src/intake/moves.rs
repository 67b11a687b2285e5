//! Devices of files that start a new key: at which row each does so, whatever the size of blocks, and the stretches that follow.
//!
//! The row gets a mark before it, with the number that the end of the old key has:
//!
//! ```text
//! rows        4  5  6  mark  8  9          5: the last with the old tags, 8: the first with the new ones
//! stretches  [4  5  6] [7: ends] [declares, 8  9]
//! ```

use super::Stretch;
use ouzel_connect::source::Retold;
use ouzel_engine::plan::Plan;
use ouzel_engine::reading::{Batch, Reading, TICK};
use ouzel_engine::series::{Device, Names, Series, tags_after};
use std::collections::{HashMap, VecDeque};

/// The series of a mark. No device has it.
pub(super) const MARK: Series = Series(u32::MAX - 1);

/// A list of tags, as a device has them.
type Tags = Vec<(String, String)>;

/// Devices that start a new key in the stretch that is being made.
#[derive(Default)]
pub(super) struct Moves {
    list: VecDeque<(Device, Tags)>,
    /// What they have behind all of them.
    tags: HashMap<Device, Tags>,
}

fn mark_at(row: &Reading) -> Reading {
    Reading { series: MARK, ..*row }
}

/// Rows with a mark before each of those with which something was told.
pub(super) fn mark(rows: impl Iterator<Item = Reading>, told: &VecDeque<Retold>) -> Vec<Reading> {
    let (mut marked, mut told) = (Vec::new(), told.iter().peekable());
    for (index, row) in (0..).zip(rows) {
        while told.next_if(|told| told.row == index).is_some() {
            marked.push(mark_at(&row));
        }
        marked.push(row);
    }
    marked
}

/// What was told with rows that are taken out is not heard; the rest moves up. As
/// [`leave_out`](crate::sequence::leave_out) does with the rows.
pub(super) fn leave_out(told: &mut Vec<Retold>, again: &[(u32, u32)]) {
    told.retain(|told| !again.iter().any(|(from, count)| (*from..from + count).contains(&told.row)));
    for told in told {
        let before = again.iter().filter(|(from, _)| *from < told.row);
        told.row -= before.map(|(_, count)| count).sum::<u32>();
    }
}

impl Moves {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Hears what a device says; whether it starts a new key by that.
    pub(super) fn heed(&mut self, told: Retold, names: &Names, plan: &Plan) -> bool {
        let Retold { device, tags: said, .. } = told;
        let before = self.tags.get(&device).map_or(names.device_tags(device), Vec::as_slice);
        let after = tags_after(before, &said);
        let starts = plan.starts_new_key(before, &after);
        if starts {
            self.tags.insert(device, after.clone());
            self.list.push_back((device, after));
        }
        starts
    }

    /// Puts marks among rows where devices start a new key.
    pub(super) fn among(&mut self, rows: &mut Vec<Reading>, told: &mut VecDeque<Retold>, names: &Names, plan: &Plan) {
        let at: Vec<usize> = told
            .drain(..)
            .filter_map(|told| {
                let row = told.row as usize;
                self.heed(told, names, plan).then_some(row)
            })
            .collect();
        let mut marked = Vec::with_capacity(rows.len() + at.len());
        let mut from = 0;
        for at in at {
            marked.extend_from_slice(&rows[from..at]);
            marked.push(mark_at(&rows[at]));
            from = at;
        }
        marked.extend_from_slice(&rows[from..]);
        *rows = marked;
    }

    /// Cuts a stretch at its marks.
    pub(super) fn cut(&mut self, mut whole: Stretch, plan: &Plan, names: &mut Names) -> VecDeque<Stretch> {
        self.tags.clear();
        let (rows, end) = (std::mem::take(&mut whole.batch.rows), whole.end.take());
        whole.ticks.clear();
        let (mut cut, first, mut open) = (VecDeque::new(), whole.batch.first, whole);
        for (number, row) in (first..).zip(rows) {
            if row.series != MARK {
                if row.series == TICK {
                    open.ticks.push((number, row));
                }
                open.batch.rows.push(row);
                continue;
            }
            let behind = || Batch { first: number + 1, ..Batch::default() };
            cut.push_back(std::mem::replace(&mut open, Stretch { batch: behind(), ..Stretch::default() }));
            let Some((device, tags)) = self.list.pop_front() else { continue };
            // Where there is no room for another kind of device it stays what it is.
            if names.retag(device, &tags) {
                cut.push_back(Stretch { moved: Some((number, device)), batch: behind(), ..Stretch::default() });
                open.declarations = plan.declare(names);
            }
        }
        open.end = end;
        cut.push_back(open);
        self.list.clear();
        cut
    }
}
