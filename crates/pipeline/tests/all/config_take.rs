//! What sinks take: nouns by their words, derived channels by their names.

use insta::assert_snapshot;
use ouzel_connect::sink::Noun;
use ouzel_pipeline::config::read;
use std::path::Path;

const MAKERS: &str = r#"
[filter.slim]
type = "compress"
by = "dead-band"
on = ["heat", "Volume Flow RateRMS"]
error = 0.5

[window.minute]
over = "heat"
size = "1m"
give = ["mean", "max"]
"#;

#[test]
fn derived_channels_are_taken_by_name_and_each_comes_out_once() {
    let text = format!(
        r#"{MAKERS}
[sink.one]
type = "file"
path = "one"
take = ["minute.heat.mean", "slim.`Volume Flow RateRMS`", "alerts"]

[sink.two]
type = "stdout"
take = "minute.heat.mean"
"#
    );
    let read = read("c.toml", &text, Path::new("/plant"));
    assert!(read.problems.is_empty(), "{}", read.render_all(&text));
    let config = read.config.unwrap();
    assert_eq!(config.plan.said, ["minute.heat.mean", "slim.Volume Flow RateRMS"]);
    let [(_, one), (_, two)] = &config.sinks[..] else { panic!("two sinks") };
    assert_eq!(one.take.nouns(), [Noun::Alerts, Noun::Readings]);
    assert_eq!((two.take.nouns(), two.take.channels()), (&[Noun::Readings][..], &["minute.heat.mean".to_owned()][..]));
}

#[test]
fn what_cannot_be_taken_is_told_with_a_way_out() {
    let text = format!(
        r#"{MAKERS}
[sink.one]
type = "file"
path = "one"
take = ["heat", "minute.heat.p95", "aggregate", "readings", "slim.cold", "pressure"]
"#
    );
    assert_snapshot!(read("c.toml", &text, Path::new("/plant")).render_all(&text));
}
