//! Sections of sources and sinks over networks, from the user's side.

use crate::config::{good, shown};
use insta::assert_snapshot;
use ouzel_connect::mqtt::{Qos, Version};
use ouzel_connect::secret::Secret;
use ouzel_connect::sink::Noun;
use ouzel_connect::sink::limit::{Beyond, Rate};
use ouzel_connect::sink::webhook::Header;
use ouzel_pipeline::config::{LiveKind, LiveSinkKind, SourceKind};
use ouzel_pipeline::queue::{QueueSettings, WhenFull};

#[test]
fn a_live_config_becomes_its_settings() {
    let config = good(
        r#"
[source.floor]
type     = "mqtt"
broker   = "mqtts://plant.example.com"
version  = "3.1.1"
user     = "me"
password = "${file:secrets/broker}"
ca       = "ca.pem"
topics   = ["hall/{line}/{device}", "$share/ouzel/all/#"]
qos      = 0
retained = "ignore"
silent_after = "0s"
format   = { type = "json", time = "arrival", device = "id" }

[source.gate]
type   = "http"
listen = "0.0.0.0:8086"
key    = "${env:INGEST_KEY}"
queue  = { holds = 1_000, when_full = "drop-newest" }
late   = "0s"

[alert.a]
on   = "d"
say  = "{line} {device}"
send = "desk"

[detector.d]
type = "zscore"
on   = "x"

[sink.desk]
type    = "webhook"
url     = "https://hooks.example.com/x"
headers = { Authorization = "Bearer ${env:TOKEN}", "X-Room" = "hall" }

[sink.plant]
type   = "mqtt"
broker = "mqtt://127.0.0.1"
take   = ["aggregates"]
"#,
    );
    let [floor, gate] = &config.sources[..] else { panic!("{:?}", config.sources) };
    let SourceKind::Live(LiveKind::Mqtt(settings)) = &floor.what else { panic!("{floor:?}") };
    assert_eq!((settings.connection.version, settings.connection.broker.port), (Version::Three, 8883));
    assert_eq!(settings.connection.password, Some(Secret::File("/plant/secrets/broker".into())));
    assert_eq!(settings.connection.ca, Some("/plant/ca.pem".into()));
    assert_eq!(settings.topics[0].filter(), "hall/+/+");
    assert_eq!((settings.qos, settings.retained, settings.silent_after), (Qos::Zero, false, None));
    assert!(floor.timing.arrival && !gate.timing.arrival);
    assert_eq!(floor.queue, QueueSettings { holds: 50_000, when_full: WhenFull::DropOldest, spill: 0 });
    let SourceKind::Live(LiveKind::Http(settings)) = &gate.what else { panic!("{gate:?}") };
    assert_eq!(settings.key, Some(Secret::Env("INGEST_KEY".into())));
    assert_eq!(gate.queue, QueueSettings { holds: 1_000, when_full: WhenFull::DropNewest, spill: 0 });

    let [desk, plant] = &config.live_sinks[..] else { panic!("{:?}", config.live_sinks) };
    assert_eq!(
        (desk.name.as_str(), desk.take.nouns(), plant.take.nouns()),
        ("desk", &[Noun::Alerts][..], &[Noun::Aggregates][..])
    );
    let LiveSinkKind::Webhook(settings) = &desk.what else { panic!("{desk:?}") };
    assert_eq!(settings.headers[0].1, Header::Secret("Bearer ".into(), Secret::Env("TOKEN".into()), String::new()));
    assert!(matches!(plant.what, LiveSinkKind::Mqtt(_)) && config.sinks.is_empty());
}

#[test]
fn a_sink_may_be_sent_less_and_several_at_once() {
    let config = good(
        r#"
[source.gate]
type = "http"

[detector.spike]
type = "zscore"
on   = "temperature"

[sink.archive]
type    = "webhook"
url     = "https://archive.example.com/"
take    = ["aggregates", "anomalies"]
body    = '{"of": {merged}, "what": "{channel}"}'
batch   = 100
at_most = "600/m"
beyond  = "latest"
"#,
    );
    let [archive] = &config.live_sinks[..] else { panic!("{:?}", config.live_sinks) };
    assert_eq!((archive.at_most, archive.beyond), (Rate::parse("600/m"), Beyond::Latest));
    let LiveSinkKind::Webhook(settings) = &archive.what else { panic!("{archive:?}") };
    assert_eq!(settings.batch.map(usize::from), Some(100));
}

