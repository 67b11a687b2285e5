//! What is wrong with a config, where it stands, and what would be right; and how a person gets to see it.
//!
//! While the file is read, a place is a range of bytes. A [`Problem`] has line and column, counted from 1 in
//! characters, as editors count them.

use serde::Serialize;
use std::fmt::Write;
use std::ops::Range;

/// Bytes of the config's text.
pub(crate) type Place = Range<usize>;

/// Something in a config that is wrong, or legal but unwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether it stops the start.
    #[serde(skip)]
    pub level: Level,
    /// What it is: lower case, no full stop.
    pub message: String,
    /// The line, from 1.
    pub line: usize,
    /// The first character, from 1.
    pub column: usize,
    /// How many characters of the line it concerns.
    pub length: usize,
    /// A way out.
    pub hint: Option<String>,
}

/// Whether a finding stops the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Nothing is started.
    Problem,
    /// Legal, but likely not what was meant.
    Advice,
}

/// A line longer than this is shown in part: a `format` written in one line can be very long.
const SHOWN_CHARS: usize = 120;

impl Problem {
    /// The message, its place, the line with the text in question underlined, and the way out.
    ///
    /// `label` is what the user calls the file; `text` is the file.
    pub fn render(&self, label: &str, text: &str) -> String {
        let word = match self.level {
            Level::Problem => "problem",
            Level::Advice => "advice",
        };
        let (shown, before) = self.excerpt(text);
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        // A tab stays a tab, so that the underline stands under its text however wide the terminal makes it.
        let pad: String = shown.chars().take(before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let fits = shown.chars().count().saturating_sub(before);
        let underline = "^".repeat(self.length.min(fits).max(1));
        let mut out = format!("{word}: {}\n  {label}:{}:{}\n", self.message, self.line, self.column);
        let _ = write!(out, "  {number} | {shown}\n  {margin} | {pad}{underline}");
        if let Some(hint) = &self.hint {
            let _ = write!(out, " {hint}");
        }
        out.push('\n');
        out
    }

    /// The line as it is shown, and how many of its shown characters stand before the text in question.
    fn excerpt(&self, text: &str) -> (String, usize) {
        let line = text.split('\n').nth(self.line.saturating_sub(1)).unwrap_or("").trim_end();
        let before = self.column.saturating_sub(1);
        // Control characters would let a file write to the terminal that shows it.
        let calm = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
        if line.chars().count() <= SHOWN_CHARS {
            return (line.chars().map(calm).collect(), before);
        }
        let skipped = before.saturating_sub(SHOWN_CHARS / 3);
        let mut shown: String = line.chars().skip(skipped).take(SHOWN_CHARS).map(calm).collect();
        if line.chars().count() > skipped + SHOWN_CHARS {
            shown.push('…');
        }
        if skipped > 0 {
            shown.insert(0, '…');
        }
        (shown, before - skipped + usize::from(skipped > 0))
    }
}

/// What was found so far, in order of finding.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: Vec<(Place, Level, String, String)>,
}

impl Findings {
    /// Something is wrong. An empty hint is none.
    pub(crate) fn problem(&mut self, place: &Place, message: impl Into<String>, hint: impl Into<String>) {
        self.found.push((place.clone(), Level::Problem, message.into(), hint.into()));
    }

    /// Something is legal, but likely not what was meant.
    pub(crate) fn advice(&mut self, place: &Place, message: impl Into<String>, hint: impl Into<String>) {
        self.found.push((place.clone(), Level::Advice, message.into(), hint.into()));
    }

    /// All problems, in the order of the file.
    pub(crate) fn problems(self, text: &str) -> Vec<Problem> {
        self.sorted(text).0
    }

    /// Whether the config can be used so far.
    pub(crate) fn clean(&self) -> bool {
        self.found.iter().all(|(_, level, ..)| *level == Level::Advice)
    }

    /// Problems and advice, each in the order of the file.
    pub(crate) fn sorted(mut self, text: &str) -> (Vec<Problem>, Vec<Problem>) {
        self.found.sort_by_key(|(place, ..)| place.start);
        let lines = Lines::of(text);
        let all = self.found.into_iter().map(|(place, level, message, hint)| {
            let (line, column, length) = lines.locate(&place);
            Problem { level, message, line, column, length, hint: Some(hint).filter(|h| !h.is_empty()) }
        });
        all.partition(|problem| problem.level == Level::Problem)
    }
}

/// Where the lines of a text begin.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Lines<'t> {
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Lines { text, starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// Line and column from 1, and the characters of the place that stand in that line.
    fn locate(&self, place: &Place) -> (usize, usize, usize) {
        let start = self.text.floor_char_boundary(place.start);
        let line = self.starts.partition_point(|&s| s <= start).max(1);
        let line_start = self.starts[line - 1];
        let line_end = self.starts.get(line).map_or(self.text.len(), |next| next - 1);
        let start = start.min(line_end);
        let end = self.text.ceil_char_boundary(place.end).clamp(start, line_end);
        let column = self.text[line_start..start].chars().count() + 1;
        (line, column, self.text[start..end].chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_places_stop_at_the_end_of_their_line() {
        let lines = Lines::of("a = 1\nµnit = \"°C\"\n");
        assert_eq!(lines.locate(&(0..1)), (1, 1, 1));
        assert_eq!(lines.locate(&(14..18)), (2, 8, 3));
        assert_eq!(lines.locate(&(6..4_000)), (2, 1, 11));
        assert_eq!(lines.locate(&(5..5)), (1, 6, 0));
        assert_eq!(lines.locate(&(900..901)), (3, 1, 0));
    }

    #[test]
    fn a_long_line_is_shown_around_the_text_in_question() {
        let text = format!("{}here{}", "x".repeat(200), "y".repeat(200));
        let mut found = Findings::default();
        found.problem(&(200..204), "odd", "out");
        let shown = found.sorted(&text).0[0].render("c.toml", &text);
        let lines: Vec<&str> = shown.lines().collect();
        let at = lines[3].chars().position(|c| c == '^').unwrap();
        assert_eq!(lines[2].chars().skip(at).take(4).collect::<String>(), "here");
        assert!(lines[2].chars().count() < 140);
    }
}
