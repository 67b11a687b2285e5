//! Devices whose tags change, so that they belong to another group: each starts a new key.
//!
//! What it has begun is ended, as if it were retired, and it is declared anew, with the tags that it has now. In the journal both
//! stand before the readings that came with the new tags. Tags that nothing depends on only describe a device; those
//! that it was declared with stay.

use super::Entry;
use super::round::Round;
use crate::control::{Control, Order};
use ouzel_connect::fault::Fault;
use ouzel_connect::source::live::Packet;
use ouzel_engine::plan::Plan;
use ouzel_engine::series::{Declaration, Device, Names, tags_after};
use ouzel_engine::table::Table;

/// Who says in the journal that a device starts a new key.
const BY: &str = "its tags";

/// So many changes are told one by one; of more only each that doubles their number.
const TOLD: u64 = 10;

/// A list of tags, as a device has them.
type Tags = Vec<(String, String)>;

/// A known device that is declared with other tags than it has, if it starts a new key by that, and all tags that it has then.
fn retold(declaration: &Declaration, names: &Names, plan: &Plan) -> Option<(Device, Tags)> {
    let Declaration::Device { name, tags, .. } = declaration else { return None };
    let device = names.find_device(name)?;
    let after = tags_after(names.device_tags(device), tags);
    plan.starts_new_key(names.device_tags(device), &after).then_some((device, after))
}

/// What a device has when a table has another version: what it said itself stands. `before` and `after`: what the versions have
/// for it.
fn with_version(own: &[(String, String)], before: &[(&str, &str)], after: &[(&str, &str)]) -> Tags {
    let find = |tags: &[(&str, &str)], key: &str| {
        let found = tags.iter().find(|(known, value)| *known == key && !value.is_empty());
        found.map(|(_, value)| (*value).to_owned())
    };
    let of_table = |(key, value): &(String, String)| value.is_empty() || find(before, key).as_deref() == Some(value);
    let mut tags: Tags = Vec::new();
    for tag in own {
        match find(after, &tag.0) {
            Some(value) if of_table(tag) => tags.push((tag.0.clone(), value)),
            None if of_table(tag) => {}
            _ => tags.push(tag.clone()),
        }
    }
    for (key, value) in
        after.iter().filter(|(key, value)| !value.is_empty() && !own.iter().any(|(known, _)| known == key))
    {
        tags.push(((*key).to_owned(), (*value).to_owned()));
    }
    tags
}

impl Entry {
    /// Whether a device starts a new key with this packet.
    pub(super) fn moves_somebody(&self, packet: &Packet) -> bool {
        if packet.declarations.is_empty() {
            return false;
        }
        let roll = self.roll.read();
        packet.declarations.iter().any(|declaration| retold(declaration, &roll, &self.config.plan).is_some())
    }

    /// What a source has said of devices: those that start a new key by it do so with this round.
    pub(super) fn heed_tags(&mut self, declarations: &[Declaration], round: &mut Round) {
        for declaration in declarations {
            let retold = retold(declaration, &self.roll.read(), &self.config.plan);
            if let Some((device, tags)) = retold {
                self.start_new_key(device, &tags, round);
            }
        }
    }

    /// A table has another version: its tags are those of the devices now that have not said others themselves.
    pub(super) fn heed_table(&mut self, before: &Table, table: &Table, round: &mut Round) {
        for (name, after) in table.changed_tags(before) {
            let (device, tags) = {
                let roll = self.roll.read();
                let Some(device) = roll.find_device(name) else { continue };
                let own = roll.device_tags(device);
                let tags = with_version(own, &before.tags_of(name), &after);
                if !self.config.plan.starts_new_key(own, &tags) {
                    continue;
                }
                (device, tags)
            };
            self.start_new_key(device, &tags, round);
        }
    }

    fn start_new_key(&mut self, device: Device, tags: &[(String, String)], round: &mut Round) {
        let (name, before) = {
            let roll = self.roll.read();
            (roll.device_name(device).to_owned(), words(roll.device_tags(device)))
        };
        if !self.roll.write().retag(device, tags) {
            self.counters.unmoved.add(1);
            return;
        }
        round.moved.push(device);
        self.counters.moved.add(1);
        let count = self.counters.moved.get();
        if count <= TOLD || count.is_power_of_two() {
            let after = words(tags);
            let times = if count > TOLD { format!(", the {count}th change of tags") } else { String::new() };
            self.notices.note(format!("device `{name}` is {after}, and was {before}: it begins anew{times}"));
        }
    }

    /// Ends what the devices of a round have begun that start a new key with it: their declarations stand behind.
    pub(super) fn write_moves(&mut self, round: &mut Round) -> Result<(), Fault> {
        while let Some(&device) = round.moved.first() {
            let name = self.roll.read().device_name(device).to_owned();
            let what = Order::Retire { device: name.clone(), input: 0 };
            self.control(Control { at: round.now(), by: BY.to_owned(), what })?;
            self.retired.remove(&device);
            self.remembered.set_retired(&name, false);
            round.moved.remove(0);
        }
        Ok(())
    }
}

/// Tags for people: `line=3, room=kitchen`.
fn words(tags: &[(String, String)]) -> String {
    let words: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if words.is_empty() { "without tags".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_says_itself_stands_whatever_a_table_says() {
        let check = |own: &[(&str, &str)], before: &[(&str, &str)], after: &[(&str, &str)], expected: &str| {
            let own: Tags = own.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            assert_eq!(words(&with_version(&own, before, after)), expected, "{own:?} {before:?} {after:?}");
        };
        check(&[("room", "a")], &[("room", "a")], &[("room", "b")], "room=b");
        check(&[("room", "c")], &[("room", "a")], &[("room", "b")], "room=c");
        check(&[("room", "a")], &[], &[("room", "b")], "room=a");
        check(&[("room", "")], &[], &[("room", "b")], "room=b");
        check(&[], &[], &[("room", "b"), ("hall", "")], "room=b");
        check(&[("room", "a"), ("line", "3")], &[("room", "a")], &[], "line=3");
        check(&[("room", "a"), ("line", "3")], &[("room", "a")], &[("room", "")], "line=3");
    }
}