#[test]
fn mistakes_of_pace_are_shown_with_their_way_out() {
    assert_snapshot!(
        "pace",
        shown(
            r#"
[source.gate]
type = "http"

[sink.desk]
type    = "webhook"
url     = "https://hooks.example.com/"
headers = { Content-Type = "text/plain" }
batch   = 5000
at_most = "50 a second"

[sink.other]
type    = "webhook"
url     = "https://hooks.example.com/"
headers = { Content-Type = "text/plain" }
batch   = 50
beyond  = "sample"

[sink.plant]
type    = "mqtt"
broker  = "mqtt://plant"
at_most = "50/s"
beyond  = "latest"
batch   = 9
"#
        )
    );
}

#[test]
fn live_mistakes_are_shown_with_their_way_out() {
    assert_snapshot!(
        "live",
        shown(
            r#"
[source.floor]
type     = "mqtt"
broker   = "http://plant:1883"
version  = 3
password = "hunter2"
cert     = "me.pem"
topics   = ["hall/#/x", "hall/press-{id}"]
qos      = 3
format   = { type = "csv", every = "1s" }
queue    = { size = 5, when_full = "spill" }

[source.other]
type = "mqtt"
broker = "mqtt://plant"
topic = "hall/+"
ca = "ca.pem"
keep_alive = "1s"

[source.gate]
type   = "http"
listen = "0.0.0.0:8086"
format = { type = "parquet" }

[source.a]
type = "http"
listen = "8086"

[source.b]
type = "http"
key = "sesame"

[sink.desk]
type    = "webhook"
url     = "http://192.168.1.4/hook"
body    = '{"text": {message}, "who": {devise}}'
headers = { Authorization = "Bearer sesame", X = "${vault:x}" }
method  = "GET"

[sink.plant]
type  = "mqtt"
take  = ["rejected"]
topic = "ouzel/{noun}/#"
"#
        )
    );
}

#[test]
fn each_policy_of_a_queue_has_its_word_and_spill_its_size() {
    let section = |queue: &str| {
        format!("[source.gate]\ntype = \"http\"\nqueue = {queue}\n[window.w]\nover = \"x\"\nsize = \"1m\"\n")
    };
    for (word, when_full) in WhenFull::ALL.into_iter().filter(|(_, policy)| *policy != WhenFull::Spill) {
        let config = good(&section(&format!("{{ when_full = \"{word}\" }}")));
        assert_eq!(config.sources[0].queue, QueueSettings { holds: 50_000, when_full, spill: 0 });
        assert_eq!(when_full.word(), word);
    }
    let config = good(&section("{ holds = 1_000, when_full = \"spill\", spill = \"4GiB\" }"));
    assert_eq!(config.sources[0].queue, QueueSettings { holds: 1_000, when_full: WhenFull::Spill, spill: 4 << 30 });
}

#[test]
fn mistakes_in_queues_are_shown_with_their_way_out() {
    assert_snapshot!(
        "queues",
        shown(
            r#"
[source.a]
type   = "http"
listen = "127.0.0.1:8001"
queue  = { when_full = "spil", spill = "4GiB" }

[source.b]
type   = "http"
listen = "127.0.0.1:8002"
queue  = { when_full = "spill" }

[source.c]
type   = "http"
listen = "127.0.0.1:8003"
queue  = { when_full = "block", spill = "4GiB" }

[source.d]
type   = "http"
listen = "127.0.0.1:8004"
queue  = { spill = "4GiB", policy = "sample" }

[source.e]
type   = "http"
listen = "127.0.0.1:8005"
queue  = { when_full = "spill", spill = 4 }

[source.f]
type   = "http"
listen = "127.0.0.1:8006"
queue  = { when_full = "spill", spill = "4KiB" }

[source.g]
type   = "mqtt"
broker = "mqtt://plant"
topics = ["a"]
qos    = 0
queue  = { when_full = "spill", spill = "4GiB" }
"#
        )
    );
}
