//! What people are told of mistakes: `mistakes.txt` has texts with what must be said of each, and where.
//! `OUZEL_BLESS=1 cargo test -p ouzel-engine --test conditions` writes what was said; then read it, line by line.

use super::*;
use std::path::Path;

/// A text with its mistake underlined.
fn shown(text: &str) -> String {
    match parse(text) {
        Ok(_) => format!("{text}\n  is no mistake\n"),
        Err(mistake) => {
            let indent = " ".repeat(mistake.column(text) - 1);
            let marks = "^".repeat(text[mistake.at.clone()].chars().count().max(1));
            format!("{text}\n{indent}{marks}\n    {}\n    {}\n", mistake.what, mistake.hint)
        }
    }
}

#[test]
fn every_mistake_is_told_with_its_place_and_a_way_out() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conditions/mistakes.txt");
    let golden = std::fs::read_to_string(&path).unwrap();
    let texts: Vec<&str> =
        golden.split("\n\n").filter_map(|block| block.trim_start_matches('\n').lines().next()).collect();
    assert!(texts.len() >= 25, "only {} mistakes", texts.len());
    let all: Vec<String> = texts.iter().map(|text| shown(text)).collect();
    let now = all.join("\n");
    if std::env::var_os("OUZEL_BLESS").is_some() {
        std::fs::write(&path, &now).unwrap();
        return;
    }
    for (was, is) in golden.split("\n\n").zip(now.split("\n\n")) {
        assert_eq!(is.trim_end(), was.trim_end());
    }
}

#[test]
fn a_formula_has_a_value_and_asks_for_a_channel() {
    let parse = |text: &str| Formula::parse(text, &Known { channels: &facts(), resolve: &resolve });
    for (text, what) in [
        ("", "there is no formula here"),
        ("2 * 3", "this formula asks for no channel, so that no reading would make it speak"),
        ("tag.room = \"kitchen\"", "this formula asks for no channel, so that no reading would make it speak"),
        ("tag.room", "`tag.room` is a tag, whose values are texts, and a number is wanted here"),
        ("\"open\"", "`\"open\"` is a text, and a number is wanted here"),
        ("power / ", "a value is missing at the end"),
        ("power speed", "`speed` cannot stand here"),
        ("power * (1 / 0)", "`1 / 0` has no value"),
        ("range(power)", "`range` wants how far it looks back"),
        ("(door is opne) + 1", "`door` has no state `opne`"),
    ] {
        assert_eq!(parse(text).map_err(|mistake| mistake.what), Err(what.to_owned()), "{text}");
    }
    assert!(parse("door").is_ok_and(|formula| !formula.is_condition()));
    assert!(parse("not door").is_ok_and(|formula| formula.is_condition()));
    assert!(parse("last(power, 10s) / speed").is_ok_and(|it| it.is_held("power") && !it.is_held("speed")));
    assert!(parse("last(power, 10s) / power").is_ok_and(|it| !it.is_held("power")));
}

#[test]
fn nothing_at_all_and_far_too_much_are_mistakes() {
    assert_eq!(parse("").unwrap_err().what, "there is no condition here");
    assert_eq!(parse(" \n").unwrap_err().what, "there is no condition here");
    let long = format!("x > {}", "1".repeat(5_000));
    assert_eq!(parse(&long).unwrap_err().what, "a condition has at most 4096 bytes, and this one has 5004");
    assert!(parse(&format!("x > 1{}", " ".repeat(4_091))).is_ok());
    let sixty_four = vec!["a"; 64].join(" and ");
    assert_eq!(parse(&sixty_four).unwrap().parts().len(), 64);
    let mistake = parse(&format!("{sixty_four} and b")).unwrap_err();
    assert_eq!(mistake.what, "a condition has at most 64 parts joined by `and`, and this one has 65");
}

#[test]
fn what_is_nested_too_deep_is_refused_before_the_stack_ends() {
    for (open, close) in
        [("(", ")"), ("not ", ""), ("- ", ""), ("abs(", ")"), ("!", ""), ("not (", ")"), ("min(1.0, ", ")")]
    {
        let nested = |depth: usize| format!("{}x{} > 1", open.repeat(depth), close.repeat(depth));
        for depth in [65, 100, 400, 2_000, 4_000] {
            if nested(depth).len() > 4_096 {
                continue;
            }
            let mistake = parse(&nested(depth)).unwrap_err();
            let what = "more than 64 brackets, functions and signs stand inside each other";
            assert_eq!(mistake.what, what, "{open} {depth}");
        }
    }
    assert!(parse(&format!("{}x{}", "(".repeat(64), ")".repeat(64))).is_ok());
    let wide = format!("x{} > 1", " + x".repeat(1_000));
    assert!(parse(&wide).is_ok());
}
