//! `give`: what a window says of its readings: `mean`, `p95`, `share_open`, `anomalies_spike`, `battery.last`.
//!
//! An entry may be for some of the channels only: because it names one, because only one has such a state, or because the
//! detector whose anomalies it counts is on that one. Channels that get the same are one operator, others get their own.

use super::detector::Detector;
use super::place::{Findings, Place};
use super::suggest;
use super::tree::{At, Table};
use super::window::Input;
use ouzel_engine::plan::{ChannelFacts, Given, Statistic, Work};

/// An entry of a `give`.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The word in channel names and output.
    pub(crate) word: String,
    pub(crate) place: Place,
    /// The channel before the word, as it was written.
    pub(crate) named: Option<At<String>>,
    pub(crate) what: Wanted,
    /// The channels it is for, by their names in the plan; `None`: all.
    only: Option<Vec<String>>,
}

/// What an entry stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wanted {
    /// The same for every channel.
    Plain(Statistic),
    /// A state, by its name or number: which number it is depends on the channel.
    Share(String),
    /// The anomalies of a detector.
    Anomalies(String),
}

impl Entry {
    fn new(word: &str, place: Place, named: Option<At<String>>, what: Wanted) -> Entry {
        Entry { word: word.to_owned(), place, named, what, only: None }
    }

    /// Whether it is for this channel.
    pub(crate) fn is_of(&self, channel: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|one| one == channel))
    }

    /// A statistic of its kind, to ask what it needs and what it can.
    pub(crate) fn kind(&self) -> Statistic {
        match self.what {
            Wanted::Plain(statistic) => statistic,
            Wanted::Share(_) => Statistic::Share(0),
            Wanted::Anomalies(_) => Statistic::Anomalies(0),
        }
    }
}

/// What a window gives where nobody says what.
pub(crate) fn usual() -> Vec<Entry> {
    Statistic::USUAL.iter().map(|&what| Entry::new(&what.name(), 0..0, None, Wanted::Plain(what))).collect()
}

/// Reads the setting. What is wrong in it is left out, and where all of it is, nothing is complained about again.
pub(crate) fn read(table: &mut Table<'_, '_>) -> Vec<Entry> {
    let Some(texts) = table.texts("give") else {
        return if table.has("give") { Vec::new() } else { usual() };
    };
    texts.iter().filter_map(|text| entry(text, table.found)).collect()
}

fn entry(text: &At<String>, found: &mut Findings) -> Option<Entry> {
    let (channel, word) = match text.what.rsplit_once('.') {
        Some((channel, word)) if !is_quantile_with_a_point(&text.what) => (Some(channel), word),
        _ => (None, text.what.as_str()),
    };
    if let Some("") = channel {
        found.problem(
            &text.place,
            format!("`{}` names no channel", text.what),
            format!("write \"{word}\" for all channels"),
        );
        return None;
    }
    let named = channel.map(|channel| At { what: channel.to_owned(), place: text.place.clone() });
    match wanted(word) {
        Ok(what) => Some(Entry::new(word, text.place.clone(), named, what)),
        Err((message, hint)) => {
            found.problem(&text.place, message, hint);
            None
        }
    }
}

fn is_quantile_with_a_point(text: &str) -> bool {
    text.strip_prefix('p').is_some_and(|rest| rest.contains('.') && rest.parse::<f64>().is_ok())
}

fn wanted(word: &str) -> Result<Wanted, (String, String)> {
    if let Some((_, statistic)) = Statistic::NAMED.iter().find(|named| named.0 == word) {
        return Ok(Wanted::Plain(*statistic));
    }
    if word == "median" {
        return Ok(Wanted::Plain(Statistic::Quantile(50_000)));
    }
    if let Some(digits) = word.strip_prefix('p').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        return quantile(word, digits).map(|parts| Wanted::Plain(Statistic::Quantile(parts)));
    }
    if let Some(state) = word.strip_prefix("share_").filter(|state| !state.is_empty()) {
        if !is_simple(state) {
            let hint = "write the number of the state: share_0, share_1, …".to_owned();
            return Err((format!("`{state}` cannot be a part of a channel's name"), hint));
        }
        return Ok(Wanted::Share(state.to_owned()));
    }
    if let Some(detector) = word.strip_prefix("anomalies_").filter(|name| !name.is_empty()) {
        return Ok(Wanted::Anomalies(detector.to_owned()));
    }
    let mut known: Vec<&str> = Statistic::NAMED.iter().map(|named| named.0).collect();
    known.extend(["median", "p95", "share_STATE", "anomalies_DETECTOR"]);
    let meant = OTHER_WORDS.iter().find(|other| other.0 == word).map(|other| other.1);
    let near = meant
        .or_else(|| suggest::nearest(word, &known))
        .map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    // All of them: nobody can guess them, and they are the page of the manual in short.
    Err((format!("`give` cannot be `{word}`"), format!("{near}known here: {}", known.join(", "))))
}

