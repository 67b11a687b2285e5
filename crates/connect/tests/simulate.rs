//! What the simulator plays: the same bits for a seed, faults where the labels say, figures of the profiles.

use ouzel_connect::source::simulate::{FaultKind, Label, PlacedFault, Profile, Settings, Signal, Simulator};
use ouzel_connect::source::{Rows, Source};
use ouzel_engine::reading::Flags;
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::{Span, Time};
use std::collections::BTreeMap;

const PROFILES: [Profile; 3] = [Profile::Fleet, Profile::Facility, Profile::Lab];

/// A reading by its names, and its value bit for bit.
type Key = (Time, String, String);

fn settings(profile: Profile, seconds: i64) -> Settings {
    Settings { length: Some(Span::from_secs(seconds)), ..Settings::new(profile) }
}

fn simulator(settings: &Settings) -> Simulator {
    Simulator::new(settings, Timing::default()).expect("settings that can be played")
}

fn readings(settings: &Settings) -> Vec<(Key, f64)> {
    let mut simulator = simulator(settings);
    let mut readings = Vec::new();
    while let Some(message) = simulator.next_message() {
        let key = |channel: &str| (message.time, message.device.to_owned(), channel.to_owned());
        readings.extend(message.values().map(|(channel, value)| (key(channel), value)));
    }
    readings
}

fn labels(settings: &Settings) -> Vec<Label> {
    let mut simulator = simulator(settings);
    while simulator.next_message().is_some() {}
    simulator.drain_labels()
}

/// One channel of one device, as seconds from the start and values.
fn channel(settings: &Settings, device: &str, channel: &str) -> Vec<(f64, f64)> {
    readings(settings)
        .into_iter()
        .filter(|((_, d, c), _)| d == device && c == channel)
        .map(|((time, ..), value)| (time.since(settings.start).as_secs_f64(), value))
        .collect()
}

/// FNV-1a over names, times and bits of the values.
fn checksum(readings: &[(Key, f64)]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut add = |bytes: &[u8]| {
        for &byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for ((time, device, channel), value) in readings {
        add(&time.0.to_le_bytes());
        add(device.as_bytes());
        add(channel.as_bytes());
        add(&value.to_bits().to_le_bytes());
    }
    hash
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt())
}

