//! `[feature.NAME]` with `on`: numbers beside each reading, of that reading and those before it.
//!
//! What shares its state is one part of the plan: a past with all that is said of it, all lags, a half-life. With several
//! pasts the text of each follows the word: `mean_10`, `mean_5m`.

use super::give;
use super::place::{Findings, Place};
use super::results::Results;
use super::sections::Section;
use super::signal::{self, Signal};
use super::suggest;
use super::tree::{At, Table};
use super::window::Input;
use ouzel_engine::plan::{
    DecaySpec, Decayed, FeaturePart, FeatureSpec, PartSpec, Past, Rolled, RollingSpec, Stepped, StepsSpec,
};

/// The furthest that a lag may reach back: 800 kB a series.
const LAG_MOST: u32 = 100_000;

/// A feature section as it was read. What could not be read is left open, so that one mistake is one problem.
#[derive(Debug)]
pub(crate) struct Feature {
    pub(crate) name: At<String>,
    /// The channels; empty if they could not be read.
    pub(crate) on: Vec<Input>,
    /// The words for what it gives, and where each was asked for; empty if they could not be read.
    pub(crate) words: Vec<At<String>>,
    /// The pasts of its rolling statistics.
    pub(crate) pasts: Vec<At<Past>>,
    /// Where its bands of frequencies stand, if it has some.
    pub(crate) bands: Option<Place>,
    /// What it does; `None` if that could not be read.
    pub(crate) spec: Option<FeatureSpec>,
}

impl Feature {
    /// The channel that has one of its words for a channel.
    pub(crate) fn result(&self, channel: &str, word: &str) -> String {
        format!("{}.{channel}.{word}", self.name.what)
    }

    /// What it gives, for those who look for a name.
    pub(crate) fn results(&self) -> Results<'_> {
        let words = self.words.iter().map(|word| word.what.as_str()).collect();
        Results { kind: "feature", name: &self.name.what, on: &self.on, words }
    }

    /// Whether it gives quantiles.
    pub(crate) fn has_quantiles(&self) -> bool {
        let is_quantile = |part: &FeaturePart| matches!(&part.work, PartSpec::Rolling(spec) if spec.give.iter().any(|what| matches!(what, Rolled::Quantile(_))));
        self.spec.as_ref().is_some_and(|spec| spec.parts.iter().any(is_quantile))
    }
}

/// What a word of `give` stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wanted {
    Rolling(Rolled),
    Step(Stepped),
    Decay(Decayed),
    Signal(Signal),
}

const STEPS: [(&str, Stepped); 2] = [("difference", Stepped::Difference), ("rate", Stepped::Rate)];
const DECAYS: [(&str, Decayed); 3] =
    [("ewm_mean", Decayed::Mean), ("ewm_std", Decayed::Std), ("ewm_variance", Decayed::Variance)];

/// What others call them.
const OTHER_WORDS: [(&str, &str); 16] = [
    ("avg", "mean"),
    ("average", "mean"),
    ("stddev", "std"),
    ("stdev", "std"),
    ("sd", "std"),
    ("var", "variance"),
    ("total", "sum"),
    ("n", "count"),
    ("diff", "difference"),
    ("delta", "difference"),
    ("lag", "lag_1"),
    ("previous", "lag_1"),
    ("shift", "lag_1"),
    ("ema", "ewm_mean"),
    ("ewma", "ewm_mean"),
    ("ewm", "ewm_mean"),
];

