//! What came in the wrong order, what conditions let through, what features gave, and what joins found.

use super::text::Page;
use ouzel_engine::lateness::Lateness;
use ouzel_pipeline::counters::Counters;

/// How late readings came, what became of the late, and whose clock is ahead.
pub(super) fn late(page: &mut Page, counters: &Counters) {
    page.one("ouzel_late_readings_total", "counter", "readings behind their device's watermark", counters.late.get());
    let late = counters.late_counts.get();
    let name = "ouzel_late_forgotten_readings_total";
    page.one(name, "counter", "late readings that no window wanted to hear of", late.forgotten);
    page.one("ouzel_late_revised_readings_total", "counter", "late readings that windows took in", late.revised);
    let mut within = 0;
    let counts = Lateness::EDGES.iter().zip(late.lateness.counts());
    let edges: Vec<(f64, u64)> = counts
        .map(|(edge, count)| {
            within += count;
            (edge.as_secs_f64(), within)
        })
        .collect();
    let help = "how far readings that came out of order were behind the newest of their device";
    page.counted("ouzel_lateness_seconds", help, &edges, late.lateness.seconds(), late.lateness.total());
    let help = "parts of groups that came after their window";
    page.one("ouzel_group_parts_missed_total", "counter", help, counters.missed.get());
    let help = "devices whose readings go aside because their clock is too far ahead";
    page.one("ouzel_quarantined_devices", "gauge", help, counters.quarantined.get());
}

/// What filters with a condition let through, and why the rest did not pass.
pub(super) fn filters(page: &mut Page, counters: &Counters) {
    let filters = counters.filters.get();
    if filters.is_empty() {
        return;
    }
    let name = "ouzel_filter_readings_total";
    page.head(name, "counter", "readings that filters have judged, by what became of them");
    for filter in &filters {
        for (outcome, count) in [("passed", filter.passed), ("failed", filter.failed), ("unknown", filter.unknown)] {
            page.line(name, &[("filter", &filter.name), ("outcome", outcome)], count);
        }
    }
    let name = "ouzel_filter_failures_total";
    page.head(name, "counter", "readings that failed a part of a filter's condition");
    for filter in &filters {
        for (part, count) in &filter.parts {
            page.line(name, &[("filter", &filter.name), ("part", part)], count);
        }
    }
}

/// What features gave, and what they withheld.
pub(super) fn features(page: &mut Page, counters: &Counters) {
    let features = counters.features.get();
    if features.is_empty() {
        return;
    }
    let name = "ouzel_feature_results_total";
    page.head(
        name,
        "counter",
        "results of features that somebody takes, by what became of them; uneven: readings that began a block anew",
    );
    for feature in &features {
        let made = feature.made;
        let outcomes =
            [("given", made.given), ("not_full", made.not_full), ("no_value", made.no_value), ("uneven", made.uneven)];
        for (outcome, count) in outcomes {
            page.line(name, &[("feature", &feature.name), ("outcome", outcome)], count);
        }
    }
}

/// What joins have found for readings.
pub(super) fn joins(page: &mut Page, counters: &Counters) {
    let joins = counters.joins.get();
    if joins.is_empty() {
        return;
    }
    let name = "ouzel_join_readings_total";
    page.head(name, "counter", "readings that were joined, by whether all that was asked for was there");
    for join in &joins {
        for (outcome, count) in
            [("found", join.found), ("missing", join.missing), ("late", join.late), ("dropped", join.dropped)]
        {
            page.line(name, &[("join", &join.name), ("outcome", outcome)], count);
        }
    }
}
