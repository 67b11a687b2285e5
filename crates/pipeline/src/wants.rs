//! Which outputs a sink takes.

use ouzel_connect::sink::{Noun, Take};
use ouzel_engine::output::{Output, What};
use ouzel_engine::plan::Plan;

/// A sink, as far as the outputs are concerned that it takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Wants {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub take: Take,
    /// People stand behind it: alerts are sent to it by name, and what they silenced is not.
    pub people: bool,
    /// The alert rules that send here, by number.
    rules: Vec<bool>,
    /// The derived channels whose readings it takes, by number.
    said: Vec<bool>,
}

impl Wants {
    /// Of a sink under a plan.
    pub fn new(name: &str, take: &Take, people: bool, plan: &Plan) -> Wants {
        let (name, take) = (name.to_owned(), take.clone());
        let mut wants = Wants { name, take, people, rules: Vec::new(), said: Vec::new() };
        wants.plan(plan);
        wants
    }

    /// The plan has changed.
    pub fn plan(&mut self, plan: &Plan) {
        self.rules = plan.alerts.iter().map(|rule| self.people && rule.send.contains(&self.name)).collect();
        self.said = plan.said.iter().map(|channel| self.take.channels().contains(channel)).collect();
    }

    /// Whether it takes an output.
    pub fn takes(&self, what: &What) -> bool {
        match what {
            What::Reading(said) => self.said.get(usize::from(said.said)) == Some(&true),
            What::Alert(alert) if self.rules.get(usize::from(alert.rule)) == Some(&true) => true,
            _ => Noun::of(what).is_some_and(|noun| self.take.has(noun)),
        }
    }

    /// Whether it takes any alert, and so is to hear of trouble, too.
    pub fn hears_alerts(&self) -> bool {
        self.people && (self.take.has(Noun::Alerts) || self.rules.contains(&true))
    }

    /// How many of these outputs it takes; those that are `quiet` people are not told of.
    pub fn count(&self, outputs: &[Output], quiet: &[u32]) -> u32 {
        let told = |(index, output): &(u32, &Output)| {
            self.takes(&output.what) && !(self.people && quiet.binary_search(index).is_ok())
        };
        (0..).zip(outputs).filter(told).count() as u32
    }
}
