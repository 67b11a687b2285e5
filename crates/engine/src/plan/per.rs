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
    fn tags(&self) -> &[String] {
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
    fn groups_lie_within_those_with_fewer_tags() {
        let (hall, room) = (Per::Tag("hall".into()), Per::Tag("room".into()));
        assert!(halls_and_rooms().lies_within(&hall) && hall.lies_within(&Per::All) && Per::Device.lies_within(&room));
        assert!(!room.lies_within(&hall) && !hall.lies_within(&halls_and_rooms()) && !Per::All.lies_within(&room));
        let listed = Per::Listed(vec![("presses".into(), vec!["a".into()])]);
        assert!(listed.lies_within(&listed) && !listed.lies_within(&room));
    }
}
