//! What a source and a sink of type `mqtt` have in common, and what is the source's own.

use super::format;
use super::place::Findings;
use super::queue;
use super::sections::{Kind, Sections};
use super::sink::{SinkKind, fields};
use super::tree::{At, Table};
use super::{LiveKind, LiveSinkKind, SourceConfig, SourceKind};
use crate::queue::QueueSettings;
use ouzel_connect::mqtt::topic::Pattern;
use ouzel_connect::mqtt::{Broker, Connection, KEEP_ALIVE, PACKET_MAX, Qos, Version};
use ouzel_connect::sink::Noun;
use ouzel_connect::sink::mqtt::{Settings as SinkSettings, TOPIC};
use ouzel_connect::sink::template::Template;
use ouzel_connect::source::mqtt::{RECEIVE_MAX, SILENT_AFTER, Settings};
use ouzel_engine::time::Span;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::DeValue;

/// Reads how a broker is reached.
pub(crate) fn connection(table: &mut Table<'_, '_>, folder: &Path) -> Option<Connection> {
    table.need("broker", "where it is: broker = \"mqtt://127.0.0.1:1883\"");
    let broker = table.text("broker").and_then(|url| match Broker::parse(&url.what) {
        Ok(broker) => Some(broker),
        Err(why) => {
            table.found.problem(&url.place, format!("the broker `{}` {why}", url.what), "");
            None
        }
    });
    let version = version(table);
    let text = |text: Option<At<String>>| text.map(|text| text.what);
    let client_id = text(table.text("client_id"));
    let user = text(table.text("user"));
    let password = table.secret("password", folder).map(|secret| secret.what);
    let file = |path: Option<At<String>>| path.map(|path| folder.join(path.what));
    let ca: Option<PathBuf> = file(table.text("ca"));
    let (cert, private_key) = (file(table.text("cert")), file(table.text("private_key")));
    let keep_alive = keep_alive(table);
    let packet_max = table.whole("packet_max", 1_024, 256 << 20).map_or(PACKET_MAX, |size| size.what as u32);
    if table.has("password") && !table.has("user") {
        table.refuse("password", "stands without a `user`", "add `user`");
    }
    for (key, other) in [("cert", "private_key"), ("private_key", "cert")] {
        if table.has(key) && !table.has(other) {
            table.refuse(key, &format!("stands without `{other}`"), "our own certificate takes both");
        }
    }
    if broker.as_ref().is_some_and(|broker| !broker.tls) {
        for key in ["ca", "cert", "private_key"] {
            table.refuse(key, "has no meaning without TLS", "write the broker as mqtts://…, or leave it out");
        }
    }
    let broker = broker?;
    Some(Connection { broker, version, client_id, user, password, ca, cert, private_key, keep_alive, packet_max })
}

/// `5` or `"3.1.1"`; a number may stand without quotes.
fn version(table: &mut Table<'_, '_>) -> Version {
    let Some(value) = table.get("version") else { return Version::Five };
    let written = match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(whole) => whole.as_str().to_owned(),
        _ => String::new(),
    };
    match written.as_str() {
        "5" => Version::Five,
        "3.1.1" | "4" => Version::Three,
        _ => {
            let message = format!("`version` cannot be `{written}`");
            table.found.problem(&value.span(), message, "write 5 or \"3.1.1\"");
            Version::Five
        }
    }
}

fn keep_alive(table: &mut Table<'_, '_>) -> Duration {
    const RANGE: (Span, Span) = (Span::from_secs(5), Span::from_secs(3_600));
    let Some(span) = table.length("keep_alive") else { return KEEP_ALIVE };
    if span.what < RANGE.0 || span.what > RANGE.1 {
        table.found.problem(&span.place, format!("`keep_alive` cannot be {}", span.what), "5s to 1h");
        return KEEP_ALIVE;
    }
    // MQTT counts whole seconds.
    Duration::from_secs(span.what.as_secs_f64() as u64)
}

/// How surely a message arrives: 0, 1 or 2.
pub(crate) fn qos(table: &mut Table<'_, '_>) -> Qos {
    match table.whole("qos", 0, 2).map(|qos| qos.what) {
        Some(0) => Qos::Zero,
        Some(2) => Qos::Two,
        _ => Qos::One,
    }
}

