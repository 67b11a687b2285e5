//! Reading a condition from left to right, by recursive descent, a method for each level of binding:
//!
//! ```text
//! or    := and  { or and }                       and  := not { and not }            not := [not] claim
//! claim := sum [ < sum | = sum | is … | between sum and sum | in (…) | rises above sum … ] [ becomes … ]
//! sum   := product { + product }                 product := sign { * sign }         sign := [-] atom
//! atom  := number | text | name | function (…) | ( or )
//! ```
//! Each makes its steps at once and gives back where they stand.

use super::lex::{Kind, Sign, Token, words};
use super::meaning::{Value, What};
use super::program::{Program, Step};
use super::{Condition, DEPTH_MOST, Formula, KEYWORDS, Known, Mistake, PARTS_MOST, TEXT_MOST};
use std::ops::Range;

/// A text that is being read.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) known: &'a Known<'a>,
    pub(super) program: Program,
    channels: Vec<String>,
    pub(super) tokens: Vec<Token>,
    pub(super) next: usize,
    depth: usize,
}

/// Reads all of a condition.
pub(super) fn read(text: &str, known: &Known<'_>) -> Result<Condition, Mistake> {
    let (met, channels, program) = read_as("condition", text, known, |reader| reader.whole())?;
    let (places, parts) = met.into_iter().unzip();
    Ok(Condition { text: text.to_owned(), channels, parts, program: program.finish(places) })
}

/// Reads all of a formula.
pub(super) fn read_formula(text: &str, known: &Known<'_>) -> Result<Formula, Mistake> {
    let ((place, is_truth), channels, program) = read_as("formula", text, known, |reader| reader.whole_formula())?;
    if channels.is_empty() {
        let what = "this formula asks for no channel, so that no reading would make it speak";
        return Err(Mistake::new(0..text.len(), what, "name a channel, for example `temperature * 1.8 + 32`"));
    }
    Ok(Formula::new(text, channels, program.finish(vec![place]), is_truth))
}

