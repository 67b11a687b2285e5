//! Records of a size that the journal takes.

use crate::intake::Stretch;
use ouzel_engine::reading::Batch;

/// Rows and names of one record at the most: some 15 MB, far below what a record may have.
const PIECE: usize = 500_000;

/// A stretch that is too large for one record, in pieces; one of usual size as it is.
pub(super) fn pieces(mut stretch: Stretch) -> Vec<Stretch> {
    let mut pieces = Vec::new();
    while stretch.declarations.len() > PIECE / 10 {
        let rest = stretch.declarations.split_off(PIECE / 10);
        let declarations = std::mem::replace(&mut stretch.declarations, rest);
        let batch = Batch { first: stretch.batch.first, ..Batch::default() };
        pieces.push(Stretch { declarations, batch, ..Stretch::default() });
    }
    while stretch.batch.rows.len() > PIECE {
        let mut rest = stretch.batch.rows.split_off(PIECE);
        std::mem::swap(&mut rest, &mut stretch.batch.rows);
        let end = stretch.batch.first + PIECE as u64;
        let later = stretch.ticks.split_off(stretch.ticks.partition_point(|&(number, _)| number < end));
        pieces.push(Stretch {
            declarations: std::mem::take(&mut stretch.declarations),
            batch: Batch { first: stretch.batch.first, rows: rest, offsets: Vec::new() },
            ticks: std::mem::replace(&mut stretch.ticks, later),
            rejected: std::mem::take(&mut stretch.rejected),
            absent: std::mem::take(&mut stretch.absent),
            ..Stretch::default()
        });
        stretch.batch.first = end;
    }
    pieces.push(stretch);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use ouzel_engine::reading::Reading;
    use ouzel_engine::series::Series;
    use ouzel_engine::time::Time;

    #[test]
    fn a_large_stretch_is_cut_and_nothing_of_it_is_lost() {
        let tick = Reading::tick(Time::from_secs(1));
        let mut rows = vec![Reading::new(Series(0), Time(0), 1.0); 2 * PIECE + 10];
        (rows[7], rows[PIECE]) = (tick, tick);
        let ticks = vec![(107, tick), (100 + PIECE as u64, tick)];
        let whole = Stretch {
            batch: Batch { first: 100, rows: rows.clone(), offsets: Vec::new() },
            ticks: ticks.clone(),
            absent: 3,
            ..Stretch::default()
        };
        let pieces = pieces(whole);
        assert_eq!(pieces.len(), 3);
        let mut next = 100;
        for piece in &pieces {
            assert_eq!(piece.batch.first, next);
            next += piece.batch.rows.len() as u64;
            assert!(piece.ticks.iter().all(|(number, _)| (piece.batch.first..next).contains(number)));
        }
        assert_eq!(pieces.iter().map(|piece| piece.absent).sum::<u64>(), 3);
        assert_eq!(pieces.iter().flat_map(|piece| piece.ticks.clone()).collect::<Vec<_>>(), ticks);
        assert_eq!(pieces.into_iter().flat_map(|piece| piece.batch.rows).collect::<Vec<_>>(), rows);
    }
}
