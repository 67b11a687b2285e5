//! Texts with fields of an output in them: `{"text": "{message}"}`, `ouzel/{noun}/{device}`.
//!
//! A name in braces stands for the field of that name, as the sinks of files write it. Braces around anything else stand
//! for themselves, so that JSON needs no doubling of its own.

use super::live::Delivery;
use crate::fault::Fault;
use serde_json::{Map, Value};

/// A text with fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(String),
}

/// What a field says, and to what end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Inside JSON: what text means there, without its quotes.
    Json,
    /// A level of a topic: what would be read as more than one level becomes `_`.
    Topic,
}

/// The fields of one output.
#[derive(Debug)]
pub struct Fields {
    noun: &'static str,
    key: String,
    map: Map<String, Value>,
}

impl Fields {
    /// The fields of a delivery, and beside them its `noun` and `key`.
    ///
    /// # Errors
    /// It is not one JSON object.
    pub fn of(delivery: &Delivery) -> Result<Fields, Fault> {
        let map = serde_json::from_str(&delivery.json)
            .map_err(|error| Fault::theirs(format!("output {} is no JSON object: {error}", delivery.key)))?;
        Ok(Fields { noun: delivery.noun.name(), key: delivery.key.clone(), map })
    }

    fn push(&self, name: &str, meant: Use, into: &mut String) {
        let text = match name {
            "noun" => self.noun,
            "key" => self.key.as_str(),
            _ => match self.map.get(name) {
                Some(Value::String(text)) => text.as_str(),
                Some(value) if meant == Use::Json || value.is_number() => return into.push_str(&value.to_string()),
                _ if meant == Use::Json => return into.push_str("null"),
                _ => "",
            },
        };
        match meant {
            Use::Json => {
                let quoted = Value::from(text).to_string();
                into.push_str(&quoted[1..quoted.len() - 1]);
            }
            Use::Topic if text.is_empty() => into.push('_'),
            Use::Topic => into.extend(text.chars().map(|c| if "/+#\0".contains(c) { '_' } else { c })),
        }
    }
}

impl Template {
    /// Reads a text.
    pub fn parse(text: &str) -> Template {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            literal.push_str(before);
            match after.split_once('}').filter(|(name, _)| is_name(name)) {
                Some((name, behind)) => {
                    if !literal.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut literal)));
                    }
                    parts.push(Part::Field(name.to_owned()));
                    rest = behind;
                }
                None => {
                    literal.push('{');
                    rest = after;
                }
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Template(parts)
    }

    /// The text for an output. A field that it has not is `null` in JSON and `_` in a topic.
    pub fn fill(&self, fields: &Fields, meant: Use) -> String {
        self.with(|name, into| fields.push(name, meant, into))
    }

    /// The fields it names.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| if let Part::Field(name) = part { Some(name.as_str()) } else { None })
    }

    /// The text with zeros in its places: JSON, if it will be JSON whatever stands there.
    pub fn example(&self) -> String {
        self.with(|_, into| into.push('0'))
    }

    fn with(&self, field: impl Fn(&str, &mut String)) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field(name) => field(name, &mut out),
            }
        }
        out
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::sink::Noun;
    use proptest::prelude::*;

    pub fn delivery(json: &str) -> Delivery {
        Delivery { input: 7, noun: Noun::Alerts, key: "k1".into(), severity: None, json: json.into() }
    }

    fn check(template: &str, json: &str, meant: Use, expected: &str) {
        let fields = Fields::of(&delivery(json)).unwrap();
        assert_eq!(Template::parse(template).fill(&fields, meant), expected, "{template}");
    }

    #[test]
    fn fields_stand_in_json_without_breaking_it() {
        let json = r#"{"message":"say \"so\"\n","value":27.5,"p_value":null,"device":"a"}"#;
        check(
            r#"{"text":"{message}","v":{value},"p":{p_value},"x":{{"a":{b}}}}"#,
            json,
            Use::Json,
            r#"{"text":"say \"so\"\n","v":27.5,"p":null,"x":{{"a":null}}}"#,
        );
        check("{noun} {key} { device} {device", json, Use::Json, "alerts k1 { device} {device");
    }

    #[test]
    fn a_field_in_a_topic_is_one_level() {
        let json = r##"{"device":"hall/3+#","value":2.5,"none":null}"##;
        check("ouzel/{noun}/{device}/{value}/{none}/{x}", json, Use::Topic, "ouzel/alerts/hall_3__/2.5/_/_");
    }

    proptest! {
        #[test]
        fn a_filled_text_is_json_whatever_the_field_says(said in "\\PC{0,12}|[\"\\\\\n\t{}]{0,6}") {
            let json = serde_json::json!({ "message": said }).to_string();
            let fields = Fields::of(&delivery(&json)).unwrap();
            let filled = Template::parse(r#"{"text":"{message}"}"#).fill(&fields, Use::Json);
            let back: Value = serde_json::from_str(&filled).unwrap();
            prop_assert_eq!(&back["text"], &Value::from(said));
        }

        #[test]
        fn any_text_is_a_template(text in "[a{} ]{0,12}") {
            prop_assert_eq!(Template::parse(&text).with(|name, into| into.push_str(&format!("{{{name}}}"))), text);
        }
    }
}
