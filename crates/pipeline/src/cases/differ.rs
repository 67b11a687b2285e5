//! What came out beside what was expected, aligned so that as much as possible stands beside its like.
//!
//! An alignment of two sequences with scores (Needleman and Wunsch 1970): a line that holds scores most, one that differs in some
//! fields scores by its share of equal ones, and a line that stands alone scores nothing.

use super::Got;
use super::expected::Line;

/// A line of the comparison: places among the expected lines and among those that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// It came as it was expected.
    Holds(usize, usize),
    /// Something came in its place that differs in some fields.
    Differs(usize, usize),
    /// It did not come.
    Missing(usize),
    /// It came, and nobody expected it.
    Extra(usize),
}

/// What a line scores that holds. More than any number of lines that only look alike: those score up to [`ALIKE`].
const HOLDS: u32 = 1_000;

/// What a line scores that differs in a field among very many.
const ALIKE: u32 = 100;

/// So many pairs are compared at the most; a longer difference is compared line by line, in the order in which they stand.
const PAIRS: usize = 1_000_000;

/// Aligns both.
pub(super) fn align(expected: &[Line], got: &[Got]) -> Vec<Pair> {
    let holds = |(line, got): &(&Line, &Got)| line.differs(got.noun, &got.fields).is_empty();
    let before = expected.iter().zip(got).take_while(holds).count();
    let (left, right) = (&expected[before..], &got[before..]);
    let behind = left.iter().rev().zip(right.iter().rev()).take_while(holds).count();
    let (left, right) = (&left[..left.len() - behind], &right[..right.len() - behind]);
    let mut pairs: Vec<Pair> = (0..before).map(|at| Pair::Holds(at, at)).collect();
    pairs.extend(middle(left, right).into_iter().map(|pair| moved(pair, before)));
    let (from, other) = (before + left.len(), before + right.len());
    pairs.extend((0..behind).map(|at| Pair::Holds(from + at, other + at)));
    pairs
}

fn moved(pair: Pair, by: usize) -> Pair {
    match pair {
        Pair::Holds(one, other) => Pair::Holds(one + by, other + by),
        Pair::Differs(one, other) => Pair::Differs(one + by, other + by),
        Pair::Missing(one) => Pair::Missing(one + by),
        Pair::Extra(other) => Pair::Extra(other + by),
    }
}

fn middle(expected: &[Line], got: &[Got]) -> Vec<Pair> {
    let (rows, columns) = (expected.len(), got.len());
    if rows.saturating_mul(columns) > PAIRS {
        let paired = |at| match score(&expected[at], &got[at]) {
            HOLDS => Pair::Holds(at, at),
            _ => Pair::Differs(at, at),
        };
        let both = rows.min(columns);
        return (0..both)
            .map(paired)
            .chain((both..rows).map(Pair::Missing))
            .chain((both..columns).map(Pair::Extra))
            .collect();
    }
    // The best score of what is left from each pair of places on.
    let mut best = vec![vec![0u32; columns + 1]; rows + 1];
    let mut scores = vec![vec![0u32; columns]; rows];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            let score = score(&expected[row], &got[column]);
            let beside = if score > 0 { best[row + 1][column + 1] + score } else { 0 };
            scores[row][column] = score;
            best[row][column] = beside.max(best[row + 1][column]).max(best[row][column + 1]);
        }
    }
    let (mut row, mut column, mut pairs) = (0, 0, Vec::new());
    while row < rows || column < columns {
        let beside = row < rows && column < columns && scores[row][column] > 0;
        if beside && best[row][column] == best[row + 1][column + 1] + scores[row][column] {
            let holds = scores[row][column] == HOLDS;
            pairs.push(if holds { Pair::Holds(row, column) } else { Pair::Differs(row, column) });
            (row, column) = (row + 1, column + 1);
        } else if row < rows && (column == columns || best[row][column] == best[row + 1][column]) {
            pairs.push(Pair::Missing(row));
            row += 1;
        } else {
            pairs.push(Pair::Extra(column));
            column += 1;
        }
    }
    pairs
}

fn score(line: &Line, got: &Got) -> u32 {
    let (all, differs) = (line.fields.0.len(), line.differs(got.noun, &got.fields).len());
    match all - differs {
        _ if differs == 0 => HOLDS,
        same => (same * ALIKE as usize / all) as u32,
    }
}
