//! One message of a live source to readings: JSON, line protocol or CSV, with what its sender leaves unsaid.
//!
//! Nothing is guessed from the first message, which may be a stranger's. What a format does not say is this, always:
//!
//! | | JSON | line protocol | CSV |
//! | --- | --- | --- | --- |
//! | time | the key `time`, `ts` or `timestamp`, if it is there | its own | none |
//! | its form | RFC 3339, or a number since 1970 in the unit that its size tells | ns since 1970 | the same as JSON |
//! | device | the key `device`, `device_id` or `sensor_id` | the tag `device`, `device_id`, `sensor_id` or `host` | none |
//! | channels | all other numbers | all fields that are numbers | all other columns |
//!
//! Without a time the moment of arrival counts. Without a device, that which the topic names; else in line protocol the
//! measurement; else the source's name.

use super::columns::Columns;
use super::csv::Csv;
use super::guess;
use super::line::LineProtocol;
use super::mapping::{Live, Mapping};
use super::ndjson::Ndjson;
use super::time::{self, TimeReader};
use super::{Decoder, lines::MAX_LINE};
use crate::fault::Fault;
use crate::format::{ChannelFrom, DeviceFrom, EpochUnit, Format, FormatHints, Kind, Shape, TimeForm, TimeFrom, Zone};
use crate::source::{Rejected, Rows};
use memchr::memchr;
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::{Span, Time};

/// The word for `time` that says: when it came.
pub const ARRIVAL: &str = "arrival";

/// The most readings of one message: 24 MiB.
pub const MAX_READINGS: usize = 1 << 20;

/// The most mistakes of one message that are told; behind them it is not looked at any more.
pub const MAX_REJECTED: usize = 1_000;

const TIMES: [&str; 3] = ["time", "ts", "timestamp"];
const DEVICES: [&str; 3] = ["device", "device_id", "sensor_id"];
const DEVICE_TAGS: [&str; 4] = ["device", "device_id", "sensor_id", "host"];

const ROOM: Room = Room { readings: MAX_READINGS, rejected: MAX_REJECTED };

/// Decodes the messages of one source.
pub struct Payload {
    source: String,
    hints: FormatHints,
    timing: Timing,
    /// Of CSV the columns that it was made for; all their names, one a line.
    columns: Vec<u8>,
    decoder: Option<Decoder>,
    unit: Option<EpochUnit>,
}

/// How much of a message is read at once.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// So many readings, more or less.
    pub readings: usize,
    /// So many rejections.
    pub rejected: usize,
}

impl Room {
    /// Why the rest of a payload is not looked at, if it is not.
    pub fn full(&self, into: &Rows) -> Option<String> {
        if into.rows.len() >= self.readings {
            return Some(format!("more than {} readings in one message: send it in parts", self.readings));
        }
        (into.rejected.len() >= self.rejected)
            .then(|| format!("after {} mistakes the rest of this message is not looked at", self.rejected))
    }
}

/// What is known of a message besides its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// When it came.
    pub now: Time,
    /// The device by the way it came; empty: nothing said so.
    pub device: &'a str,
    /// Facts about the device.
    pub tags: &'a [(String, String)],
    /// What its numbers of time count, where the sender said it with this message.
    pub unit: Option<EpochUnit>,
}

/// How far a message was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its first byte that was not looked at.
    pub at: usize,
    /// What it stands in.
    pub(super) inside: Inside,
}

impl Place {
    /// The begin of a message.
    pub const START: Place = Place { at: 0, inside: Inside::Nothing };
}

/// What a place in JSON stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    /// The begin of a message, or lines.
    Nothing,
    /// A list, before one of its elements.
    List,
    /// Objects one after the other.
    Objects,
}

/// What became of a message so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to read.
    More,
    /// It was read to its end.
    Ended,
    /// Behind a mistake on this line nothing can be told apart; it was read to there.
    Broken(u64),
}

