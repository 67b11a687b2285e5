//! Files in, lines out: what is read, what is guessed, what is refused and with which words.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use ouzel_connect::format::FormatHints;
use ouzel_connect::source::{Rows, file};
use ouzel_engine::reading::Flags;
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::Span;
use proptest::prelude::*;
use std::fmt::Write;
use std::io::{self, Read};

/// A reader that gives a few bytes at a time.
struct Drops(Vec<u8>, usize, usize);

impl Read for Drops {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(into.len()).min(self.0.len() - self.2);
        into[..count].copy_from_slice(&self.0[self.2..][..count]);
        self.2 += count;
        Ok(count)
    }
}

/// All of an opened file as text: a reading, a rejection, or the number of absent cells a line.
fn drain(opened: file::Opened) -> String {
    let (mut names, mut rows, mut text) = (Names::new(), Rows::default(), String::new());
    let mut source = opened.source;
    while source.next(&mut names, &mut rows).unwrap() {}
    for reading in &rows.rows {
        let (device, channel) = names.of(reading.series);
        let (device, channel) = (names.device_name(device), names.channel_name(channel));
        let end = if reading.flags.has(Flags::END_OF_MESSAGE) { "." } else { "" };
        writeln!(text, "{} {device}/{channel}#{} {}{end}", reading.time, reading.place, reading.value).unwrap();
    }
    for rejected in &rows.rejected {
        writeln!(text, "line {} {}", rejected.line, rejected.reason).unwrap();
    }
    if rows.absent > 0 {
        writeln!(text, "absent {}", rows.absent).unwrap();
    }
    text
}

fn read(name: &str, content: &[u8], hints: &FormatHints) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, content).unwrap();
    let text = match file::open(&path, hints, Timing::default(), None) {
        Ok(opened) => {
            let format = opened.format.to_toml();
            let ignored = if opened.ignored.is_empty() {
                String::new()
            } else {
                format!("ignored {}\n", opened.ignored.join(", "))
            };
            format!("{format}\n{ignored}{}", drain(opened))
        }
        Err(fault) => format!("{fault}\n"),
    };
    text.replace(&format!("{}/", dir.path().display()), "")
}

/// What a file gives: the format as config, then its readings.
fn check(name: &str, content: &str, expected: &str) {
    check_with(name, content, &FormatHints::default(), expected);
}

fn check_with(name: &str, content: &str, hints: &FormatHints, expected: &str) {
    let said = read(name, content.as_bytes(), hints);
    assert_eq!(said.trim_end(), expected.trim_end(), "\n{name}:\n{content}\nsaid:\n{said}");
}

fn hints() -> FormatHints {
    FormatHints::default()
}

#[test]
fn a_wide_file_gives_a_message_a_row() {
    check(
        "plant.csv",
        "ts,device,temperature,vibration,note\n\
         2024-01-01T00:00:00Z,press,21.5,0.25,ok\n\
         2024-01-01T00:00:01Z,saw,,NaN,ok\n\
         2024-01-01T00:00:02Z,press,21.75,,\n",
        "format = { type = \"csv\", time = \"ts\", time_format = \"rfc3339\", device = \"device\", \
         channels = [\"temperature\", \"vibration\"] }\n\
         ignored note\n\
         2024-01-01T00:00:00Z press/temperature#0 21.5\n\
         2024-01-01T00:00:00Z press/vibration#1 0.25.\n\
         2024-01-01T00:00:02Z press/temperature#0 21.75.\n\
         absent 3",
    );
}

#[test]
fn a_narrow_file_gives_a_reading_a_row() {
    check(
        "facility.csv",
        "timestamp,sensor_id,sensor_type,value,location\n\
         1704067200250,s1,temperature,21.5,lab\n\
         1704067201000,s1,motion,true,lab\n\
         1704067202000,s2,temperature,null,hall\n",
        "format = { type = \"csv\", time = \"timestamp\", time_format = \"ms\", device = \"sensor_id\", \
         channel = \"sensor_type\", value = \"value\" }\n\
         ignored location\n\
         2024-01-01T00:00:00.250Z s1/temperature#0 21.5\n\
         2024-01-01T00:00:01Z s1/motion#0 1\n\
         absent 1",
    );
}

