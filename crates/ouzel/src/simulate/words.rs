//! Faults and signals as words on the command line: `spike at=10s size=50`, `channel=x mean=20`.
//!
//! The keys are those of the config's `faults` and `signals`.

use ouzel_connect::decode::time::TimeReader;
use ouzel_connect::format::{TimeForm, Zone};
use ouzel_connect::source::simulate::{FaultKind, PlacedFault, Signal};
use ouzel_engine::time::{Span, Time};

/// Reads a time in RFC 3339; without a zone it is UTC.
///
/// # Errors
/// What would be right.
pub fn time(text: &str) -> Result<Time, String> {
    let mut reader = TimeReader::new(&TimeForm::Rfc3339(Zone::default())).map_err(|fault| fault.what)?;
    reader.read(text.as_bytes()).map_err(|_| "write a time such as 2024-01-01T00:00:00Z".into())
}

/// Reads a placed fault. The kind comes first; `spike@10s` is short for `spike at=10s`.
///
/// # Errors
/// What would be right.
pub fn fault(text: &str) -> Result<PlacedFault, String> {
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or_default();
    let (name, at) = first.split_once('@').map_or((first, None), |(name, at)| (name, Some(at)));
    let kinds =
        [FaultKind::Spike, FaultKind::Shift, FaultKind::Drift, FaultKind::Flatline, FaultKind::Gap, FaultKind::Burst];
    let Some(kind) = kinds.into_iter().find(|kind| kind.name() == name) else {
        return Err(format!("begin with the kind, one of {}", kinds.map(FaultKind::name).join(", ")));
    };
    let mut at = at.map(Span::parse).transpose()?;
    let (mut device, mut channel, mut length, mut size) = (None, None, Span::ZERO, None);
    pairs(words, |key, value| {
        match key {
            "at" => at = Some(Span::parse(value)?),
            "for" => length = Span::parse(value)?,
            "device" => device = Some(value.to_owned()),
            "channel" => channel = Some(value.to_owned()),
            "size" => size = Some(number(key, value)?),
            _ => return Err(format!("`{key}` is not known here: write at, for, device, channel or size")),
        }
        Ok(())
    })?;
    let at = at.ok_or_else(|| format!("say when it begins, from the start: `{name} at=10s`"))?;
    if size.is_none() && !matches!(kind, FaultKind::Flatline | FaultKind::Gap) {
        let unit = if kind == FaultKind::Burst { "as a factor: `size=3`" } else { "in the channel's unit: `size=50`" };
        return Err(format!("say how large it is, {unit}"));
    }
    Ok(PlacedFault { kind, device, channel, at, length, size: size.unwrap_or_default() })
}

/// Reads the model of a channel.
///
/// # Errors
/// What would be right.
pub fn signal(text: &str) -> Result<Signal, String> {
    let mut signal = Signal::new("");
    pairs(text.split_whitespace(), |key, value| {
        match key {
            "channel" => value.clone_into(&mut signal.channel),
            "mean" => signal.mean = Some(number(key, value)?),
            "amplitude" => signal.amplitude = Some(number(key, value)?),
            "period" => signal.period = Some(Span::parse(value)?),
            "noise" => signal.noise = Some(number(key, value)?),
            "drift" => signal.drift = Some(number(key, value)?),
            "shift" => signal.shift = Some(number(key, value)?),
            "shift_at" => signal.shift_at = Some(Span::parse(value)?),
            _ => {
                return Err(format!(
                    "`{key}` is not known here: write channel, mean, amplitude, period, noise, drift, shift or shift_at"
                ));
            }
        }
        Ok(())
    })?;
    if signal.channel.is_empty() { Err("say which channel it is: `channel=x mean=20`".into()) } else { Ok(signal) }
}

fn pairs<'t>(
    words: impl Iterator<Item = &'t str>,
    mut take: impl FnMut(&str, &str) -> Result<(), String>,
) -> Result<(), String> {
    for word in words {
        let (key, value) = word.split_once('=').ok_or_else(|| format!("`{word}` is not of the form key=value"))?;
        take(key, value)?;
    }
    Ok(())
}

fn number(key: &str, text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("`{key}` is a number, not `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_from_words() {
        let spike = fault("spike at=10s channel=temperature device=sensor_001 size=50 for=5s").unwrap();
        assert_eq!(spike.kind, FaultKind::Spike);
        assert_eq!((spike.at, spike.length, spike.size), (Span::from_secs(10), Span::from_secs(5), 50.0));
        assert_eq!((spike.device.as_deref(), spike.channel.as_deref()), (Some("sensor_001"), Some("temperature")));
        let gap = fault("gap@1m").unwrap();
        assert_eq!((gap.kind, gap.at, gap.length), (FaultKind::Gap, Span::from_secs(60), Span::ZERO));
    }

    #[test]
    fn wrong_words_are_answered_with_right_ones() {
        for (text, answer) in [
            ("", "begin with the kind"),
            ("spiky at=1s", "one of spike, shift"),
            ("spike size=1", "`spike at=10s`"),
            ("spike at=10 size=1", "no unit"),
            ("spike at=1s", "in the channel's unit"),
            ("burst at=1s", "as a factor"),
            ("gap at=1s until=2s", "`until` is not known here"),
            ("gap at=1s long", "`long` is not of the form key=value"),
            ("spike at=1s size=big", "`size` is a number, not `big`"),
        ] {
            let said = fault(text).unwrap_err();
            assert!(said.contains(answer), "{text}: {said}");
        }
        assert!(signal("mean=20").unwrap_err().contains("which channel"));
        assert!(signal("channel=x middle=1").unwrap_err().contains("mean, amplitude"));
    }

    #[test]
    fn signals_are_read_from_words() {
        let read = signal("channel=x mean=20 amplitude=5 period=60s noise=0.1 drift=0 shift=3 shift_at=30s").unwrap();
        let seconds = |n| Some(Span::from_secs(n));
        assert_eq!((read.mean, read.amplitude, read.period), (Some(20.0), Some(5.0), seconds(60)));
        assert_eq!((read.noise, read.drift, read.shift, read.shift_at), (Some(0.1), Some(0.0), Some(3.0), seconds(30)));
    }

    #[test]
    fn times_without_a_zone_are_utc() {
        assert_eq!(time("2024-01-01T00:00:00Z"), Ok(Time::from_secs(1_704_067_200)));
        assert_eq!(time("2024-01-01 01:00:00"), Ok(Time::from_secs(1_704_070_800)));
        assert!(time("yesterday").is_err());
    }
}