/// What others call them.
const OTHER_WORDS: [(&str, &str); 10] = [
    ("avg", "mean"),
    ("average", "mean"),
    ("stddev", "std"),
    ("stdev", "std"),
    ("sd", "std"),
    ("var", "variance"),
    ("total", "sum"),
    ("n", "count"),
    ("twa", "time_mean"),
    ("duty", "share_STATE"),
];

/// Names become columns, keys of JSON and levels of topics.
fn is_simple(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// `95`, `99_9`: percent with up to three digits behind the `_`, in hundred-thousandths.
pub(crate) fn quantile(word: &str, digits: &str) -> Result<u32, (String, String)> {
    if digits.contains('.') {
        let hint = format!("write {}", word.replace('.', "_"));
        return Err((format!("`{word}` has a point, which would part the names of channels"), hint));
    }
    let (whole, rest) = digits.split_once('_').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number(whole) && is_number(rest) && whole.len() <= 3 && rest.len() <= 3 && !digits.ends_with('_') {
        let parts: u32 = format!("{whole}{rest:0<3}").parse().unwrap_or(u32::MAX);
        match parts {
            1..100_000 => return Ok(parts),
            0 => return Err((format!("`{word}` is the smallest value"), "write `min`".to_owned())),
            100_000 => return Err((format!("`{word}` is the largest value"), "write `max`".to_owned())),
            _ => {}
        }
    }
    let hint = "write percent above 0 and below 100: p5, p95, p99_9".to_owned();
    Err((format!("`{word}` is no quantile"), hint))
}

/// Finds out which channels each entry is for. `named` are the channels that entries name, as the plan has them.
pub(crate) fn settle(
    entries: &mut [Entry],
    named: &[Option<Input>],
    over: &[Input],
    facts: &[ChannelFacts],
    detectors: &[(String, Vec<String>)],
    found: &mut Findings,
) {
    if over.is_empty() {
        return;
    }
    for (entry, named) in entries.iter_mut().zip(named) {
        let among: Vec<&str> = over.iter().map(|input| input.name.as_str()).collect();
        let mut only: Vec<String> = match named {
            Some(named) if !among.contains(&named.name.as_str()) => {
                let message = format!("`{}` is not in `over`", named.name);
                found.problem(&entry.place, message, suggest::hint(&named.name, &among));
                // It has been told; nobody is to complain of it again.
                among.iter().map(|name| (*name).to_owned()).collect()
            }
            Some(named) => vec![named.name.clone()],
            None => among.iter().map(|name| (*name).to_owned()).collect(),
        };
        if let Wanted::Share(state) = &entry.what {
            let all = only.clone();
            only.retain(|channel| number_of(state, channel, facts).is_some());
            if only.is_empty() {
                lacks_state(state, &all, &entry.place, facts, found);
                only = all;
            }
        }
        if let Wanted::Anomalies(name) = &entry.what
            && let Some((_, on)) = detectors.iter().find(|(detector, _)| detector == name)
            && only.iter().any(|channel| on.contains(channel))
        {
            only.retain(|channel| on.contains(channel));
        }
        entry.only = Some(only);
    }
    for channel in over {
        if !entries.is_empty() && !entries.iter().any(|entry| entry.is_of(&channel.name)) {
            let message = format!("`give` has nothing for `{}`", channel.name);
            found.problem(
                &channel.place,
                message,
                "leave it out, or add a statistic of all channels, such as \"mean\"",
            );
        }
    }
}

/// The number of a state of a channel.
fn number_of(state: &str, channel: &str, facts: &[ChannelFacts]) -> Option<u16> {
    let states = facts.iter().find(|facts| facts.name == channel).map_or(&[][..], |facts| &facts.states);
    let named = states.iter().position(|name| name == state).and_then(|place| u16::try_from(place).ok());
    named.or_else(|| state.parse().ok())
}

fn lacks_state(state: &str, channels: &[String], place: &Place, facts: &[ChannelFacts], found: &mut Findings) {
    let of = facts.iter().filter(|facts| channels.contains(&facts.name));
    let states: Vec<&str> = of.flat_map(|facts| facts.states.iter().map(String::as_str)).collect();
    let hint = match (channels, states.is_empty()) {
        (_, false) => suggest::hint(state, &states),
        ([channel, ..], true) => {
            format!(
                "name its states in [channel.{channel}]: states = [\"{state}\", \"…\"]; or write the number: share_1"
            )
        }
        ([], true) => "write the number of the state: share_1".to_owned(),
    };
    let whose = if let [channel] = channels { format!("`{channel}` has") } else { "no channel here has".to_owned() };
    let not = if channels.len() == 1 { "no state" } else { "a state" };
    found.problem(place, format!("{whose} {not} `{state}`"), hint);
}

/// Notes what is wrong with the detectors whose anomalies are counted. Gives those that are, by their number, and where
/// they were named.
pub(crate) fn counted<'e>(
    entries: &'e [Entry],
    over: &[Input],
    detectors: &[Detector],
    found: &mut Findings,
) -> Vec<(usize, &'e Place)> {
    let mut counted = Vec::new();
    for entry in entries {
        let Wanted::Anomalies(name) = &entry.what else { continue };
        let Some(number) = detectors.iter().position(|detector| detector.name.what == *name) else {
            let known: Vec<&str> = detectors.iter().map(|detector| detector.name.what.as_str()).collect();
            found.problem(&entry.place, format!("no detector is called `{name}`"), suggest::hint(name, &known));
            continue;
        };
        let detector = &detectors[number];
        let is_missing = |work: &Work| matches!(work, Work::Silence(..) | Work::MissingRate(..) | Work::RangeFault(_));
        if detector.operators.iter().any(|operator| is_missing(&operator.work)) {
            let message = format!("`detector.{name}` finds what is missing, and that is in no window");
            found.problem(&entry.place, message, "count bad readings with `bad`, and absent ones with `missing`");
            continue;
        }
        let on: Vec<&str> = detector.on.iter().map(|input| input.name.as_str()).collect();
        let shared = over.iter().any(|input| entry.is_of(&input.name) && on.contains(&input.name.as_str()));
        if !shared && !on.is_empty() && !over.is_empty() {
            let message = format!("`detector.{name}` is on none of the channels that this window is over");
            found.problem(&entry.place, message, format!("it is on: {}", suggest::list(&on)));
            continue;
        }
        counted.push((number, &entry.place));
    }
    counted
}

