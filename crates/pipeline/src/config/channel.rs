//! `[channel.NAME]`: what is known of a channel, whichever device has it.

use super::place::Findings;
use super::sections::Section;
use ouzel_engine::plan::ChannelFacts;

/// Reads one section.
pub(crate) fn read(section: &Section<'_>, found: &mut Findings) -> ChannelFacts {
    let mut table = section.table(found);
    let unit = table.text("unit").map(|unit| unit.what).unwrap_or_default();
    let range = table.pair("range");
    let every = table.length("every");
    let resolution = table.not_negative("resolution");
    let states = table.texts("states").unwrap_or_default();
    if let Some(range) = range.as_ref().filter(|range| range.what.0 >= range.what.1) {
        let (low, high) = range.what;
        table.found.problem(&range.place, "`range` runs from low to high", format!("write [{high}, {low}]"));
    }
    table.finish(&[]);
    ChannelFacts {
        name: section.name.what.clone(),
        unit,
        range: range.map(|range| range.what),
        every: every.map(|every| every.what),
        resolution: resolution.map(|step| step.what),
        states: states.into_iter().map(|state| state.what).collect(),
    }
}
