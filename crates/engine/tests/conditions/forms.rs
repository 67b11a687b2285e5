//! What each form means, by a few points each.

use super::*;

const NONE: f64 = f64::NAN;

#[test]
fn comparisons_are_strict_where_they_say_so() {
    let values = [1.0, 2.0, 3.0, NONE];
    for (text, expected) in [
        ("x > 2", "--+?"),
        ("x >= 2", "-++?"),
        ("x < 2", "+--?"),
        ("x <= 2", "++-?"),
        ("x = 2", "-+-?"),
        ("x == 2", "-+-?"),
        ("x is 2", "-+-?"),
        ("x != 2", "+-+?"),
        ("x is not 2", "+-+?"),
        ("2 < x", "--+?"),
        ("x between 1 and 2", "++-?"),
        ("x not between 1 and 2", "--+?"),
        ("x is not between 1 and 2", "--+?"),
        ("x in (1, 3)", "+-+?"),
        ("x not in (1, 3)", "-+-?"),
        ("x is in (1)", "+--?"),
        ("x is absent", "---+"),
        ("x is present", "+++-"),
        ("x is not absent", "+++-"),
        ("x", "+++?"),
        ("not x", "---?"),
        ("true", "++++"),
        ("x > 2 is absent or false", "!"),
        ("x = true", "+++?"),
        ("x is false", "---?"),
        ("x - 2", "!"),
    ] {
        match parse(text) {
            Ok(_) => assert_eq!(line(text, &values), expected, "{text}"),
            Err(mistake) => assert_eq!(expected, "!", "{text}: {mistake}"),
        }
    }
}

#[test]
fn arithmetic_binds_as_it_does_at_school() {
    for text in [
        "1 + 2 * 3 = 7",
        "(1 + 2) * 3 = 9",
        "-2 * -2 = 4",
        "8 / 4 / 2 = 1",
        "7 - 2 - 1 = 4",
        "1_000 = 1e3",
        "abs(-3) = 3 and sqrt(9) = 3 and round(2.5) = 3 and round(-2.5) = -3",
        "min(3, 1, 2) = 1 and max(3, 1, 2.0) = 3",
        "not false and true or false",
        "false and false or true",
        "not 1 > 2 && !(2 > 3) || false",
        "x / 0 is absent and (x / 0 > 1) = (x / 0 < 1) or x is present",
    ] {
        assert_eq!(line(text, &[5.0]), "+", "{text}");
    }
}

#[test]
fn truth_has_three_values() {
    let t: [f64; 2] = [1.0, 1.0];
    let check = |text: &str, expected: [Truth; 2]| {
        let points: [&[f64]; 2] = [&[0.0, NONE], &[1.0, NONE]];
        assert_eq!(judged(text, &[(0.0, points[0]), (1.0, points[1])]), expected, "{text}");
    };
    check("a and b", [Truth::False, Truth::Unknown]);
    check("a or b", [Truth::Unknown, Truth::True]);
    check("b and a", [Truth::False, Truth::Unknown]);
    assert_eq!(judged("b = b and a = a", &[(0.0, &t)]), [Truth::True]);
}

#[test]
fn a_past_looks_back_by_readings_and_by_time() {
    let values = [1.0, 4.0, NONE, 9.0, 9.0];
    for (text, expected) in [
        ("x - previous(x) > 2", "?+?+-"),
        ("delta(x) = 0", "?-?-+"),
        ("lag(x, 2) = 1", "???+-"),
        ("rate(x) = 2.5", "?-?+-"),
        ("mean(x, 2) = 2.5", "-++--"),
        ("mean(x, 2s) = 9", "---++"),
        ("std(x, 2s) > 1", "?+??-"),
        ("sum(x, 3s) > 12", "---++"),
        ("count(x, 3s) = 2", "-++++"),
        ("min(x, 2) = 4", "---+-"),
        ("max(x, 2 readings) = 9", "---++"),
        ("min(x, 3s) = 9", "----+"),
        ("last(x, 1s) = 4", "-++--"),
        ("previous(x) is absent", "+-+--"),
    ] {
        assert_eq!(line(text, &values), expected, "{text}");
    }
}

