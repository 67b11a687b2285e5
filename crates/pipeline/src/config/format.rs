//! The `format` of a source: what its columns mean. All of it may be left out and is then guessed.

use super::suggest;
use super::tree::{At, Table};
use jiff::tz::TimeZone;
use ouzel_connect::format::{FormatHints, Kind};
use toml::de::DeValue;

/// Reads the table `format` of a source of files, if there is one.
pub(crate) fn read(source: &mut Table<'_, '_>) -> FormatHints {
    let Some(mut table) = source.table("format", "{ type = \"csv\", time = \"ts\" }") else {
        return FormatHints::default();
    };
    let kinds = [("csv", Kind::Csv), ("ndjson", Kind::Ndjson), ("line", Kind::Line), ("parquet", Kind::Parquet)];
    let hints = hints(&mut table, &kinds);
    table.finish(&[]);
    hints
}

/// Reads the table `format` of a live source, if there is one. Its messages are JSON where it does not say otherwise.
#[cfg(any(feature = "mqtt", feature = "http"))]
pub(crate) fn read_live(source: &mut Table<'_, '_>) -> FormatHints {
    let Some(mut table) = source.table("format", "{ type = \"json\", time = \"ts\" }") else {
        return FormatHints::default();
    };
    // A payload of JSON may be one object, a list, or several objects: there is nothing to tell apart.
    let kinds = [("json", Kind::Ndjson), ("ndjson", Kind::Ndjson), ("line", Kind::Line), ("csv", Kind::Csv)];
    let way = "a message without a time counts from when it comes: time = \"arrival\"";
    table.refuse("every", "is for files", way);
    let hints = hints(&mut table, &kinds);
    if hints.kind == Some(Kind::Csv) {
        if hints.channels.is_empty() && hints.value.is_none() {
            let place = table.value_place("type").unwrap_or(table.place.clone());
            let way = "for example channels = { temperature = \"2\" }, the second of its columns";
            table.found.problem(&place, "CSV in messages needs `channels`", way);
        }
        if hints.decimal_comma == Some(true) && hints.separator.is_none() {
            table.refuse("decimal", "needs a `separator` that is no comma", "write separator = \";\"");
        }
    }
    table.finish(&[]);
    hints
}