#[test]
fn a_file_of_one_value_is_named_after_itself() {
    check(
        "ambient_temperature.csv",
        "timestamp,value\n2013-07-04 00:00:00,69.880835\n2013-07-04 01:00:00,71.22\n",
        "format = { type = \"csv\", time = \"timestamp\", time_format = \"rfc3339\", \
         device_name = \"ambient_temperature\", channels = [\"value\"] }\n\
         2013-07-04T00:00:00Z ambient_temperature/value#0 69.880835.\n\
         2013-07-04T01:00:00Z ambient_temperature/value#0 71.22.",
    );
}

#[test]
fn semicolons_and_decimal_commas_are_noticed() {
    check(
        "valve.csv",
        "\u{feff}datetime;Accelerometer1RMS;Pressure\r\n2020-03-09 10:14:33;0,0265;0,05\r\n2020-03-09 10:14:34;1;0,1\r\n",
        "format = { type = \"csv\", separator = \";\", decimal = \",\", time = \"datetime\", time_format = \"rfc3339\", \
         device_name = \"valve\", channels = [\"Accelerometer1RMS\", \"Pressure\"] }\n\
         2020-03-09T10:14:33Z valve/Accelerometer1RMS#0 0.0265\n\
         2020-03-09T10:14:33Z valve/Pressure#1 0.05.\n\
         2020-03-09T10:14:34Z valve/Accelerometer1RMS#0 1\n\
         2020-03-09T10:14:34Z valve/Pressure#1 0.1.",
    );
}

#[test]
fn a_file_without_a_header_has_numbered_columns() {
    check(
        "log.txt",
        "1704067200|21.5\n1704067201|22\n",
        "format = { type = \"csv\", separator = \"|\", header = false, time = \"1\", time_format = \"s\", \
         device_name = \"log\", channels = [\"2\"] }\n\
         2024-01-01T00:00:00Z log/2#0 21.5.\n\
         2024-01-01T00:00:01Z log/2#0 22.",
    );
}

#[test]
fn quoted_fields_hold_separators_but_never_lines() {
    check(
        "q.csv",
        "time,device,value\n\
         2024-01-01T00:00:00Z,\"press, left\",\"1.5\"\n\
         2024-01-01T00:00:01Z,\"say \"\"so\"\"\",2\n\
         2024-01-01T00:00:02Z,\"open,3\n\
         2024-01-01T00:00:03Z,b,4\n",
        "format = { type = \"csv\", time = \"time\", time_format = \"rfc3339\", device = \"device\", channels = [\"value\"] }\n\
         2024-01-01T00:00:00Z press, left/value#0 1.5.\n\
         2024-01-01T00:00:01Z say \"so\"/value#0 2.\n\
         2024-01-01T00:00:03Z b/value#0 4.\n\
         line 4 column 2: its quote is not closed on this line; a field may not span lines",
    );
}

