use super::typed::Desk;
use insta::assert_snapshot;
use std::io::{BufRead, BufReader, Read};

#[test]
fn the_same_settings_give_the_same_bytes() {
    let desk = Desk::with(&[]);
    for profile in ["fleet", "facility", "lab"] {
        let line = format!("simulate --profile {profile} --for 5m");
        let first = desk.ouzel(&line);
        assert_eq!(first.code, Some(0), "{}", first.err);
        assert_eq!(first.out, desk.ouzel(&line).out);
        assert_ne!(first.out, desk.ouzel(&format!("{line} --seed 2")).out);
    }
}

#[test]
fn every_form_says_the_same() {
    let desk = Desk::with(&[]);
    let forms =
        if cfg!(feature = "parquet") { &["csv", "ndjson", "lp", "parquet"][..] } else { &["csv", "ndjson", "lp"] };
    let mut aggregates = Vec::new();
    for form in forms {
        let played = desk.ouzel(&format!("simulate --for 5m -o readings.{form}"));
        assert_eq!((played.code, played.out.as_str()), (Some(0), ""), "{}", played.err);
        let replayed = desk.ouzel(&format!("replay readings.{form} --out {form}"));
        assert_eq!(replayed.count("rejected"), 0, "{}", replayed.shown());
        aggregates.push(desk.text(&format!("{form}/aggregates.ndjson")));
    }
    assert!(aggregates[0].lines().count() >= 200);
    assert!(aggregates.iter().all(|one| *one == aggregates[0]));
}

#[test]
fn placed_faults_and_signals_are_played_and_labelled() {
    let desk = Desk::with(&[]);
    let answer = desk.ouzel(
        "simulate --devices 1 --for 4s --no-faults --labels labels.csv \
         --fault 'spike at=2s channel=x device=sensor_001 size=50' --fault gap@3s \
         --signal 'channel=x mean=20' --signal 'channel=temperature mean=5 noise=0'",
    );
    assert_snapshot!(format!("{}--- labels.csv:\n{}", answer.shown(), desk.text("labels.csv")));
}

#[test]
fn what_cannot_be_played_is_answered_with_what_can() {
    let desk = Desk::with(&[]);
    let shown = [
        "simulate --devices 0",
        "simulate --fault 'spike at=2h size=1'",
        "simulate --fault 'spike at=2s size=1 channel=temprature'",
        "simulate --fault 'spike at=2s'",
        "simulate --signal 'mean=2'",
        "simulate --start yesterday",
        "simulate -o none/readings.csv",
        "simulate --labels none/labels.csv",
        "simulate -o same.csv --labels same.csv",
    ]
    .map(|line| format!("$ ouzel {line}\n{}", desk.ouzel(line).shown()));
    assert_snapshot!(shown.concat());
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let mut child = Desk::with(&[]).command("simulate --for 30d").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    drop(lines);
    assert!(first.starts_with("time,device,"));
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[test]
fn what_it_plays_can_be_piped_into_replay() {
    let desk = Desk::with(&[]);
    let mut player = desk.command("simulate --for 10m").spawn().unwrap();
    let piped = player.stdout.take().unwrap();
    let output = desk.command("replay - --json").stdin(piped).output().unwrap();
    assert_eq!(player.wait().unwrap().code(), Some(0));
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(object["readings"].as_u64().unwrap() > 25_000);
    assert_eq!(object["rejected"], 0);
}
