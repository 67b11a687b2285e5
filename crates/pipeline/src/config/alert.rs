//! `[alert.NAME]`: what people are told, when, and in which words.

use super::condition::inside;
use super::place::Findings;
use super::sections::{Kind, Section, Sections};
use super::sink::SinkKind;
use super::suggest;
use super::tree::At;
use ouzel_connect::encode::message::WORDS;
use ouzel_connect::sink::Noun;
use ouzel_engine::output::Severity;
use ouzel_engine::plan::AlertRule;
use ouzel_engine::time::Span;

/// Quiet for this long means that the trouble is over.
const CLEAR: Span = Span::from_secs(300);
/// Readings of a series before its trouble counts.
const WARM_UP: u32 = 30;

/// What the words of an alert are checked against.
pub(crate) struct Around<'a> {
    pub(crate) text: &'a str,
    pub(crate) tags: &'a [String],
    pub(crate) sinks: &'a [(At<String>, SinkKind)],
}

/// Reads one section.
pub(crate) fn read(
    section: &Section<'_>,
    sections: &Sections<'_>,
    around: &Around<'_>,
    found: &mut Findings,
) -> AlertRule {
    let mut table = section.table(found);
    table.need("on", "the detector it listens to");
    let on = table.texts("on").unwrap_or_default();
    let severities = [Severity::Warning, Severity::Critical].map(|severity| (severity.name(), severity));
    let severity = table.choice("severity", &severities).map(|severity| severity.what);
    let hold = table.span("hold").map_or(Span::ZERO, |hold| hold.what);
    let clear = table.span("clear").map_or(CLEAR, |clear| clear.what);
    let warm_up = table.whole("warm_up", 0, u64::from(u32::MAX)).map_or(WARM_UP, |n| n.what as u32);
    let say = table.text("say");
    let send = table.texts("send").unwrap_or_default();
    for name in &on {
        sections.expect(Kind::Detector, name, table.found);
    }
    for name in &send {
        if sections.expect(Kind::Sink, name, table.found) {
            takes_alerts(name, around.sinks, table.found);
        }
    }
    let say = say.map(|say| words(&say, around, table.found)).unwrap_or_default();
    table.finish(&[("message", "write `say`"), ("sinks", "write `send`"), ("for", "write `hold`")]);
    AlertRule {
        name: section.name.what.clone(),
        on: on.into_iter().map(|name| name.what).collect(),
        severity,
        hold,
        clear,
        warm_up,
        say,
        send: send.into_iter().map(|name| name.what).collect(),
    }
}

fn takes_alerts(name: &At<String>, sinks: &[(At<String>, SinkKind)], found: &mut Findings) {
    let sink = sinks.iter().find(|(sink, _)| sink.what == name.what);
    if sink.is_some_and(|(_, settings)| !settings.take().has(Noun::Alerts)) {
        let message = format!("`sink.{}` takes no alerts", name.what);
        found.problem(&name.place, message, format!("add \"alerts\" to the `take` of `[sink.{}]`", name.what));
    }
}

/// Checks what stands in braces, and gives the words as the plan has them: `{tag:line}` becomes `{line}`. A tag needs
/// the longer form only where no source's `format` lists it. Doubled braces are braces.
fn words(say: &At<String>, around: &Around<'_>, found: &mut Findings) -> String {
    let mut known: Vec<&str> = WORDS.to_vec();
    known.extend(around.tags.iter().map(String::as_str));
    let mut plain = String::new();
    let mut from = 0;
    while let Some(open) = say.what[from..].find(['{', '}']).map(|at| from + at) {
        plain.push_str(&say.what[from..open]);
        let brace = &say.what[open..=open];
        if say.what[open + 1..].starts_with(brace) {
            plain.push_str(&say.what[open..open + 2]);
            from = open + 2;
            continue;
        }
        let close = say.what[open..].find('}').map(|at| open + at).filter(|_| brace == "{");
        let Some(close) = close else {
            let place = inside(say, open..open + 1, around.text);
            let message = format!("this `{brace}` has no partner");
            found.problem(&place, message, format!("write a name in braces, as in {{device}}, or `{brace}{brace}`"));
            plain.push_str(brace);
            from = open + 1;
            continue;
        };
        let word = say.what[open + 1..close].trim();
        let tag = word.strip_prefix("tag:").map(str::trim).filter(|tag| !tag.is_empty());
        let place = || inside(say, open..close + 1, around.text);
        if let Some(tag) = tag.filter(|tag| WORDS.contains(tag)) {
            let message = format!("the tag `{tag}` cannot be told from the alert's own `{{{tag}}}`");
            found.problem(&place(), message, "leave it out, or give the tag another name");
        } else if tag.is_none() && !known.contains(&word) {
            let hint = format!("{}; a tag stands as {{tag:NAME}}", suggest::hint(word, &known));
            found.problem(&place(), format!("`{{{word}}}` means nothing"), hint);
        }
        plain.push_str(&format!("{{{}}}", tag.unwrap_or(word)));
        from = close + 1;
    }
    plain.push_str(&say.what[from..]);
    plain
}