#[test]
fn what_cannot_be_read_is_rejected_with_its_place_and_reason() {
    check(
        "bad.csv",
        "ts,device,a,b\n\
         2024-01-01T00:00:00Z,x,1,2\n\
         2024-01-01T00:00:01Z,x,abc,3\n\
         2024-01-01T00:99:00Z,x,1,2\n\
         2024-01-01T00:00:02Z,x,4\n\
         2024-01-01T00:00:03Z,x,5,6,7\n\
         2024-01-01T00:00:04Z,,7,8\n\
         2024-01-01T00:00:05Z,x,inf,9\n\
         \n\
         ,x,1,2\n\
         2024-01-01T00:00:06Z,x,\"1,5\",10\n\
         2500-01-01T00:00:06Z,x,1,10\n",
        "format = { type = \"csv\", time = \"ts\", time_format = \"rfc3339\", device = \"device\", channels = [\"a\", \"b\"] }\n\
         2024-01-01T00:00:00Z x/a#0 1\n\
         2024-01-01T00:00:00Z x/b#1 2.\n\
         2024-01-01T00:00:01Z x/b#1 3.\n\
         2024-01-01T00:00:02Z x/a#0 4.\n\
         2024-01-01T00:00:05Z x/b#1 9.\n\
         2024-01-01T00:00:06Z x/b#1 10.\n\
         line 3 column 3 (a): \"abc\" is not a number\n\
         line 4 column 1 (ts): \"2024-01-01T00:99:00Z\" is not a time like 2024-01-01T00:00:00Z\n\
         line 5 column 4 (b) is missing\n\
         line 6 has 5 fields, the header has 4\n\
         line 7 column 2 (device): the name of the device is empty\n\
         line 8 column 3 (a): \"inf\" is infinite, a reading is finite\n\
         line 10 column 1 (ts) is empty, so there is no time\n\
         line 11 column 3 (a): \"1,5\" is not a number; if the comma marks decimals, set decimal = \",\"\n\
         line 12 column 1 (ts): \"2500-01-01T00:00:06Z\" lies outside the years 1677 to 2262",
    );
}

#[test]
fn a_last_line_without_an_end_is_used_only_when_it_is_whole() {
    let format = "format = { type = \"csv\", time = \"ts\", time_format = \"s\", device_name = \"t\", channels = [\"a\", \"b\"] }";
    let first = "1970-01-01T00:00:01Z t/a#0 1\n1970-01-01T00:00:01Z t/b#1 2.";
    check(
        "t.csv",
        "ts,a,b\n1,1,2\n2,3,4",
        &format!("{format}\n{first}\n1970-01-01T00:00:02Z t/a#0 3\n1970-01-01T00:00:02Z t/b#1 4."),
    );
    check(
        "t.csv",
        "ts,a,b\n1,1,2\n2,3,-",
        &format!(
            "{format}\n{first}\nline 3 the input ends in the middle of this line: column 3 (b): \"-\" is not a number"
        ),
    );
    check(
        "t.csv",
        "ts,a,b\n1,1,2\n2,3",
        &format!("{format}\n{first}\nline 3 the input ends in the middle of this line: column 3 (b) is missing"),
    );
    check(
        "t.ndjson",
        "{\"ts\":1,\"a\":1}\n{\"ts\":2,\"a\"",
        "format = { type = \"ndjson\", time = \"ts\", time_format = \"s\", device_name = \"t\" }\n\
         1970-01-01T00:00:01Z t/a#0 1.\n\
         line 2 the input ends in the middle of this line: is not valid JSON: at byte 12 a colon is missing after the key",
    );
}

#[test]
fn a_missing_column_is_named_with_a_suggestion() {
    let content = "ts,device,temperature,vibration\n2024-01-01T00:00:00Z,x,1,2\n";
    check_with(
        "plant.csv",
        content,
        &FormatHints { channels: vec![("temprature".into(), "temprature".into())], ..hints() },
        "plant.csv has no column \"temprature\"; its columns are ts, device, temperature, vibration: \
         did you mean \"temperature\"?",
    );
    check_with(
        "plant.ndjson",
        "{\"ts\":1,\"temperature\":2}\n",
        &FormatHints { time: Some("tz".into()), ..hints() },
        "plant.ndjson has no key \"tz\"; its keys are ts, temperature: did you mean \"ts\"?",
    );
}

