//! `docs/conditions.md` tells the truth: each of its examples is run, and no word of the language is missing on it.

use super::*;
use ouzel_engine::condition::{FUNCTIONS, KEYWORDS};

/// The facts that the page speaks of.
fn facts() -> Vec<ChannelFacts> {
    let states = |name: &str, states: &[&str]| ChannelFacts {
        name: name.into(),
        states: states.iter().map(|&state| state.into()).collect(),
        ..ChannelFacts::default()
    };
    vec![states("door", &["closed", "open"]), states("mode_of_heater", &["off", "heating", "cooling down"])]
}

fn page() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conditions.md");
    std::fs::read_to_string(path).unwrap()
}

/// The cells of a line: two spaces or more stand between them.
fn cells(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

fn value(cell: &str, channel: &str) -> f64 {
    let facts = facts();
    let states = facts.iter().find(|facts| facts.name == channel).map(|facts| &facts.states);
    match states.and_then(|states| states.iter().position(|state| state == cell)) {
        Some(state) => state as f64,
        None if cell == "-" => f64::NAN,
        None => cell.parse().unwrap_or_else(|_| panic!("{cell} is no value of {channel}")),
    }
}

/// Runs an example; gives how often it said yes and no.
fn run(example: &str) -> (usize, usize) {
    let (text, table) = example.split_once("\n\n").unwrap_or_else(|| panic!("no points: {example}"));
    let facts = facts();
    let known = Known { channels: &facts, resolve: &resolve };
    let condition = Condition::parse(text, &known).unwrap_or_else(|mistake| panic!("{text}: {mistake}"));
    let mut memory = Memory::new(&condition, &[("room".into(), "kitchen".into())]);
    let mut lines = table.lines();
    let names = cells(lines.next().unwrap());
    assert_eq!((names[0], names[names.len() - 1]), ("time", "says"), "{text}");
    let (mut yes, mut no) = (0, 0);
    for line in lines {
        let cells = cells(line);
        assert_eq!(cells.len(), names.len(), "{text}: {line}");
        let time = Time(Span::parse(cells[0]).unwrap().0);
        let of = |channel: &String| {
            let column = names.iter().position(|name| name == channel);
            let column = column.unwrap_or_else(|| panic!("{text}: no column for {channel}"));
            value(cells[column], channel)
        };
        let point: Vec<f64> = condition.channels().iter().map(of).collect();
        let said = match memory.judge(&condition, time, &point).truth {
            Truth::True => "yes",
            Truth::False => "no",
            Truth::Unknown => "unknown",
        };
        assert_eq!(said, cells[cells.len() - 1], "{text}: {line}");
        yes += usize::from(said == "yes");
        no += usize::from(said == "no");
    }
    (yes, no)
}

#[test]
fn every_example_of_the_manual_says_what_it_says_there() {
    let page = page();
    let examples: Vec<&str> =
        page.split("```condition\n").skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect();
    assert!(examples.len() >= 30, "only {} examples", examples.len());
    let (yes, no) = examples.iter().map(|example| run(example)).fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    assert!(yes > 30 && no > 30, "{yes} times yes, {no} times no");
}

/// Runs an example of a formula; gives how often it had a value.
fn work_out(example: &str) -> usize {
    let (text, table) = example.split_once("\n\n").unwrap_or_else(|| panic!("no points: {example}"));
    let facts = facts();
    let known = Known { channels: &facts, resolve: &resolve };
    let formula = Formula::parse(text, &known).unwrap_or_else(|mistake| panic!("{text}: {mistake}"));
    let mut memory = Memory::of_formula(&formula, &[]);
    let mut lines = table.lines();
    let names = cells(lines.next().unwrap());
    assert_eq!((names[0], names[names.len() - 1]), ("time", "gives"), "{text}");
    let mut given = 0;
    for line in lines {
        let cells = cells(line);
        let time = Time(Span::parse(cells[0]).unwrap().0);
        let of = |channel: &String| {
            let column = names.iter().position(|name| name == channel);
            value(cells[column.unwrap_or_else(|| panic!("{text}: no column for {channel}"))], channel)
        };
        let point: Vec<f64> = formula.channels().iter().map(of).collect();
        let got = memory.value(&formula, time, &point);
        let expected = value(cells[cells.len() - 1], "");
        assert!(got == expected || got.is_nan() && expected.is_nan(), "{text}: {line}: {got}");
        given += usize::from(!got.is_nan());
    }
    given
}

#[test]
fn every_formula_of_the_manual_gives_what_it_gives_there() {
    let page = page();
    let examples: Vec<&str> =
        page.split("```formula\n").skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect();
    assert!(examples.len() >= 3, "only {} examples", examples.len());
    assert!(examples.iter().map(|example| work_out(example)).sum::<usize>() >= 8);
}

#[test]
fn every_word_of_the_language_stands_in_an_example() {
    let page = page();
    let conditions: Vec<&str> =
        page.split("```condition\n").skip(1).map(|rest| rest.split("\n\n").next().unwrap()).collect();
    let words: Vec<&str> =
        conditions.iter().flat_map(|text| text.split(|c: char| !(c.is_alphanumeric() || c == '_'))).collect();
    for word in FUNCTIONS.into_iter().chain(KEYWORDS) {
        assert!(words.contains(&word), "`{word}` has no example");
    }
    for sign in ["<", "<=", ">", ">=", "=", "==", "!=", "&&", "||", "!", "+", "-", "*", "/"] {
        assert!(page.contains(&format!("`{sign}`")), "`{sign}` is not told of");
    }
    for function in FUNCTIONS {
        assert!(page.contains(&format!("`{function}(")), "`{function}` is not told of");
    }
}
