//! A condition's text as words: numbers, lengths of time, texts, names and signs, each with its place.
//!
//! What people write instead of the language's own signs (`=>`, `&`, a unit behind a number) is known here and refused
//! with the way out. Reading stops at the first such mistake; what stands before it is still looked at, for the first
//! mistake of a line is the one to tell.

use super::Mistake;
use crate::time::Span;
use std::ops::Range;

/// A word and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A number; as a whole one, too, where it was written as one.
    Number(f64, Option<u64>),
    Length(Span),
    Text(String),
    /// A word of the language or a name; `plain` without dots and backticks.
    Word {
        plain: bool,
    },
    Sign(Sign),
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Minus,
    Times,
    Over,
    Open,
    Close,
    Comma,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    And,
    Or,
    Not,
}

/// Longer signs stand before those that they begin with.
const SIGNS: [(&str, Sign); 17] = [
    ("<=", Sign::LessOrEqual),
    (">=", Sign::GreaterOrEqual),
    ("==", Sign::Equal),
    ("!=", Sign::NotEqual),
    ("&&", Sign::And),
    ("||", Sign::Or),
    ("<", Sign::Less),
    (">", Sign::Greater),
    ("=", Sign::Equal),
    ("!", Sign::Not),
    ("+", Sign::Plus),
    ("-", Sign::Minus),
    ("*", Sign::Times),
    ("/", Sign::Over),
    ("(", Sign::Open),
    (")", Sign::Close),
    (",", Sign::Comma),
];

/// What is written elsewhere, and what is written here.
const FOREIGN: [(&str, &str); 23] = [
    ("=>", "write `>=`"),
    ("=<", "write `<=`"),
    ("<>", "write `!=`"),
    ("===", "write `=`"),
    ("->", "patterns have arrows; a condition looks at one point and what it remembers"),
    ("**", "write `x * x`"),
    ("&", "write `and`"),
    ("|", "write `or`"),
    ("≥", "write `>=`"),
    ("≤", "write `<=`"),
    ("≠", "write `!=`"),
    ("−", "write `-`, the minus sign of the keyboard"),
    ("–", "write `-`, the minus sign of the keyboard"),
    ("×", "write `*`"),
    ("÷", "write `/`"),
    ("“", "write \"…\" with straight quotes"),
    ("„", "write \"…\" with straight quotes"),
    ("‘", "write '…' with straight quotes"),
    ("°", "numbers are in the unit of their channel and stand alone: `80`, not `80 °C`"),
    ("%", "numbers stand alone: `80`, not `80 %`; a remainder is not in the language"),
    ("^", "write `x * x`"),
    ("[", "write round brackets: `x in (1, 2)`"),
    ("~", "write `not`"),
];

/// The words of a text, with `End` behind them, and what stopped the reading.
pub(super) fn words(text: &str) -> (Vec<Token>, Option<Mistake>) {
    let mut tokens = Vec::new();
    let mut place = 0;
    let stopped = loop {
        let rest = &text[place..];
        let Some(first) = rest.chars().next() else { break None };
        if first.is_whitespace() {
            place += first.len_utf8();
            continue;
        }
        match word(text, place, first) {
            Ok((kind, length)) => {
                tokens.push(Token { kind, at: place..place + length });
                place += length;
            }
            Err(mistake) => break Some(mistake),
        }
    };
    tokens.push(Token { kind: Kind::End, at: place..place });
    (tokens, stopped)
}

fn word(text: &str, place: usize, first: char) -> Result<(Kind, usize), Mistake> {
    let rest = &text[place..];
    let digit_behind = || rest[first.len_utf8()..].starts_with(|c: char| c.is_ascii_digit());
    match first {
        '0'..='9' => number(rest, place),
        '.' if digit_behind() => number(rest, place),
        '"' | '\'' => quoted(rest, place, first),
        '`' | '_' => name(rest, place),
        letter if letter.is_alphabetic() => name(rest, place),
        _ => sign(rest, place, first),
    }
}

fn sign(rest: &str, place: usize, first: char) -> Result<(Kind, usize), Mistake> {
    let known = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign));
    let foreign = FOREIGN.iter().find(|(sign, _)| rest.starts_with(sign));
    match (known, foreign) {
        // `&&` and not `&`, but `=>` and not `=`.
        (Some((word, sign)), odd) if odd.is_none_or(|(odd, _)| odd.len() <= word.len()) => {
            Ok((Kind::Sign(*sign), word.len()))
        }
        (_, Some((odd, hint))) => {
            let what = format!("`{odd}` is not a sign of this language");
            Err(Mistake::new(place..place + odd.len(), what, *hint))
        }
        _ => {
            let what = format!("`{}` has no meaning here", first.escape_debug());
            let hint = "names with other characters than letters, digits and `_` stand in backticks";
            Err(Mistake::new(place..place + first.len_utf8(), what, hint))
        }
    }
}