#[test]
fn rows_without_a_time_need_to_be_told_how_far_apart_they_are() {
    let content = "a,b\n1,2.5\n3,x\n\n5,6\n";
    check(
        "wave.csv",
        content,
        "wave.csv has no column that looks like a time; its columns are a, b: name it with time = \"…\", or, if the rows \
         have no time, say how far apart they are with every = \"1s\"",
    );
    check_with(
        "wave.csv",
        content,
        &FormatHints { every: Some(Span::from_secs(10)), ..hints() },
        "format = { type = \"csv\", every = \"10s\", device_name = \"wave\", channels = [\"a\", \"b\"] }\n\
         1970-01-01T00:00:00Z wave/a#0 1\n\
         1970-01-01T00:00:00Z wave/b#1 2.5.\n\
         1970-01-01T00:00:10Z wave/a#0 3.\n\
         1970-01-01T00:00:20Z wave/a#0 5\n\
         1970-01-01T00:00:20Z wave/b#1 6.\n\
         line 3 column 2 (b): \"x\" is not a number",
    );
}

#[test]
fn times_in_a_form_that_is_not_known_say_which_are() {
    let known = "time_format is \"rfc3339\" (2024-01-01T00:00:00Z), \"s\", \"ms\", \"us\" or \"ns\" (a number since 1970), \
                 or a pattern such as \"%d.%m.%Y %H:%M:%S\"";
    check(
        "t.csv",
        "ts,a\nmonday noon,1\n",
        &format!("t.csv: column \"ts\" has the time \"monday noon\", which is in no form that is known; {known}"),
    );
    check_with(
        "t.csv",
        "ts,a\n31.12.2023 12:00,1\n",
        &FormatHints { time_format: Some("rfc3339".into()), ..hints() },
        &format!(
            "t.csv: column \"ts\" has the time \"31.12.2023 12:00\", which is not a time like 2024-01-01T00:00:00Z; {known}"
        ),
    );
    check_with(
        "t.csv",
        "ts,a\n2024-01-01,1\n",
        &FormatHints { time_format: Some("unix".into()), ..hints() },
        &format!("t.csv: `unix` is not a form of time: {known}"),
    );
    check(
        "t.csv",
        "ts,a\n01/02/2024 12:00,1\n02/02/2024 12:00,1\n",
        "t.csv: column \"ts\" has the time \"01/02/2024 12:00\", which may have the day or the month first: \
         set time_format = \"%d/%m/%Y %H:%M\" or \"%m/%d/%Y %H:%M\"",
    );
}

#[test]
fn patterns_and_zones_are_followed() {
    check_with(
        "t.csv",
        "when,a\n01.07.2024 12:00,1\n31.12.2024 12:00,2\n",
        &FormatHints { zone: Some("Europe/Berlin".into()), time: Some("when".into()), ..hints() },
        "format = { type = \"csv\", time = \"when\", time_format = \"%d.%m.%Y %H:%M\", zone = \"Europe/Berlin\", \
         device_name = \"t\", channels = [\"a\"] }\n\
         2024-07-01T10:00:00Z t/a#0 1.\n\
         2024-12-31T11:00:00Z t/a#0 2.",
    );
    check(
        "t.csv",
        "date,a\n12/31/2023 12:00,1\n01/01/2024 12:00,2\n",
        "format = { type = \"csv\", time = \"date\", time_format = \"%m/%d/%Y %H:%M\", device_name = \"t\", \
         channels = [\"a\"] }\n\
         2023-12-31T12:00:00Z t/a#0 1.\n\
         2024-01-01T12:00:00Z t/a#0 2.",
    );
}

