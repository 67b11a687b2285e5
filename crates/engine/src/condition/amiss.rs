//! What is told of words that stand where they cannot, with what was probably meant.

use super::lex::{Kind, Sign, Token};
use super::parse::Reader;
use super::{FUNCTIONS, KEYWORDS, Mistake, suggest};

impl Reader<'_> {
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
    pub(super) fn no_value(&self, token: &Token) -> Mistake {
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
}

/// A function that was probably meant.
pub(super) fn function_like(word: &str) -> Option<&'static str> {
    const SAME: [(&str, &str); 15] = [
        ("avg", "mean"),
        ("average", "mean"),
        ("middle", "median"),
        ("p50", "median"),
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
        ("spread", "range"),
    ];
    let small = word.to_lowercase();
    SAME.iter().find(|(other, _)| *other == small).map(|(_, ours)| *ours).or_else(|| suggest::nearest(word, FUNCTIONS))
}
