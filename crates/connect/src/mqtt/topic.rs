//! Topics that say something: `hall3/{line}/{device}/telemetry`.
//!
//! A name in braces stands for one level and becomes a tag; `{device}` is the device's name, `{channel}` the channel of a
//! message that is a bare number. To the broker it is the filter `hall3/+/+/telemetry`.

/// Topics that a source listens to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// `$share/GROUP/`, or nothing: the broker gives each message to one of the group.
    share: String,
    levels: Vec<Level>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    Text(String),
    Any,
    Device,
    Channel,
    Tag(String),
    /// All further levels; the last one only.
    Rest,
}

/// What a topic says of its messages. Kept and filled again, so that no memory is asked for.
#[derive(Debug, Default)]
pub struct Said {
    /// Empty: nothing.
    pub device: String,
    /// Empty: nothing.
    pub channel: String,
    /// Names and what they stand for.
    pub tags: Vec<(String, String)>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A phrase on what is wrong.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let (share, topic) = match text.strip_prefix("$share/") {
            Some(rest) => match rest.split_once('/') {
                Some((group, topic)) if !group.is_empty() && !group.contains(['+', '#']) => {
                    (format!("$share/{group}/"), topic)
                }
                _ => return Err("is shared by nobody: write $share/GROUP/TOPIC".into()),
            },
            None => (String::new(), text),
        };
        if topic.is_empty() || text.len() > 60_000 || text.contains('\0') {
            return Err("is no topic: write for example hall/{device}/telemetry".into());
        }
        let mut levels = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        let count = topic.split('/').count();
        for (number, level) in topic.split('/').enumerate() {
            let named = level.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            levels.push(match (level, named) {
                ("#", _) if number + 1 == count => Level::Rest,
                ("#", _) => return Err("has a # that is not at its end, where it stands for all that follows".into()),
                ("+", _) => Level::Any,
                (_, Some(name)) => {
                    if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) {
                        return Err(format!("has {level}: a name is made of letters, digits, _ and -"));
                    }
                    if names.contains(&name) {
                        return Err(format!("has {level} twice"));
                    }
                    names.push(name);
                    match name {
                        "device" => Level::Device,
                        "channel" => Level::Channel,
                        tag => Level::Tag(tag.to_owned()),
                    }
                }
                (text, None) if text.contains(['+', '#', '{', '}']) => {
                    return Err(format!("has the level {text:?}: braces, + and # stand for whole levels"));
                }
                (text, None) => Level::Text(text.to_owned()),
            });
        }
        Ok(Pattern { share, levels })
    }

    /// As the broker is told it.
    pub fn filter(&self) -> String {
        let levels = self.levels.iter().map(|level| match level {
            Level::Text(text) => text.as_str(),
            Level::Rest => "#",
            Level::Any | Level::Device | Level::Channel | Level::Tag(_) => "+",
        });
        format!("{}{}", self.share, levels.collect::<Vec<_>>().join("/"))
    }

    /// The names in braces that become tags.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.levels.iter().filter_map(|level| if let Level::Tag(name) = level { Some(name.as_str()) } else { None })
    }

    /// Whether a topic is one of these; if so, what it says.
    pub fn read(&self, topic: &str, said: &mut Said) -> bool {
        let mut levels = self.levels.iter();
        let mut parts = topic.split('/');
        let mut tags = 0;
        said.device.clear();
        said.channel.clear();
        loop {
            let (level, part) = match (levels.next(), parts.next()) {
                (Some(Level::Rest), _) | (None, None) => break,
                (Some(level), Some(part)) => (level, part),
                _ => return false,
            };
            match level {
                Level::Text(text) if text != part => return false,
                Level::Text(_) | Level::Any | Level::Rest => {}
                Level::Device => said.device.push_str(part),
                Level::Channel => said.channel.push_str(part),
                Level::Tag(name) => {
                    put(&mut said.tags, tags, name, part);
                    tags += 1;
                }
            }
        }
        said.tags.truncate(tags);
        true
    }
}

fn put(tags: &mut Vec<(String, String)>, at: usize, name: &str, text: &str) {
    match tags.get_mut(at) {
        Some((old, value)) => {
            old.clear();
            old.push_str(name);
            value.clear();
            value.push_str(text);
        }
        None => tags.push((name.to_owned(), text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(pattern: &str, topic: &str, expected: &str) {
        let said = match Pattern::parse(pattern) {
            Err(why) => why,
            Ok(pattern) => {
                let mut said = Said::default();
                match pattern.read(topic, &mut said) {
                    true => {
                        format!("{} device={} channel={} {:?}", pattern.filter(), said.device, said.channel, said.tags)
                    }
                    false => format!("{} no", pattern.filter()),
                }
            }
        };
        assert_eq!(said, expected, "{pattern} {topic}");
    }

    #[test]
    fn topics_say_what_their_pattern_names() {
        check("hall3/{line}/{device}/data", "hall3/7/p1/data", "hall3/+/+/data device=p1 channel= [(\"line\", \"7\")]");
        check("{device}/{channel}", "p1/heat", "+/+ device=p1 channel=heat []");
        check("a/+/#", "a/b/c/d", "a/+/# device= channel= []");
        check("a/#", "a", "a/# device= channel= []");
        check("$share/ouzel/{device}/up", "p1/up", "$share/ouzel/+/up device=p1 channel= []");
        check("a/{x}", "a/b/c", "a/+ no");
        check("a/{x}/c", "a/b", "a/+/c no");
        check("a/b", "a/c", "a/b no");
        check("/a", "/a", "/a device= channel= []");
    }

    #[test]
    fn patterns_that_cannot_be_say_why() {
        check("", "", "is no topic: write for example hall/{device}/telemetry");
        check("a/#/b", "", "has a # that is not at its end, where it stands for all that follows");
        check("a/b#", "", "has the level \"b#\": braces, + and # stand for whole levels");
        check("a/x-{id}", "", "has the level \"x-{id}\": braces, + and # stand for whole levels");
        check("{a}/{a}", "", "has {a} twice");
        check("{a b}", "", "has {a b}: a name is made of letters, digits, _ and -");
        check("$share/x", "", "is shared by nobody: write $share/GROUP/TOPIC");
    }

    proptest! {
        #[test]
        fn what_is_said_fills_the_pattern(parts in proptest::collection::vec("[a-z0-9 ]{0,5}", 1..6), named in any::<u8>()) {
            let pattern: Vec<String> = parts
                .iter()
                .enumerate()
                .map(|(i, part)| if named >> i & 1 == 1 { format!("{{n{i}}}") } else { part.clone() })
                .collect();
            if let Ok(pattern) = Pattern::parse(&pattern.join("/")) {
                let mut said = Said::default();
                prop_assert!(pattern.read(&parts.join("/"), &mut said));
                for (name, text) in &said.tags {
                    let at: usize = name[1..].parse().unwrap();
                    prop_assert_eq!(text, &parts[at]);
                }
            }
        }

        #[test]
        fn any_pattern_and_any_topic_are_taken_without_harm(pattern in "[a/+#{}$share]{0,16}", topic in "[a/+#{}$]{0,16}") {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                pattern.read(&topic, &mut Said::default());
                prop_assert!(rumqttc::valid_filter(&pattern.filter()));
            }
        }
    }
}