#[test]
fn inputs_that_cannot_be_files_of_readings_say_what_to_do() {
    check("a.csv", "", "a.csv is empty");
    check("a.csv", "\n  \n", "a.csv has nothing in it but blanks");
    check("a.json", "[{\"ts\":1}]", "a.json is a JSON list: one object a line is needed (jq -c '.[]' makes it so)");
    check(
        "a.json",
        "{\n \"ts\": 1\n}\n",
        "a.json has no line that can be read: the first is not valid JSON: at byte 2 a key in double quotes is missing",
    );
    check(
        "a.lp",
        "ts,a\n1,2\n",
        "a.lp has no line that can be read: the first is not line protocol: at byte 4 a name and an equals sign are missing",
    );
    check("a.csv", "ts,name\n1,x\n2,y\n", "a.csv has no column with numbers to watch; its columns are ts, name");
    assert_eq!(read("a.csv", b"\xff\xfet\0s\0", &hints()), "a.csv is written in UTF-16: save it as UTF-8\n");
    assert_eq!(read("a.csv.gz", b"\x1f\x8b\x08", &hints()), "a.csv.gz is compressed with gzip: unpack it first\n");
    let missing = file::open("no/such.csv".as_ref(), &hints(), Timing::default(), None).err().unwrap();
    assert_eq!(missing.what, "no/such.csv does not exist");
    let folder = file::open("/".as_ref(), &hints(), Timing::default(), None).err().unwrap();
    assert_eq!(folder.what, "/ is a folder: name a file in it");
}

#[test]
fn a_header_alone_is_a_file_without_readings() {
    check(
        "t.csv",
        "ts,device,a\n",
        "format = { type = \"csv\", time = \"ts\", time_format = \"rfc3339\", device_name = \"t\", \
         channels = [\"device\", \"a\"] }",
    );
}

#[test]
fn names_that_are_not_utf_8_are_rejected_and_their_neighbours_kept() {
    let said = read("t.csv", b"ts,device,a\n1,ok,1\n2,b\xffd,2\n3,ok,3\n", &hints());
    assert!(
        said.ends_with(
            "1970-01-01T00:00:01Z ok/a#0 1.\n\
         1970-01-01T00:00:03Z ok/a#0 3.\n\
         line 3 column 2 (device): the name of the device, \"b\u{fffd}d\", is not UTF-8\n"
        ),
        "{said}"
    );
}

#[test]
fn a_line_of_more_than_a_mebibyte_is_skipped() {
    let long = "9".repeat(3 << 20);
    check(
        "t.csv",
        &format!("ts,a\n1,1\n2,{long}\n3,3\n"),
        "format = { type = \"csv\", time = \"ts\", time_format = \"s\", device_name = \"t\", channels = [\"a\"] }\n\
         1970-01-01T00:00:01Z t/a#0 1.\n\
         1970-01-01T00:00:03Z t/a#0 3.\n\
         line 3 the line is longer than 1 MiB",
    );
}

#[test]
fn many_bad_cells_of_a_line_are_summed_up() {
    let header: Vec<String> = (0..40).map(|i| format!("c{i}")).collect();
    let good = ["1"; 40].join(",");
    let bad = ["x"; 40].join(",");
    let said = read("t.csv", format!("ts,{}\n1,{good}\n2,{good}\n3,{bad}\n", header.join(",")).as_bytes(), &hints());
    assert_eq!(said.lines().filter(|line| line.starts_with("line 4")).count(), 17);
    assert!(said.ends_with("line 4 24 more cells of this line cannot be read either\n"), "{said}");
}

#[test]
fn objects_give_a_message_each_and_new_keys_become_channels() {
    check(
        "t.ndjson",
        "{\"ts\":\"2024-01-01T00:00:00Z\",\"device\":\"a\",\"heat\":{\"in\":21.5,\"out\":3},\"note\":\"ok\"}\n\
         {\"ts\":\"2024-01-01T00:00:01Z\",\"device\":\"b\",\"heat\":{\"in\":null},\"up\":true}\n\
         {\"ts\":\"2024-01-01T00:00:02Z\",\"device\":\"b\",\"up\":\"abc\"}\n\
         {\"ts\":\"2024-01-01T00:00:03Z\",\"device\":\"b\",\"up\":1,\"up\":2}\n\
         {\"ts\":\"2024-01-01T00:00:04Z\",\"device\":\"\\u0062\",\"up\":[1]}\n\
         {\"ts\":\"2024-01-01T00:00:05Z\",\"device\":\"\\u0062\",\"up\":\"1.5\"}\n\
         [1]\n",
        "format = { type = \"ndjson\", time = \"ts\", time_format = \"rfc3339\", device = \"device\" }\n\
         ignored note\n\
         2024-01-01T00:00:00Z a/heat.in#0 21.5\n\
         2024-01-01T00:00:00Z a/heat.out#1 3.\n\
         2024-01-01T00:00:01Z b/up#2 1.\n\
         2024-01-01T00:00:05Z b/up#2 1.5.\n\
         line 3 key \"up\": \"abc\" is not a number\n\
         line 4 the key \"up\" stands twice\n\
         line 5 key \"up\": \"[1]\" is not a number but a list or an object\n\
         line 7 is not a JSON object\n\
         absent 1",
    );
}

