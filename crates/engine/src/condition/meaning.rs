//! What the words of a condition are worth: numbers, truths, texts and tags, and which of them go together.

use super::Mistake;
use super::parse::Reader;
use super::program::{Place, Step};
use super::suggest;
use std::ops::Range;

/// Something that was read, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) what: What,
    pub(super) at: Range<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// A number. `channel` where it is a value of a channel, now or earlier; then `states` is the place of that
    /// channel among those of which facts are known.
    Number {
        place: Place,
        channel: bool,
        states: Option<usize>,
    },
    Truth(Place),
    Text(String),
    /// A tag of the device.
    Tag(String),
}

/// How two things are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

impl Value {
    pub(super) fn number(place: Place, at: Range<usize>) -> Value {
        Value { what: What::Number { place, channel: false, states: None }, at }
    }

    pub(super) fn truth(place: Place, at: Range<usize>) -> Value {
        Value { what: What::Truth(place), at }
    }

    /// The place of the channel whose states it has.
    pub(super) fn states(&self) -> Option<usize> {
        match self.what {
            What::Number { states, .. } => states,
            _ => None,
        }
    }
}

impl<'a> Reader<'a> {
    /// As it was written.
    pub(super) fn written(&self, value: &Value) -> &'a str {
        self.text.get(value.at.clone()).unwrap_or_default()
    }

    /// A value where a number is wanted.
    pub(super) fn as_number(&self, value: &Value) -> Result<Place, Mistake> {
        let written = self.written(value);
        match &value.what {
            What::Number { place, .. } => Ok(*place),
            What::Truth(_) => Err(Mistake::new(
                value.at.clone(),
                format!("`{written}` is true or false, and a number is wanted here"),
                "compare numbers first, and join what comes of it by `and` and `or`",
            )),
            What::Text(_) => Err(Mistake::new(
                value.at.clone(),
                format!("`{written}` is a text, and a number is wanted here"),
                "texts can only be equal to a channel with states, or to a tag",
            )),
            What::Tag(tag) => Err(Mistake::new(
                value.at.clone(),
                format!("`{written}` is a tag, whose values are texts, and a number is wanted here"),
                format!("compare it with a text: `tag.{tag} = \"...\"`"),
            )),
        }
    }

    /// A value where something true or false is wanted.
    pub(super) fn as_truth(&mut self, value: &Value) -> Result<Place, Mistake> {
        let written = self.written(value);
        let wrong = |what: &str, hint: String| {
            let what = format!("`{written}` is {what}, and something true or false is wanted here");
            Err(Mistake::new(value.at.clone(), what, hint))
        };
        match &value.what {
            What::Truth(place) => Ok(*place),
            What::Number { place, channel: true, .. } => Ok(self.program.step(Step::Holds(*place))),
            What::Number { .. } => wrong("a number", format!("compare it, as in `{written} > 0`")),
            What::Text(_) => wrong("a text", format!("compare a channel with it, as in `door = {written}`")),
            What::Tag(_) => wrong("a tag", format!("compare it with a text: `{written} = \"...\"`")),
        }
    }

    /// Whether two values are one below, at or above the other.
    pub(super) fn compare(&mut self, left: &Value, how: Compare, right: &Value) -> Result<Place, Mistake> {
        match (&left.what, &right.what) {
            (What::Tag(tag), What::Text(text)) | (What::Text(text), What::Tag(tag)) => {
                self.only_equal(left, how, right)?;
                let equal = self.program.tag(tag, Some(text));
                Ok(self.unless(how == Compare::NotEqual, equal))
            }
            (What::Tag(tag), _) | (_, What::Tag(tag)) => {
                let other = if matches!(left.what, What::Tag(_)) { right } else { left };
                let what = format!("`tag.{tag}` is a text, and `{}` is none", self.written(other));
                let inside = self.written(other).trim_matches('`');
                let hint = format!("put the text into quotes: `tag.{tag} = \"{inside}\"`");
                Err(Mistake::new(other.at.clone(), what, hint))
            }
            (What::Text(_), What::Text(_)) => Err(Mistake::new(
                left.at.start..right.at.end,
                "two texts are compared, which are the same on every day",
                "one side is a channel with states, or a tag: `tag.room = \"kitchen\"`",
            )),
            (What::Number { .. }, What::Text(text)) => {
                self.only_equal(left, how, right)?;
                let state = self.state(left, text, &right.at)?;
                self.ordered(left, how, &state)
            }
            (What::Text(text), What::Number { .. }) => {
                self.only_equal(left, how, right)?;
                let state = self.state(right, text, &left.at)?;
                self.ordered(&state, how, right)
            }
            (What::Truth(_), _) | (_, What::Truth(_)) => {
                self.only_equal(left, how, right)?;
                let (a, b) = (self.as_truth(left)?, self.as_truth(right)?);
                let same = self.program.step(Step::Same(a, b));
                Ok(self.unless(how == Compare::NotEqual, same))
            }
            _ => self.ordered(left, how, right),
        }
    }

    fn ordered(&mut self, left: &Value, how: Compare, right: &Value) -> Result<Place, Mistake> {
        let (a, b) = (self.as_number(left)?, self.as_number(right)?);
        Ok(match how {
            Compare::Less => self.program.step(Step::Less(a, b)),
            Compare::LessOrEqual => self.program.step(Step::LessOrEqual(a, b)),
            Compare::Greater => self.program.step(Step::Less(b, a)),
            Compare::GreaterOrEqual => self.program.step(Step::LessOrEqual(b, a)),
            Compare::Equal | Compare::NotEqual => {
                let equal = self.program.step(Step::Equal(a.min(b), a.max(b)));
                self.unless(how == Compare::NotEqual, equal)
            }
        })
    }

    /// Its opposite, where asked.
    pub(super) fn unless(&mut self, turned: bool, place: Place) -> Place {
        if turned { self.program.step(Step::Not(place)) } else { place }
    }

    fn only_equal(&self, left: &Value, how: Compare, right: &Value) -> Result<(), Mistake> {
        if matches!(how, Compare::Equal | Compare::NotEqual) {
            return Ok(());
        }
        let odd = if matches!(left.what, What::Number { .. }) { right } else { left };
        let what = match odd.what {
            What::Truth(_) => format!("`{}` is true or false; it has no more and less", self.written(odd)),
            _ => format!("`{}` is a text; it has no more and less", self.written(odd)),
        };
        let hint = match odd.what {
            What::Truth(_) => "compare numbers, and join what comes of it by `and`; or use `=` and `!=`",
            _ => "texts are compared by `=` and `!=`; a number stands without quotes",
        };
        Err(Mistake::new(odd.at.clone(), what, hint))
    }

    /// The number of a state, as a value.
    pub(super) fn state(&mut self, of: &Value, name: &str, at: &Range<usize>) -> Result<Value, Mistake> {
        let written = self.written(of);
        let Some(facts) = of.states().and_then(|place| self.known.channels.get(place)) else {
            let mistake = match of.what {
                What::Number { channel: true, .. } if written.contains('.') && !written.contains('`') => Mistake::new(
                    at.clone(),
                    format!("`{written}` is a number, and {name:?} is a text"),
                    "results of windows and filters have no names for states: compare with the number of the state, from 0 on",
                ),
                What::Number { channel: true, .. } => Mistake::new(
                    at.clone(),
                    format!("`{written}` has no states, so it cannot be compared with a text"),
                    format!("say which: `[channel.{written}]` with `states = [\"...\", \"{name}\"]`"),
                ),
                _ => Mistake::new(
                    at.clone(),
                    format!("`{written}` is a number, and {name:?} is a text"),
                    "only channels with states, and tags, are compared with texts",
                ),
            };
            return Err(mistake);
        };
        match facts.states.iter().position(|state| state == name) {
            Some(number) => Ok(Value::number(self.program.step(Step::Number(number as f64)), at.clone())),
            None => {
                let all = suggest::list(facts.states.iter().map(String::as_str));
                let near = suggest::nearest(name, facts.states.iter().map(String::as_str));
                let hint = match near {
                    Some(near) => format!("did you mean `{near}`? its states: {all}"),
                    None => format!("its states: {all}"),
                };
                Err(Mistake::new(at.clone(), format!("`{written}` has no state `{name}`"), hint))
            }
        }
    }
}