/// Reads a source of type `mqtt`.
pub(crate) fn source(table: &mut Table<'_, '_>, folder: &Path) -> Option<(Settings, QueueSettings)> {
    let connection = connection(table, folder);
    table.need("topics", "what to listen to: topics = [\"hall/{device}/telemetry\"]");
    let topics = topics(table);
    let qos = qos(table);
    let retained = table.choice("retained", &[("take", true), ("ignore", false)]).is_none_or(|choice| choice.what);
    let silent_after = match table.span("silent_after") {
        None => Some(SILENT_AFTER),
        Some(span) if span.what <= Span::ZERO => None,
        Some(span) => Some(Duration::from_nanos(span.what.0.unsigned_abs())),
    };
    let receive_max = table.whole("receive_max", 1, u64::from(u16::MAX)).map_or(RECEIVE_MAX, |most| most.what as u16);
    let format = format::read_live(table);
    let queue = queue::read(table, qos != Qos::Zero);
    let connection = connection?;
    let settings = Settings { connection, topics, qos, retained, silent_after, receive_max, format };
    (!settings.topics.is_empty()).then_some((settings, queue))
}

fn topics(table: &mut Table<'_, '_>) -> Vec<Pattern> {
    let mut good = Vec::new();
    for text in table.texts("topics").unwrap_or_default() {
        match Pattern::parse(&text.what) {
            Ok(pattern) => good.push(pattern),
            Err(why) => table.found.problem(&text.place, format!("the topic `{}` {why}", text.what), ""),
        }
    }
    good
}

/// Reads a sink of type `mqtt` that takes these nouns.
pub(crate) fn sink(table: &mut Table<'_, '_>, take: &[Noun], folder: &Path) -> Option<SinkSettings> {
    let connection = connection(table, folder);
    let qos = qos(table);
    let retain = table.flag("retain").is_some_and(|flag| flag.what);
    let text = table.text("topic");
    let topic = Template::parse(text.as_ref().map_or(TOPIC, |text| text.what.as_str()));
    if let Some(text) = &text {
        fields(table, "topic", text, &topic, take);
        if topic.example().contains(['+', '#', '{', '}']) {
            let message = format!("`{}` is no topic to publish to", text.what);
            table.found.problem(&text.place, message, "for example \"ouzel/{noun}/{device}\", without + and #");
        }
    }
    Some(SinkSettings { connection: connection?, topic, qos, retain })
}

/// Clients of one broker under one client id throw each other out.
pub(crate) fn one_client_id(
    sections: &Sections<'_>,
    sources: &[SourceConfig],
    sinks: &[(At<String>, SinkKind)],
    found: &mut Findings,
) {
    let of_source = |source: &SourceConfig| match &source.what {
        SourceKind::Live(LiveKind::Mqtt(settings)) => {
            let section = sections.of(Kind::Source).find(|section| section.name.what == source.name)?;
            Some((section.label(), section.name.place.clone(), settings.connection.clone()))
        }
        _ => None,
    };
    let of_sink = |(name, sink): &(At<String>, SinkKind)| match sink {
        SinkKind::Live(LiveSinkKind::Mqtt(settings), ..) => {
            Some((format!("sink.{}", name.what), name.place.clone(), settings.connection.clone()))
        }
        _ => None,
    };
    let all = sources.iter().filter_map(of_source).chain(sinks.iter().filter_map(of_sink));
    let mut seen: Vec<(String, Connection)> = Vec::new();
    for (label, place, connection) in all.filter(|(_, _, connection)| connection.client_id.is_some()) {
        let same = |(_, other): &&(String, Connection)| {
            other.client_id == connection.client_id && other.broker == connection.broker
        };
        if let Some((other, _)) = seen.iter().find(same) {
            let message = format!("`{label}` has the client id of `{other}`, and the broker lets in one at a time");
            found.problem(&place, message, "give one of them another `client_id`, or leave it out");
        }
        seen.push((label, connection));
    }
}