#[test]
fn objects_may_be_narrow_and_carry_tags() {
    check_with(
        "t.ndjson",
        "{\"time\":1704067200.5,\"sensor_id\":\"s1\",\"sensor_type\":\"heat\",\"value\":1.5,\"location\":\"lab\"}\n\
         {\"time\":1704067201,\"sensor_id\":\"s1\",\"sensor_type\":\"heat\"}\n",
        &FormatHints { tags: vec!["location".into()], ..hints() },
        "format = { type = \"ndjson\", time = \"time\", time_format = \"s\", device = \"sensor_id\", \
         channel = \"sensor_type\", value = \"value\", tags = [\"location\"] }\n\
         2024-01-01T00:00:00.500Z s1/heat#0 1.5\n\
         line 2 key \"value\" is missing",
    );
}

#[test]
fn line_protocol_gives_a_message_a_line() {
    check(
        "t.lp",
        "# a comment\n\
         weather,device=w1,location=lab heat=21.5,count=3i,up=t,note=\"fine\" 1704067200000000000\n\
         weather,device=w\\ 2 damp=5 1704067201000000000\n\
         weather,device=w1 heat=7\n\
         weather,device=w1 heat=abc 1704067202000000000\n",
        "format = { type = \"line\", time = \"time\", time_format = \"ns\", device = \"device\" }\n\
         ignored measurement, location, note\n\
         2024-01-01T00:00:00Z w1/heat#0 21.5\n\
         2024-01-01T00:00:00Z w1/count#1 3\n\
         2024-01-01T00:00:00Z w1/up#2 1.\n\
         2024-01-01T00:00:01Z w 2/damp#3 5.\n\
         line 4 column \"time\" is missing, and with it the time\n\
         line 5 field \"heat\": \"abc\" is not a number",
    );
}

#[test]
fn standard_input_is_guessed_from_its_first_lines_and_nothing_is_lost() {
    let text = b"ts,device,a\n1,x,1\n2,y,2\n3,x,3";
    for at_once in [1, 5, 1000] {
        let reader = Box::new(Drops(text.to_vec(), at_once, 0));
        let opened = file::from_reader("stdin", reader, &hints(), Timing::default(), None).unwrap();
        assert!(opened.guessed && opened.size_bytes.is_none());
        let progress = opened.progress.clone();
        assert_eq!(drain(opened).lines().count(), 3);
        assert_eq!(progress.load(std::sync::atomic::Ordering::Relaxed), text.len() as u64);
    }
}

/// The sample as a file would be seen, but read in small pieces.
fn in_pieces(text: &[u8], hints: &FormatHints, at_once: usize) -> String {
    let reader = Box::new(Drops(text.to_vec(), at_once, 0));
    match file::from_reader("x", reader, hints, Timing::default(), None) {
        Ok(opened) => drain(opened),
        Err(fault) => fault.what,
    }
}

fn told(kind: &str) -> FormatHints {
    use ouzel_connect::format::Kind;
    let base = FormatHints {
        time: Some("time".into()),
        time_format: Some("ns".into()),
        device: Some("device".into()),
        channels: vec![("a".into(), "a".into()), ("b".into(), "b".into())],
        separator: Some(b','),
        decimal_comma: Some(false),
        header: Some(true),
        ..hints()
    };
    let kind = match kind {
        "csv" => Kind::Csv,
        "ndjson" => Kind::Ndjson,
        _ => Kind::Line,
    };
    FormatHints { kind: Some(kind), ..base }
}

