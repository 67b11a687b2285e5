//! `zone`: where the people live whose days a window counts. The plan has the turns of its clocks, not its name alone, so
//! that the engine needs no database, and the same config gives the same days on every machine.

use super::suggest;
use super::tree::Table;
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use ouzel_engine::plan::Zone;
use ouzel_engine::time::Time;

/// The years that the turns are written down for; what is before or after has the nearest offset.
const FROM: i64 = 0;
/// The beginning of 2101.
const TO: i64 = 4_133_980_800;

/// Reads the setting; UTC where it is left out, `None` where it is wrong.
pub(crate) fn read(table: &mut Table<'_, '_>) -> Option<Zone> {
    if !table.has("zone") {
        table.get("zone");
        return Some(utc());
    }
    let name = table.text("zone")?;
    if name.what.eq_ignore_ascii_case("utc") {
        return Some(utc());
    }
    // The bundled database, not that of the machine: days must be the same everywhere.
    let database = TimeZoneDatabase::bundled();
    if let Ok(zone) = database.get(&name.what) {
        return Some(turns(&name.what, &zone));
    }
    let names: Vec<String> = database.available().map(|name| name.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // A city alone is what people write first.
    let city =
        names.iter().find(|known| known.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(&name.what)));
    let hint = match city.copied().or_else(|| suggest::nearest(&name.what, &names)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "write \"UTC\" or a name such as \"Europe/Berlin\"".to_owned(),
    };
    table.found.problem(&name.place, format!("no time zone is called `{}`", name.what), hint);
    None
}

fn utc() -> Zone {
    Zone { name: "UTC".to_owned(), first: 0, turns: Vec::new() }
}

fn turns(name: &str, zone: &TimeZone) -> Zone {
    let start = Timestamp::from_second(FROM).expect("1970 is a moment");
    let first = zone.to_offset(start).seconds();
    let mut last = first;
    let mut turns = Vec::new();
    for turn in zone.following(start) {
        let (at, offset) = (turn.timestamp().as_second(), turn.offset().seconds());
        if at >= TO {
            break;
        }
        // Some turns change the name of the time only.
        if offset != last {
            turns.push((Time::from_secs(at), offset));
            last = offset;
        }
    }
    Zone { name: name.to_owned(), first, turns }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        turns(name, &TimeZoneDatabase::bundled().get(name).unwrap())
    }

    #[test]
    fn berlin_turns_twice_a_year_since_1980() {
        let berlin = zone("Europe/Berlin");
        assert_eq!(berlin.first, 3_600);
        // 2026-03-29T01:00Z and 2026-10-25T01:00Z.
        for turn in [(1_774_746_000, 7_200), (1_792_890_000, 3_600)] {
            assert!(berlin.turns.contains(&(Time::from_secs(turn.0), turn.1)), "{turn:?}");
        }
        assert!(berlin.turns.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 != two[1].1));
        assert!((240..260).contains(&berlin.turns.len()), "{}", berlin.turns.len());
    }

    #[test]
    fn kolkata_never_turns_and_apia_has_left_a_day_out() {
        assert_eq!(zone("Asia/Kolkata"), Zone { name: "Asia/Kolkata".to_owned(), first: 19_800, turns: Vec::new() });
        let apia = zone("Pacific/Apia");
        let jump = apia.turns.windows(2).find(|two| two[1].1 - two[0].1 == 86_400).unwrap();
        assert_eq!(jump[1], (Time::from_secs(1_325_239_200), 50_400));
    }
}
