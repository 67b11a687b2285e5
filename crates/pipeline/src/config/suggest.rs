//! The way out of a misspelt word: the nearest known one, and all that are known.

/// Known words in one message; more would hide the first.
const SHOWN: usize = 16;

/// The known word that was probably meant.
pub(crate) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let lower = word.to_lowercase();
    let length = word.chars().count();
    let allowed = (length / 3).clamp(1, 3);
    known
        .iter()
        .map(|&candidate| (strsim::osa_distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed && *distance < length)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "did you mean …? known here: …"
pub(crate) fn hint(word: &str, known: &[&str]) -> String {
    let listed = list(known);
    match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`? known here: {listed}"),
        None => format!("known here: {listed}"),
    }
}

/// The words with commas between, cut where there are too many.
pub(crate) fn list(words: &[&str]) -> String {
    if words.is_empty() {
        return "nothing".into();
    }
    // What would not be seen as one word in a list stands in backticks.
    let plain =
        |word: &str| word.contains('`') || !word.contains(char::is_whitespace) && word.contains(char::is_alphanumeric);
    let shown = |word: &&str| if plain(word) { (*word).to_owned() } else { format!("`{word}`") };
    let mut out = words.iter().take(SHOWN).map(shown).collect::<Vec<_>>().join(", ");
    if words.len() > SHOWN {
        out.push_str(&format!(" and {} more", words.len() - SHOWN));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_close_or_none() {
        assert_eq!(nearest("treshold", &["above", "threshold"]), Some("threshold"));
        assert_eq!(nearest("Temperature", &["temperature"]), Some("temperature"));
        assert_eq!(nearest("pressure", &["temperature"]), None);
        assert_eq!(nearest("x", &["a"]), None);
        assert_eq!(nearest("zz", &[]), None);
    }
}
