//! What can be said of a value: how it compares, among which values it is, whether it is there, and whether it turned.

use super::lex::{Kind, Sign};
use super::meaning::{Compare, Value, What};
use super::parse::Reader;
use super::past::PastSpec;
use super::program::{Place, Step};
use super::{KEYWORDS, Mistake};

impl Reader<'_> {
    /// `x`, or what is said of it.
    pub(super) fn claim(&mut self) -> Result<Value, Mistake> {
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
            _ => {
                self.a_state_or_known(left)?;
                self.equal_or_ordered(left, if not { Compare::NotEqual } else { Compare::Equal })
            }
        }
    }

    fn is_present(&mut self, value: &Value) -> Result<Place, Mistake> {
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

    fn one_of(&mut self, left: &Value) -> Result<(Place, usize), Mistake> {
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
                self.a_state_or_known(value)?;
                let right = self.other_side(value)?;
                self.compare(value, Compare::Equal, &right)?
            }
        };
        let reset = self.program.step(Step::Not(set));
        let end = self.tokens[self.next - 1].at.end;
        Ok(Value::truth(self.turn(set, reset), value.at.start..end))
    }

    fn turn(&mut self, set: Place, reset: Place) -> Place {
        self.program.past(PastSpec::Side, |slot| Step::Turn(set, reset, slot))
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
        } else if self.is_sign(Sign::Open) {
            let hint = format!("write `(back {back} ...)` for where it is armed again");
            return Err(Mistake::new(self.peek().at.clone(), "this bracket has no meaning here", hint));
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

    /// `switch is on`, where nobody has said which states there are, would be compared with a channel `on`, and never be known.
    fn a_state_or_known(&self, left: &Value) -> Result<(), Mistake> {
        let token = self.peek();
        let name = &self.text[token.at.clone()];
        let plain =
            matches!(token.kind, Kind::Word { plain: true }) && !self.opens_after(1) && !KEYWORDS.contains(&name);
        let is_channel = self.known.channels.iter().any(|facts| facts.name == name);
        if !plain || is_channel || left.states().is_some() || !matches!(left.what, What::Number { .. }) {
            return Ok(());
        }
        let written = self.written(left);
        let hint = match left.what {
            What::Number { channel: true, .. } if !written.contains('.') => format!(
                "say which: `[channel.{written}]` with `states = [\"...\", \"{name}\"]`; a channel is compared by `=`"
            ),
            _ => format!("to compare it with a channel, write `{written} = {name}`"),
        };
        Err(Mistake::new(token.at.clone(), format!("`{written}` has no state `{name}`"), hint))
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
