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
use super::meaning::{Compare, Value, What};
use super::program::{Program, Step};
use super::{Condition, DEPTH_MOST, FUNCTIONS, KEYWORDS, Known, Mistake, PARTS_MOST, TEXT_MOST, suggest};
use std::ops::Range;

/// A text that is being read.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) known: &'a Known<'a>,
    pub(super) program: Program,
    channels: Vec<String>,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

/// Reads all of a text.
pub(super) fn read(text: &str, known: &Known<'_>) -> Result<Condition, Mistake> {
    if text.len() > TEXT_MOST {
        let what = format!("a condition has at most {TEXT_MOST} bytes, and this one has {}", text.len());
        let from = text.floor_char_boundary(TEXT_MOST);
        return Err(Mistake::new(from..text.len(), what, "give parts of it names of their own, as filters or events"));
    }
    let (tokens, stopped) = words(text);
    let program = Program::default();
    let mut reader = Reader { text, known, program, channels: Vec::new(), tokens, next: 0, depth: 0 };
    let outcome = reader.whole();
    match stopped {
        // What is missing at a place where reading stopped is not what is wrong.
        Some(mistake) if outcome.is_ok() || reader.peek().kind == Kind::End => Err(mistake),
        _ => {
            let (places, parts) = outcome?.into_iter().unzip();
            let program = reader.program.finish(places);
            Ok(Condition { text: text.to_owned(), channels: reader.channels, parts, program })
        }
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

    fn claim(&mut self) -> Result<Value, Mistake> {
        let left = self.sum()?;
        let mut value = self.compared(left)?;
        while self.is_word("becomes") {
            self.next += 1;
            value = self.becomes(&value)?;
        }
        Ok(value)
    }

    /// What is said of a sum, if anything is.
    fn compared(&mut self, left: Value) -> Result<Value, Mistake> {
        let token = self.peek().clone();
        let value = match (&token.kind, self.word_at(&token)) {
            (Kind::Sign(sign), _) if comparison(*sign).is_some() => {
                self.next += 1;
                let how = comparison(*sign).unwrap_or(Compare::Equal);
                self.equal_or_ordered(&left, how)?
            }
            (_, Some("is")) => {
                self.next += 1;
                self.is(&left)?
            }
            (_, Some("between" | "in")) => self.among(&left, false)?,
            (_, Some("not")) if matches!(self.word_after(1), Some("between" | "in")) => {
                self.next += 1;
                self.among(&left, true)?
            }
            (_, Some("rises" | "falls")) => self.crosses(&left)?,
            _ => return Ok(left),
        };
        self.not_chained(&left, &value)?;
        Ok(value)
    }

    fn equal_or_ordered(&mut self, left: &Value, how: Compare) -> Result<Value, Mistake> {
        let right = self.other_side(left)?;
        let place = self.compare(left, how, &right)?;
        Ok(Value::truth(place, left.at.start..right.at.end))
    }

    /// `is open`, `is not 3`, `is absent`, `is between 1 and 2`.
    fn is(&mut self, left: &Value) -> Result<Value, Mistake> {
        let not = self.take_word("not");
        if matches!(self.word_after(0), Some("between" | "in")) {
            return self.among(left, not);
        }
        let token = self.peek().clone();
        match self.word_at(&token) {
            Some(word @ ("absent" | "present")) => {
                self.next += 1;
                let known = self.is_present(left)?;
                let place = self.unless((word == "absent") != not, known);
                Ok(Value::truth(place, left.at.start..token.at.end))
            }
            Some(word @ ("above" | "below")) => {
                let sign = if word == "above" { ">" } else { "<" };
                let hint = format!("write `{} {sign} ...`", self.written(left));
                Err(Mistake::new(token.at, format!("`is {word}` is not in the language"), hint))
            }
            _ => self.equal_or_ordered(left, if not { Compare::NotEqual } else { Compare::Equal }),
        }
    }

    fn is_present(&mut self, value: &Value) -> Result<u16, Mistake> {
        if let What::Tag(tag) = &value.what {
            return Ok(self.program.tag(tag, None));
        }
        let place = self.as_number(value)?;
        Ok(self.program.step(Step::Known(place)))
    }

    /// `between a and b`, `in (a, b)`.
    fn among(&mut self, left: &Value, not: bool) -> Result<Value, Mistake> {
        let word = self.take();
        let (place, end) = if self.text[word.at.clone()].starts_with('b') {
            let low = self.sum()?;
            let and = self.peek().clone();
            if !(self.is_word("and") || self.is_sign(Sign::And)) {
                let hint = "write `x between 20 and 30`; both ends are included";
                return Err(Mistake::new(and.at, "`between` wants two numbers with `and` between them", hint));
            }
            self.next += 1;
            let high = self.sum()?;
            let (below, above) = (self.as_number(&low)?, self.as_number(&high)?);
            if let (Some(a), Some(b)) = (self.program.constant(below), self.program.constant(above))
                && a > b
            {
                let what = format!("nothing is between {a} and {b}");
                let hint = format!("the smaller one comes first: `between {b} and {a}`");
                return Err(Mistake::new(low.at.start..high.at.end, what, hint));
            }
            let from = self.compare(left, Compare::GreaterOrEqual, &low)?;
            let to = self.compare(left, Compare::LessOrEqual, &high)?;
            (self.program.step(Step::And(from, to)), high.at.end)
        } else {
            self.one_of(left)?
        };
        Ok(Value::truth(self.unless(not, place), left.at.start..end))
    }

    fn one_of(&mut self, left: &Value) -> Result<(u16, usize), Mistake> {
        let open = self.peek().clone();
        if open.kind != Kind::Sign(Sign::Open) {
            let hint = "write `x in (1, 2, 3)`, or `tag.room in (\"kitchen\", \"bath\")`";
            return Err(Mistake::new(open.at, "`in` wants a list in brackets", hint));
        }
        self.next += 1;
        let mut any = None;
        loop {
            let right = self.other_side(left)?;
            let equal = self.compare(left, Compare::Equal, &right)?;
            any = Some(any.map_or(equal, |any| self.program.step(Step::Or(any, equal))));
            let token = self.peek().clone();
            match token.kind {
                Kind::Sign(Sign::Comma) => self.next += 1,
                Kind::Sign(Sign::Close) => {
                    self.next += 1;
                    return Ok((any.unwrap_or(equal), token.at.end));
                }
                _ => return Err(self.unclosed(&open, &token)),
            }
        }
    }

    /// `becomes true`, `becomes open`, `becomes absent`: the point at which it turned.
    fn becomes(&mut self, value: &Value) -> Result<Value, Mistake> {
        let token = self.peek().clone();
        let set = match self.word_at(&token) {
            Some(word @ ("true" | "false")) if !self.has_state(value, word) => {
                self.next += 1;
                let place = self.as_truth(value)?;
                self.unless(word == "false", place)
            }
            Some(word @ ("absent" | "present")) => {
                self.next += 1;
                let known = self.is_present(value)?;
                self.unless(word == "absent", known)
            }
            Some("not") => {
                let hint = "write `becomes false`, or `(...) becomes true` round what turns";
                return Err(Mistake::new(token.at, "`becomes not` is not in the language", hint));
            }
            _ if matches!(value.what, What::Truth(_)) => {
                let what = format!("`{}` can only become true or false", self.written(value));
                return Err(Mistake::new(token.at, what, "write `becomes true` or `becomes false`"));
            }
            _ => {
                let right = self.other_side(value)?;
                self.compare(value, Compare::Equal, &right)?
            }
        };
        let reset = self.program.step(Step::Not(set));
        let end = self.tokens[self.next - 1].at.end;
        Ok(Value::truth(self.turn(set, reset), value.at.start..end))
    }

    fn turn(&mut self, set: u16, reset: u16) -> u16 {
        self.program.past(super::past::PastSpec::Side, |slot| Step::Turn(set, reset, slot))
    }

    /// `rises above v (back below w)`, `falls below v (back above w)`.
    fn crosses(&mut self, left: &Value) -> Result<Value, Mistake> {
        let verb = self.take();
        let rises = &self.text[verb.at.clone()] == "rises";
        let (to, back) = if rises { ("above", "below") } else { ("below", "above") };
        if !self.take_word(to) {
            let verb = &self.text[verb.at];
            let at = self.peek().at.clone();
            return Err(Mistake::new(at, format!("`{verb}` wants `{to}`"), format!("write `x {verb} {to} 35`")));
        }
        let limit = self.sum()?;
        let how = if rises { Compare::Greater } else { Compare::Less };
        let set = self.compare(left, how, &limit)?;
        let mut end = limit.at.end;
        let mut reset = self.program.step(Step::Not(set));
        if self.is_sign(Sign::Open) && self.word_after(1) == Some("back") {
            let open = self.take();
            self.next += 1;
            if !self.take_word(back) {
                let hint = format!("write `x {} {to} 35 (back {back} 33)`", &self.text[verb.at]);
                return Err(Mistake::new(self.peek().at.clone(), format!("`back` wants `{back}`"), hint));
            }
            let again = self.sum()?;
            self.check_again(&limit, &again, rises)?;
            let how = if rises { Compare::Less } else { Compare::Greater };
            reset = self.compare(left, how, &again)?;
            end = self.close(&open)?.end;
        }
        Ok(Value::truth(self.turn(set, reset), left.at.start..end))
    }

    /// Where it comes back must not lie past the limit.
    fn check_again(&self, limit: &Value, again: &Value, rises: bool) -> Result<(), Mistake> {
        let (a, b) = (self.as_number(limit)?, self.as_number(again)?);
        match (self.program.constant(a), self.program.constant(b)) {
            (Some(limit), Some(back)) if if rises { back > limit } else { back < limit } => {
                let side = if rises { "above" } else { "below" };
                let what = format!("{back}, where it is back, lies {side} {limit}, the limit itself");
                let hint = format!("back {} is at the limit or inside it", if rises { "below" } else { "above" });
                Err(Mistake::new(again.at.clone(), what, hint))
            }
            _ => Ok(()),
        }
    }

    /// What is compared with something: a state in plain words, or a sum.
    fn other_side(&mut self, left: &Value) -> Result<Value, Mistake> {
        let token = self.peek().clone();
        let plain = matches!(token.kind, Kind::Word { plain: true }) && !self.opens_after(1);
        let name = &self.text[token.at.clone()];
        let word = KEYWORDS.contains(&name);
        if plain && matches!(left.what, What::Tag(_)) && !word {
            let what = format!("`{name}` is no text");
            let hint = format!("put it into quotes: `{} = \"{name}\"`", self.written(left));
            return Err(Mistake::new(token.at, what, hint));
        }
        let is_state = self.has_state(left, name);
        let is_channel = self.known.channels.iter().any(|facts| facts.name == name);
        if plain && left.states().is_some() && (is_state || !(is_channel || word)) {
            self.next += 1;
            let name = name.to_owned();
            return self.state(left, &name, &token.at);
        }
        self.sum()
    }

    fn has_state(&self, of: &Value, name: &str) -> bool {
        let facts = of.states().and_then(|place| self.known.channels.get(place));
        facts.is_some_and(|facts| facts.states.iter().any(|state| state == name))
    }

    /// `a < b < c` has another form.
    fn not_chained(&self, left: &Value, value: &Value) -> Result<(), Mistake> {
        let token = self.peek();
        let Kind::Sign(sign) = token.kind else { return Ok(()) };
        if comparison(sign).is_none() {
            return Ok(());
        }
        let middle = self.text[left.at.end..value.at.end].trim_start_matches(['<', '>', '=', '!', ' ']);
        let written = self.written(left);
        let hint = format!(
            "write `{middle} between {written} and ...` (both ends included), or `{} and {middle} {} ...`",
            self.written(value),
            &self.text[token.at.clone()]
        );
        Err(Mistake::new(token.at.clone(), "comparisons do not stand in a row", hint))
    }

    fn sum(&mut self) -> Result<Value, Mistake> {
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

    pub(super) fn unclosed(&self, open: &Token, found: &Token) -> Mistake {
        if found.kind == Kind::End {
            return Mistake::new(open.at.clone(), "this bracket is not closed", "add a `)`");
        }
        self.unexpected(found)
    }

    /// Something stands where a sign, a word of the language or the end should be.
    pub(super) fn unexpected(&self, token: &Token) -> Mistake {
        let written = &self.text[token.at.clone()];
        let (what, hint) = match &token.kind {
            Kind::Sign(Sign::Close) => {
                ("this bracket was never opened".to_owned(), "take it away, or add a `(`".to_owned())
            }
            Kind::Sign(Sign::Comma) => (
                String::from("a comma has no meaning here"),
                "decimals have a point: `2.5`; thousands are `1_000`".into(),
            ),
            Kind::Word { plain: true } => {
                let near = KEYWORDS.iter().copied().find(|word| word.eq_ignore_ascii_case(written));
                let near = near.or_else(|| suggest::nearest(written, KEYWORDS)).filter(|near| *near != written);
                let what = format!("`{written}` cannot stand here");
                match near {
                    Some(near) => (what, format!("did you mean `{near}`?")),
                    None => {
                        (what, "a comparison, `and` or `or` is missing before it; numbers have no units".to_owned())
                    }
                }
            }
            _ => (
                format!("`{written}` cannot stand here"),
                "a comparison, `and` or `or` is missing before it".to_owned(),
            ),
        };
        Mistake::new(token.at.clone(), what, hint)
    }

    /// Something stands where a value should.
    fn no_value(&self, token: &Token) -> Mistake {
        let written = &self.text[token.at.clone()];
        let (what, hint) = match &token.kind {
            Kind::End => {
                ("a value is missing at the end".to_owned(), "a channel, a number or a bracket comes here".to_owned())
            }
            Kind::Length(_) => {
                let what = format!("`{written}` is a length of time, and a number is wanted here");
                (what, "numbers have no units; lengths of time stand in functions: `mean(x, 60s)`".to_owned())
            }
            Kind::Word { .. } => {
                let what = format!("`{written}` is a word of the language, and a value is wanted here");
                (what, format!("a channel of that name stands in backticks: `` `{written}` ``"))
            }
            _ => (
                format!("a value is missing before `{written}`"),
                "a channel, a number or a bracket comes there".to_owned(),
            ),
        };
        Mistake::new(token.at.clone(), what, hint)
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

    fn opens_after(&self, ahead: usize) -> bool {
        self.tokens.get(self.next + ahead).is_some_and(|token| token.kind == Kind::Sign(Sign::Open))
    }

    fn is_or(&self) -> bool {
        self.is_word("or") || self.is_sign(Sign::Or)
    }

    fn is_word(&self, word: &str) -> bool {
        self.word_after(0) == Some(word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let there = self.is_word(word);
        self.next += usize::from(there);
        there
    }

    /// The plain word so many tokens ahead.
    pub(super) fn word_after(&self, ahead: usize) -> Option<&'a str> {
        self.tokens.get(self.next + ahead).and_then(|token| self.word_at(token))
    }

    fn word_at(&self, token: &Token) -> Option<&'a str> {
        matches!(token.kind, Kind::Word { plain: true }).then(|| &self.text[token.at.clone()])
    }
}

fn comparison(sign: Sign) -> Option<Compare> {
    Some(match sign {
        Sign::Less => Compare::Less,
        Sign::LessOrEqual => Compare::LessOrEqual,
        Sign::Greater => Compare::Greater,
        Sign::GreaterOrEqual => Compare::GreaterOrEqual,
        Sign::Equal => Compare::Equal,
        Sign::NotEqual => Compare::NotEqual,
        _ => return None,
    })
}

/// A function that was probably meant.
pub(super) fn function_like(word: &str) -> Option<&'static str> {
    const SAME: [(&str, &str); 12] = [
        ("avg", "mean"),
        ("average", "mean"),
        ("stddev", "std"),
        ("stdev", "std"),
        ("sd", "std"),
        ("prev", "previous"),
        ("diff", "delta"),
        ("change", "delta"),
        ("derivative", "rate"),
        ("slope", "rate"),
        ("total", "sum"),
        ("number", "count"),
    ];
    let small = word.to_lowercase();
    SAME.iter().find(|(other, _)| *other == small).map(|(_, ours)| *ours).or_else(|| suggest::nearest(word, FUNCTIONS))
}
