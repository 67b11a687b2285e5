//! Readings that meet: `[feature.NAME]` with `per`, what the devices of a group say together; and `[join.NAME]` of streams, readings of
//! one channel with their partners of another.

use super::give;
use super::group::{self, Group};
use super::place::Findings;
use super::results::Results;
use super::sections::Section;
use super::suggest;
use super::tree::{At, Table};
use super::window::Input;
use ouzel_engine::plan::{
    Among, AmongGiven, AmongSpec, ChannelFacts, How, IDLE, JoinSpec, Operator, Paired, Per, Work,
};
use ouzel_engine::time::Span;

/// A section as it was read. What could not be read is left open, so that one mistake is one problem.
#[derive(Debug)]
pub(crate) struct Meet {
    pub(crate) name: At<String>,
    /// The channels; empty if they could not be read.
    pub(crate) on: Vec<Input>,
    /// The channel of the partners, and what it means once that is looked up.
    pub(crate) with: Option<At<String>>,
    pub(crate) asks: Vec<Input>,
    /// Whose readings meet.
    pub(crate) per: At<Per>,
    /// The words for what it gives, and where each was asked for; empty if they could not be read.
    pub(crate) words: Vec<At<String>>,
    what: What,
    idle: Span,
}

#[derive(Debug)]
enum What {
    /// How old a device's newest value may be, if it was said, and how many devices must take part.
    Among {
        fresh: Option<Span>,
        min: u32,
    },
    Join {
        of: Option<String>,
        how: How,
        tolerance: Option<Span>,
    },
}

/// What a word of `give` stands for.
enum Wanted {
    Plain(Among),
    /// Those that have this state; their share if it is one.
    State(String, bool),
}

const AMONG: [(&str, Among); 11] = [
    ("count", Among::Count),
    ("sum", Among::Sum),
    ("mean", Among::Mean),
    ("std", Among::Std),
    ("min", Among::Min),
    ("max", Among::Max),
    ("range", Among::Range),
    ("median", Among::Quantile(50_000)),
    ("count_true", Among::CountTrue),
    ("share_true", Among::ShareTrue),
    ("residual", Among::Residual),
];

const HOWS: [(&str, How); 3] = [("as-of", How::AsOf), ("nearest", How::Nearest), ("interval", How::Interval)];

impl Meet {
    /// Whether it is a join.
    pub(crate) fn is_join(&self) -> bool {
        matches!(self.what, What::Join { .. })
    }

    /// Whether all partners are of one device, that is named.
    pub(crate) fn is_of_one(&self) -> bool {
        matches!(self.what, What::Join { of: Some(_), .. })
    }

    /// The kind of its section.
    pub(crate) fn word(&self) -> &'static str {
        if self.is_join() { "join" } else { "feature" }
    }

    /// What it gives, for those who look for a name.
    pub(crate) fn results(&self) -> Results<'_> {
        let words = self.words.iter().map(|word| word.what.as_str()).collect();
        Results { kind: self.word(), name: &self.name.what, on: &self.on, words }
    }

    /// Its operators: one for all channels, or several where their states have other numbers.
    pub(crate) fn operators(&self, facts: &[ChannelFacts]) -> Vec<Operator> {
        let operator = |on: Vec<String>, work| Operator { name: self.name.what.clone(), on, work };
        let (per, idle) = (self.per.what.clone(), self.idle);
        match &self.what {
            What::Join { of, how, tolerance } => {
                let (Some(tolerance), Some(with)) = (*tolerance, self.asks.first()) else { return Vec::new() };
                let paired = |word: &At<String>| Paired::ALL.into_iter().find(|paired| paired.name() == word.what);
                let give = self.words.iter().filter_map(paired).collect();
                let (of, how, with) = (of.clone(), *how, with.name.clone());
                let spec = JoinSpec { per, with, of, how, tolerance, give, idle };
                vec![operator(self.on.iter().map(|input| input.name.clone()).collect(), Work::Join(spec))]
            }
            What::Among { min, .. } => {
                let mut groups: Vec<(AmongSpec, Vec<String>)> = Vec::new();
                for input in &self.on {
                    let Some(fresh) = self.fresh(&input.name, facts) else { continue };
                    let give = self.words.iter().filter_map(|word| given(&word.what, &input.name, facts)).collect();
                    let spec = AmongSpec { per: per.clone(), give, fresh, min: *min, idle };
                    match groups.iter_mut().find(|(known, _)| *known == spec) {
                        Some((_, on)) => on.push(input.name.clone()),
                        None => groups.push((spec, vec![input.name.clone()])),
                    }
                }
                groups.into_iter().map(|(spec, on)| operator(on, Work::Among(spec))).collect()
            }
        }
    }

    /// How old the newest value of a channel may be: as said, or three of its intervals.
    fn fresh(&self, channel: &str, facts: &[ChannelFacts]) -> Option<Span> {
        let What::Among { fresh, .. } = self.what else { return None };
        let every = || facts.iter().find(|facts| facts.name == channel)?.every;
        fresh.or_else(|| every().map(|every| Span(every.0.saturating_mul(3))))
    }

    /// Notes what can only be told once all names have their meaning.
    pub(crate) fn check(&self, facts: &[ChannelFacts], found: &mut Findings) {
        if let What::Among { .. } = self.what {
            for input in self.on.iter().filter(|input| self.fresh(&input.name, facts).is_none()) {
                let message = format!("how old may the newest `{}` of a device be?", input.name);
                let hint = format!("write `fresh = \"1m\"`, or `every` in [channel.{}]", input.name);
                found.problem(&input.place, message, hint);
            }
            for word in &self.words {
                let knows = |input: &Input| given(&word.what, &input.name, facts).is_some();
                if !self.on.is_empty() && !self.on.iter().all(knows) {
                    let message = format!("no state of this channel is meant by `{}`", word.what);
                    let hint =
                        "name its states in [channel.NAME]: states = [\"off\", \"on\"]; or write count_true, share_1";
                    found.problem(&word.place, message, hint);
                }
            }
        }
        let (Some(with), Some(asked)) = (&self.with, self.asks.first()) else { return };
        let is_same = self.on.iter().any(|input| input.name == asked.name);
        if is_same && self.per.what == Per::Device {
            let hint = "name another channel, or a group of devices: per = \"all\"";
            found.problem(&with.place, "a channel of one device has no partner in itself", hint);
        }
    }
}

