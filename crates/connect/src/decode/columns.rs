//! Names of columns to their numbers, with a suggestion where there is no such column.

use crate::fault::Fault;

/// The columns that a file has.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// Name of the file, for messages.
    pub source: &'a str,
    /// What a column is called in this kind of file: `column`, `key`.
    pub word: &'a str,
    /// Their names, in order.
    pub names: &'a [String],
}

impl Columns<'_> {
    /// The number of a column, from 0.
    ///
    /// # Errors
    /// There is none, or there are two.
    pub fn find(&self, name: &str) -> Result<usize, Fault> {
        let mut found = self.names.iter().enumerate().filter(|(_, n)| *n == name).map(|(i, _)| i);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (Some(_), Some(_)) => {
                Err(Fault::yours(format!("{} has two {}s \"{name}\": rename one of them", self.source, self.word)))
            }
            _ => Err(self.missing(name)),
        }
    }

    /// There is no such column.
    pub fn missing(&self, name: &str) -> Fault {
        let Columns { source, word, names } = self;
        let hint = nearest(name, names).map_or(String::new(), |near| format!(": did you mean \"{near}\"?"));
        Fault::yours(format!("{source} has no {word} \"{name}\"; its {word}s are {}{hint}", listed(names)))
    }
}

/// `a, b, c`, and not more than forty of them.
pub fn listed(names: &[String]) -> String {
    const MOST: usize = 40;
    let shown = names.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => "none".into(),
        n if n > MOST => format!("{shown} and {} more", n - MOST),
        _ => shown,
    }
}

/// The name that is most like this one, if any is.
fn nearest<'a>(name: &str, names: &'a [String]) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    let folded = name.to_lowercase();
    names
        .iter()
        .map(|other| (distance(&folded, &other.to_lowercase()), other.as_str()))
        .filter(|&(apart, _)| apart <= limit)
        .min_by_key(|&(apart, _)| apart)
        .map(|(_, other)| other)
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from one to the other ("optimal string
/// alignment": what a typing error costs).
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().take(100).collect(), to.chars().take(100).collect());
    let mut rows = vec![(0..=to.len()).collect::<Vec<_>>()];
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let mut least = (rows[i][j] + usize::from(a != b)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: &str) {
        let names = ["ts", "device", "temperature", "vibration", "x", "x"].map(String::from);
        let columns = Columns { source: "plant.csv", word: "column", names: &names };
        let said = columns.find(name).map_or_else(|fault| fault.what, |number| number.to_string());
        assert_eq!(said, expected);
    }

    #[test]
    fn a_missing_column_is_suggested() {
        check("temperature", "2");
        check("x", "plant.csv has two columns \"x\": rename one of them");
        let columns = "its columns are ts, device, temperature, vibration, x, x";
        check(
            "temprature",
            &format!("plant.csv has no column \"temprature\"; {columns}: did you mean \"temperature\"?"),
        );
        check("Device", &format!("plant.csv has no column \"Device\"; {columns}: did you mean \"device\"?"));
        check("pressure", &format!("plant.csv has no column \"pressure\"; {columns}"));
    }
}