impl Payload {
    /// Decodes messages of this format; `source` is the name of the source. Without a kind they are JSON.
    ///
    /// # Errors
    /// A format that contradicts itself, a zone that there is not.
    pub fn new(source: &str, hints: &FormatHints, timing: Timing) -> Result<Payload, Fault> {
        let hints = FormatHints { kind: Some(hints.kind.unwrap_or(Kind::Ndjson)), ..hints.clone() };
        let mut payload =
            Payload { source: source.into(), hints, timing, columns: Vec::new(), decoder: None, unit: None };
        match payload.kind() {
            Kind::Parquet => return Err(Fault::yours(format!("{source}: a message cannot be Parquet"))),
            Kind::Csv => {
                payload.time_reader()?;
            }
            Kind::Ndjson | Kind::Line => payload.decoder = Some(payload.open(&[])?),
        }
        Ok(payload)
    }

    fn kind(&self) -> Kind {
        self.hints.kind.unwrap_or(Kind::Ndjson)
    }

    /// Decodes one message. Whether all of it carried times of its own: then the same bytes can only be the same message.
    ///
    /// Of a message with more than [`MAX_READINGS`] or [`MAX_REJECTED`] the rest is not looked at; whoever wants all of
    /// it reads it in parts, with [`Payload::begin`] and [`Payload::go_on`].
    pub fn decode(&mut self, bytes: &[u8], given: &Given<'_>, names: &mut Names, into: &mut Rows) -> bool {
        let mut place = match self.begin(bytes, given) {
            Ok(place) => place,
            Err(rejected) => {
                into.rejected.push(rejected);
                return false;
            }
        };
        if self.go_on(bytes, &mut place, &ROOM, names, into) == Progress::More
            && let (Some(decoder), Some(why)) = (&mut self.decoder, ROOM.full(into))
        {
            let line = decoder.line();
            mapping(decoder, line).reject(line, &bytes[place.at..], why, into);
        }
        self.own_times()
    }

    /// Begins a message; [`Payload::go_on`] reads it, until the next one begins.
    ///
    /// # Errors
    /// A header of CSV without the columns that the format needs.
    pub fn begin(&mut self, bytes: &[u8], given: &Given<'_>) -> Result<Place, Rejected> {
        let mut at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let mut first = 1;
        if self.kind() == Kind::Csv {
            let body = self.header(&bytes[at..]).map_err(|reason| {
                let (source, text) = (self.source.clone(), super::excerpt(&bytes[at..]));
                Rejected { source, line: 1, reason, text }
            })?;
            let header = bytes.len() - at - body.len();
            first += u64::from(header > 0);
            at += header;
        }
        if self.unit != given.unit {
            let unit = given.unit.map_or_else(|| self.time_reader().ok(), |unit| reader(&TimeForm::Epoch(unit)).ok());
            self.unit = given.unit;
            if let (Some(decoder), Some(unit)) = (&mut self.decoder, unit) {
                mapping(decoder, 1).read_times(unit);
            }
        }
        if let Some(decoder) = &mut self.decoder {
            mapping(decoder, first).arrive(given.now, given.device, given.tags);
        }
        Ok(Place { at, inside: Inside::Nothing })
    }

    /// Reads on in the message that was begun, until `into` has as much as there is `room` for, or it is read to its end.
    pub fn go_on(
        &mut self,
        bytes: &[u8],
        place: &mut Place,
        room: &Room,
        names: &mut Names,
        into: &mut Rows,
    ) -> Progress {
        match &mut self.decoder {
            None => Progress::Ended,
            Some(Decoder::Ndjson(json)) => json.payload(bytes, place, room, names, into),
            Some(decoder) => loop {
                let rest = &bytes[place.at..];
                if rest.trim_ascii_start().is_empty() {
                    return Progress::Ended;
                }
                if room.full(into).is_some() {
                    return Progress::More;
                }
                place.at += decoder.decode(rest, false, names, into);
            },
        }
    }

    /// Whether all that was read of the message that was begun carried times of its own.
    pub fn own_times(&mut self) -> bool {
        self.decoder.as_mut().is_some_and(|decoder| {
            let line = decoder.line();
            mapping(decoder, line).own_times()
        })
    }

