use super::typed::Desk;
use insta::assert_snapshot;

const CONFIG: &str = r#"
[window.minute]
over = "temperature"
size = "1m"

[detector.too_hot]
type  = "threshold"
on    = "temperature"
above = 80

[alert.too_hot]
on = "too_hot"

[sink.screen]
type = "stdout"
take = ["aggregates", "alerts"]
"#;

const READINGS: &str = "\
time,device,temperature
2024-01-01T00:00:00Z,press,20
2024-01-01T00:00:30Z,press,95
2024-01-01T00:01:00Z,press,30
2024-01-01T00:01:10Z,press,40
";

fn desk(tests: &str) -> Desk {
    Desk::with(&[("c.toml", &format!("{CONFIG}{tests}")), ("a.csv", READINGS)])
}

#[test]
fn what_differs_is_shown_line_by_line() {
    let desk = desk(
        r#"
[test.hot]
input  = "a.csv"
expect = [{ alert = "too_hot", device = "press", value = 95.00000000001 }]

[test.cool]
lines  = """
time,device,temperature
2024-01-01T00:00:00Z,press,80
"""
expect = []

[test.wrong]
input  = "a.csv"
expect = "a.expected"
"#,
    );
    desk.put(
        "a.expected",
        "# the first minute\n\
         {\"window\": \"minute\", \"mean\": 57.5, \"max\": 94, \"partial\": false}\n\
         {\"window\": \"minute\", \"mean\": 35, \"start\": \"2024-01-01T01:01:00+01:00\"}\n\
         {\"alert\": \"too_hot\", \"state\": \"cleared\"}\n",
    );
    let answer = desk.ouzel("test c.toml");
    assert_snapshot!(answer.shown());
    assert_eq!(desk.ouzel("test c.toml hot cool").code, Some(0));
    let json: serde_json::Value = serde_json::from_str(&desk.ouzel("test c.toml --json").out).unwrap();
    assert_eq!((&json["passed"], &json["failed"]), (&2.into(), &1.into()));
    let differs = &json["cases"][2]["differences"][1];
    assert_eq!((&differs["kind"], &differs["fields"]), (&"differs".into(), &serde_json::json!(["max"])), "{json:#}");
}

#[test]
fn a_blessed_file_keeps_its_remarks_and_the_lines_that_hold() {
    let desk = desk(
        "\n[test.both]\ninput = \"a.csv\"\nexpect = \"cases/both.expected\"\ntake = [\"aggregates\", \"alerts\"]\n",
    );
    let missing = desk.ouzel("test c.toml");
    assert_eq!(missing.code, Some(78), "{}", missing.shown());
    assert!(missing.err.contains("`ouzel test --bless both` writes it"), "{}", missing.shown());
    assert_snapshot!("blessed", desk.ouzel("test c.toml --bless").shown());
    assert_eq!(desk.ouzel("test c.toml").code, Some(0));
    let written = desk.text("cases/both.expected");
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines.len(), 3, "{written}");
    let kept = "# two minutes\n{\"mean\": 57.5}\n{\"mean\": 36}\n# the end\n";
    desk.put("cases/both.expected", kept);
    let again = desk.ouzel("test c.toml --bless");
    assert_eq!(again.code, Some(0), "{}", again.shown());
    let written = desk.text("cases/both.expected");
    assert!(written.contains("# two minutes\n{\"mean\": 57.5}\n"), "{written}");
    assert!(written.ends_with("# the end\n") && !written.contains("36"), "{written}");
    assert_eq!(desk.ouzel("test c.toml").code, Some(0));
}

#[test]
fn a_config_without_tests_says_how_to_write_one() {
    let desk = desk("");
    assert_snapshot!(desk.ouzel("test c.toml").shown());
    assert_eq!(desk.ouzel("test c.toml --json").code, desk.ouzel("test c.toml").code);
}

#[test]
fn what_is_wrong_with_a_test_is_told_before_any_runs() {
    let desk = desk(
        r#"
[source.floor]
type   = "http"
format = { time = "arrival" }

[test.one]
source = "flor"
input  = "b.csv"
lines  = ["x"]
expect = [{ alert = "too_hot", stat = "firing" }, '{"alert"', 5]
takes  = ["alerts"]

[test.two]
source = "floor"
input  = "b.csv"
take   = ["anomalies", "alert"]

[test.three]
input  = "a.csv"
take   = "anomalies"
expect = [{ alert = "too_hot" }]
"#,
    );
    let answer = desk.ouzel("check c.toml");
    assert_eq!(answer.code, Some(78));
    assert_snapshot!(answer.shown());
    desk.put("c.toml", format!("{CONFIG}\n[test.one]\ninput = \"b.csv\"\nexpect = \"e\"\n"));
    desk.put("e", "{\"alert\": \"too_hot\"}\n{\"widow\": \"minute\"}\n");
    assert_snapshot!("files", desk.ouzel("check c.toml").shown());
    assert!(desk.ouzel("replay a.csv --config c.toml").code == Some(0), "tests are not for a replay");
}

#[test]
fn a_case_without_any_reading_does_not_hold() {
    let desk = desk(
        "\n[test.none]\nlines = [\"time,device,temperature\", \"2024-01-01T00:00:00Z,a,x\"]\nformat = { type = \"csv\", time = \"time\", device = \"device\", channels = [\"temperature\"] }\nexpect = []\n",
    );
    let answer = desk.ouzel("test c.toml");
    assert_eq!(answer.code, Some(1), "{}", answer.shown());
    assert!(answer.out.contains("line 2 of the input could not be read"), "{}", answer.shown());
    assert_eq!(desk.ouzel("test c.toml nobody").code, Some(2));
    // Nor is what came of nothing right, whoever says so.
    desk.put("none.csv", "time,device,temperature\n2024-01-01T00:00:00Z,a,NA\n");
    desk.put("none.expected", "{\"alert\": \"too_hot\"}\n");
    let tests = "\n[test.none]\ninput = \"none.csv\"\nexpect = \"none.expected\"\n";
    desk.put("c.toml", format!("{CONFIG}{tests}"));
    let answer = desk.ouzel("test c.toml --bless");
    assert_eq!(answer.code, Some(1), "{}", answer.shown());
    assert!(answer.out.contains("0 readings") && desk.text("none.expected").contains("too_hot"), "{}", answer.shown());
}

#[test]
fn a_blessed_line_that_looks_like_another_sort_of_output_has_its_noun() {
    let readings = "time,device,temperature\n2024-01-01T00:00:30Z,press,20\n2024-01-01T00:00:10Z,press,21\n";
    let tests = "\n[test.late]\ninput = \"late.csv\"\nexpect = \"late.expected\"\n";
    let desk = desk(&format!("{tests}take = \"late\"\n"));
    desk.put("late.csv", readings);
    let blessed = desk.ouzel("test c.toml --bless");
    assert_eq!(blessed.code, Some(0), "{}", blessed.shown());
    let written = desk.text("late.expected");
    assert!(written.starts_with("{\"noun\":\"late\",\"device\":\"press\","), "{written}");
    desk.put("c.toml", format!("{CONFIG}{tests}"));
    let again = desk.ouzel("test c.toml");
    assert_eq!(again.code, Some(0), "{}", again.shown());
}