/// Cuts a text into words and reads them; gives what was read, the channels it asks for, and its steps.
fn read_as<T>(
    kind: &str,
    text: &str,
    known: &Known<'_>,
    whole: impl FnOnce(&mut Reader<'_>) -> Result<T, Mistake>,
) -> Result<(T, Vec<String>, Program), Mistake> {
    if text.len() > TEXT_MOST {
        let what = format!("a {kind} has at most {TEXT_MOST} bytes, and this one has {}", text.len());
        let from = text.floor_char_boundary(TEXT_MOST);
        return Err(Mistake::new(
            from..text.len(),
            what,
            "give parts of it names of their own, as filters or features",
        ));
    }
    let (tokens, stopped) = words(text);
    let program = Program::default();
    let mut reader = Reader { text, known, program, channels: Vec::new(), tokens, next: 0, depth: 0 };
    let outcome = whole(&mut reader);
    match stopped {
        // What is missing at a place where reading stopped is not what is wrong.
        Some(mistake) if outcome.is_ok() || reader.peek().kind == Kind::End => Err(mistake),
        _ => Ok((outcome?, reader.channels, reader.program)),
    }
}

impl<'a> Reader<'a> {
    /// All of the text: the parts that must be met.
    fn whole(&mut self) -> Result<Vec<(u16, String)>, Mistake> {
        if self.peek().kind == Kind::End {
            let hint = "say when it holds, for example `temperature > 80`";
            return Err(Mistake::new(0..self.text.len(), "there is no condition here", hint));
        }
        let mut parts = Vec::new();
        let first = self.conjunction(&mut parts)?;
        if self.is_or() {
            let all = self.alternatives(first)?;
            parts = vec![all];
        }
        let token = self.peek().clone();
        if token.kind != Kind::End {
            return Err(self.unexpected(&token));
        }
        if parts.len() > PARTS_MOST {
            let at = parts[PARTS_MOST].at.clone();
            let what =
                format!("a condition has at most {PARTS_MOST} parts joined by `and`, and this one has {}", parts.len());
            return Err(Mistake::new(at, what, "put brackets round those that belong together"));
        }
        let mut met = Vec::with_capacity(parts.len());
        for part in &parts {
            met.push((self.as_truth(part)?, self.written(part).to_owned()));
        }
        Ok(met)
    }

    /// All of the text: something that has a value, and whether that is a truth.
    fn whole_formula(&mut self) -> Result<(u16, bool), Mistake> {
        if self.peek().kind == Kind::End {
            let hint = "say what its value is, for example `power / speed`";
            return Err(Mistake::new(0..self.text.len(), "there is no formula here", hint));
        }
        let first = self.conjunction(&mut Vec::new())?;
        let value = self.alternatives(first)?;
        let token = self.peek().clone();
        if token.kind != Kind::End {
            return Err(self.unexpected(&token));
        }
        match value.what {
            What::Truth(place) => Ok((place, true)),
            _ => Ok((self.as_number(&value)?, false)),
        }
    }

    /// `a and b or c`: anything that is true or false, or a sum.
    pub(super) fn expression(&mut self) -> Result<Value, Mistake> {
        self.deeper()?;
        let first = self.conjunction(&mut Vec::new())?;
        let value = self.alternatives(first)?;
        self.depth -= 1;
        Ok(value)
    }

    fn alternatives(&mut self, first: Value) -> Result<Value, Mistake> {
        let mut all = first;
        while self.is_or() {
            self.next += 1;
            let right = self.conjunction(&mut Vec::new())?;
            let (a, b) = (self.as_truth(&all)?, self.as_truth(&right)?);
            all = Value::truth(self.program.step(Step::Or(a, b)), all.at.start..right.at.end);
        }
        Ok(all)
    }

    fn conjunction(&mut self, parts: &mut Vec<Value>) -> Result<Value, Mistake> {
        let mut all = self.negation()?;
        parts.push(all.clone());
        while self.is_word("and") || self.is_sign(Sign::And) {
            self.next += 1;
            let right = self.negation()?;
            let (a, b) = (self.as_truth(&all)?, self.as_truth(&right)?);
            all = Value::truth(self.program.step(Step::And(a, b)), all.at.start..right.at.end);
            parts.push(right);
        }
        Ok(all)
    }

    fn negation(&mut self) -> Result<Value, Mistake> {
        let start = self.peek().at.start;
        if !(self.is_word("not") || self.is_sign(Sign::Not)) {
            return self.claim();
        }
        self.next += 1;
        self.deeper()?;
        let value = self.negation()?;
        self.depth -= 1;
        let place = self.as_truth(&value)?;
        Ok(Value::truth(self.program.step(Step::Not(place)), start..value.at.end))
    }

    pub(super) fn sum(&mut self) -> Result<Value, Mistake> {
        let mut left = self.product()?;
        while let Kind::Sign(sign @ (Sign::Plus | Sign::Minus)) = self.peek().kind {
            self.hyphenated(&left)?;
            self.next += 1;
            let right = self.product()?;
            let step = if sign == Sign::Plus { Step::Add } else { Step::Subtract };
            left = self.arithmetic(&left, &right, step)?;
        }
        Ok(left)
    }

    /// `flow-rate` without spaces, where there is a channel of that name, is not a difference.
    fn hyphenated(&self, left: &Value) -> Result<(), Mistake> {
        let after = self.tokens.get(self.next + 1).filter(|after| matches!(after.kind, Kind::Word { .. }));
        let Some(after) = after else { return Ok(()) };
        let at = left.at.start..after.at.end;
        let joined = &self.text[at.clone()];
        if !self.known.channels.iter().any(|facts| facts.name == joined) {
            return Ok(());
        }
        let what = format!("`{joined}` is the name of a channel, but would be read as a difference");
        Err(Mistake::new(at, what, format!("write `` `{joined}` `` for the channel, or put spaces round `-`")))
    }

    fn product(&mut self) -> Result<Value, Mistake> {
        let mut left = self.signed()?;
        while let Kind::Sign(sign @ (Sign::Times | Sign::Over)) = self.peek().kind {
            self.next += 1;
            let right = self.signed()?;
            let step = if sign == Sign::Times { Step::Multiply } else { Step::Divide };
            left = self.arithmetic(&left, &right, step)?;
        }
        Ok(left)
    }

    fn arithmetic(&mut self, left: &Value, right: &Value, step: fn(u16, u16) -> Step) -> Result<Value, Mistake> {
        let (a, b) = (self.as_number(left)?, self.as_number(right)?);
        self.made(step(a, b), left.at.start..right.at.end)
    }

    /// A number that steps make. What is worked out while reading must have a value.
    pub(super) fn made(&mut self, step: Step, at: Range<usize>) -> Result<Value, Mistake> {
        let place = self.program.step(step);
        if self.program.constant(place).is_some_and(f64::is_nan) {
            let what = format!("`{}` has no value", &self.text[at.clone()]);
            return Err(Mistake::new(at, what, "a division by zero, or the root of a negative number, is never known"));
        }
        Ok(Value::number(place, at))
    }

    fn signed(&mut self) -> Result<Value, Mistake> {
        let token = self.peek().clone();
        if !matches!(token.kind, Kind::Sign(Sign::Minus | Sign::Plus)) {
            return self.atom();
        }
        self.next += 1;
        self.deeper()?;
        let value = self.signed()?;
        self.depth -= 1;
        let place = self.as_number(&value)?;
        let at = token.at.start..value.at.end;
        if token.kind == Kind::Sign(Sign::Plus) {
            Ok(Value::number(place, at))
        } else {
            self.made(Step::Negate(place), at)
        }
    }

    fn atom(&mut self) -> Result<Value, Mistake> {
        let token = self.take();
        let at = token.at.clone();
        match token.kind {
            Kind::Number(number, _) => Ok(Value::number(self.program.step(Step::Number(number)), at)),
            Kind::Text(text) => Ok(Value { what: What::Text(text), at }),
            Kind::Sign(Sign::Open) => {
                let value = self.expression()?;
                let end = self.close(&token)?.end;
                Ok(Value { at: at.start..end, ..value })
            }
            Kind::Word { plain } => match &self.text[at.clone()] {
                "true" => Ok(Value::truth(self.program.step(Step::Number(1.0)), at)),
                "false" => Ok(Value::truth(self.program.step(Step::Number(0.0)), at)),
                word if plain && KEYWORDS.contains(&word) => Err(self.no_value(&token)),
                _ if self.is_sign(Sign::Open) && self.word_after(1) != Some("back") => self.call(&token),
                _ => self.channel(&token),
            },
            Kind::Length(_) | Kind::Sign(_) | Kind::End => Err(self.no_value(&token)),
        }
    }

    fn channel(&mut self, token: &Token) -> Result<Value, Mistake> {
        let written = &self.text[token.at.clone()];
        if let Some(tag) = written.strip_prefix("tag.") {
            return Ok(Value { what: What::Tag(tag.replace('`', "")), at: token.at.clone() });
        }
        let name = (self.known.resolve)(written).map_err(|(what, hint)| {
            let capital = KEYWORDS.iter().find(|word| word.eq_ignore_ascii_case(written));
            let hint = capital.map_or(hint, |word| format!("the words of the language are small: `{word}`"));
            Mistake { at: token.at.clone(), what, hint }
        })?;
        let facts = self.known.channels.iter().position(|facts| facts.name == name && !facts.states.is_empty());
        let place = self.channels.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.channels.push(name);
            self.channels.len() - 1
        });
        let place = self.program.step(Step::Channel(place as u16));
        Ok(Value { what: What::Number { place, channel: true, states: facts }, at: token.at.clone() })
    }

    /// A bracket that closes; gives its place.
    pub(super) fn close(&mut self, open: &Token) -> Result<Range<usize>, Mistake> {
        let token = self.peek().clone();
        if token.kind != Kind::Sign(Sign::Close) {
            return Err(self.unclosed(open, &token));
        }
        self.next += 1;
        Ok(token.at)
    }

    pub(super) fn deeper(&mut self) -> Result<(), Mistake> {
        self.depth += 1;
        if self.depth <= DEPTH_MOST {
            return Ok(());
        }
        let what = format!("more than {DEPTH_MOST} brackets, functions and signs stand inside each other");
        Err(Mistake::new(self.peek().at.clone(), what, "take brackets away that change nothing"))
    }

    pub(super) fn shallower(&mut self) {
        self.depth -= 1;
    }

    pub(super) fn peek(&self) -> &Token {
        self.after(0)
    }

    /// The token so many places ahead; the end, from there on.
    pub(super) fn after(&self, ahead: usize) -> &Token {
        &self.tokens[(self.next + ahead).min(self.tokens.len() - 1)]
    }

    pub(super) fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next = (self.next + 1).min(self.tokens.len());
        token
    }

    pub(super) fn is_sign(&self, sign: Sign) -> bool {
        self.peek().kind == Kind::Sign(sign)
    }

    pub(super) fn opens_after(&self, ahead: usize) -> bool {
        self.tokens.get(self.next + ahead).is_some_and(|token| token.kind == Kind::Sign(Sign::Open))
    }

    fn is_or(&self) -> bool {
        self.is_word("or") || self.is_sign(Sign::Or)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.word_after(0) == Some(word)
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let there = self.is_word(word);
        self.next += usize::from(there);
        there
    }

    /// The plain word so many tokens ahead.
    pub(super) fn word_after(&self, ahead: usize) -> Option<&'a str> {
        self.tokens.get(self.next + ahead).and_then(|token| self.word_at(token))
    }

    pub(super) fn word_at(&self, token: &Token) -> Option<&'a str> {
        matches!(token.kind, Kind::Word { plain: true }).then(|| &self.text[token.at.clone()])
    }
}
