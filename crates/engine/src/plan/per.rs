//! Whose readings belong together, and what follows from that for where they are worked on.
//!
//! A *group* is the devices that have the same value of a tag (and of the tags around it: a room in a hall), that are
//! listed, or all. Where readings of a group have to meet, its devices share a *key*, and with it a slot and a shard: the key is the
//! widest group that any stage of the plan needs, so all groups of a plan that meet must lie within each other.

use super::Plan;
use crate::series::slot_of;
use serde::{Deserialize, Serialize};

/// Whose readings belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Per {
    /// Each device for itself.
    #[default]
    Device,
    /// The devices that have the same value of this tag.
    Tag(String),
    /// All devices.
    All,
    /// The devices that have the same values of these tags, the widest first: a room in a hall.
    Tags(Vec<String>),
    /// The devices on these lists: the name of each, and who is on it. A device is on one at the most.
    Listed(Vec<(String, Vec<String>)>),
}

impl Per {
    /// The tags that its groups have in common, the widest first.
    pub(super) fn tags(&self) -> &[String] {
        match self {
            Per::Tag(tag) => std::slice::from_ref(tag),
            Per::Tags(tags) => tags,
            _ => &[],
        }
    }

    /// The device that stands for the group of this one (`room=kitchen`, `hall=3,room=7`, `all`, the name of a list); none
    /// where it is in none, or each device is for itself. Who lacks a tag, or has it empty, is in no group.
    pub fn group(&self, device: &str, tags: &[(String, String)]) -> Option<String> {
        match self {
            Per::Device => None,
            Per::All => Some("all".to_owned()),
            Per::Tag(_) | Per::Tags(_) => {
                let mut name = String::new();
                for tag in self.tags() {
                    let (_, value) = tags.iter().find(|(key, value)| key == tag && !value.is_empty())?;
                    let between = if name.is_empty() { "" } else { "," };
                    name.push_str(&format!("{between}{tag}={value}"));
                }
                Some(name)
            }
            Per::Listed(lists) => {
                let is_in =
                    |(name, list): &&(String, Vec<String>)| name == device || list.iter().any(|of| of == device);
                lists.iter().find(is_in).map(|(name, _)| name.clone())
            }
        }
    }

    /// The tags of a device that these are the tags of: those that its group has in common.
    pub fn common<'a>(&self, tags: &'a [(String, String)]) -> Vec<(&'a str, &'a str)> {
        let of =
            |tag: &String| tags.iter().find(|(key, _)| key == tag).map(|(key, value)| (key.as_str(), value.as_str()));
        self.tags().iter().filter_map(of).collect()
    }

    /// Whether a device of this name may stand for a group of these.
    pub fn names(&self, device: &str) -> bool {
        match self {
            Per::Device => false,
            Per::All => device == "all",
            Per::Tag(_) | Per::Tags(_) => {
                let first = self.tags().first();
                first.and_then(|tag| device.strip_prefix(tag.as_str())).is_some_and(|rest| rest.starts_with('='))
            }
            Per::Listed(lists) => lists.iter().any(|(name, _)| name == device),
        }
    }

    /// Whether each of these groups lies within one of `other`, whatever the devices are.
    pub fn lies_within(&self, other: &Per) -> bool {
        match (self, other) {
            (_, Per::All) | (Per::Device, _) => true,
            (Per::Tag(_) | Per::Tags(_), Per::Tag(_) | Per::Tags(_)) => self.tags().starts_with(other.tags()),
            (Per::Listed(_), Per::Listed(_)) => self == other,
            _ => false,
        }
    }
}

impl Plan {
    /// The groups whose readings meet, as they stand in the plan.
    pub fn meetings(&self) -> impl Iterator<Item = &Per> {
        self.operators.iter().filter_map(|operator| operator.meets()).map(|(per, _)| per)
    }

    /// The widest of the groups whose readings meet: devices of one of them share a slot.
    pub fn widest(&self) -> &Per {
        let mut widest = &Per::Device;
        for per in self.meetings() {
            if widest.lies_within(per) {
                widest = per;
            }
        }
        widest
    }

    /// Whether anything depends on the tags of a device.
    pub fn heeds_tags(&self) -> bool {
        self.operators.iter().any(|operator| operator.heeds().next().is_some())
    }

    /// Whether a device whose tags change so starts a new key: it leaves a group for another, or a condition asks for what is
    /// another now. Other tags only describe it.
    pub fn starts_new_key(&self, before: &[(String, String)], after: &[(String, String)]) -> bool {
        let value = |tags: &[(String, String)], asked: &str| {
            let found = tags.iter().find(|(key, value)| key == asked && !value.is_empty());
            found.map(|(_, value)| value.clone())
        };
        let mut heeded = self.operators.iter().flat_map(super::Operator::heeds);
        heeded.any(|tag| value(before, tag) != value(after, tag))
    }

