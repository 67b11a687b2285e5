//! What a window is, in words: `every 5s over the last 30s, for each device`. For `check` and for whoever shows a config.

use ouzel_engine::plan::{Per, Shape, Step, WhenLate, WindowSpec};
use ouzel_engine::time::Span;

/// A window's shape, whose readings it takes, and what it makes of late ones.
pub fn shape_in_words(spec: &WindowSpec) -> String {
    let mut words = match &spec.shape {
        Shape::Time { size, every } if size == every => format!("each {size}"),
        Shape::Time { size, every } => format!("every {every} over the last {size}"),
        Shape::Sliding { size, every } if *every <= Span::ZERO => format!("at each reading over the last {size}"),
        Shape::Sliding { size, every } => format!("at a reading, {every} apart at least, over the last {size}"),
        Shape::Count { size, every } if size == every => format!("each {size} readings"),
        Shape::Count { size, every } => format!("every {every} readings over the last {size}"),
        Shape::Calendar { step, zone } => {
            let step = match step {
                Step::Hours(1) => "hour".to_owned(),
                Step::Hours(hours) => format!("{hours} hours"),
                Step::Day => "day".to_owned(),
                Step::Week => "week from Monday on".to_owned(),
                Step::Month => "month".to_owned(),
                Step::Year => "year".to_owned(),
            };
            format!("each {step} in {}", zone.name)
        }
        Shape::Session(session) => {
            let mut words = match (&session.start, &session.active) {
                (None, None) => format!("until nothing comes for longer than {}", session.gap),
                _ => format!("until there is no activity for longer than {}", session.gap),
            };
            if let Some(start) = &session.start {
                words = format!("from `{}` on, {words}", start.text());
            }
            if let Some(longest) = session.longest {
                words.push_str(&format!(", {longest} at the longest"));
            }
            words
        }
    };
    match &spec.per {
        Per::Device => {}
        Per::Tag(tag) => words.push_str(&format!(", for all devices with the same `{tag}`")),
        Per::Tags(tags) => words.push_str(&format!(", for all devices with the same `{}`", tags.join("` and `"))),
        Per::Listed(_) => words.push_str(", for the devices of each list"),
        Per::All => words.push_str(", for all devices together"),
    }
    match spec.when_late {
        WhenLate::Aside => {}
        WhenLate::Forget => words.push_str("; what is late is counted only"),
        WhenLate::Revise(horizon) => words.push_str(&format!("; revised for {horizon}")),
    }
    if spec.min > 1 {
        words.push_str(&format!("; of {} readings at least", spec.min));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use ouzel_engine::plan::{SessionSpec, Statistic, Zone};

    #[test]
    fn every_shape_has_words() {
        let seconds = Span::from_secs;
        let zone = || Zone { name: "Europe/Berlin".to_owned(), ..Zone::default() };
        let session =
            |longest| Shape::Session(Box::new(SessionSpec { gap: seconds(30), longest, start: None, active: None }));
        for (shape, words) in [
            (Shape::Time { size: seconds(60), every: seconds(60) }, "each 1m"),
            (Shape::Time { size: seconds(30), every: seconds(5) }, "every 5s over the last 30s"),
            (Shape::Sliding { size: seconds(5), every: Span::ZERO }, "at each reading over the last 5s"),
            (
                Shape::Sliding { size: seconds(5), every: seconds(1) },
                "at a reading, 1s apart at least, over the last 5s",
            ),
            (Shape::Count { size: 50, every: 50 }, "each 50 readings"),
            (Shape::Count { size: 50, every: 10 }, "every 10 readings over the last 50"),
            (Shape::Calendar { step: Step::Day, zone: zone() }, "each day in Europe/Berlin"),
            (Shape::Calendar { step: Step::Hours(6), zone: zone() }, "each 6 hours in Europe/Berlin"),
            (session(None), "until nothing comes for longer than 30s"),
            (session(Some(seconds(600))), "until nothing comes for longer than 30s, 10m at the longest"),
        ] {
            assert_eq!(shape_in_words(&WindowSpec::of(shape, &[Statistic::Mean])), words);
        }
        let spec = WindowSpec {
            per: Per::Tag("room".to_owned()),
            when_late: WhenLate::Revise(seconds(300)),
            min: 5,
            ..WindowSpec::time(seconds(60), seconds(60), &[])
        };
        let words = "each 1m, for all devices with the same `room`; revised for 5m; of 5 readings at least";
        assert_eq!(shape_in_words(&spec), words);
    }
}