/// Reads a section; the names of its channels are given beside, not looked up yet.
pub(crate) fn read(section: &Section<'_>, found: &mut Findings) -> (Feature, Vec<At<String>>) {
    let mut table = section.table(found);
    let on = table.texts("on").unwrap_or_default();
    table.need("on", "the channels it takes: on = [\"temperature\"]; or a formula: is = \"power / speed\"");
    let asked: Vec<(At<String>, Wanted)> = asked(&mut table);
    let pasts = pasts(&mut table, &asked);
    let half_life = half_life(&mut table, &asked);
    let min = min(&mut table, &asked, &pasts);
    let of_signals = |(word, what): &(At<String>, Wanted)| match what {
        Wanted::Signal(signal) => Some((word.clone(), *signal)),
        _ => None,
    };
    let bands = table.value_place("bands");
    let signals = signal::parts(&mut table, &asked.iter().filter_map(of_signals).collect::<Vec<_>>());
    table.finish(&[
        ("over", "write `on`"),
        ("window", "write `past`"),
        ("size", "write `past`"),
        ("lags", "write them into `give`: give = [\"lag_1\", \"lag_5\"]"),
        ("lag", "write it into `give`: give = [\"lag_1\"]"),
        ("span", "a past is `past`; a fading mean has a `half_life`"),
        ("alpha", "write `half_life`: the age at which a reading counts half as much"),
        ("min_periods", "write `min`"),
        ("when", "conditions belong to a [filter.NAME]"),
        ("is", "a formula names its channels itself: leave `on` out"),
        ("slot", "it is for `daily_expected` and `daily_residual`"),
        ("days", "it is for `daily_expected` and `daily_residual`"),
        ("zone", "it is for what knows of the time of day: `hour_sin`, `daily_residual`"),
        ("bands", "add them to `give`: give = [\"bands\"]"),
        ("block", "it is for `bands` and `peak`"),
        ("overlap", "it is for `bands` and `peak`"),
        ("sampling", "it is for `bands` and `peak`"),
    ]);
    let Some(pasts) = pasts else { return (open(section, Vec::new()), on) };
    let is_whole = !asked.is_empty()
        && signals.is_some()
        && (half_life.is_some() || !asked.iter().any(|(_, what)| is_decay(*what)));
    let mut parts = parts(&asked, &pasts, half_life, min);
    parts.extend(signals.into_iter().flatten());
    let mut feature = open(section, pasts.into_iter().map(|(_, past)| past).collect());
    feature.bands = bands;
    feature.words = parts.iter().flat_map(|part| part.1.iter().cloned()).collect();
    let named = |(work, words): (PartSpec, Vec<At<String>>)| FeaturePart {
        names: words.into_iter().map(|word| word.what).collect(),
        work,
    };
    feature.spec = is_whole.then(|| FeatureSpec { parts: parts.into_iter().map(named).collect() });
    (feature, on)
}

fn open(section: &Section<'_>, pasts: Vec<At<Past>>) -> Feature {
    Feature { name: section.name.clone(), on: Vec::new(), words: Vec::new(), pasts, bands: None, spec: None }
}

fn is_rolling(what: Wanted) -> bool {
    matches!(what, Wanted::Rolling(_))
}

fn is_decay(what: Wanted) -> bool {
    matches!(what, Wanted::Decay(_))
}

/// What `give` asks for; what is wrong in it is left out.
fn asked(table: &mut Table<'_, '_>) -> Vec<(At<String>, Wanted)> {
    table.need("give", "what it says of each reading: give = [\"mean\", \"lag_1\", \"difference\"]");
    let mut asked = Vec::new();
    for word in table.texts("give").unwrap_or_default() {
        match wanted(&word.what) {
            Ok(what) => asked.push((word, what)),
            Err((message, hint)) => table.found.problem(&word.place, message, hint),
        }
    }
    asked
}