#[test]
fn what_turns_is_true_at_that_point_only() {
    for (text, values, expected) in [
        ("x becomes true", vec![1.0, 0.0, 1.0, 1.0, NONE, 0.0, NONE, 1.0], "?-+---?+"),
        ("x becomes false", vec![1.0, 0.0, 1.0, 1.0, NONE, 0.0, NONE, 1.0], "-+--?+--"),
        ("x > 3 becomes true", vec![1.0, 4.0, 5.0, 3.0, 4.0], "-+--+"),
        ("x becomes absent", vec![1.0, NONE, NONE, 2.0], "-+--"),
        ("x becomes 3", vec![1.0, 3.0, 3.0, 2.0, 3.0], "-+--+"),
        ("x rises above 35", vec![36.0, 35.0, 36.0, 37.0], "?-+-"),
        ("x rises above 35 (back below 33)", vec![34.0, 36.0, 34.0, 36.0, 33.0, 36.0, 32.0, 36.0], "-+-----+"),
        ("x falls below 10 (back above 12)", vec![20.0, 9.0, 11.0, 9.0, 13.0, 9.0], "-+---+"),
    ] {
        assert_eq!(line(text, &values), expected, "{text}");
    }
}

#[test]
fn states_and_tags_are_texts() {
    let closed_open_ajar = [0.0, 1.0, 2.0, NONE];
    for (text, expected) in [
        ("door = \"open\"", "-+-?"),
        ("door is open", "-+-?"),
        ("door is not 'open'", "+-+?"),
        ("door in (open, \"ajar\")", "-++?"),
        ("door becomes open", "-+-?"),
        ("previous(door) is closed", "?+-?"),
        ("tag.room = \"kitchen\" and door", "-++?"),
        ("tag.room is not \"kitchen\" and door", "----"),
        ("tag.room in (\"bath\", 'kitchen')", "++++"),
        ("tag.wing = \"east\"", "----"),
        ("tag.wing != \"east\"", "++++"),
        ("tag.wing is absent and tag.`room` is present", "++++"),
    ] {
        assert_eq!(line(text, &closed_open_ajar), expected, "{text}");
    }
    let parsed = parse("door = \"open\"").unwrap();
    assert_eq!((parsed.channels(), parsed.parts()), (&["door".to_owned()][..], &["door = \"open\"".to_owned()][..]));
}

#[test]
fn parts_are_the_operands_of_and_at_the_top() {
    let parts = |text: &str| parse(text).unwrap().parts().to_vec();
    assert_eq!(parts(" a > 1  and (b or c)&&not d "), ["a > 1", "(b or c)", "not d"]);
    assert_eq!(parts("a and b or c"), ["a and b or c"]);
    let condition = parse("a > 1 and b > 1 and c > 1").unwrap();
    let judged = Memory::new(&condition, &[]).judge(&condition, Time(0), &[0.0, NONE, 1.0]);
    assert_eq!((judged.truth, judged.failed), (Truth::False, 0b101));
}

#[test]
fn equal_pasts_are_kept_once() {
    let bytes = |text: &str| parse(text).unwrap().heap_bytes();
    let once = bytes("x > mean(x, 60s)");
    let both = bytes("x > mean(x, 60s) + 3 * std(x, 60s) or x < mean(x, 60s) - 3 * std(x, 60s)");
    assert!(both < once + 200, "{once} {both}");
    assert!(bytes("mean(x, 60s) > mean(x, 61s)") > 2 * once - 200);
}

#[test]
fn times_at_both_ends_of_the_range_are_judged() {
    for text in [
        "rate(x) > 0 and last(x, 1s) > 0",
        "sum(x, 10d) > 0 and min(x, 106751d) > 0",
        "mean(x, 1ns) = 3 or count(x, 1ns) = 1",
    ] {
        let condition = parse(text).unwrap();
        let mut memory = Memory::new(&condition, &[]);
        for time in [i64::MIN, i64::MIN + 1, 0, i64::MAX - 1, i64::MAX, i64::MAX] {
            memory.judge(&condition, Time(time), &[3.0]);
        }
    }
}
