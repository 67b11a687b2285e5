//! The functions of conditions: what they take, and the steps that they become.

use super::amiss::function_like;
use super::lex::{Kind, Sign, Token};
use super::meaning::{Value, What};
use super::parse::Reader;
use super::past::PastSpec;
use super::program::{Place, Step};
use super::{FUNCTIONS, Mistake, READINGS_MOST, suggest};
use crate::feature::Fold;
use crate::plan::Past;
use crate::time::Span;
use std::ops::Range;

/// What stands in the brackets: values, and how far back it looks.
struct Arguments {
    values: Vec<Value>,
    back: Option<(Past, Range<usize>)>,
    /// From the function's name to its closing bracket.
    at: Range<usize>,
}

impl Reader<'_> {
    /// A function, of which the name was read.
    pub(super) fn call(&mut self, name: &Token) -> Result<Value, Mistake> {
        let function = self.text[name.at.clone()].to_owned();
        if !FUNCTIONS.contains(&function.as_str()) {
            return Err(unknown(&function, &name.at));
        }
        let arguments = self.arguments(name, &function)?;
        match function.as_str() {
            "abs" => self.of_one(&function, &arguments, Step::Abs),
            "sqrt" => self.of_one(&function, &arguments, Step::Root),
            "round" => self.of_one(&function, &arguments, Step::Round),
            "previous" => {
                let of = self.only(&function, &arguments)?;
                let place = self.program.past(PastSpec::Newest, |slot| Step::Lag(of, slot));
                Ok(self.still_a_channel(place, &arguments))
            }
            "delta" => {
                let of = self.only(&function, &arguments)?;
                let before = self.program.past(PastSpec::Newest, |slot| Step::Lag(of, slot));
                self.made(Step::Subtract(of, before), arguments.at)
            }
            "rate" => {
                let of = self.only(&function, &arguments)?;
                let place = self.program.past(PastSpec::Newest, |slot| Step::Rate(of, slot));
                Ok(Value::number(place, arguments.at))
            }
            "lag" => self.lag(&arguments),
            "last" => self.last(&arguments),
            "min" | "max" if arguments.back.is_none() => self.extreme(&function, &arguments),
            _ => self.over_a_past(&function, &arguments),
        }
    }

    fn arguments(&mut self, name: &Token, function: &str) -> Result<Arguments, Mistake> {
        let open = self.take();
        self.deeper()?;
        let mut arguments = Arguments { values: Vec::new(), back: None, at: name.at.clone() };
        if self.is_sign(Sign::Close) {
            let at = name.at.start..self.peek().at.end;
            return Err(Mistake::new(at, format!("`{function}` has nothing in its brackets"), example(function)));
        }
        loop {
            match self.how_far_back(function, arguments.values.len())? {
                Some(back) => arguments.back = Some(back),
                None => arguments.values.push(self.expression()?),
            }
            let token = self.peek().clone();
            match token.kind {
                Kind::Sign(Sign::Comma) if arguments.back.is_none() => drop(self.take()),
                Kind::Sign(Sign::Comma) => {
                    let what = format!("`{function}` takes nothing behind how far it looks back");
                    return Err(Mistake::new(token.at, what, example(function)));
                }
                Kind::Sign(_) | Kind::End => break,
                _ => {
                    let what = format!("`{}` cannot stand here", &self.text[token.at.clone()]);
                    return Err(Mistake::new(token.at, what, "a comma or a `)` is missing before it"));
                }
            }
        }
        arguments.at.end = self.close(&open)?.end;
        self.shallower();
        Ok(arguments)
    }

    /// `60s`, or `50` in second place and before the closing bracket, is how far a function looks back.
    fn how_far_back(&mut self, function: &str, place: usize) -> Result<Option<(Past, Range<usize>)>, Mistake> {
        let looks_back =
            ["min", "max", "range", "mean", "median", "std", "sum", "count", "lag", "last"].contains(&function);
        let token = self.peek().clone();
        if !looks_back || place != 1 {
            return Ok(None);
        }
        match token.kind {
            Kind::Length(span) => {
                self.take();
                if span <= Span::ZERO {
                    let hint = example(function);
                    return Err(Mistake::new(token.at, "the past must be longer than nothing", hint));
                }
                Ok(Some((Past::Span(span), token.at)))
            }
            Kind::Number(_, Some(whole)) if self.closes_after_count(function, &token)? => {
                self.take();
                if self.word_after(0) == Some("readings") {
                    self.take();
                }
                match u32::try_from(whole) {
                    Ok(count @ 1..=READINGS_MOST) => Ok(Some((Past::Count(count), token.at))),
                    _ => {
                        let what = format!("`{function}` cannot look back {whole} readings");
                        let hint = match function {
                            "lag" => format!("from 1 to {READINGS_MOST}; `lag(x, 1)` is `previous(x)`"),
                            "min" | "max" => format!(
                                "from 1 to {READINGS_MOST}, or a length of time; to compare with the number, write `{function}({whole}, x)`"
                            ),
                            _ => format!("from 1 to {READINGS_MOST}, or a length of time: `1h`"),
                        };
                        Err(Mistake::new(token.at, what, hint))
                    }
                }
            }
            Kind::Sign(Sign::Minus) | Kind::Number(..) if !matches!(function, "min" | "max") => {
                let what = format!("how far `{function}` looks back is a whole number of readings or a length of time");
                Err(Mistake::new(token.at, what, example(function)))
            }
            _ if !matches!(function, "min" | "max") => {
                let what = format!("how far `{function}` looks back is written as a number, and always the same");
                Err(Mistake::new(token.at, what, example(function)))
            }
            _ => Ok(None),
        }
    }

    /// Whether a whole number is all of the argument, and of `min` and `max` the last one; `60 s` in two words is a slip.
    fn closes_after_count(&self, function: &str, token: &Token) -> Result<bool, Mistake> {
        match self.word_after(1) {
            Some("readings") => return Ok(true),
            Some(unit) => {
                let joined = format!("{}{unit}", &self.text[token.at.clone()]);
                if Span::parse(&joined).is_ok() {
                    let at = token.at.start..self.after(1).at.end;
                    return Err(Mistake::new(at, "a length of time is one word", format!("write `{joined}`")));
                }
            }
            None => {}
        }
        let of_values = matches!(function, "min" | "max");
        Ok(match self.after(1).kind {
            Kind::Sign(Sign::Close) | Kind::End => true,
            Kind::Sign(Sign::Comma) => !of_values,
            _ => false,
        })
    }

    fn of_one(&mut self, function: &str, arguments: &Arguments, step: fn(Place) -> Step) -> Result<Value, Mistake> {
        let of = self.only(function, arguments)?;
        self.made(step(of), arguments.at.clone())
    }

    /// The one value of a function that takes no more.
    fn only(&mut self, function: &str, arguments: &Arguments) -> Result<Place, Mistake> {
        match &arguments.values[..] {
            [value] => self.as_number(value),
            values => {
                let at = values.get(1).map_or(arguments.at.clone(), |second| second.at.clone());
                let mut hint = example(function);
                if function == "previous" {
                    hint = "for more than one reading back, write `lag(x, 2)`".to_owned();
                }
                Err(Mistake::new(at, format!("`{function}` takes one value"), hint))
            }
        }
    }

    /// A value of the channel, only earlier: it is true or false as the channel is, and has its states.
    fn still_a_channel(&self, place: Place, arguments: &Arguments) -> Value {
        let what = match arguments.values.first().map(|value| &value.what) {
            Some(What::Number { channel, states, .. }) => What::Number { place, channel: *channel, states: *states },
            _ => What::Number { place, channel: false, states: None },
        };
        Value { what, at: arguments.at.clone() }
    }

    fn lag(&mut self, arguments: &Arguments) -> Result<Value, Mistake> {
        let of = self.only("lag", arguments)?;
        let place = match &arguments.back {
            Some((Past::Count(1), _)) => self.program.past(PastSpec::Newest, |slot| Step::Lag(of, slot)),
            Some((Past::Count(count), _)) => self.program.past(PastSpec::Lag(*count), |slot| Step::Lag(of, slot)),
            back => {
                let at = back.as_ref().map_or(arguments.at.clone(), |(_, at)| at.clone());
                return Err(Mistake::new(at, "`lag` wants how many readings back", example("lag")));
            }
        };
        Ok(self.still_a_channel(place, arguments))
    }

    fn last(&mut self, arguments: &Arguments) -> Result<Value, Mistake> {
        let of = self.only("last", arguments)?;
        let Some((Past::Span(span), _)) = arguments.back else {
            let at = arguments.back.as_ref().map_or(arguments.at.clone(), |(_, at)| at.clone());
            return Err(Mistake::new(at, "`last` wants how old a value may be, as a length of time", example("last")));
        };
        let place = self.program.past(PastSpec::Last(span), |slot| Step::Last(of, slot));
        Ok(self.still_a_channel(place, arguments))
    }

    /// The smallest or largest of several values at one point.
    fn extreme(&mut self, function: &str, arguments: &Arguments) -> Result<Value, Mistake> {
        if arguments.values.len() < 2 {
            let what = format!("`{function}` wants several values, or how far it looks back");
            return Err(Mistake::new(arguments.at.clone(), what, example(function)));
        }
        let step = if function == "min" { Step::Least } else { Step::Most };
        let mut least = self.as_number(&arguments.values[0])?;
        for value in &arguments.values[1..] {
            let next = self.as_number(value)?;
            least = self.program.step(step(least, next));
        }
        Ok(Value::number(least, arguments.at.clone()))
    }

    fn over_a_past(&mut self, function: &str, arguments: &Arguments) -> Result<Value, Mistake> {
        let of = self.only(function, arguments)?;
        let Some((past, at)) = arguments.back.clone() else {
            let what = format!("`{function}` wants how far it looks back");
            return Err(Mistake::new(arguments.at.clone(), what, example(function)));
        };
        let fold = match function {
            "sum" => Some(Fold::Sum),
            "min" => Some(Fold::Least),
            "max" => Some(Fold::Most),
            _ => None,
        };
        if function == "range" {
            let [least, most] = [Fold::Least, Fold::Most]
                .map(|fold| self.program.past(PastSpec::Fold(fold, past), |slot| Step::Fold(of, slot)));
            return self.made(Step::Subtract(most, least), arguments.at.clone());
        }
        let place = match fold {
            _ if function == "median" => self.program.past(PastSpec::Median(past), |slot| Step::Median(of, slot)),
            Some(fold) => self.program.past(PastSpec::Fold(fold, past), |slot| Step::Fold(of, slot)),
            None => {
                if function == "count" && matches!(past, Past::Count(_)) {
                    let what = "`count` of a number of readings is that number";
                    return Err(Mistake::new(at, what, example("count")));
                }
                self.rolled(function, of, past)
            }
        };
        Ok(Value::number(place, arguments.at.clone()))
    }

    /// Mean, spread and count of one past share what is kept.
    fn rolled(&mut self, function: &str, of: Place, past: Past) -> Place {
        let take = self.program.past(PastSpec::Rolling(past), |slot| Step::Take(of, slot));
        let Step::Take(_, slot) = self.program.steps[usize::from(take)] else { return take };
        self.program.step(match function {
            "mean" => Step::Mean(take, slot),
            "std" => Step::Std(take, slot),
            _ => Step::Count(take, slot),
        })
    }
}

fn unknown(function: &str, at: &Range<usize>) -> Mistake {
    let what = format!("there is no function `{function}`");
    let hint = match function_like(function) {
        Some(near) => format!("did you mean `{near}`? {}", example(near)),
        None => format!("there are {}", suggest::list(FUNCTIONS)),
    };
    Mistake::new(at.clone(), what, hint)
}

/// How a function is written.
fn example(function: &str) -> String {
    let form = match function {
        "abs" | "sqrt" | "round" | "previous" | "delta" | "rate" => format!("{function}(x)"),
        "lag" => "lag(x, 3)".to_owned(),
        "last" | "count" => format!("{function}(x, 10s)"),
        "min" | "max" => return format!("write `{function}(a, b)`, `{function}(x, 60s)` or `{function}(x, 50)`"),
        _ => return format!("write `{function}(x, 60s)` for a time or `{function}(x, 50)` for readings"),
    };
    format!("write `{form}`")
}