    /// The slot of a device: that of its key.
    pub fn slot(&self, device: &str, tags: &[(String, String)]) -> u8 {
        match self.widest() {
            // In Kafka's words: the key of the message.
            Per::Device => slot_of(device),
            per => slot_of(per.group(device, tags).as_deref().unwrap_or(device)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::{Condition, Known};
    use crate::plan::{AmongSpec, FilterSpec, Operator, Work};
    use crate::time::Span;

    fn tags(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn halls_and_rooms() -> Per {
        Per::Tags(vec!["hall".to_owned(), "room".to_owned()])
    }

    #[test]
    fn a_group_has_the_name_of_what_its_devices_have_in_common() {
        let here = tags(&[("room", "7"), ("hall", "3")]);
        assert_eq!(Per::Device.group("a", &here), None);
        assert_eq!(Per::All.group("a", &[]).as_deref(), Some("all"));
        assert_eq!(Per::Tag("room".into()).group("a", &here).as_deref(), Some("room=7"));
        assert_eq!(halls_and_rooms().group("a", &here).as_deref(), Some("hall=3,room=7"));
        assert_eq!(halls_and_rooms().group("a", &tags(&[("room", "7"), ("hall", "")])), None);
        let listed = Per::Listed(vec![("presses".into(), vec!["a".into(), "b".into()])]);
        assert_eq!(listed.group("b", &[]).as_deref(), Some("presses"));
        assert_eq!(listed.group("presses", &[]).as_deref(), Some("presses"));
        assert_eq!(listed.group("c", &[]), None);
    }

    #[test]
    fn what_stands_for_a_group_has_the_slot_of_its_devices() {
        let here = tags(&[("room", "7"), ("hall", "3")]);
        for per in [Per::All, Per::Tag("room".into()), halls_and_rooms()] {
            let group = per.group("a", &here).unwrap();
            let common: Vec<(String, String)> =
                per.common(&here).into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            assert_eq!(per.group(&group, &common).as_deref(), Some(&*group));
            assert!(per.names(&group));
        }
    }

    #[test]
    fn a_new_key_is_started_by_the_tags_that_something_depends_on() {
        let (fresh, idle) = (Span::from_secs(1), Span::from_secs(1));
        let spec = AmongSpec { per: halls_and_rooms(), give: Vec::new(), fresh, min: 1, idle };
        let operator = Operator { name: "around".into(), on: vec!["heat".into()], work: Work::Among(spec) };
        let plan = Plan { operators: vec![operator], ..Plan::default() };
        let here = tags(&[("hall", "3"), ("room", "7"), ("firmware", "1.2")]);
        assert!(plan.heeds_tags() && !Plan::default().heeds_tags());
        assert!(!plan.starts_new_key(&here, &here));
        assert!(!plan.starts_new_key(&here, &tags(&[("room", "7"), ("hall", "3"), ("firmware", "1.3")])));
        assert!(plan.starts_new_key(&here, &tags(&[("hall", "3"), ("room", "8")])));
        assert!(plan.starts_new_key(&tags(&[("hall", "3"), ("room", "")]), &here));
        assert!(!plan.starts_new_key(&tags(&[("hall", "3"), ("room", "")]), &tags(&[("hall", "3")])));
        let known = Known { channels: &[], resolve: &|name| Ok(name.to_owned()) };
        let when = Condition::parse("tag.firmware = \"1.2\" and heat > 3", &known).unwrap();
        let filter = FilterSpec { when, drop: false, tell: false };
        let operator = Operator { name: "old".into(), on: vec!["heat".into()], work: Work::Filter(filter) };
        let plan = Plan { operators: vec![operator], ..Plan::default() };
        assert!(plan.starts_new_key(&here, &tags(&[("firmware", "1.3")])));
        assert!(!plan.starts_new_key(&here, &tags(&[("firmware", "1.2")])));
    }

    #[test]
    fn groups_lie_within_those_with_fewer_tags() {
        let (hall, room) = (Per::Tag("hall".into()), Per::Tag("room".into()));
        assert!(halls_and_rooms().lies_within(&hall) && hall.lies_within(&Per::All) && Per::Device.lies_within(&room));
        assert!(!room.lies_within(&hall) && !hall.lies_within(&halls_and_rooms()) && !Per::All.lies_within(&room));
        let listed = Per::Listed(vec![("presses".into(), vec!["a".into()])]);
        assert!(listed.lies_within(&listed) && !listed.lies_within(&room));
    }
}