fn hints(table: &mut Table<'_, '_>, kinds: &[(&'static str, Kind)]) -> FormatHints {
    let kind = table.choice("type", kinds);
    if let Some(kind) = kind.as_ref().filter(|kind| kind.what == Kind::Parquet && !cfg!(feature = "parquet")) {
        table.found.problem(&kind.place, "this build of ouzel has no Parquet", "use one with the feature `parquet`");
    }
    let kind = kind.map(|kind| kind.what);
    let plain = |text: Option<At<String>>| text.map(|text| text.what);
    let hints = FormatHints {
        kind,
        time: plain(table.text("time")),
        time_format: time_format(table),
        zone: zone(table),
        every: table.length("every").map(|every| every.what),
        start: table.time("start").map(|start| start.what),
        device: plain(table.text("device")),
        device_name: plain(table.text("device_name")),
        channel: plain(table.text("channel")),
        channel_name: plain(table.text("channel_name")),
        value: plain(table.text("value")),
        channels: channels(table),
        tags: table.texts("tags").unwrap_or_default().into_iter().map(|tag| tag.what).collect(),
        sequence: plain(table.text("sequence")),
        separator: separator(table),
        decimal_comma: table.choice("decimal", &[(",", true), (".", false)]).map(|decimal| decimal.what),
        header: table.flag("header").map(|header| header.what),
    };
    agree(table, &hints);
    hints
}

/// Settings that contradict each other.
fn agree(table: &mut Table<'_, '_>, hints: &FormatHints) {
    for (key, other, way) in [
        ("every", "time", "`time` names a column of times, `every` is for rows without one: leave one out"),
        ("device_name", "device", "`device` names a column, `device_name` is one device for all rows: leave one out"),
        ("channel_name", "channel", "`channel` names a column, `channel_name` is one for all rows: leave one out"),
        ("channels", "channel", "`channels` is for one column a channel, `channel` for one value a row: leave one out"),
        ("channels", "channel_name", "`channels` is for one column a channel, `channel_name` for one value a row"),
        ("channels", "value", "`channels` is for one column a channel, `value` for one value a row: leave one out"),
    ] {
        if table.has(key) && table.has(other) {
            table.refuse(key, &format!("and `{other}` exclude each other"), way);
        }
    }
    if hints.kind == Some(Kind::Parquet) {
        table.refuse(
            "sequence",
            "is not for `type = \"parquet\"`",
            "leave it out: a file of columns has each row once",
        );
    }
    let other = [&hints.time, &hints.device, &hints.channel, &hints.value].into_iter().flatten();
    let columns = hints.channels.iter().map(|(column, _)| column);
    if hints.sequence.as_ref().is_some_and(|own| other.chain(columns).chain(&hints.tags).any(|name| name == own)) {
        table.refuse("sequence", "names a column that has another part", "name the column that counts the messages");
    }
    if hints.decimal_comma == Some(true) && hints.separator == Some(b',') {
        table.refuse("decimal", "and `separator` cannot both be a comma", "write separator = \";\", or leave it out");
    }
    if table.has("every") && !table.has("time") {
        for key in ["time_format", "zone"] {
            table.refuse(key, "has no meaning with `every`", "rows without a time need no form of it: leave it out");
        }
    }
    if !table.has("every") {
        table.refuse("start", "has no meaning without `every`", "add `every = \"1s\"`, or leave `start` out");
    }
    if hints.kind.is_some_and(|kind| kind != Kind::Csv) {
        for key in ["separator", "decimal", "header"] {
            table.refuse(key, "is for `type = \"csv\"` only", "leave it out");
        }
    }
}

fn time_format(table: &mut Table<'_, '_>) -> Option<String> {
    const WORDS: [&str; 5] = ["rfc3339", "s", "ms", "us", "ns"];
    let form = table.text("time_format")?;
    if WORDS.contains(&form.what.as_str()) {
        return Some(form.what);
    }
    if !form.what.contains('%') {
        let message = format!("`time_format` cannot be `{}`", form.what);
        let hint = format!("{}, or a pattern such as \"%d.%m.%Y %H:%M:%S\"", suggest::hint(&form.what, &WORDS));
        table.found.problem(&form.place, message, hint);
        return None;
    }
    // A pattern that cannot be printed cannot be read either.
    let sample = jiff::Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    if jiff::fmt::strtime::format(&form.what, &sample).is_err() {
        let message = format!("`{}` is not a pattern for times", form.what);
        table.found.problem(&form.place, message, "as in strftime: \"%Y-%m-%d %H:%M:%S\"");
        return None;
    }
    Some(form.what)
}

fn zone(table: &mut Table<'_, '_>) -> Option<String> {
    let zone = table.text("zone")?;
    if TimeZone::get(&zone.what).is_ok() {
        return Some(zone.what);
    }
    let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let hint = match suggest::nearest(&zone.what, &names) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "write \"UTC\" or a name such as \"Europe/Berlin\"".to_owned(),
    };
    table.found.problem(&zone.place, format!("no time zone is called `{}`", zone.what), hint);
    None
}

fn separator(table: &mut Table<'_, '_>) -> Option<u8> {
    let text = table.raw_text("separator")?;
    match text.what.as_bytes() {
        [one] if !one.is_ascii_alphanumeric() && !b"\".-+\r\n".contains(one) => Some(*one),
        _ => {
            let message = format!("`separator` cannot be `{}`", text.what);
            table.found.problem(&text.place, message, "write one character: \",\", \";\", \"|\" or \"\\t\"");
            None
        }
    }
}

/// `["a", "b"]` or `{ temperature = "temp_c" }`, as pairs of column and channel.
fn channels(table: &mut Table<'_, '_>) -> Vec<(String, String)> {
    if !table.is_table("channels") {
        let names = table.texts("channels").unwrap_or_default();
        return names.into_iter().map(|name| (name.what.clone(), name.what)).collect();
    }
    let Some(mut inner) = table.table("channels", "[\"temperature\"]") else { return Vec::new() };
    let mut pairs = Vec::new();
    for (channel, column) in inner.own_keys() {
        let shown = match column.get_ref() {
            // A CSV without a header has columns `1`, `2`, …
            DeValue::Integer(number) => Some(number.as_str().to_owned()),
            _ => inner.text_of(&channel.what, column).map(|text| text.what),
        };
        pairs.extend(shown.map(|column| (column, channel.what)));
    }
    pairs
}
