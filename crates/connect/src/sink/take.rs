//! What a sink takes: nouns, and derived channels by name.
//!
//! Readings of a derived channel come out once, however many sinks name it; each sink gets those that it named.

use super::Noun;
use ouzel_engine::output::{Output, What};
use ouzel_engine::plan::Plan;

/// What a sink takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Take {
    nouns: Vec<Noun>,
    channels: Vec<String>,
}

impl Take {
    /// These nouns, and the readings of these derived channels.
    pub fn new(nouns: &[Noun], channels: &[String]) -> Take {
        let readings = (!channels.is_empty() && !nouns.contains(&Noun::Readings)).then_some(Noun::Readings);
        Take { nouns: nouns.iter().copied().chain(readings).collect(), channels: channels.to_vec() }
    }

    /// The nouns, readings among them where a channel is named.
    pub fn nouns(&self) -> &[Noun] {
        &self.nouns
    }

    /// The derived channels.
    pub fn channels(&self) -> &[String] {
        &self.channels
    }

    /// Whether some outputs of this noun are taken.
    pub fn has(&self, noun: Noun) -> bool {
        self.nouns.contains(&noun)
    }

    /// Whether an output of this plan is taken.
    pub fn takes(&self, output: &Output, plan: &Plan) -> bool {
        match &output.what {
            What::Reading(said) => {
                plan.said.get(usize::from(said.said)).is_some_and(|channel| self.channels.contains(channel))
            }
            what => Noun::of(what).is_some_and(|noun| self.has(noun)),
        }
    }
}

impl From<&[Noun]> for Take {
    fn from(nouns: &[Noun]) -> Take {
        Take::new(nouns, &[])
    }
}

impl<const N: usize> From<&[Noun; N]> for Take {
    fn from(nouns: &[Noun; N]) -> Take {
        Take::new(nouns, &[])
    }
}

impl From<Vec<Noun>> for Take {
    fn from(nouns: Vec<Noun>) -> Take {
        Take { nouns, channels: Vec::new() }
    }
}
