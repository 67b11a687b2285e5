//! `[lake]`: the folder that results are kept in, and for how long.

use super::place::Findings;
use super::sections::{Kind, Sections};
use ouzel_engine::time::Span;
use ouzel_lake::LakeSettings;
use std::path::Path;

/// Below this, a roll every few thousand readings would be all that the disk does.
const RECENT_MIN: u64 = 1 << 20;

/// Below this, files would go before anybody could read them.
const AT_MOST_MIN: u64 = 10_000_000;

/// Reads the section, if there is one. The folder is relative to `folder`, where the config stands.
pub(crate) fn read(sections: &Sections<'_>, folder: &Path, found: &mut Findings) -> Option<LakeSettings> {
    let section = sections.of(Kind::Lake).next()?;
    if !cfg!(feature = "parquet") {
        let hint = "use one with the feature `parquet`";
        found.problem(&section.name.place, "this build of ouzel has no Parquet, which a lake is made of", hint);
    }
    let mut table = section.table(found);
    table.need("dir", "the folder to keep results in: dir = \"lake\"");
    let dir = table.text("dir").map(|dir| folder.join(dir.what));
    let every = table.length("every");
    if let Some(every) = every.as_ref().filter(|every| every.what < Span::from_secs(1)) {
        table.found.problem(
            &every.place,
            "`every` is too short: each time makes several files",
            "write \"1s\" or longer",
        );
    }
    let keep = table.length("keep");
    let at_most = table.size("at_most", AT_MOST_MIN);
    let recent = table.size("recent", RECENT_MIN);
    table.finish(&[
        ("path", "write `dir`"),
        ("format", "a lake is always Parquet; files of other forms are written by a `[sink.NAME]`"),
        ("take", "a lake keeps everything; a `[sink.NAME]` takes a choice"),
    ]);
    let default = LakeSettings::new(dir?);
    Some(LakeSettings {
        every: every.map_or(default.every, |every| every.what),
        keep: keep.map(|keep| keep.what),
        at_most: at_most.map(|most| most.what),
        recent: recent.map_or(default.recent, |recent| recent.what),
        ..default
    })
}