fn wanted(word: &str) -> Result<Wanted, (String, String)> {
    if let Some((_, what)) = Rolled::NAMED.iter().find(|named| named.0 == word) {
        return Ok(Wanted::Rolling(*what));
    }
    if let Some((_, what)) = STEPS.iter().find(|named| named.0 == word) {
        return Ok(Wanted::Step(*what));
    }
    if let Some((_, what)) = DECAYS.iter().find(|named| named.0 == word) {
        return Ok(Wanted::Decay(*what));
    }
    if let Some(signal) = signal::meaning(word) {
        return Ok(Wanted::Signal(signal));
    }
    if word == "median" {
        return Ok(Wanted::Rolling(Rolled::Quantile(50_000)));
    }
    if let Some(digits) = word.strip_prefix('p').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        return give::quantile(word, digits).map(|parts| Wanted::Rolling(Rolled::Quantile(parts)));
    }
    if let Some(back) = word.strip_prefix("lag_").filter(|rest| !rest.is_empty()) {
        let plain = back.bytes().all(|byte| byte.is_ascii_digit()) && !back.starts_with('0');
        return match back.parse::<u32>().ok().filter(|back| plain && (1..=LAG_MOST).contains(back)) {
            Some(back) => Ok(Wanted::Step(Stepped::Lag(back))),
            None => {
                let hint = format!("write how many readings ago, from 1 to {LAG_MOST}: lag_1, lag_10");
                Err((format!("`{word}` is no lag"), hint))
            }
        };
    }
    let mut known: Vec<&str> = Rolled::NAMED.iter().map(|named| named.0).collect();
    known.extend(["median", "p95", "lag_1"]);
    known.extend(STEPS.iter().map(|named| named.0).chain(DECAYS.iter().map(|named| named.0)));
    known.extend(signal::words());
    let meant = OTHER_WORDS.iter().find(|other| other.0 == word).map(|other| other.1);
    let near = meant
        .or_else(|| suggest::nearest(word, &known))
        .map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    // All of them: nobody can guess them, and they are the page of the manual in short.
    Err((format!("`give` cannot be `{word}`"), format!("{near}known here: {}", known.join(", "))))
}

/// The pasts with their words for names; none where nothing asks for one, and `None` where they could not be read.
fn pasts(table: &mut Table<'_, '_>, asked: &[(At<String>, Wanted)]) -> Option<Vec<(String, At<Past>)>> {
    let Some((first, _)) = asked.iter().find(|(_, what)| is_rolling(*what)) else {
        if !asked.is_empty() {
            let hint = "leave it out, or ask for a statistic of it: give = [\"mean\"]";
            table.refuse("past", "has nothing to say here: all that `give` asks for has no past", hint);
        }
        table.get("past");
        return Some(Vec::new());
    };
    if !table.has("past") {
        let message = format!("`{}` needs to know how far back it looks", first.what);
        let hint = "add past = \"10\" (readings) or past = \"5m\" (time)";
        table.found.problem(&first.place, message, hint);
        return None;
    }
    let texts = table.texts("past")?;
    let several = texts.len() > 1;
    let mut pasts: Vec<(String, At<Past>)> = Vec::new();
    for text in &texts {
        let Some(past) = table.past_of("past", &text.what, &text.place) else { continue };
        let word: String = text.what.chars().filter(|c| *c != '_').collect();
        if several && !word.chars().all(char::is_alphanumeric) {
            let written = match past.what {
                Past::Count(count) => count.to_string(),
                Past::Span(span) => span.to_string(),
            };
            let message = format!("`{}` cannot be a part of a channel's name", text.what);
            table.found.problem(&text.place, message, format!("write \"{written}\""));
        } else if pasts.iter().any(|(_, known)| known.what == past.what) {
            table.found.problem(&text.place, format!("the past `{}` stands here twice", text.what), "leave one out");
        } else {
            pasts.push((if several { format!("_{word}") } else { String::new() }, past));
        }
    }
    (pasts.len() == texts.len()).then_some(pasts)
}

fn half_life(table: &mut Table<'_, '_>, asked: &[(At<String>, Wanted)]) -> Option<Past> {
    let fading = asked.iter().find(|(_, what)| is_decay(*what));
    if let (Some((word, _)), false) = (fading, table.has("half_life")) {
        let message = format!("`{}` needs to know how fast readings fade", word.what);
        let hint = "add half_life = \"20\" (readings) or half_life = \"5m\" (time)";
        table.found.problem(&word.place, message, hint);
    }
    if fading.is_none() && !asked.is_empty() {
        let hint = "leave it out, or ask for what fades: give = [\"ewm_mean\"]";
        table.refuse("half_life", "has nothing to say here: nothing that `give` asks for fades", hint);
    }
    table.past("half_life").map(|past| past.what)
}