const CSV: &str = "time,device,a,b\n1,x,1,2\n";
const NDJSON: &str = "{\"time\":1,\"device\":\"x\",\"a\":1,\"b\":2}\n";
const LINE: &str = "m,device=x a=1,b=2 1\n";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn how_it_is_read_does_not_change_what_is_read(
        rows in proptest::collection::vec("[0-9xy,\"\r.-]{0,20}|[0-9]{1,2},[xy],[0-9]{1,3},\"?[0-9.]{1,3}\"?\r?", 0..20),
        at_once in 1usize..50,
        end in any::<bool>(),
    ) {
        let text = format!("{CSV}{CSV}{}{}", rows.join("\n"), if end { "\n" } else { "" });
        let whole = in_pieces(text.as_bytes(), &told("csv"), usize::MAX);
        prop_assert_eq!(in_pieces(text.as_bytes(), &told("csv"), at_once), whole);
    }

    #[test]
    fn any_bytes_are_read_or_refused_by_csv(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        in_pieces(&[CSV.as_bytes(), &bytes].concat(), &told("csv"), 100);
        in_pieces(&bytes, &hints(), 100);
    }

    #[test]
    fn any_bytes_are_read_or_refused_by_ndjson(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        in_pieces(&[NDJSON.as_bytes(), &bytes].concat(), &told("ndjson"), 100);
        in_pieces(&[NDJSON.as_bytes(), &bytes].concat(), &hints(), 100);
    }

    #[test]
    fn any_bytes_are_read_or_refused_by_line_protocol(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        in_pieces(&[LINE.as_bytes(), &bytes].concat(), &told("line"), 100);
        in_pieces(&[LINE.as_bytes(), &bytes].concat(), &hints(), 100);
    }

    #[test]
    fn text_that_is_nearly_right_is_read_or_refused(
        csv in "[0-9xy,\"\n:TZ .;|\t-]{0,200}",
        json in "([{}\\[\\]\":,\\\\a-c0-9. \n]|\"a\":|\"time\":){0,80}",
        line in "[a-d=,\\\\\" \n0-9it#]{0,200}",
    ) {
        in_pieces(format!("{CSV}{csv}").as_bytes(), &told("csv"), 64);
        in_pieces(csv.as_bytes(), &hints(), 64);
        in_pieces(format!("{NDJSON}{json}").as_bytes(), &told("ndjson"), 64);
        in_pieces(format!("{NDJSON}{json}").as_bytes(), &hints(), 64);
        in_pieces(format!("{LINE}{line}").as_bytes(), &told("line"), 64);
        in_pieces(format!("{LINE}{line}").as_bytes(), &hints(), 64);
    }

    #[test]
    fn the_same_readings_come_from_each_kind_of_file(values in proptest::collection::vec((any::<f64>(), any::<f64>()), 1..20)) {
        let finite = |v: f64| if v.is_finite() { v } else { 0.5 };
        let (mut csv, mut json, mut line) = ("time,device,a,b\n".to_owned(), String::new(), String::new());
        for (i, (a, b)) in values.iter().enumerate() {
            let (a, b) = (finite(*a), finite(*b));
            writeln!(csv, "{i},x,{a},{b:e}").unwrap();
            writeln!(json, "{{\"time\":{i},\"device\":\"x\",\"a\":{a},\"b\":{b:e}}}").unwrap();
            writeln!(line, "m,device=x a={a},b={b:e} {i}").unwrap();
        }
        let csv = in_pieces(csv.as_bytes(), &told("csv"), 1000);
        prop_assert_eq!(csv.lines().count(), values.len() * 2);
        prop_assert_eq!(&in_pieces(json.as_bytes(), &told("ndjson"), 1000), &csv);
        prop_assert_eq!(&in_pieces(line.as_bytes(), &told("line"), 1000), &csv);
    }
}
