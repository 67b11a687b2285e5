use super::typed::Desk;

#[test]
fn completions_know_every_command() {
    let desk = Desk::with(&[]);
    for shell in ["bash", "zsh", "fish"] {
        let answer = desk.ouzel(&format!("completions {shell}"));
        assert_eq!((answer.code, answer.err.as_str()), (Some(0), ""), "{shell}");
        for word in ["check", "simulate", "replay", "labels"] {
            assert!(answer.out.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn the_version_is_told_to_people_and_programs() {
    let desk = Desk::with(&[]);
    let version = env!("CARGO_PKG_VERSION");
    assert!(desk.ouzel("version").out.starts_with(&format!("ouzel {version}, features: ")));
    assert_eq!(desk.ouzel("--version").out, format!("ouzel {version}\n"));
    let answer: serde_json::Value = serde_json::from_str(&desk.ouzel("version --json").out).unwrap();
    assert_eq!(answer["version"], version);
    let features = [cfg!(feature = "http"), cfg!(feature = "mqtt"), cfg!(feature = "parquet")];
    assert_eq!(answer["features"].as_array().unwrap().len(), features.into_iter().filter(|has| *has).count());
    assert!(answer["target"].is_string());
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let desk = Desk::with(&[]);
    for line in ["", "fly", "replay", "replay x.csv --speed fast", "replay x.csv --shards 65", "simulate --for 10"] {
        assert_eq!(desk.ouzel(line).code, Some(2), "{line}");
    }
    assert_eq!(desk.ouzel("--help").code, Some(0));
}