/// Readings before it speaks; a past that never holds so many would be silent for ever.
fn min(
    table: &mut Table<'_, '_>,
    asked: &[(At<String>, Wanted)],
    pasts: &Option<Vec<(String, At<Past>)>>,
) -> Option<u32> {
    if !asked.is_empty() && !asked.iter().any(|(_, what)| is_rolling(*what) || is_decay(*what)) {
        let hint = "leave it out: lags and differences speak as soon as there are readings before";
        table.refuse("min", "is for statistics of a past", hint);
        table.get("min");
        return None;
    }
    let min = table.whole("min", 1, u64::from(u32::MAX))?;
    let shortest = pasts.iter().flatten().filter_map(|(_, past)| match past.what {
        Past::Count(count) if u64::from(count) < min.what => Some(count),
        _ => None,
    });
    if let Some(count) = shortest.min() {
        let message = format!("a past of {count} readings never holds {}", min.what);
        table.found.problem(&min.place, message, format!("write {count} or less, or leave `min` out"));
        return None;
    }
    Some(min.what as u32)
}

/// What the plan has of it, with the words for what each part gives.
fn parts(
    asked: &[(At<String>, Wanted)],
    pasts: &[(String, At<Past>)],
    half_life: Option<Past>,
    min: Option<u32>,
) -> Vec<(PartSpec, Vec<At<String>>)> {
    let (mut rolling, mut steps, mut decays) = (Vec::new(), Vec::new(), Vec::new());
    let mut words: [Vec<(String, Place)>; 3] = Default::default();
    for (word, what) in asked {
        let of = match what {
            Wanted::Rolling(what) => {
                rolling.push(*what);
                0
            }
            Wanted::Step(what) => {
                steps.push(*what);
                1
            }
            Wanted::Decay(what) => {
                decays.push(*what);
                2
            }
            Wanted::Signal(_) => continue,
        };
        words[of].push((word.what.clone(), word.place.clone()));
    }
    let named = |words: &[(String, Place)], behind: &str| {
        let one = |(word, place): &(String, Place)| At { what: format!("{word}{behind}"), place: place.clone() };
        words.iter().map(one).collect::<Vec<_>>()
    };
    let mut parts = Vec::new();
    for (behind, past) in pasts.iter().filter(|_| !rolling.is_empty()) {
        let spec = RollingSpec { past: past.what, min, give: rolling.clone() };
        parts.push((PartSpec::Rolling(spec), named(&words[0], behind)));
    }
    if !steps.is_empty() {
        parts.push((PartSpec::Steps(StepsSpec { give: steps }), named(&words[1], "")));
    }
    if let Some(half_life) = half_life.filter(|_| !decays.is_empty()) {
        parts.push((PartSpec::Decay(DecaySpec { half_life, min, give: decays }), named(&words[2], "")));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_statistics_of_a_past_steps_and_what_fades() {
        for (word, what) in [
            ("mean", Some(Wanted::Rolling(Rolled::Mean))),
            ("p95", Some(Wanted::Rolling(Rolled::Quantile(95_000)))),
            ("median", Some(Wanted::Rolling(Rolled::Quantile(50_000)))),
            ("lag_1", Some(Wanted::Step(Stepped::Lag(1)))),
            ("lag_100000", Some(Wanted::Step(Stepped::Lag(100_000)))),
            ("rate", Some(Wanted::Step(Stepped::Rate))),
            ("ewm_std", Some(Wanted::Decay(Decayed::Std))),
            ("lag_0", None),
            ("lag_01", None),
            ("lag_100001", None),
            ("lag_", None),
            ("lag_+1", None),
            ("p0", None),
            ("time_mean", None),
        ] {
            assert_eq!(wanted(word).ok(), what, "{word}");
        }
    }
}