/// What a word gives of a channel; none where it names a state that the channel has not.
fn given(word: &str, channel: &str, facts: &[ChannelFacts]) -> Option<AmongGiven> {
    let what = match wanted(word).ok()? {
        Wanted::Plain(what) => what,
        Wanted::State(state, is_share) => {
            let states = facts.iter().find(|facts| facts.name == channel).map_or(&[][..], |facts| &facts.states);
            let named = states.iter().position(|name| *name == state).and_then(|place| u16::try_from(place).ok());
            let number = named.or_else(|| state.parse().ok())?;
            if is_share { Among::ShareOf(number) } else { Among::CountOf(number) }
        }
    };
    Some(AmongGiven { name: word.to_owned(), what })
}

fn wanted(word: &str) -> Result<Wanted, (String, String)> {
    if let Some((_, what)) = AMONG.iter().find(|named| named.0 == word) {
        return Ok(Wanted::Plain(*what));
    }
    if let Some(digits) = word.strip_prefix('p').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        return give::quantile(word, digits).map(|parts| Wanted::Plain(Among::Quantile(parts)));
    }
    for (front, is_share) in [("count_", false), ("share_", true)] {
        if let Some(state) = word.strip_prefix(front).filter(|state| !state.is_empty()) {
            return Ok(Wanted::State(state.to_owned(), is_share));
        }
    }
    let mut known: Vec<&str> = AMONG.iter().map(|named| named.0).collect();
    known.extend(["p95", "count_STATE", "share_STATE"]);
    let near = suggest::nearest(word, &known).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    Err((format!("`give` cannot be `{word}`"), format!("{near}known here: {}", known.join(", "))))
}

/// Reads a `[feature.NAME]` with `per`; the names of its channels are given beside, not looked up yet.
pub(crate) fn among(section: &Section<'_>, groups: &[Group], found: &mut Findings) -> (Meet, Vec<At<String>>) {
    let mut table = section.table(found);
    let on = table.texts("on").unwrap_or_default();
    table.need("on", "the channels it takes: on = [\"temperature\"]");
    let per = group::per(&mut table, groups);
    if per.what == Per::Device && per.place != table.place {
        let hint = "leave it out, or name a group: per = \"all\"";
        table.found.problem(&per.place, "one device is no group", hint);
    }
    table.need("give", "what they say together: give = [\"median\", \"residual\"]");
    let mut words = Vec::new();
    for word in table.texts("give").unwrap_or_default() {
        match wanted(&word.what) {
            Ok(_) => words.push(word),
            Err((message, hint)) => table.found.problem(&word.place, message, hint),
        }
    }
    let fresh = table.length("fresh").map(|fresh| fresh.what);
    // The median of one value, or of two, says nothing of who is odd.
    let least = if words.iter().any(|word| word.what == "residual") { 3 } else { 1 };
    let min = table.whole("min", 1, u64::from(u32::MAX)).map_or(least, |min| min.what as u32);
    let idle = idle(&mut table);
    table.finish(&[
        ("over", "write `on`"),
        ("when", "write the condition as a feature of its own: is = \"…\"; and this one on its `value`"),
        ("past", "what looks back is a feature of its own, without `per`; this one may be on it"),
        ("within", "write `fresh`: how old a device's newest value may be"),
        ("group", "write `per`"),
    ]);
    let meet = Meet {
        name: section.name.clone(),
        on: Vec::new(),
        with: None,
        asks: Vec::new(),
        per,
        words,
        what: What::Among { fresh, min },
        idle,
    };
    (meet, on)
}

