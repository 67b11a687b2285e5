//! How a live run fared, for the end of `run` and `demo`: how long each stage took, what was given up and why, and what
//! receivers are still owed. A line a fact, each with the word it begins with; a fact that is none has no line.

use crate::figures::{bytes, counted, grouped};
use crate::meter;
use ouzel_pipeline::counters::{Counters, Histogram, SinkCounters, SourceCounters};
use std::time::Duration;

/// A line: its first word, and the rest.
pub type Line = (&'static str, String);

/// All of them.
pub fn lines(counters: &Counters) -> Vec<Line> {
    let mut lines: Vec<Line> = counters.sources.iter().filter_map(dropped).map(|words| ("dropped", words)).collect();
    if counters.unread.get() > 0 {
        lines.push(("lost", format!("{} that could not be read again", counted(counters.unread.get(), "reading"))));
    }
    let own = [
        ("from a reading to its arrival", &counters.travel),
        ("from arrival to durable", &counters.durable),
        ("from arrival to all that follows", &counters.latency),
    ];
    let took = own.into_iter().filter_map(|(words, histogram)| took(words, histogram));
    lines.extend(took.chain(counters.sinks.iter().filter_map(confirmed)).map(|words| ("took", words)));
    lines.extend(counters.sinks.iter().filter_map(waiting).map(|words| ("waiting", words)));
    lines.extend(meter::peak_rss_bytes().map(|peak| ("memory", format!("{} at most", bytes(peak)))));
    lines
}

fn took(words: &str, histogram: &Histogram) -> Option<String> {
    let of = |share| histogram.quantile(share).map(millis);
    Some(format!("p50 {}, p95 {}, p99 {} {words}", of(0.5)?, of(0.95)?, of(0.99)?))
}

fn confirmed(sink: &SinkCounters) -> Option<String> {
    took(&format!("from arrival to the confirmation by `{}`", sink.name), &sink.confirmed)
}

/// `0.84 ms`, `12 ms`, `3.2 s`: two digits or so, for a histogram's buckets have no more.
fn millis(took: Duration) -> String {
    match took.as_secs_f64() * 1e3 {
        ms if ms < 1.0 => format!("{ms:.2} ms"),
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

fn dropped(source: &SourceCounters) -> Option<String> {
    let reasons = source.drops.all().into_iter().filter(|(_, count)| count.get() > 0);
    let reasons: Vec<String> = reasons.map(|(reason, count)| format!("{} {reason}", grouped(count.get()))).collect();
    let all = counted(source.dropped.get(), "reading");
    (!reasons.is_empty()).then(|| format!("{all} of source `{}`: {}", source.name, reasons.join(", ")))
}

fn waiting(sink: &SinkCounters) -> Option<String> {
    let way = "the next start goes on with them";
    (sink.waiting() > 0).then(|| format!("{} for sink `{}`; {way}", counted(sink.waiting(), "output"), sink.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ouzel_pipeline::queue::Reason;

    #[test]
    fn what_is_none_has_no_line() {
        let source = SourceCounters { name: "floor".into(), ..SourceCounters::default() };
        let sink = SinkCounters { name: "desk".into(), ..SinkCounters::default() };
        let counters = Counters { sources: vec![source].into(), sinks: vec![sink].into(), ..Counters::default() };
        let words = |lines: Vec<Line>| lines.into_iter().filter(|(word, _)| *word != "memory").collect::<Vec<_>>();
        assert_eq!(words(lines(&counters)), []);
        counters.sources[0].dropped.add(1_380);
        counters.sources[0].drops.of(Reason::Oldest).add(1_204);
        counters.sources[0].drops.of(Reason::Sampled).add(176);
        counters.durable.record(Duration::from_millis(15), 10);
        counters.sinks[0].confirmed.record(Duration::from_secs(3), 1);
        counters.sinks[0].owed.set(9);
        counters.sinks[0].handled.set(8);
        assert_eq!(
            words(lines(&counters)),
            [
                ("dropped", "1 380 readings of source `floor`: 1 204 oldest, 176 sampled".to_owned()),
                ("took", "p50 16 ms, p95 16 ms, p99 16 ms from arrival to durable".to_owned()),
                ("took", "p50 3.5 s, p95 3.5 s, p99 3.5 s from arrival to the confirmation by `desk`".to_owned()),
                ("waiting", "1 output for sink `desk`; the next start goes on with them".to_owned()),
            ]
        );
    }
}