fn number(rest: &str, place: usize) -> Result<(Kind, usize), Mistake> {
    let bytes = rest.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    let mut end = 0;
    let digits = |mut end: usize| {
        while digit(end) || bytes.get(end) == Some(&b'_') {
            end += 1;
        }
        end
    };
    end = digits(end);
    let mut whole = true;
    if bytes.get(end) == Some(&b'.') && digit(end + 1) {
        (end, whole) = (digits(end + 1), false);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let signed = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if digit(signed) {
            (end, whole) = (digits(signed), false);
        }
    }
    if rest[end..].starts_with(|c: char| c.is_alphabetic() || "°%".contains(c)) {
        return with_unit(rest, end, place);
    }
    let text = rest[..end].replace('_', "");
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((Kind::Number(value, text.parse().ok().filter(|_| whole)), end)),
        _ => {
            let what = format!("`{}` is past the largest number", &rest[..end]);
            Err(Mistake::new(place..place + end, what, "numbers go up to about 1.8e308"))
        }
    }
}

/// `60s` and `1h30m` are lengths of time; every other unit is none of ours.
fn with_unit(rest: &str, number: usize, place: usize) -> Result<(Kind, usize), Mistake> {
    let unit = |c: char| !(c.is_alphanumeric() || "._°%".contains(c));
    let end = rest[number..].find(unit).map_or(rest.len(), |length| number + length);
    match Span::parse(&rest[..end]) {
        Ok(span) => Ok((Kind::Length(span), end)),
        Err(_) => {
            let what = format!("`{}` is a number with a unit", &rest[..end]);
            let alone = &rest[..number];
            let hint = format!(
                "numbers are in the unit of their channel and stand alone: `{alone}`; lengths of time are `60s`, `5m`, `1h30m`"
            );
            Err(Mistake::new(place..place + end, what, hint))
        }
    }
}

fn quoted(rest: &str, place: usize, quote: char) -> Result<(Kind, usize), Mistake> {
    match rest[1..].find(quote) {
        Some(length) => Ok((Kind::Text(rest[1..=length].to_owned()), length + 2)),
        None => Err(Mistake::new(place..place + 1, "this text does not end", format!("put {quote} behind it"))),
    }
}

/// Words with dots between, each plain or in backticks: ``minute.`Flow Rate`.mean``.
fn name(rest: &str, place: usize) -> Result<(Kind, usize), Mistake> {
    let mut end = 0;
    let mut plain = true;
    loop {
        if rest[end..].starts_with('`') {
            plain = false;
            match rest[end + 1..].find('`') {
                Some(length) => end += length + 2,
                None => {
                    let at = place + end..place + end + 1;
                    return Err(Mistake::new(at, "this name does not end", "put a backtick behind it"));
                }
            }
        } else {
            let other = |c: char| !(c.is_alphanumeric() || c == '_');
            end = rest[end..].find(other).map_or(rest.len(), |length| end + length);
        }
        let next = rest[end..].strip_prefix('.').and_then(|next| next.chars().next());
        if !next.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '`') {
            return Ok((Kind::Word { plain }, end));
        }
        (end, plain) = (end + 1, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        let (tokens, stopped) = words(text);
        assert_eq!(stopped, None, "{text}");
        tokens.into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn numbers_lengths_texts_and_names_are_told_apart() {
        assert_eq!(kinds("1_000"), [Kind::Number(1000.0, Some(1000)), Kind::End]);
        assert_eq!(
            kinds("1e-3 .5 2.0"),
            [1e-3, 0.5, 2.0].map(|n| Kind::Number(n, None)).into_iter().chain([Kind::End]).collect::<Vec<_>>()
        );
        assert_eq!(kinds("1h30m"), [Kind::Length(Span::from_secs(5_400)), Kind::End]);
        assert_eq!(kinds("'a \"b' \"c\""), [Kind::Text("a \"b".into()), Kind::Text("c".into()), Kind::End]);
        assert_eq!(kinds("flow_2"), [Kind::Word { plain: true }, Kind::End]);
        assert_eq!(kinds("minute.`Flow Rate`.mean"), [Kind::Word { plain: false }, Kind::End]);
    }

    #[test]
    fn every_text_is_read_without_a_panic() {
        for text in ["", ".", "°", "5°", "`", "a.", "a.`", "1e", "1_", "5.", "\"", "ä.ö", "\u{0}", "&&&", "=>="] {
            let (tokens, _) = words(text);
            assert!(tokens.iter().all(|token| text.get(token.at.clone()).is_some()), "{text}");
        }
    }
}
