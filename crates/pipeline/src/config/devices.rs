//! `[devices]`: how many there may be, and when one is gone.

use super::place::Findings;
use super::sections::{Kind, Sections};
use ouzel_engine::series::Names;
use ouzel_engine::time::Span;

/// What is asked of devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DevicesConfig {
    /// How many there may be at the same time; readings of any other are rejected, by name.
    pub limit: usize,
    /// A device that says nothing for so long is retired; `None`: never.
    pub idle: Option<Span>,
}

/// Ten times what a small machine watches; a device with a window and a z-score takes some 1 500 bytes.
const LIMIT: usize = 100_000;

/// Reads the section, if there is one.
pub(crate) fn read(sections: &Sections<'_>, found: &mut Findings) -> DevicesConfig {
    let mut settings = DevicesConfig { limit: LIMIT, idle: None };
    let Some(section) = sections.of(Kind::Devices).next() else { return settings };
    let mut table = section.table(found);
    if let Some(limit) = table.whole("limit", 1, Names::LIMIT as u64) {
        settings.limit = limit.what as usize;
    }
    settings.idle = table.length("idle").map(|idle| idle.what);
    table.finish(&[("max", "write `limit`"), ("at_most", "write `limit`"), ("retire", "write `idle`")]);
    settings
}
