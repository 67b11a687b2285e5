//! Each kind of bad input: what is said, what is kept, and what is written of the rest.

use super::typed::{Answer, Desk};
use insta::assert_snapshot;

const CONFIG: &str = r#"
[channel.temperature]
range = [-40, 125]

[window.minute]
over = "temperature"
size = "1m"
"#;

/// Rows of one device, replayed into `out`. A row is a second after the one before it, or as it stands if it has no
/// value to be put behind the time.
fn replay(rows: &[&str]) -> (Desk, Answer) {
    let line = |(second, row): (usize, &&str)| match row.strip_prefix('=') {
        Some(value) => format!("2024-01-01T00:00:{second:02}Z,a,{value}\n"),
        None => format!("{row}\n"),
    };
    let rows: String = rows.iter().enumerate().map(line).collect();
    let desk = Desk::with(&[("plan.toml", CONFIG), ("in.csv", &format!("time,device,temperature\n{rows}"))]);
    let answer = desk.ouzel("replay in.csv -c plan.toml --out out");
    (desk, answer)
}

#[test]
fn a_malformed_line_goes_aside_and_those_around_it_are_kept() {
    let (desk, answer) = replay(&["=20", "2024-01-01T00:00:01Z,a", "nonsense", "=abc", "=21,9", "", "=22"]);
    assert_snapshot!(answer.shown());
    assert_snapshot!("malformed_aside", desk.text("out/rejected.ndjson"));
    assert_snapshot!("malformed_kept", desk.text("out/aggregates.ndjson"));
}

#[test]
fn nan_and_nothing_are_absent_readings() {
    assert_snapshot!(replay(&["=20", "=NaN", "=", "=nan", "=22"]).1.shown());
}

#[test]
fn a_number_out_of_range_is_no_reading() {
    let (_, answer) = replay(&["=20", "=1e999", "=-inf", "99999-01-01T00:00:00Z,a,20", "=22"]);
    assert_snapshot!(answer.shown());
}

#[test]
fn a_value_out_of_its_channels_range_is_in_no_statistic() {
    let (desk, answer) = replay(&["=20", "=125.5", "=22"]);
    assert_eq!((answer.count("readings"), answer.count("rejected")), (3, 0));
    assert!(desk.text("out/aggregates.ndjson").contains(r#""count":2,"mean":21,"#));
}

#[test]
fn a_line_of_10_mib_goes_aside_and_is_not_held() {
    let long = format!("={}", "9".repeat(10 << 20));
    let (desk, answer) = replay(&["=20", &long, "=22"]);
    assert_snapshot!(answer.shown());
    assert!(desk.text("out/rejected.ndjson").len() < 1_000);
}

#[test]
fn a_file_that_ends_in_the_middle_is_read_to_there() {
    let desk = Desk::with(&[("plan.toml", CONFIG)]);
    desk.put("in.csv", "time,device,temperature\n2024-01-01T00:00:00Z,a,20\n2024-01-01T00:0");
    assert_snapshot!(desk.ouzel("replay in.csv -c plan.toml").shown());
}

#[test]
fn a_missing_column_is_told_with_those_that_are_there() {
    let desk = Desk::with(&[("in.csv", "time,device,temperature\n2024-01-01T00:00:00Z,a,20\n")]);
    desk.put(
        "plan.toml",
        "[source.plant]\ntype = \"file\"\npath = \"in.csv\"\nformat = { channels = [\"temprature\"] }\n",
    );
    assert_snapshot!(desk.ouzel("replay -c plan.toml").shown());
}

#[test]
fn an_unknown_time_format_is_shown_with_those_that_are_known() {
    let desk = Desk::with(&[("in.csv", "time,device,temperature\n5th of May,a,20\n6th of May,a,21\n")]);
    assert_snapshot!(desk.ouzel("replay in.csv").shown());
}

#[test]
fn a_file_with_nothing_in_it_is_refused() {
    let desk = Desk::with(&[("empty.csv", ""), ("blank.csv", "\n  \n")]);
    let shown = ["empty.csv", "blank.csv", "-", "none.csv", "."].map(|name| {
        let answer = desk.ouzel(&format!("replay {name}"));
        assert_eq!(answer.out, "");
        answer.shown()
    });
    assert_snapshot!(shown.concat());
}

#[test]
fn a_folder_that_cannot_be_written_is_told_before_anything_runs() {
    let desk = Desk::with(&[("in.csv", "time,device,temperature\n2024-01-01T00:00:00Z,a,20\n"), ("file", "")]);
    std::fs::create_dir_all(desk.path("taken/alerts.ndjson")).unwrap();
    let mut shown = ["file", "file/below", "taken"]
        .map(|folder| desk.ouzel(&format!("replay in.csv --out {folder}")).shown())
        .to_vec();
    if cfg!(target_os = "linux") {
        // Not even root makes folders there.
        shown.push(desk.ouzel("replay in.csv --out /proc/ouzel").shown());
    }
    assert_snapshot!(shown.concat());
}

#[test]
fn the_first_reasons_are_shown_and_the_way_to_all_of_them() {
    let rows: String = (0..5).map(|second| format!("2024-01-01T00:00:0{second}Z,a,20\nx{second}\n")).collect();
    let desk = Desk::with(&[("plan.toml", CONFIG), ("in.csv", &format!("time,device,temperature\n{rows}"))]);
    assert_snapshot!(desk.ouzel("replay in.csv -c plan.toml").shown());
}