/// Reads a `[join.NAME]` of streams, likewise.
pub(crate) fn join(section: &Section<'_>, groups: &[Group], found: &mut Findings) -> (Meet, Vec<At<String>>) {
    let mut table = section.table(found);
    let on = table.texts("on").unwrap_or_default();
    table.need("on", "the channels whose readings want a partner: on = [\"temperature\"]");
    let with = table.text("with");
    table.need("with", "the channel of the partners: with = \"outdoor\"; or a table: table = \"sensors.csv\"");
    let of = table.text("of");
    let mut per = group::per(&mut table, groups);
    if per.what == Per::Device
        && let Some(of) = &of
    {
        if per.place != table.place {
            let hint = "leave it out, or name the group that both are in";
            table.found.problem(&per.place, format!("`of` names another device: `{}`", of.what), hint);
        }
        per = At { what: Per::All, place: of.place.clone() };
    }
    let how = table.choice("how", &HOWS).map_or(How::AsOf, |how| how.what);
    let tolerance = table.length("tolerance").map(|tolerance| tolerance.what);
    table.need("tolerance", "how far apart partners may be, this far included: tolerance = \"10s\"");
    let mut words = Vec::new();
    let known = Paired::ALL.map(|paired| (paired.name(), paired));
    match table.texts("give") {
        Some(texts) => {
            for word in texts {
                if table.one_of("give", &word, &known).is_some() {
                    words.push(word);
                }
            }
        }
        None if !table.has("give") => words.push(At { what: "value".to_owned(), place: section.name.place.clone() }),
        None => {}
    }
    if per.what == Per::Device {
        table.refuse("idle", "is for groups", "leave it out: a device waits for nobody but itself");
    }
    let idle = idle(&mut table);
    table.finish(&[
        ("over", "write `on`"),
        ("within", "write `tolerance`"),
        ("direction", "write `how`: as-of, nearest or interval"),
        ("type", "write `how`: as-of, nearest or interval"),
        ("device", "the device of the partners: `of`"),
        ("group", "write `per`"),
    ]);
    let meet = Meet {
        name: section.name.clone(),
        on: Vec::new(),
        with,
        asks: Vec::new(),
        per,
        words,
        what: What::Join { of: of.map(|of| of.what), how, tolerance },
        idle,
    };
    (meet, on)
}

fn idle(table: &mut Table<'_, '_>) -> Span {
    table.length("idle").map_or(IDLE, |idle| idle.what)
}

/// Notes groups of which neither lies within the other: their devices would have to be in two places.
pub(crate) fn nested(meets: &[Meet], found: &mut Findings) {
    for (index, meet) in meets.iter().enumerate() {
        let is_apart =
            |other: &&Meet| !meet.per.what.lies_within(&other.per.what) && !other.per.what.lies_within(&meet.per.what);
        if let Some(other) = meets[..index].iter().find(is_apart) {
            let message = format!(
                "readings meet here for each {}, and in `{}.{}` for each {}: one device cannot be in both places",
                groups_of(&meet.per.what),
                other.word(),
                other.name.what,
                groups_of(&other.per.what)
            );
            let hint =
                "say that one lies in the other: in = \"hall\" in [group.room]; or write per = \"all\" in one of them";
            found.problem(&meet.per.place, message, hint);
        }
    }
}

fn groups_of(per: &Per) -> String {
    match per {
        Per::Device => "device".to_owned(),
        Per::Tag(tag) => format!("`{tag}`"),
        Per::Tags(tags) => format!("`{}`", tags.join("` and `")),
        Per::Listed(_) => "list of devices".to_owned(),
        Per::All => "all devices".to_owned(),
    }
}