    /// Makes sure of a decoder for the columns of a CSV message, and gives what is behind its header.
    fn header<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], String> {
        let start = bytes.len() - bytes.trim_ascii_start().len();
        let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |end| start + end);
        let first = bytes[start..end].trim_ascii_end();
        if first.len() > MAX_LINE {
            return Err(super::too_long());
        }
        let separator = self.hints.separator.unwrap_or(b',');
        let has_header = self.hints.header.unwrap_or(false);
        let cells = guess::cells(first, separator);
        let names: Vec<String> = cells
            .into_iter()
            .enumerate()
            .map(|(i, name)| if has_header && !name.is_empty() { name } else { (i + 1).to_string() })
            .collect();
        let columns = names.join("\n").into_bytes();
        if self.decoder.is_none() || columns != self.columns {
            self.decoder = Some(self.open(&names).map_err(|fault| fault.what)?);
            self.columns = columns;
            self.unit = None;
        }
        Ok(if has_header { bytes.get(end + 1..).unwrap_or_default() } else { bytes })
    }

    /// The reader of the times that the format names.
    fn time_reader(&self) -> Result<TimeReader, Fault> {
        let zone = self.hints.zone.clone().map_or_else(Zone::default, Zone);
        let form = match &self.hints.time_format {
            Some(word) => time::form(word, zone).map_err(|why| Fault::yours(format!("{}: {why}", self.source)))?,
            None if self.kind() == Kind::Line => TimeForm::Epoch(EpochUnit::Nanos),
            None => TimeForm::Rfc3339(zone),
        };
        reader(&form)
    }

    /// A decoder; of CSV for these columns.
    fn open(&self, columns: &[String]) -> Result<Decoder, Fault> {
        let (kind, hints) = (self.kind(), &self.hints);
        let (likely_times, likely_devices): (&[&str], &[&str]) = match kind {
            Kind::Line => (&["time"], &DEVICE_TAGS),
            Kind::Csv => (&[], &[]),
            _ => (&TIMES, &DEVICES),
        };
        let chosen = |own: &Option<String>, likely: &[&str]| match own {
            Some(name) => vec![name.clone()],
            None => likely.iter().map(|&name| name.to_owned()).collect::<Vec<_>>(),
        };
        let by_arrival = hints.time.as_deref() == Some(ARRIVAL);
        let times = if by_arrival { Vec::new() } else { chosen(&hints.time, likely_times) };
        let devices = if hints.device_name.is_some() { Vec::new() } else { chosen(&hints.device, likely_devices) };
        let last =
            (kind == Kind::Line && hints.device_name.is_none() && hints.channel.as_deref() != Some("measurement"))
                .then(|| "measurement".to_owned());
        let format = Format {
            kind,
            // What holds where a message has none of its own: the clock of its arrival, the name of the source.
            time: TimeFrom::Every { start: Time(0), every: Span::ZERO },
            device: DeviceFrom::Fixed(hints.device_name.clone().unwrap_or_else(|| self.source.clone())),
            shape: shape(hints),
            tags: hints.tags.clone(),
            sequence: hints.sequence.clone(),
            separator: hints.separator.unwrap_or(b','),
            decimal_comma: hints.decimal_comma.unwrap_or(false),
            header: hints.header.unwrap_or(false),
        };
        let mut wanted = crate::source::file::wanted(&format);
        if kind == Kind::Csv {
            wanted = columns.to_vec();
        }
        for name in times.iter().chain(&devices).chain(&last) {
            if kind != Kind::Csv && !wanted.contains(name) {
                wanted.push(name.clone());
            }
        }
        let word = if kind == Kind::Ndjson { "key" } else { "column" };
        let names = Columns { source: &self.source, word, names: &wanted };
        let slots = |names_of: &[String]| names_of.iter().map(|name| names.find(name)).collect::<Result<Vec<_>, _>>();
        let live = Live {
            times: slots(&times)?,
            time_needed: hints.time.is_some() && !by_arrival,
            by_size: hints.time_format.is_none() && kind != Kind::Line,
            reader: self.time_reader()?,
            devices: slots(&devices)?,
            last: last.map(|name| names.find(&name)).transpose()?,
        };
        let labels = wanted.iter().map(|name| format!("{word} \"{name}\"")).collect();
        let mapping = Mapping::live(&format, names, labels, self.timing, live)?;
        let open = matches!(&format.shape, Shape::Wide(pairs) if pairs.is_empty());
        Ok(match kind {
            Kind::Csv => Decoder::Csv(Csv::new(mapping, format.separator, columns.len(), format.header, 1)),
            Kind::Line => Decoder::Line(LineProtocol::new(mapping, &wanted, open, 1)),
            Kind::Ndjson | Kind::Parquet => Decoder::Ndjson(Ndjson::new(mapping, &wanted, open, 1)),
        })
    }
}

