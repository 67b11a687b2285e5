//! The way out of a misspelt word of a condition: the nearest known one.

/// Longer words are nobody's slip of a finger.
const LONGEST: usize = 48;

/// The known word that was probably meant.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let letters = |word: &str| word.chars().flat_map(char::to_lowercase).take(LONGEST + 1).collect::<Vec<char>>();
    let wrong = letters(word);
    if wrong.len() > LONGEST {
        return None;
    }
    let allowed = (wrong.len() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| (distance(&wrong, &letters(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed && *distance < wrong.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Letters to add, take away, change or swap with their neighbour (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before_last[j - 2] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// The words in backticks with commas between.
pub(super) fn list<'k>(words: impl IntoIterator<Item = &'k str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_close_or_none() {
        assert_eq!(nearest("previuos", ["mean", "previous"]), Some("previous"));
        assert_eq!(nearest("adn", ["and", "or"]), Some("and"));
        assert_eq!(nearest("pressure", ["mean"]), None);
        assert_eq!(nearest("x", ["a"]), None);
        assert_eq!(nearest(&"a".repeat(4_000), ["a"]), None);
    }
}