/// What a window gives of one channel, and the detectors that it counts for it.
pub(crate) fn of_channel(
    entries: &[Entry],
    channel: &str,
    facts: &[ChannelFacts],
    detectors: &[Detector],
) -> (Vec<Given>, Vec<String>) {
    let (mut give, mut counts): (Vec<Given>, Vec<String>) = (Vec::new(), Vec::new());
    for entry in entries.iter().filter(|entry| entry.is_of(channel)) {
        let what = match &entry.what {
            Wanted::Plain(statistic) => *statistic,
            Wanted::Share(state) => match number_of(state, channel, facts) {
                Some(number) => Statistic::Share(number),
                None => continue,
            },
            Wanted::Anomalies(name) => {
                let is_on = |detector: &&Detector| detector.on.iter().any(|on| on.name == channel);
                if !detectors.iter().filter(|detector| detector.name.what == *name).any(|detector| is_on(&detector)) {
                    continue;
                }
                let place = counts.iter().position(|known| known == name).unwrap_or_else(|| {
                    counts.push(name.clone());
                    counts.len() - 1
                });
                Statistic::Anomalies(place as u16)
            }
        };
        if give.iter().all(|known| known.name != entry.word) {
            give.push(Given { name: entry.word.clone(), what });
        }
    }
    (give, counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_statistics_quantiles_states_and_detectors() {
        let q = |parts| Some(Wanted::Plain(Statistic::Quantile(parts)));
        for (word, what) in [
            ("mean", Some(Wanted::Plain(Statistic::Mean))),
            ("time_mean", Some(Wanted::Plain(Statistic::TimeMean))),
            ("median", q(50_000)),
            ("p50", q(50_000)),
            ("p95", q(95_000)),
            ("p5", q(5_000)),
            ("p05", q(5_000)),
            ("p99_9", q(99_900)),
            ("p99_999", q(99_999)),
            ("p0_001", q(1)),
            ("p0", None),
            ("p100", None),
            ("p99_9999", None),
            ("p99_", None),
            ("p101", None),
            ("p4294967295", None),
            ("percent", None),
            ("share_open", Some(Wanted::Share("open".to_owned()))),
            ("share_", None),
            ("share_half \"open\"", None),
            ("anomalies_spike", Some(Wanted::Anomalies("spike".to_owned()))),
            ("means", None),
        ] {
            assert_eq!(wanted(word).ok(), what, "{word}");
        }
    }
}