fn reader(form: &TimeForm) -> Result<TimeReader, Fault> {
    TimeReader::new(form)
}

fn shape(hints: &FormatHints) -> Shape {
    if hints.channel.is_none() && hints.channel_name.is_none() && hints.value.is_none() {
        return Shape::Wide(hints.channels.clone());
    }
    let value = hints.value.clone().unwrap_or_else(|| "value".into());
    let channel = match (&hints.channel, &hints.channel_name) {
        (Some(column), _) => ChannelFrom::Column(column.clone()),
        (None, Some(name)) => ChannelFrom::Fixed(name.clone()),
        (None, None) => ChannelFrom::Fixed(value.clone()),
    };
    Shape::Narrow { channel, value }
}

/// The mapping of a decoder, whose next line has this number.
fn mapping(decoder: &mut Decoder, line: u64) -> &mut Mapping {
    match decoder {
        Decoder::Csv(csv) => csv.payload(line),
        Decoder::Ndjson(json) => json.mapping(),
        Decoder::Line(lines) => lines.payload(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Retold;
    use proptest::prelude::*;

    fn hints(kind: Kind) -> FormatHints {
        FormatHints { kind: Some(kind), ..FormatHints::default() }
    }

    struct Bench {
        payload: Payload,
        names: Names,
    }

    impl Bench {
        fn new(hints: &FormatHints) -> Bench {
            Bench { payload: Payload::new("hall", hints, Timing::default()).unwrap(), names: Names::new() }
        }

        /// `device.channel@seconds=value`, then what was rejected.
        fn take(&mut self, text: &str, device: &str) -> String {
            let given = Given { now: Time::from_secs(1_000), device, ..Given::default() };
            let mut rows = Rows::default();
            self.payload.decode(text.as_bytes(), &given, &mut self.names, &mut rows);
            said(&self.names, &rows)
        }
    }

    fn said(names: &Names, rows: &Rows) -> String {
        let one = |row: &ouzel_engine::reading::Reading| {
            let (device, channel) = names.of(row.series);
            let (device, channel) = (names.device_name(device), names.channel_name(channel));
            format!("{device}.{channel}@{}={}", (row.time.0 / 1_000_000) as f64 / 1e3, row.value)
        };
        let mut said: Vec<String> = rows.rows.iter().map(one).collect();
        said.extend(rows.rejected.iter().map(|r| format!("line {}: {}", r.line, r.reason)));
        said.join(" | ")
    }

    fn check(hints: &FormatHints, text: &str, device: &str, expected: &str) {
        assert_eq!(Bench::new(hints).take(text, device), expected, "{text}");
    }

    #[test]
    fn json_needs_no_format() {
        let json = FormatHints::default();
        check(
            &json,
            r#"{"time":"1970-01-01T00:00:05Z","device":"a","heat":1.5,"on":true}"#,
            "",
            "a.heat@5=1.5 | a.on@5=1",
        );
        check(&json, r#"{"ts":1700000000,"heat":1}"#, "b", "b.heat@1700000000=1");
        check(&json, r#"{"timestamp":1700000000250,"heat":1}"#, "b", "b.heat@1700000000.25=1");
        check(&json, r#"{"ts":"1700000000250000000","heat":1}"#, "b", "b.heat@1700000000.25=1");
        check(&json, r#"{"heat":{"in":1,"out":2},"note":"x"}"#, "", "hall.heat.in@1000=1 | hall.heat.out@1000=2");
        check(
            &json,
            r#"{"ts":"soon","heat":1}"#,
            "",
            "line 1: key \"ts\": \"soon\" is not a time like 2024-01-01T00:00:00Z and no number since 1970",
        );
        check(&json, "", "", "");
        check(&json, " \n ", "", "");
    }

    /// The numbers of messages as `first row+rows#number`, with `~` where the time is that of the arrival.
    fn numbers(hints: &FormatHints, text: &str) -> String {
        let hints = FormatHints { sequence: Some("seq".into()), ..hints.clone() };
        let mut bench = Bench::new(&hints);
        let mut rows = Rows::default();
        bench.payload.decode(text.as_bytes(), &Given::default(), &mut bench.names, &mut rows);
        let one = |n: &crate::source::Numbered| {
            format!("{}+{}#{}{}", n.row, n.count, n.number, if n.timed { "" } else { "~" })
        };
        rows.numbered.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_messages_channels_share_its_number_and_the_number_is_no_channel() {
        let json = FormatHints::default();
        let text =
            r#"[{"ts":5,"seq":17,"a":1,"b":2},{"seq":"18","a":1},{"seq":"x","a":1},{"a":1},{"seq":19.0,"c":"?"}]"#;
        assert_eq!(numbers(&json, text), "0+2#17 2+1#18~");
        let json = FormatHints { sequence: Some("seq".into()), ..json };
        check(&json, r#"{"seq":17,"a":1}"#, "", "hall.a@1000=1");
        assert_eq!(
            numbers(&hints(Kind::Line), "m seq=17i,a=1,b=2 5000000000\nm,seq=18 a=1 6000000000"),
            "0+2#17 2+1#18"
        );
        let csv = FormatHints { header: Some(true), time: Some("t".into()), ..hints(Kind::Csv) };
        assert_eq!(
            numbers(&csv, "t,seq,a,b\n5,18446744073709551615,1,2\n6,18446744073709551616,1,2"),
            format!("0+2#{}", u64::MAX)
        );
        let narrow = FormatHints { channel: Some("name".into()), value: Some("v".into()), ..FormatHints::default() };
        assert_eq!(numbers(&narrow, r#"{"seq":1,"name":"a","v":2}{"seq":1,"name":"b","v":2}"#), "0+1#1~ 1+1#1~");
    }

    #[test]
    fn one_object_a_list_and_objects_one_after_the_other_are_alike() {
        let json = FormatHints::default();
        let two = "hall.a@1000=1 | hall.a@1000=2";
        for text in [
            "{\"a\":1}\n{\"a\":2}\n",
            "{\"a\":1}{\"a\":2}",
            "[{\"a\":1},{\"a\":2}]",
            " [ {\n\"a\": 1\n} ,\r\n {\"a\" : 2} ] ",
            "{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}",
            "\u{feff}{\"a\":1}\n\n{\"a\":2}",
        ] {
            check(&json, text, "", two);
        }
        check(&json, "[]", "", "");
    }

    #[test]
    fn the_good_ones_among_bad_ones_are_kept() {
        let json = FormatHints::default();
        check(
            &json,
            "{\"a\":1}\n{\"a\":\n{\"a\":\"x\"}\n{\"a\":2}",
            "",
            "hall.a@1000=1 | hall.a@1000=2 | line 2: is not valid JSON: at byte 17 a comma or a closing brace is missing | \
             line 3: key \"a\": \"x\" is not a number",
        );
        check(
            &json,
            r#"[{"a":1},7,{"a":1,"a":2},{"a":3}]"#,
            "",
            "hall.a@1000=1 | hall.a@1000=3 | line 2: is not a JSON object | line 3: the key \"a\" stands twice",
        );
        check(
            &json,
            r#"[{"a":1},{"a":],{"a":3}]"#,
            "",
            "hall.a@1000=1 | line 2: is not valid JSON: at byte 6 a value is missing",
        );
        check(
            &json,
            r#"[{"a":1}"#,
            "",
            "hall.a@1000=1 | line 1: is not valid JSON: a comma or a closing bracket is missing after this element",
        );
        check(&json, r#"[{"a":1}] x"#, "", "hall.a@1000=1 | line 1: is not valid JSON: there is more after the list");
        check(&json, "21.5", "", "line 1: is not a JSON object");
        check(
            &json,
            "{\"a\":\n 1,]\n{\"a\":2}",
            "",
            "hall.a@1000=2 | line 1: is not valid JSON: at byte 10 a key in double quotes is missing; reading goes on in line 3",
        );
    }

    #[test]
    fn escapes_and_new_keys_are_read_in_each_place() {
        let json = FormatHints { tags: vec!["room".into()], ..FormatHints::default() };
        let mut bench = Bench::new(&json);
        assert_eq!(
            bench.take(r#"[{"device":"a\u0062","room":"\"1\"","heat":1},{"device":"c","k\u00e4lte":2}]"#, ""),
            "ab.heat@1000=1 | c.kälte@1000=2"
        );
        let (device, _) = bench.names.of(ouzel_engine::series::Series(0));
        assert_eq!(bench.names.device_tags(device), [("room".to_owned(), "\"1\"".to_owned())]);
        assert_eq!(bench.take(r#"{"device":"c","kälte":3}"#, ""), "c.kälte@1000=3");
    }

    #[test]
    fn what_the_format_says_holds() {
        let named = FormatHints {
            time: Some("at.s".into()),
            time_format: Some("s".into()),
            device: Some("id".into()),
            channels: vec![("t".into(), "heat".into())],
            ..FormatHints::default()
        };
        check(&named, r#"{"at":{"s":7},"id":"x","t":1,"u":2}"#, "topic", "x.heat@7=1");
        check(&named, r#"{"at":{"s":7},"t":1}"#, "topic", "topic.heat@7=1");
        check(&named, r#"{"id":"x","t":1}"#, "", "line 1: key \"at.s\" is missing, and with it the time");
        let arrival = FormatHints { time: Some(ARRIVAL.into()), ..FormatHints::default() };
        check(&arrival, r#"{"ts":5,"a":1}"#, "", "hall.ts@1000=5 | hall.a@1000=1");
        let narrow = FormatHints { channel: Some("name".into()), value: Some("v".into()), ..FormatHints::default() };
        check(&narrow, r#"{"name":"heat","v":"3","ts":2}"#, "", "hall.heat@2=3");
    }

    #[test]
    fn line_protocol_needs_no_format() {
        let line = hints(Kind::Line);
        check(&line, "weather,device=w1,city=x heat=1.5,on=t 5000000000\n# note\n", "", "w1.heat@5=1.5 | w1.on@5=1");
        check(&line, "weather heat=1", "", "weather.heat@1000=1");
        check(&line, "weather heat=1", "roof", "roof.heat@1000=1");
        check(
            &line,
            "cpu,host=h a=1i 1000000000\nbad\ncpu,host=h a=2i 2000000000",
            "",
            "h.a@1=1 | h.a@2=2 | line 2: is not line protocol: at byte 4 the fields are missing",
        );
        let mut bench = Bench::new(&line);
        let mut rows = Rows::default();
        for (unit, time) in [(Some(EpochUnit::Seconds), 7_000_000_000), (None, 7)] {
            let given = Given { unit, ..Given::default() };
            assert!(bench.payload.decode(b"m a=1 7", &given, &mut bench.names, &mut rows));
            assert_eq!(rows.rows.pop().unwrap().time, Time(time));
        }
    }

    #[test]
    fn csv_has_its_header_in_each_message_or_none() {
        let numbered =
            FormatHints { channels: vec![("2".into(), "heat".into())], time: Some("1".into()), ..hints(Kind::Csv) };
        check(&numbered, "5,1.5\n6,2.5\n", "d", "d.heat@5=1.5 | d.heat@6=2.5");
        let header = FormatHints { header: Some(true), device: Some("id".into()), ..hints(Kind::Csv) };
        let mut bench = Bench::new(&header);
        assert_eq!(bench.take("id,heat\na,1\nb,2\n", ""), "a.heat@1000=1 | b.heat@1000=2");
        assert_eq!(bench.take("damp,id\n3,a", ""), "a.damp@1000=3");
        assert_eq!(bench.take("damp\n3", ""), "line 1: hall has no column \"id\"; its columns are damp");
    }

    #[test]
    fn devices_have_the_clock_of_their_first_message_and_the_tags_of_their_topic() {
        let mut bench = Bench::new(&FormatHints::default());
        let tags = [("line".to_owned(), "3".to_owned())];
        let mut rows = Rows::default();
        let mut own = Vec::new();
        for text in
            [r#"{"device":"a","ts":5,"x":1}"#, r#"{"device":"b","x":1}"#, r#"[{"device":"a","ts":5,"x":1},{"x":1}]"#]
        {
            let given = Given { tags: &tags, ..Given::default() };
            own.push(bench.payload.decode(text.as_bytes(), &given, &mut bench.names, &mut rows));
        }
        assert_eq!(own, [true, false, false]);
        let declared = format!("{:?}", bench.names.take_fresh());
        assert_eq!(declared.matches("arrival: false").count(), 1, "{declared}");
        assert_eq!(declared.matches("arrival: true").count(), 2, "{declared}");
        assert_eq!(declared.matches("(\"line\", \"3\")").count(), 3, "{declared}");
    }

    #[test]
    fn a_known_device_that_says_other_tags_is_told_with_its_first_reading() {
        let json = FormatHints { tags: vec!["room".into()], ..FormatHints::default() };
        let mut bench = Bench::new(&json);
        bench.names.device("c", Timing::default(), &[]).unwrap();
        let mut rows = Rows::default();
        let mut take = |text: &str, line: &str, heeds: bool| {
            bench.names.set_heeds_tags(heeds);
            let tags = [("line".to_owned(), line.to_owned())];
            let given = Given { tags: &tags, ..Given::default() };
            bench.payload.decode(text.as_bytes(), &given, &mut bench.names, &mut rows);
            let one = |told: &Retold| {
                let tags: Vec<String> = told.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
                format!("{} {} {}", told.row, bench.names.device_name(told.device), tags.join(" "))
            };
            rows.retold.drain(..).map(|told| one(&told)).collect::<Vec<_>>().join(" | ")
        };
        let two = "{\"device\":\"a\",\"room\":1,\"x\":1}\n{\"device\":\"b\",\"room\":1,\"x\":1,\"y\":1}";
        assert_eq!(take(two, "3", true), "");
        assert_eq!(take(two, "3", true), "");
        assert_eq!(take(two, "4", true), "6 a room=1 line=4 | 7 b room=1 line=4");
        let back = "{\"device\":\"b\",\"room\":2,\"x\":1}\n{\"device\":\"b\",\"room\":1,\"x\":1}";
        assert_eq!(take(back, "4", true), "9 b room=2 line=4 | 10 b room=1 line=4");
        assert_eq!(take("{\"device\":\"b\",\"room\":5,\"x\":null}", "4", true), "", "it has no reading");
        assert_eq!(take("{\"device\":\"b\",\"room\":5,\"x\":2}", "4", false), "", "nobody wants to know");
        assert_eq!(take("{\"device\":\"b\",\"room\":5,\"x\":2}", "4", true), "12 b room=5 line=4");
        assert_eq!(
            take("{\"device\":\"c\",\"room\":1,\"x\":2}", "4", true),
            "13 c room=1 line=4",
            "others declared it"
        );
    }

    #[test]
    fn a_message_brings_only_so_much() {
        for kind in [Kind::Ndjson, Kind::Line] {
            let said = Bench::new(&hints(kind)).take(&"x\n".repeat(1_000_000), "");
            assert!(said.matches("line ").count() <= MAX_REJECTED + 1_100, "{kind:?}");
            assert!(said.ends_with("the rest of this message is not looked at") || kind == Kind::Ndjson);
        }
        let text = format!("[{}{{\"a\":1}}]", "{\"a\":1},".repeat(MAX_READINGS));
        let mut bench = Bench::new(&FormatHints::default());
        let mut rows = Rows::default();
        bench.payload.decode(text.as_bytes(), &Given::default(), &mut bench.names, &mut rows);
        assert_eq!((rows.rows.len(), rows.rejected.len()), (MAX_READINGS, 1));
        assert_eq!(rows.rejected[0].reason, "more than 1048576 readings in one message: send it in parts");
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_LINE));
        check(&FormatHints::default(), &long, "", "line 1: the object is longer than 1 MiB");
    }

    fn formats() -> impl Strategy<Value = FormatHints> {
        let csv = FormatHints { header: Some(true), ..hints(Kind::Csv) };
        let named = FormatHints { device: Some("d".into()), time: Some("t".into()), ..FormatHints::default() };
        prop_oneof![
            Just(FormatHints::default()),
            Just(hints(Kind::Line)),
            Just(hints(Kind::Csv)),
            Just(csv),
            Just(named)
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn any_bytes_are_taken_without_harm(
            hints in formats(),
            messages in proptest::collection::vec(
                prop_oneof![
                    proptest::collection::vec(any::<u8>(), 0..60),
                    "[\\[\\]{}\":,a1td\\\\u \n=\"]{0,60}".prop_map(String::into_bytes),
                ],
                1..4,
            )
        ) {
            let mut bench = Bench::new(&hints);
            for message in &messages {
                let mut rows = Rows::default();
                let given = Given { device: "d", ..Given::default() };
                bench.payload.decode(message, &given, &mut bench.names, &mut rows);
                prop_assert!(rows.rows.iter().all(|row| row.value.is_finite()));
                prop_assert!(rows.rows.iter().all(|row| (row.series.0 as usize) < bench.names.series_count()));
            }
        }

        /// Where a message is cut into parts changes nothing but that.
        #[test]
        fn a_message_in_parts_is_the_message(
            hints in formats(),
            objects in proptest::collection::vec(
                prop_oneof![
                    (0u32..9).prop_map(|value| format!("{{\"d\":\"x\",\"t\":{value},\"a\":{value},\"b\":1}}")),
                    (0u32..9).prop_map(|value| format!("m,host=h a={value} {value}")),
                    Just("{\"a\":".to_owned()),
                    Just("7".to_owned()),
                    Just(String::new()),
                ],
                0..20,
            ),
            list in any::<bool>(),
            room in 1usize..5,
        ) {
            let text = if list { format!("[{}]", objects.join(",")) } else { objects.join("\n") };
            let whole = Bench::new(&hints).take(&text, "");
            let mut bench = Bench::new(&hints);
            let given = Given { now: Time::from_secs(1_000), ..Given::default() };
            let (mut rows, mut rejected) = (Vec::new(), Vec::new());
            match bench.payload.begin(text.as_bytes(), &given) {
                Err(why) => rejected.push(why),
                Ok(mut place) => loop {
                    let mut into = Rows::default();
                    let room = Room { readings: room, rejected: room };
                    let progress = bench.payload.go_on(text.as_bytes(), &mut place, &room, &mut bench.names, &mut into);
                    bench.payload.own_times();
                    rows.append(&mut into.rows);
                    rejected.append(&mut into.rejected);
                    if progress != Progress::More {
                        break;
                    }
                },
            }
            let names = &bench.names;
            prop_assert_eq!(said(names, &Rows { rows, rejected, ..Rows::default() }), whole);
        }

        /// What a list gives, its elements give one by one.
        #[test]
        fn a_list_is_its_elements(cells in proptest::collection::vec(("[a-c]", 0u32..99), 1..8)) {
            let objects: Vec<String> = cells.iter().map(|(key, value)| format!("{{\"{key}\": {value}}}")).collect();
            let json = FormatHints::default();
            let list = Bench::new(&json).take(&format!("[{}]", objects.join(", ")), "");
            prop_assert_eq!(&Bench::new(&json).take(&objects.join("\n"), ""), &list);
            let mut single = Bench::new(&json);
            let each: Vec<String> = objects.iter().map(|object| single.take(object, "")).collect();
            prop_assert_eq!(each.join(" | "), list);
        }
    }
}
