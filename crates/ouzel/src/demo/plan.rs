//! What the demo watches, written as a config, so that it can be kept and changed.

use std::fmt::Write;

/// What is played.
#[derive(Clone, Copy, Debug)]
pub struct Play {
    /// Machines.
    pub devices: u32,
    /// Messages of each a second.
    pub rate: f64,
    /// The seed.
    pub seed: u64,
}

/// The config of a demo. A page and a lake it has anyway: they stand in it for `ouzel run`.
pub fn config(play: Play) -> String {
    let Play { devices, rate, seed } = play;
    let mut text = HEAD.to_owned();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "[source.hall]\ntype    = \"simulate\"\nprofile = \"fleet\"\ndevices = {devices}");
    let _ = writeln!(text, "rate    = \"{rate}/s\"\nseed    = {seed}");
    if cfg!(feature = "http") {
        text.push_str(YOURS);
    }
    text.push_str(REST);
    if cfg!(feature = "parquet") {
        text.push_str(LAKE);
    }
    text
}

const HEAD: &str = "\
# Machines in a hall, simulated: five channels each, with spikes, bursts, drifts, stuck sensors and gaps.

";

const YOURS: &str = r#"
# Readings of your own: curl --data-binary 'machine,line=3 temperature=21.5' http://127.0.0.1:8080/write
[source.yours]
type = "http"
"#;

const REST: &str = r#"
[channel.temperature]
unit  = "°C"

[channel.humidity]
unit  = "%"
range = [0, 100]

[channel.pressure]
unit = "hPa"

[channel.vibration]
unit = "mm/s"

[channel.battery]
unit  = "%"
range = [0, 100]

[window.minute]
over = ["temperature", "humidity", "pressure", "vibration", "battery"]
size = "1m"
give = ["count", "mean", "std", "min", "max"]

[detector.spike]
type     = "zscore"
on       = "temperature"
past     = "100"
floor    = 0.1
warning  = 5.0
critical = 8.0

[detector.shaking]
type  = "threshold"
on    = "vibration"
kind  = "vibration"
above = { warning = 1.0, critical = 2.0 }

[detector.stuck]
type     = "flatline"
on       = "temperature"
past     = "30"
spread   = 0.01
severity = "critical"

[detector.silent]
type     = "missing"
on       = "temperature"
silence  = "10s"

[detector.battery_low]
type       = "threshold"
on         = "battery"
kind       = "battery"
below      = { warning = 20, critical = 5 }
hysteresis = 1.0

[alert.process]
on    = ["spike", "shaking"]
clear = "30s"

[alert.sensor]
on    = ["stuck", "silent"]
clear = "30s"

[alert.battery]
on   = "battery_low"
say  = "change the battery of {device}: {value} {unit} are left"

[sink.screen]
type = "stdout"

[server]
listen = "127.0.0.1:8080"
"#;

const LAKE: &str = r#"
[lake]
dir = "lake"
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_config_of_the_demo_is_good_and_needs_no_advice() {
        let text = config(Play { devices: 10, rate: 2.0, seed: 42 });
        let read = ouzel_pipeline::config::read("demo", &text, Path::new(""));
        let without_lake = cfg!(not(feature = "parquet"));
        assert!(read.problems.is_empty(), "{}", read.render_all(&text));
        assert!(read.advice.is_empty() || without_lake, "{}", read.render_all(&text));
    }
}
