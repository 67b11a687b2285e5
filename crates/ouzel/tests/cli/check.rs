use super::typed::Desk;
use insta::assert_snapshot;

const GOOD: &str = r#"
[source.plant]
type = "file"
path = "plant.csv"
format = { time = "ts", device = "id", channels = ["heat"] }

[window.minute]
over = "heat"
size = "1m"

[detector.odd]
type = "zscore"
on = ["heat", "minute.heat.mean"]
past = "100"

[detector.gone]
type = "missing"
on = "heat"
silence = "1m"

[alert.trouble]
on = ["odd", "gone"]

[sink.screen]
type = "stdout"
"#;

const TEN_MISTAKES: &str = r#"
[chanel.heat]
unit = "°C"

[source.plant]
type = "file"
path = "plant.csv"
format = { tme = "ts", device = "id", channels = ["heat"] }

[window.minute]
over = "heat"
size = 60
give = ["mean", "medium"]

[detector.odd]
type = "zscor"
on = "heat"

[detector.jump]
type = "zscore"
on = "minute.heat.max"
side = "upper"

[alert.trouble]
on = ["jump", "od"]
say = "{devise} is odd"

[sink.screen]
type = "stdot"
"#;

#[test]
fn a_good_config_is_summed_up_in_a_line() {
    assert_snapshot!(Desk::with(&[("good.toml", GOOD)]).ouzel("check good.toml").shown());
}

#[test]
fn advice_does_not_stop_anybody() {
    let unheard = "[detector.hot]\ntype = \"threshold\"\non = \"heat\"\nabove = 80\n";
    assert_snapshot!(Desk::with(&[("unheard.toml", unheard)]).ouzel("check unheard.toml").shown());
}

#[test]
fn an_empty_file_is_told_what_a_config_needs() {
    assert_snapshot!(Desk::with(&[("empty.toml", "")]).ouzel("check empty.toml").shown());
}

#[test]
fn a_syntax_error_is_pointed_at() {
    let torn = "[detector.hot]\ntype = \"threshold\non = \"heat\"\n";
    assert_snapshot!(Desk::with(&[("torn.toml", torn)]).ouzel("check torn.toml").shown());
}

#[test]
fn ten_mistakes_are_ten_pointed_problems() {
    let answer = Desk::with(&[("ten.toml", TEN_MISTAKES)]).ouzel("check ten.toml");
    assert_eq!(answer.out.matches("problem: ").count(), 10, "{}", answer.out);
    assert_snapshot!(answer.shown());
}

#[test]
fn programs_get_one_object() {
    let desk = Desk::with(&[("ten.toml", TEN_MISTAKES), ("good.toml", GOOD)]);
    let read = |line: &str, code| {
        let answer = desk.ouzel(line);
        assert_eq!((answer.code, answer.err.as_str(), answer.out.lines().count()), (Some(code), "", 1), "{line}");
        serde_json::from_str::<serde_json::Value>(&answer.out).unwrap()
    };
    let ten = read("check ten.toml --json", 78);
    let problems = ten["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 10);
    for problem in problems {
        assert_eq!(problem["file"], "ten.toml");
        assert!(problem["line"].as_u64().is_some() && problem["column"].as_u64().is_some(), "{problem}");
        assert!(problem["message"].is_string() && problem["hint"].is_string(), "{problem}");
    }
    let good = read("check good.toml --json", 0);
    assert_eq!(good["problems"].as_array().unwrap().len(), 0);
    assert!(good["memory_bytes_per_series"].as_u64().unwrap() > 0);
    assert_eq!(read("check none.toml --json", 78)["problems"][0]["message"], "none.toml does not exist");
}

#[test]
fn files_that_are_no_text_are_told_apart() {
    let desk = Desk::with(&[]);
    desk.put("latin.toml", b"# \xe9t\xe9\n");
    desk.put("later.toml", b"# a\n# b\n# \xb0C\n");
    let shown = |line: &str| format!("{}\n", desk.ouzel(line).shown());
    assert_snapshot!(
        [shown("check none.toml"), shown("check ."), shown("check latin.toml"), shown("check later.toml")].concat()
    );
}