/// If this fails, every recorded run of every user changes with the next release: do not just write down the new sum.
#[test]
fn the_first_ten_thousand_readings_are_the_same_on_every_machine() {
    let sums = [(Profile::Fleet, 300), (Profile::Facility, 900), (Profile::Lab, 300)].map(|(profile, seconds)| {
        let mut played = readings(&settings(profile, seconds));
        assert!(played.len() >= 10_000, "{profile:?}: {}", played.len());
        played.truncate(10_000);
        format!("{:016x}", checksum(&played))
    });
    assert_eq!(sums, ["aa958e1e5e9546ae", "b8eff6c17a2ab3c8", "aa613d0d4b29982e"]);
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_gives_others() {
    for profile in PROFILES {
        let one = settings(profile, 60);
        let other = Settings { seed: 43, ..one.clone() };
        assert_eq!(readings(&one), readings(&one));
        assert_eq!(labels(&one), labels(&one));
        assert_ne!(readings(&one), readings(&other), "{profile:?}");
    }
}

#[test]
fn readings_and_messages_are_the_same() {
    for profile in PROFILES {
        let mut settings = settings(profile, 2_000);
        settings.signals = vec![Signal { noise: Some(1.0), ..Signal::new("flow") }];
        let at = Span::from_secs(100);
        settings.faults = vec![PlacedFault { length: at, channel: Some("flow".into()), ..placed(FaultKind::Gap, at) }];
        let (mut source, mut names, mut rows) = (simulator(&settings), Names::new(), Rows::default());
        while source.next(&mut names, &mut rows).unwrap() {}
        let named: Vec<(Key, f64)> = (rows.rows.iter())
            .map(|reading| {
                let (device, channel) = names.of(reading.series);
                let names = (names.device_name(device).to_owned(), names.channel_name(channel).to_owned());
                ((reading.time, names.0, names.1), reading.value)
            })
            .collect();
        assert_eq!(named, readings(&settings), "{profile:?}");
        let ends = rows.rows.iter().filter(|reading| reading.flags.has(Flags::END_OF_MESSAGE)).count();
        let mut messages = simulator(&settings);
        assert_eq!(ends, std::iter::from_fn(|| messages.next_message().map(drop)).count());
        for pair in rows.rows.windows(2) {
            let first = pair[0].flags.has(Flags::END_OF_MESSAGE);
            assert_eq!(pair[1].place, if first { 0 } else { pair[0].place + 1 });
        }
        assert!(rows.absent > 0, "{profile:?}: a gap of one channel leaves its cell empty");
        assert!(rows.rejected.is_empty());
    }
}

#[test]
fn a_call_adds_a_few_thousand_rows_and_stops_where_it_is_told() {
    let (mut names, mut rows) = (Names::new(), Rows::default());
    let mut source = simulator(&Settings::new(Profile::Fleet));
    assert!(source.next(&mut names, &mut rows).unwrap());
    assert!((4_096..4_200).contains(&rows.rows.len()), "{}", rows.rows.len());

    let settings = Settings::new(Profile::Lab);
    let mut source = simulator(&settings);
    rows.rows.clear();
    assert_eq!(source.next_due(), Some(settings.start));
    assert!(source.read_until(settings.start + Span::from_secs(1), &mut Names::new(), &mut rows).unwrap());
    assert_eq!(rows.rows.len(), 11 * 4);
    assert_eq!(source.next_due(), Some(settings.start + Span::from_millis(1_100)));
    assert!(!source.read_until(settings.start + Span::from_secs(1), &mut Names::new(), &mut rows).unwrap());
}

#[test]
fn devices_have_their_names_tags_and_channels() {
    let mut facility = simulator(&settings(Profile::Facility, 2));
    let mut names = Vec::new();
    while let Some(message) = facility.next_message() {
        names.push(message.device.to_owned());
        assert_eq!(message.tags[0].0, "location");
        assert!(message.device.contains(&message.tags[0].1));
        let (channel, _) = message.values().next().unwrap();
        assert!(message.device.starts_with(channel));
    }
    assert_eq!(names.len(), 25);
    assert_eq!(names[0], "temperature_server_room_01");
    assert_eq!(names[24], "co2_manufacturing_01");
    assert_eq!(facility.tags().collect::<Vec<_>>(), ["location"]);

    for (profile, count, last) in [
        (Profile::Fleet, 1_000, "sensor_1000"),
        (Profile::Facility, 26, "temperature_server_room_02"),
        (Profile::Lab, 2, "lab_2"),
    ] {
        let settings = Settings { devices: Some(count), ..settings(profile, 2) };
        assert_eq!(readings(&settings).last().unwrap().0.1, last);
    }
    let columns = |profile| -> Vec<String> {
        simulator(&settings(profile, 1)).columns().iter().map(|column| column.name.clone()).collect()
    };
    assert_eq!(columns(Profile::Fleet), ["temperature", "humidity", "pressure", "vibration", "battery"]);
    assert_eq!(columns(Profile::Lab), ["temperature", "light", "motion", "threshold"]);
}

#[test]
fn readings_come_at_the_rate_and_in_the_length() {
    for (profile, rate_hz, seconds, count, step) in [
        (Profile::Lab, None, 3, 30, Span::from_millis(100)),
        (Profile::Lab, Some(0.1), 35, 3, Span::from_secs(10)),
        (Profile::Facility, None, 7, 3, Span::from_secs(2)),
    ] {
        let settings = Settings { rate_hz, devices: Some(1), ..settings(profile, seconds) };
        let mut times: Vec<Time> = readings(&settings).into_iter().map(|((time, ..), _)| time).collect();
        times.dedup();
        assert_eq!(times.len(), count);
        assert_eq!(times[0], settings.start);
        assert!(times.windows(2).all(|pair| pair[1].since(pair[0]) == step));
    }
    assert!(readings(&settings(Profile::Lab, 0)).is_empty());
    let late = Settings { start: Time(i64::MAX - 1), ..Settings::new(Profile::Lab) };
    assert_eq!(readings(&late).len(), 4, "a run ends with the last representable moment");
}

#[test]
fn another_device_changes_nothing_for_the_others() {
    for profile in PROFILES {
        let few = Settings { devices: Some(3), ..settings(profile, 600) };
        let more = Settings { devices: Some(40), ..few.clone() };
        let all: BTreeMap<Key, f64> = readings(&more).into_iter().collect();
        for (key, value) in readings(&few) {
            assert_eq!(all.get(&key).copied(), Some(value), "{key:?}");
        }
    }
}

/// Readings that differ between a run with faults and one without, and that no label covers.
fn unlabelled(with: &Settings, without: &Settings) -> Vec<Key> {
    let (labels, quiet) = (labels(with), readings(without));
    let mut played: BTreeMap<Key, f64> = readings(with).into_iter().collect();
    let mut differ = Vec::new();
    for (key, value) in quiet {
        if played.remove(&key) != Some(value) {
            differ.push(key);
        }
    }
    differ.extend(played.into_keys());
    let mut by_device: BTreeMap<String, Vec<Label>> = BTreeMap::new();
    for label in labels.into_iter().filter(|label| label.kind != "quiet") {
        by_device.entry(label.device.clone()).or_default().push(label);
    }
    differ.retain(|(time, device, channel)| {
        !by_device.get(device).is_some_and(|labels| {
            labels.iter().any(|label| {
                label.start <= *time && *time <= label.end && label.channel.as_ref().is_none_or(|c| c == channel)
            })
        })
    });
    differ
}

#[test]
fn every_random_fault_is_labelled() {
    for (profile, seconds) in [(Profile::Fleet, 20_000), (Profile::Facility, 4_000), (Profile::Lab, 900)] {
        let with = settings(profile, seconds);
        let without = Settings { random_faults: false, ..with.clone() };
        assert_ne!(readings(&with), readings(&without));
        assert_eq!(unlabelled(&with, &without), [], "{profile:?}");
        assert_eq!(labels(&without), []);
    }
}

#[test]
fn labels_come_in_order_of_start_however_often_they_are_drained() {
    let settings = settings(Profile::Fleet, 10_000);
    let all = labels(&settings);
    assert!(all.windows(2).all(|pair| pair[0].start <= pair[1].start));
    assert!(all.iter().all(|label| label.start <= label.end && label.end < settings.start + Span::from_secs(10_000)));
    let mut simulator = simulator(&settings);
    let (mut names, mut rows, mut drained) = (Names::new(), Rows::default(), Vec::new());
    while simulator.next(&mut names, &mut rows).unwrap() {
        rows.rows.clear();
        drained.extend(simulator.drain_labels());
    }
    assert_eq!(drained, all);
    assert_eq!(simulator.labels_dropped(), 0);
}

fn placed(kind: FaultKind, at: Span) -> PlacedFault {
    PlacedFault { kind, device: None, channel: None, at, length: Span::ZERO, size: 5.0 }
}

/// Temperature of `lab` for a minute at 1 Hz with a placed fault, minus that without; `None` where there is no reading.
fn effect(fault: PlacedFault) -> Vec<Option<f64>> {
    let without = Settings { rate_hz: Some(1.0), random_faults: false, ..settings(Profile::Lab, 60) };
    let with = Settings { faults: vec![fault], ..without.clone() };
    let played: BTreeMap<u64, f64> =
        channel(&with, "lab", "temperature").into_iter().map(|(second, value)| (second as u64, value)).collect();
    let clean = channel(&without, "lab", "temperature");
    clean.iter().map(|&(second, value)| played.get(&(second as u64)).map(|v| v - value)).collect()
}

fn near(effect: &[Option<f64>], expected: &[f64]) -> bool {
    effect.len() == expected.len() && effect.iter().zip(expected).all(|(e, x)| e.is_some_and(|e| (e - x).abs() < 0.011))
}

#[test]
fn placed_faults_are_played_where_they_were_asked_for() {
    let at = Span::from_secs(20);
    let five = Span::from_secs(5);
    let clear = |effect: &[Option<f64>], from: usize, to: usize| {
        assert!(near(&effect[..from], &vec![0.0; from]), "before: {effect:?}");
        assert!(near(&effect[to..], &vec![0.0; 60 - to]), "after: {effect:?}");
    };
    let spike = effect(placed(FaultKind::Spike, at));
    clear(&spike, 20, 21);
    assert!(near(&spike[20..21], &[5.0]));
    let spikes = effect(PlacedFault { length: five, ..placed(FaultKind::Spike, at) });
    clear(&spikes, 20, 25);
    assert!(near(&spikes[20..25], &[5.0; 5]));
    let shift = effect(PlacedFault { length: five, size: -8.0, ..placed(FaultKind::Shift, at) });
    clear(&shift, 20, 25);
    assert!(near(&shift[20..25], &[-8.0; 5]));
    let drift = effect(PlacedFault { length: five, size: 2.0, ..placed(FaultKind::Drift, at) });
    clear(&drift, 20, 25);
    assert!(near(&drift[20..25], &[0.0, 0.5, 1.0, 1.5, 2.0]));
    let burst = effect(PlacedFault { length: five, size: 2.0, ..placed(FaultKind::Burst, at) });
    clear(&burst, 20, 25);
    assert!(burst[20..25].iter().all(|e| e.is_some_and(|e| (23.0..25.0).contains(&e))));
    let gap = effect(PlacedFault { length: five, ..placed(FaultKind::Gap, at) });
    clear(&gap, 20, 25);
    assert!(gap[20..25].iter().all(Option::is_none));
    clear(&effect(PlacedFault { length: five, ..placed(FaultKind::Flatline, at) }), 21, 25);
}

#[test]
fn a_flatline_is_stuck_at_the_value_it_began_with() {
    let mut settings = Settings { random_faults: false, ..settings(Profile::Lab, 60) };
    let (at, length) = (Span::from_secs(20), Span::from_secs(5));
    settings.faults = vec![PlacedFault { length, ..placed(FaultKind::Flatline, at) }];
    let stuck: Vec<f64> = channel(&settings, "lab", "temperature")[200..251].iter().map(|&(_, value)| value).collect();
    assert!(stuck[..50].iter().all(|&value| value == stuck[0]));
    settings.faults.clear();
    assert_eq!(channel(&settings, "lab", "temperature")[200].1, stuck[0]);
}

#[test]
fn placed_faults_are_labelled_with_their_first_and_last_reading() {
    let mut settings = Settings { rate_hz: Some(2.0), random_faults: false, ..settings(Profile::Facility, 100) };
    let device = Some("humidity_office_01".to_owned());
    let fault = |kind, at, length, size| PlacedFault {
        device: device.clone(),
        at: Span::from_millis(at),
        length: Span::from_millis(length),
        size,
        ..placed(kind, Span::ZERO)
    };
    settings.faults = vec![
        fault(FaultKind::Gap, 60_000, 1_000_000, 0.0),
        fault(FaultKind::Spike, 10_200, 0, -20.0),
        fault(FaultKind::Shift, 20_000, 1_000, 3.0),
        fault(FaultKind::Drift, 30_001, 1, 3.0),
    ];
    let found: Vec<_> = labels(&settings)
        .into_iter()
        .map(|l| {
            let half_seconds = |time: Time| time.since(settings.start).as_secs_f64();
            assert_eq!(Some(&l.device), device.as_ref());
            (l.kind, l.channel.unwrap_or_default(), half_seconds(l.start), half_seconds(l.end), l.size)
        })
        .collect();
    assert_eq!(
        found,
        [
            ("spike", "humidity".into(), 10.5, 10.5, -20.0),
            ("shift", "humidity".into(), 20.0, 20.5, 3.0),
            ("drift", "humidity".into(), 30.5, 30.5, 3.0),
            ("gap", String::new(), 60.0, 99.5, 0.0),
        ]
    );
    let without = Settings { faults: Vec::new(), ..settings.clone() };
    assert_eq!(unlabelled(&settings, &without), []);
}

#[test]
fn a_placed_fault_is_not_lost_with_its_message() {
    // 2 % of the fleet's messages are lost: of 3 000 spikes some 60 fall on those, and must come a little later.
    let mut settings = Settings { random_faults: false, devices: Some(1), ..settings(Profile::Fleet, 6_100) };
    settings.faults = (0..3_000).map(|n| placed(FaultKind::Spike, Span::from_secs(2 * n))).collect();
    let labels = labels(&settings);
    assert_eq!(labels.len(), 3_000);
    let later = (0..).zip(&labels).filter(|(n, l)| l.start != settings.start + Span::from_secs(2 * n)).count();
    assert!((20..120).contains(&later), "{later}");
    assert_eq!(unlabelled(&settings, &Settings { faults: Vec::new(), ..settings.clone() }), []);
}

#[test]
fn all_faults_at_once_stay_labelled_and_finite() {
    let kinds = [
        FaultKind::Spike,
        FaultKind::Shift,
        FaultKind::Drift,
        FaultKind::Flatline,
        FaultKind::Gap,
        FaultKind::Burst,
        FaultKind::Burst,
    ];
    for profile in PROFILES {
        let mut with = settings(profile, 400);
        let without = Settings { random_faults: false, ..with.clone() };
        for (place, kind) in (0..).zip(kinds.repeat(5)) {
            let (at, length) = (Span::from_secs(7 * place), Span::from_secs(40));
            with.faults.push(PlacedFault { length, size: 1e12, ..placed(kind, at) });
        }
        assert!(readings(&with).iter().all(|(_, value)| value.is_finite()));
        assert_eq!(unlabelled(&with, &without), [], "{profile:?}");
    }
}

#[test]
fn a_signal_changes_its_channel_and_no_other() {
    let plain = Settings { random_faults: false, ..settings(Profile::Fleet, 1_000) };
    let mut changed = plain.clone();
    let battery = Signal { noise: Some(1.0), mean: Some(50.0), ..Signal::new("battery") };
    let pressure = Signal { mean: Some(900.0), ..Signal::new("pressure") };
    changed.signals = vec![battery, Signal { noise: Some(0.2), ..Signal::new("flow") }, pressure];
    let others = |settings: &Settings| -> Vec<(Key, f64)> {
        let mut readings = readings(settings);
        readings.retain(|((_, _, channel), _)| !["battery", "pressure", "flow"].contains(&channel.as_str()));
        readings
    };
    assert_eq!(others(&plain), others(&changed));
    let pressures: Vec<f64> = channel(&changed, "sensor_003", "pressure").iter().map(|r| r.1).collect();
    assert!(pressures.iter().all(|p| (895.0..910.0).contains(p)), "the slow wave and the noise stay the profile's");
    let before: Vec<f64> = channel(&plain, "sensor_003", "pressure").iter().map(|r| r.1).collect();
    assert!((mean_and_deviation(&pressures).1 - mean_and_deviation(&before).1).abs() < 0.01);
}

#[test]
fn a_signal_of_ones_own_follows_its_model() {
    for profile in PROFILES {
        let mut settings = Settings { random_faults: false, rate_hz: Some(1.0), ..settings(profile, 7_200) };
        settings.signals = vec![Signal {
            mean: Some(100.0),
            amplitude: Some(5.0),
            period: Some(Span::from_secs(40)),
            noise: Some(0.5),
            drift: Some(10.0),
            shift: Some(-30.0),
            shift_at: Some(Span::from_secs(3_600)),
            ..Signal::new("flow")
        }];
        let first = simulator(&settings).next_message().unwrap().device.to_owned();
        let played = channel(&settings, &first, "flow");
        let residuals: Vec<f64> = played
            .iter()
            .map(|&(t, value)| {
                let sine = 5.0 * (std::f64::consts::TAU * t / 40.0).sin();
                let shift = if t >= 3_600.0 { -30.0 } else { 0.0 };
                value - (100.0 + sine + 10.0 * t / 3_600.0 + shift)
            })
            .collect();
        let (mean, deviation) = mean_and_deviation(&residuals);
        assert!(mean.abs() < 0.03 && (deviation - 0.5).abs() < 0.02, "{profile:?}: {mean} {deviation}");
    }
}

#[test]
fn a_day_of_the_fleet_has_the_figures_it_promises() {
    let day = settings(Profile::Fleet, 86_400);
    let clean = Settings { random_faults: false, ..day.clone() };
    let mut by_channel: BTreeMap<(String, String), Vec<(f64, f64)>> = BTreeMap::new();
    for ((time, device, channel), value) in readings(&clean) {
        by_channel.entry((device, channel)).or_default().push((time.since(day.start).as_secs_f64(), value));
    }
    assert_eq!(by_channel.len(), 50);
    for ((device, channel), played) in &by_channel {
        let lost = 1.0 - played.len() as f64 / 86_400.0;
        assert!((lost - 0.02).abs() < 0.003, "{device}: {lost} of the messages are lost");
        let values: Vec<f64> = played.iter().map(|r| r.1).collect();
        let (mean, deviation) = mean_and_deviation(&values);
        let within = |(mean_from, mean_to): (f64, f64), (from, to): (f64, f64)| {
            assert!((mean_from..mean_to).contains(&mean), "{device} {channel}: mean {mean}");
            assert!((from..to).contains(&deviation), "{device} {channel}: deviation {deviation}");
        };
        // A sine of amplitude a has the deviation a / √2; noise adds in squares.
        match channel.as_str() {
            "temperature" => within((20.0, 25.0), (2.12, 2.16)),
            "humidity" => within((40.0, 60.0), (3.7, 3.9)),
            "pressure" => within((1009.5, 1020.5), (3.4, 3.7)),
            "vibration" => within((0.1, 0.5), (0.04, 0.051)),
            _ => {
                assert_eq!((values[0] * 0.01).round(), 1.0);
                assert_eq!(values.last(), Some(&0.0));
                let empty = played.iter().find(|r| r.1 == 0.0).unwrap().0;
                assert!((19_000.0..21_000.0).contains(&empty), "a battery lasts about 20 000 readings: {empty}");
                assert!(values.windows(2).all(|pair| pair[1] <= pair[0]));
            }
        }
        if channel == "temperature" {
            let at = |hour: f64| {
                let near: Vec<f64> = played.iter().filter(|r| (r.0 / 3600.0 - hour).abs() < 0.5).map(|r| r.1).collect();
                mean_and_deviation(&near).0
            };
            assert!((at(12.0) - at(23.5) - 6.0).abs() < 0.1, "noon is 6 °C warmer than midnight");
        }
    }
    let labels = labels(&day);
    let count = |kind: &str| labels.iter().filter(|label| label.kind == kind).count();
    assert!((864..8_640).contains(&count("spike")), "{}", count("spike"));
    assert!((4_000..4_700).contains(&count("burst")), "{}", count("burst"));
    for kind in ["drift", "flatline", "gap"] {
        assert!((4..60).contains(&count(kind)), "{kind}: {}", count(kind));
    }
    assert!(labels.iter().any(|l| l.kind == "flatline" && l.channel.as_deref() == Some("temperature")));
    for label in labels.iter().filter(|label| label.kind == "drift") {
        let readings = label.end.since(label.start).as_secs_f64() + 1.0;
        assert!(label.size.abs() / readings <= 0.001 + 1e-9 && label.size.abs() <= 6.0, "{label:?}");
    }
}

#[test]
fn humidity_falls_with_temperature() {
    let settings = Settings { random_faults: false, devices: Some(1), ..settings(Profile::Fleet, 86_400) };
    let (warm, damp) = (channel(&settings, "sensor_001", "temperature"), channel(&settings, "sensor_001", "humidity"));
    let (warm, damp): (Vec<f64>, Vec<f64>) = warm.iter().zip(&damp).map(|(w, d)| (w.1, d.1)).unzip();
    let ((wm, ws), (dm, _)) = (mean_and_deviation(&warm), mean_and_deviation(&damp));
    let covariance = warm.iter().zip(&damp).map(|(w, d)| (w - wm) * (d - dm)).sum::<f64>() / warm.len() as f64;
    assert!((covariance / (ws * ws) + 1.5).abs() < 0.02, "slope {}", covariance / (ws * ws));
}

#[test]
fn one_in_twenty_readings_of_the_facility_is_multiplied() {
    let settings = settings(Profile::Facility, 86_400);
    let (labels, count) = (labels(&settings), readings(&settings).len());
    let share = labels.len() as f64 / count as f64;
    assert_eq!(count, 25 * 43_200);
    assert!((share - 0.05).abs() < 0.001, "{share}");
    assert!(labels.iter().all(|l| l.kind == "burst" && l.start == l.end && (1.5..3.0).contains(&l.size)));
    let quiet = Settings { random_faults: false, ..settings };
    let office: Vec<f64> = channel(&quiet, "temperature_office_01", "temperature").iter().map(|r| r.1).collect();
    assert!(office.iter().all(|t| (15.0..29.0).contains(t)), "base 22, cycle ±2, trend ±2, noise");
    let server: Vec<f64> = channel(&quiet, "temperature_server_room_01", "temperature").iter().map(|r| r.1).collect();
    assert!(mean_and_deviation(&server).0 < mean_and_deviation(&office).0);
}

/// Seconds from the start with temperature, light, motion and threshold.
fn lab(settings: &Settings) -> Vec<(f64, [f64; 4])> {
    let mut simulator = simulator(settings);
    let mut rows = Vec::new();
    while let Some(message) = simulator.next_message() {
        let values: Vec<f64> = message.values().map(|(_, value)| value).collect();
        rows.push((
            message.time.since(settings.start).as_secs_f64(),
            values.try_into().expect("the lab has four channels"),
        ));
    }
    rows
}

#[test]
fn every_scene_of_the_lab_shows_what_its_patterns_wait_for() {
    let settings = settings(Profile::Lab, 3_600);
    let rows = lab(&settings);
    let mut played: BTreeMap<&str, usize> = BTreeMap::new();
    let mut end_before = Time::MIN;
    for label in labels(&settings) {
        assert!(label.start > end_before, "scenes follow each other");
        end_before = label.end;
        let second = |time: Time| time.since(settings.start).as_secs_f64();
        let (start, end) = (second(label.start), second(label.end));
        let scene: Vec<_> = rows.iter().filter(|row| start <= row.0 && row.0 <= end).collect();
        if end >= rows.last().unwrap().0 {
            break; // Cut short.
        }
        *played.entry(label.kind).or_default() += 1;
        // Times of an edge or level: temperature jumps, light turns high, motion starts.
        let first = |what: &dyn Fn(&[f64; 4], &[f64; 4]) -> bool| {
            scene.windows(2).filter(|pair| what(&pair[0].1, &pair[1].1)).map(|pair| pair[1].0).collect::<Vec<f64>>()
        };
        let jumps = first(&|before, now| now[0] - before[0] > 2.0);
        let falls = first(&|before, now| now[0] - before[0] < -2.0);
        let lights = first(&|before, now| before[1] <= 70.0 && now[1] > 70.0);
        let starts = first(&|before, now| before[2] == 0.0 && now[2] == 1.0);
        let hot = scene.iter().filter(|row| row.1[0] > row.1[3]).count() as f64 / 10.0;
        assert_eq!((scene[0].1[2], scene.last().unwrap().1[2]), (0.0, 0.0), "nobody there at the ends");
        assert!(scene[0].1[1] < 30.0 && scene.last().unwrap().1[1] < 30.0, "dark at the ends");
        assert!(falls.is_empty());
        match label.kind {
            "quiet" => assert!(jumps.is_empty() && lights.is_empty() && starts.is_empty() && hot == 0.0),
            "visit" => {
                assert!(jumps.is_empty() && hot == 0.0);
                assert_eq!((starts.len(), lights.len()), (1, 1));
                assert!(starts[0] < lights[0] && lights[0] - starts[0] < 6.0);
            }
            "flashlight" => {
                assert_eq!((starts.len(), jumps.len(), lights.len(), hot), (1, 1, 1, 0.0));
                assert!(starts[0] < jumps[0] && jumps[0] < lights[0] && lights[0] - starts[0] < 5.0);
            }
            "heat" => {
                assert!(jumps.is_empty() && starts.is_empty() && lights.is_empty());
                assert!(hot > 10.0, "{hot} s above the threshold");
            }
            "activity" => {
                assert!(jumps.is_empty() && lights.is_empty() && hot == 0.0);
                assert_eq!(starts.len(), label.size as usize);
                assert!(starts[1] - starts[0] < 8.0);
            }
            other => panic!("a scene `{other}`"),
        }
    }
    for scene in ["visit", "flashlight", "heat", "activity"] {
        assert!(played[scene] >= 10, "{played:?}");
    }
}

#[test]
fn settings_that_cannot_be_played_say_what_would_be_right() {
    let refusal = |change: &dyn Fn(&mut Settings)| {
        let mut settings = settings(Profile::Facility, 100);
        change(&mut settings);
        Simulator::new(&settings, Timing::default()).unwrap_err().what
    };
    let fault = |device: &str, channel: &str| PlacedFault {
        device: (!device.is_empty()).then(|| device.to_owned()),
        channel: (!channel.is_empty()).then(|| channel.to_owned()),
        ..placed(FaultKind::Burst, Span::from_secs(1))
    };
    type Change<'a> = &'a dyn Fn(&mut Settings);
    let cases: [(&str, Change); 17] = [
        ("there must be 1 to 100000", &|s| s.devices = Some(0)),
        ("100001 devices cannot be played", &|s| s.devices = Some(100_001)),
        ("a rate of 0 readings a second cannot be played: it must lie between", &|s| s.rate_hz = Some(0.0)),
        ("its length must be 0 or more", &|s| s.length = Some(Span(-1))),
        ("from `temperature_server_room_01` to `co2_manufacturing_01`", &|s| s.faults = vec![fault("co2_office", "")]),
        ("there are temperature, humidity, air_quality, pressure, co2", &|s| s.faults = vec![fault("", "temprature")]),
        ("which device `co2_office_01` has not: it has co2", &|s| s.faults = vec![fault("co2_office_01", "humidity")]),
        ("which none of the 1 devices has", &|s| {
            s.devices = Some(1);
            s.faults = vec![fault("", "co2")];
        }),
        ("the run lasts 1m40s", &|s| s.faults = vec![placed(FaultKind::Gap, Span::from_secs(100))]),
        ("faults come after it", &|s| s.faults = vec![placed(FaultKind::Gap, Span(-1))]),
        ("0 (one reading) or more", &|s| s.faults = vec![PlacedFault { length: Span(-1), ..fault("", "") }]),
        ("it is a factor", &|s| s.faults = vec![PlacedFault { size: -1.0, ..fault("", "") }]),
        ("must lie between", &|s| s.faults = vec![PlacedFault { size: f64::NAN, ..fault("", "") }]),
        ("at most 10000", &|s| s.faults = vec![fault("", ""); 10_001]),
        ("put all into one", &|s| s.signals = vec![Signal::new("flow"), Signal::new("flow")]),
        ("empty channel", &|s| s.signals = vec![Signal::new("")]),
        ("add `period`", &|s| s.signals = vec![Signal { amplitude: Some(1.0), ..Signal::new("flow") }]),
    ];
    for (said, change) in cases {
        let refused = refusal(change);
        assert!(refused.contains(said), "{refused}");
    }
    let motion = Settings { signals: vec![Signal::new("motion")], ..Settings::new(Profile::Lab) };
    assert!(Simulator::new(&motion, Timing::default()).unwrap_err().what.contains("is a state"));
}
