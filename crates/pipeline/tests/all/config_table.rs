//! `[join.NAME]` with a table, from the user's side.

use crate::config::{advised, good, shown};
use insta::assert_snapshot;
use ouzel_connect::table::Wanted;
use ouzel_engine::plan::{Factor, TableSpec, Work};
use ouzel_pipeline::config::read_with_tables;

const PLATES: &str = r#"
[source.plant]
type = "file"
path = "plant.csv"
format = { time = "ts", device = "id", channels = ["heat", "flow"] }

[filter.hot]
on = "heat"
when = "plates.heat.value > plates.heat.high and tag.room = \"kitchen\""
do = "drop"

[join.plates]
table = "plates.csv"
device = "id"
on = ["heat", "flow"]
scale = "gain"
offset = -273.15
give = ["high"]
tags = "room"

[detector.far]
type = "threshold"
on = "plates.`flow`.value"
above = 3

[alert.far]
on = "far"
say = "{device} in {room}"
send = "screen"

[sink.screen]
type = "stdout"
"#;

#[test]
fn a_join_with_a_table_stands_before_those_who_take_what_it_gives() {
    let config = good(PLATES);
    let names: Vec<&str> = config.plan.operators.iter().map(|operator| operator.name.as_str()).collect();
    assert_eq!(names, ["plates", "hot", "far"]);
    let spec = TableSpec {
        scale: Some(Factor::Column("gain".into())),
        offset: Some(Factor::Plain(-273.15)),
        give: vec!["high".into()],
    };
    assert_eq!(config.plan.operators[0].work, Work::Table(spec));
    let table = &config.tables[0];
    assert_eq!((table.name.as_str(), table.path.ends_with("plates.csv")), ("plates", true));
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let wanted = Wanted { device: "id".into(), channel: None, numbers: list(&["gain", "high"]), tags: list(&["room"]) };
    assert_eq!(table.wanted, wanted);
}

#[test]
fn a_join_with_tags_alone_needs_no_channel() {
    let config = good(
        "[window.w]\nover = \"heat\"\nsize = \"1m\"\nper = \"tag:room\"\n[join.rooms]\ntable = \"r.csv\"\ntags = \"room\"\n",
    );
    assert_eq!((config.plan.operators.len(), config.tables.len()), (1, 1));
}

#[test]
fn mistakes_in_joins_are_told_with_a_way_out() {
    assert_snapshot!(shown(
        r#"
[join.a]
tabel = "a.csv"
on = "heat"
give = "high"

[join.b]
table = "b.csv"
on = "heat"

[join.c]
table = "c.csv"
give = ["high limit", "low"]

[join.d]
table = "d.csv"
on = "heat"
scale = true
give = ["value", "high"]
tags = ["high"]

[join.e]
table = "e.csv"
on = "heat"
tags = ["room"]

[join.f]
table = "f.csv"
on = "heat"
offset = "zero"
give = ["value", "high"]

[window.w]
over = ["f.heat.low", "f.flow.high", "f.heat", "b.heat.value"]
size = "1m"
"#
    ));
}

#[test]
fn a_join_that_nobody_uses_is_advised_against() {
    assert_snapshot!(advised(
        "[window.w]\nover = \"heat\"\nsize = \"1m\"\n[join.limits]\ntable = \"l.csv\"\non = \"heat\"\ngive = \"high\"\n[sink.s]\ntype = \"stdout\"\ntake = [\"aggregates\"]\n"
    ));
}

#[test]
fn a_look_at_the_table_shows_what_is_wrong_with_it_where_the_config_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let said = |file: &str| {
        std::fs::write(folder.path().join("plates.csv"), file).unwrap();
        let read = read_with_tables("ouzel.toml", PLATES, folder.path());
        let text = read.render_all(PLATES).replace(&format!("{}/", folder.path().display()), "");
        (read.tables, text)
    };
    let (tables, text) = said("id,gain,high,room\na,1,2,x\nb,,,\n");
    assert_eq!((tables, text.as_str()), (vec![("plates".to_owned(), 2)], ""));
    let all = [
        "id,gian,high,room\na,1,2,x\n",
        "id,gain,high,room\na,1,warm,x\n",
        "device,gain,high,room\n",
        "id,gain,high,room\n",
    ];
    assert_snapshot!(all.map(|file| said(file).1).join("\n"));
}
