//! The settings of a source of type `simulate`.

use super::tree::Table;
use ouzel_connect::source::simulate::{FaultKind, PlacedFault, Profile, Settings, Signal};
use ouzel_engine::series::Names;
use ouzel_engine::time::Span;

/// Readings a second of one device; more than this is a typing error.
const RATE_MAX_HZ: f64 = 1e6;

/// Reads what stands beside `type` and `late`.
pub(crate) fn read(table: &mut Table<'_, '_>) -> Settings {
    let profiles = [("fleet", Profile::Fleet), ("facility", Profile::Facility), ("lab", Profile::Lab)];
    let profile = table.choice("profile", &profiles).map_or(Profile::Fleet, |profile| profile.what);
    let usual = Settings::new(profile);
    Settings {
        profile,
        devices: table.whole("devices", 1, Names::LIMIT as u64).map(|n| n.what as u32),
        rate_hz: rate(table),
        length: table.length("for").map(|length| length.what),
        seed: table.whole("seed", 0, u64::MAX).map_or(usual.seed, |seed| seed.what),
        start: table.time("start").map_or(usual.start, |start| start.what),
        signals: table.tables("signals", "{ channel = \"temperature\", mean = 21.5, noise = 0.2 }", signal),
        random_faults: table.flag("random_faults").is_none_or(|flag| flag.what),
        faults: table.tables("faults", "{ kind = \"spike\", at = \"10s\", size = 5 }", fault),
    }
}

/// The channels of a profile and the user's own.
pub(crate) fn channels(settings: &Settings) -> Vec<String> {
    let of_profile: &[&str] = match settings.profile {
        Profile::Fleet => &["temperature", "humidity", "pressure", "vibration", "battery"],
        Profile::Facility => &["temperature", "humidity", "air_quality", "pressure", "co2"],
        Profile::Lab => &["temperature", "light", "motion", "threshold"],
    };
    let own = settings.signals.iter().map(|signal| signal.channel.clone());
    of_profile.iter().map(|&name| name.to_owned()).chain(own).collect()
}

/// The tags of a profile's devices.
pub(crate) fn tags(settings: &Settings) -> Vec<String> {
    match settings.profile {
        Profile::Facility => vec!["location".to_owned()],
        Profile::Fleet | Profile::Lab => Vec::new(),
    }
}

/// `10` (a second), `"10/s"`, `"6/m"`, `"1/h"`.
fn rate(table: &mut Table<'_, '_>) -> Option<f64> {
    let (hertz, place) = if table.is_text("rate") {
        let text = table.text("rate")?;
        let parsed = text.what.split_once('/').and_then(|(count, unit)| {
            let seconds = match unit.trim() {
                "s" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3_600.0,
                _ => return None,
            };
            count.trim().parse::<f64>().ok().map(|count| count / seconds)
        });
        (parsed, text.place)
    } else {
        let number = table.number("rate")?;
        (Some(number.what), number.place)
    };
    let hertz = hertz.filter(|&hz| hz > 0.0 && hz <= RATE_MAX_HZ);
    if hertz.is_none() {
        let hint = "write readings a second, for example 10, or \"10/s\", \"6/m\", \"1/h\"";
        table.found.problem(&place, "`rate` is not a rate between 0 and 1000000 a second", hint);
    }
    hertz
}

fn signal(table: &mut Table<'_, '_>) -> Option<Signal> {
    let channel = table.text("channel");
    table.need("channel", "the channel whose signal this is");
    let number = |n: Option<super::tree::At<f64>>| n.map(|n| n.what);
    let signal = Signal {
        channel: channel.map(|channel| channel.what).unwrap_or_default(),
        mean: number(table.number("mean")),
        amplitude: number(table.number("amplitude")),
        period: table.length("period").map(|period| period.what),
        noise: number(table.not_negative("noise")),
        drift: number(table.number("drift")),
        shift: number(table.number("shift")),
        shift_at: table.span("shift_at").map(|at| at.what),
    };
    Some(signal)
}

fn fault(table: &mut Table<'_, '_>) -> Option<PlacedFault> {
    let kinds = [
        ("spike", FaultKind::Spike),
        ("shift", FaultKind::Shift),
        ("drift", FaultKind::Drift),
        ("flatline", FaultKind::Flatline),
        ("gap", FaultKind::Gap),
        ("burst", FaultKind::Burst),
    ];
    let kind = table.choice("kind", &kinds);
    let device = table.text("device").map(|device| device.what);
    let channel = table.text("channel").map(|channel| channel.what);
    let at = table.span("at");
    let length = table.span("for").map_or(Span::ZERO, |length| length.what);
    let size = table.number("size");
    table.need("kind", "one of spike, shift, drift, flatline, gap, burst");
    table.need("at", "when it begins, counted from the start: at = \"10s\"");
    let kind = kind?.what;
    if !matches!(kind, FaultKind::Flatline | FaultKind::Gap) {
        table.need("size", "how large it is, in the channel's unit; a factor for a burst");
    }
    Some(PlacedFault { kind, device, channel, at: at?.what, length, size: size.map_or(0.0, |size| size.what) })
}
