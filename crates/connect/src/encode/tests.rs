//! A bench with one output of each noun, and what every form says of them.

use super::*;
use ouzel_engine::condition::{Condition, Known};
use ouzel_engine::output::{Class, Over, Severity};
use ouzel_engine::plan::{AlertRule, FilterSpec, Limits, Past, WindowSpec, ZScoreSpec};
use ouzel_engine::series::Timing;
use ouzel_engine::time::Span;

/// 2024-01-01T00:00:00Z
pub const START: Time = Time(1_704_067_200_000_000_000);

/// A press with a temperature, a window `minute`, a detector `spike` and an alert `hot`.
pub struct Bench {
    pub names: Names,
    pub plan: Plan,
    pub series: Series,
}

pub fn zscore(past: Past) -> Work {
    Work::ZScore(ZScoreSpec { past, min: 20, floor: 0.0, include: false }, Limits::default())
}

impl Bench {
    pub fn new() -> Bench {
        Bench::with(zscore(Past::Count(100)))
    }

    /// With another detector in the place of `spike`.
    pub fn with(work: Work) -> Bench {
        let mut names = Names::new();
        let device = names.device("press-1", Timing::default(), &[("line", "3")]).unwrap();
        let channel = names.channel("temperature");
        let series = names.series(device, channel);
        let minute = Span::from_secs(60);
        let give = [Statistic::Mean, Statistic::Count];
        let operators = vec![
            Operator {
                name: "minute".into(),
                on: vec!["temperature".into()],
                work: Work::Window(WindowSpec::time(minute, minute, &give)),
            },
            Operator { name: "spike".into(), on: vec!["temperature".into()], work },
        ];
        let channels = vec![ChannelFacts {
            name: "temperature".into(),
            unit: "°C".into(),
            range: Some((-40.0, 125.0)),
            ..ChannelFacts::default()
        }];
        let alerts = vec![AlertRule {
            name: "hot".into(),
            on: vec!["spike".into()],
            severity: None,
            hold: Span::ZERO,
            clear: Span::from_secs(300),
            warm_up: 30,
            say: String::new(),
            send: Vec::new(),
        }];
        Bench { names, plan: Plan { channels, operators, alerts, ..Plan::default() }, series }
    }

    pub fn book(&self) -> Book<'_> {
        Book { names: &self.names, plan: &self.plan }
    }

    pub fn anomaly(&self) -> Anomaly {
        Anomaly {
            series: self.series,
            time: START,
            value: 27.8,
            expected: 22.5,
            spread: 1.2,
            threshold: 26.1,
            score: 4.4,
            severity: Severity::Critical,
            class: Class::Process,
            stands: false,
            twin: 0,
            seen: 250,
        }
    }

    pub fn alert(&self, state: State) -> Alert {
        Alert {
            rule: 0,
            series: self.series,
            detector: 1,
            state,
            severity: Severity::Critical,
            since: START,
            time: START + Span::from_secs(720),
            count: 7,
            worst: self.anomaly(),
        }
    }

    pub fn output(&self, node: u16, what: What) -> Output {
        Output { input: 9, device: self.names.of(self.series).0, node, ordinal: 0, what }
    }

    pub fn aggregate(&self) -> Output {
        let (start, end) = (START, START + Span::from_secs(60));
        let aggregate = Aggregate {
            series: self.series,
            start,
            end,
            count: 3,
            mean: 20.5,
            std: 0.5,
            min: 20.0,
            max: 21.0,
            more: None,
            revision: 0,
            partial: false,
        };
        self.output(0, What::Aggregate(aggregate))
    }

    /// One of each noun, and an end of trouble, which no sink writes.
    pub fn outputs(&self) -> Vec<Output> {
        vec![
            self.aggregate(),
            self.output(1, What::Anomaly(Box::new(self.anomaly()))),
            self.output(1, What::Over(Over { series: self.series, time: START })),
            self.output(2, What::Alert(Box::new(self.alert(State::Firing)))),
            self.output(0, What::Late(Reading::new(self.series, START, -1.0))),
        ]
    }
}

fn written(push: impl Fn(&Output, &Book<'_>, &mut Vec<u8>)) -> Vec<String> {
    let bench = Bench::new();
    let mut bytes = Vec::new();
    bench.outputs().iter().for_each(|o| push(o, &bench.book(), &mut bytes));
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

/// Ids are promised to stay the same from version to version; when this fails, everybody's ids have changed.
#[test]
fn ids_stay_the_same() {
    let bench = Bench::new();
    let ids: Vec<String> = bench.outputs().iter().map(|o| id(o, &bench.book()).to_string()).collect();
    assert_eq!(
        ids,
        [
            "0497273685afaf2dbaf2ffca5d9d507d",
            "cd2c4073e88d8a38707e8f5dabc00598",
            "123a7a6c01daaed631bd8e1b48ca2412",
            "0d22ac65be2faaec23f5d355b2882646",
            "ce65dce765a31386a2804290a4ba848f",
        ]
    );
}

#[test]
fn ids_differ_where_content_differs_and_not_by_place() {
    let bench = Bench::new();
    let book = bench.book();
    let mut output = bench.output(2, What::Alert(Box::new(bench.alert(State::Firing))));
    let firing = id(&output, &book);
    output.input += 1;
    assert_eq!(id(&output, &book), firing);
    output.what = What::Alert(Box::new(bench.alert(State::Cleared)));
    assert_ne!(id(&output, &book), firing);
}

#[test]
fn an_alert_keeps_its_identity_through_its_changes() {
    let bench = Bench::new();
    let firing = bench.alert(State::Firing);
    let worse = Alert { time: START, count: 9, state: State::Cleared, ..firing.clone() };
    assert_eq!(identity(&firing, &bench.book()), identity(&worse, &bench.book()));
    let next = Alert { since: START + Span::from_secs(1), ..firing.clone() };
    assert_ne!(identity(&firing, &bench.book()), identity(&next, &bench.book()));
}

#[test]
fn a_line_for_people_is_compact() {
    assert_eq!(
        written(text::push),
        [
            "2024-01-01T00:00:00Z aggregate minute press-1.temperature to 2024-01-01T00:01:00Z mean=20.5 count=3",
            "2024-01-01T00:00:00Z anomaly spike press-1.temperature zscore critical value=27.8 expected=22.5 \
             spread=1.2 threshold=26.1 score=4.4",
            "2024-01-01T00:12:00Z alert hot press-1.temperature firing critical since=2024-01-01T00:00:00Z \
             count=7: temperature of press-1 is 27.8 °C, 4.4 standard deviations above its usual 22.5 °C",
            "2024-01-01T00:00:00Z late press-1.temperature value=-1",
        ]
    );
}

#[test]
fn json_has_every_field_in_order() {
    assert_eq!(
        written(ndjson::push),
        [
            "{\"id\":\"0497273685afaf2dbaf2ffca5d9d507d\",\"window\":\"minute\",\"key\":\"press-1\",\"channel\":\"temperature\",\
             \"start\":\"2024-01-01T00:00:00Z\",\"end\":\"2024-01-01T00:01:00Z\",\"mean\":20.5,\"count\":3}",
            "{\"id\":\"cd2c4073e88d8a38707e8f5dabc00598\",\"detector\":\"spike\",\"device\":\"press-1\",\"channel\":\"temperature\",\
             \"time\":\"2024-01-01T00:00:00Z\",\"value\":27.8,\"expected\":22.5,\"spread\":1.2,\
             \"threshold\":26.1,\"score\":4.4,\"p_value\":null,\"kind\":\"zscore\",\"class\":\"process\",\
             \"severity\":\"critical\",\"message\":\"temperature of press-1 is 27.8 °C, 4.4 standard deviations \
             above its usual 22.5 °C\",\"why\":\"mean 22.5 °C and standard deviation 1.2 °C over the last 100 \
             readings\"}",
            "{\"id\":\"0d22ac65be2faaec23f5d355b2882646\",\"alert\":\"hot\",\"device\":\"press-1\",\"channel\":\"temperature\",\
             \"state\":\"firing\",\"severity\":\"critical\",\"since\":\"2024-01-01T00:00:00Z\",\
             \"time\":\"2024-01-01T00:12:00Z\",\"count\":7,\"detector\":\"spike\",\"kind\":\"zscore\",\
             \"value\":27.8,\"message\":\"temperature of press-1 is 27.8 °C, 4.4 standard deviations above its \
             usual 22.5 °C\"}",
            "{\"id\":\"ce65dce765a31386a2804290a4ba848f\",\"device\":\"press-1\",\"channel\":\"temperature\",\
             \"time\":\"2024-01-01T00:00:00Z\",\"value\":-1}",
        ]
    );
}

#[test]
fn csv_has_the_columns_of_its_head_in_the_order_of_the_manual() {
    let bench = Bench::new();
    let mut bytes = Vec::new();
    csv::push_head(&columns(Noun::Aggregates, &bench.plan), &mut bytes);
    csv::push(&bench.aggregate(), &bench.book(), &statistics(&bench.plan), &mut bytes);
    let usual = Statistic::USUAL.map(|what| Given { name: what.name(), what });
    csv::push(&bench.aggregate(), &bench.book(), &usual, &mut bytes);
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        "id,window,key,channel,start,end,revision,partial,count,mean\n\
         0497273685afaf2dbaf2ffca5d9d507d,minute,press-1,temperature,2024-01-01T00:00:00Z,2024-01-01T00:01:00Z,0,false,3,20.5\n\
         0497273685afaf2dbaf2ffca5d9d507d,minute,press-1,temperature,2024-01-01T00:00:00Z,2024-01-01T00:01:00Z,0,false,3,20.5,,,\n"
    );
}

#[test]
fn every_noun_has_as_many_fields_as_columns_and_of_their_kinds() {
    let bench = Bench::new();
    let all = statistics(&bench.plan);
    for output in bench.outputs() {
        let Some(noun) = Noun::of(&output.what) else { continue };
        let mut columns = columns(noun, &bench.plan).into_iter();
        fields(&output, &bench.book(), Statistics::Columns(&all), |name, value| {
            let column = columns.next().unwrap();
            assert_eq!(column.name, name);
            let fits = match value {
                Value::Null => true,
                Value::Text(_) => column.kind == Kind::Text,
                Value::Id(_) => column.kind == Kind::Id,
                Value::Integer(_) => column.kind == Kind::Integer,
                Value::Number(_) => column.kind == Kind::Number,
                Value::Time(_) => column.kind == Kind::Time,
                Value::Flag(_) => column.kind == Kind::Flag,
            };
            assert!(fits, "{name}: {value:?}");
        });
        assert_eq!(columns.next(), None, "{noun:?}");
    }
}

#[test]
fn derived_channels_have_the_unit_of_what_they_are_made_of() {
    let bench = Bench::new();
    for (channel, unit) in [
        ("temperature", "°C"),
        ("minute.temperature.mean", "°C"),
        ("minute.temperature.count", ""),
        ("minute.temperature.max", ""),
        ("minute.minute.temperature.mean.mean", "°C"),
        ("hour.temperature.mean", ""),
        ("vibration", ""),
    ] {
        assert_eq!(bench.book().unit(channel), unit, "{channel}");
    }
}

#[test]
fn rejected_input_is_told_with_its_place() {
    let rejected =
        Rejected { source: "in.csv".into(), line: 7, reason: "\"x\" is not a number".into(), text: "a,x".into() };
    for (push, line) in [
        (text::push_rejected as fn(&Rejected, &mut Vec<u8>), "rejected in.csv:7: \"x\" is not a number\n"),
        (csv::push_rejected, "in.csv,7,\"\"\"x\"\" is not a number\",\"a,x\"\n"),
        (
            ndjson::push_rejected,
            "{\"source\":\"in.csv\",\"line\":7,\"reason\":\"\\\"x\\\" is not a number\",\"text\":\"a,x\"}\n",
        ),
    ] {
        let mut bytes = Vec::new();
        push(&rejected, &mut bytes);
        assert_eq!(String::from_utf8(bytes).unwrap(), line);
    }
}

/// What a window gives beside the usual.
fn rich() -> (Bench, Output) {
    let mut bench = Bench::new();
    let given = |name: &str, what| Given { name: name.to_owned(), what };
    let give = vec![
        given("p95", Statistic::Quantile(95_000)),
        given("count", Statistic::Count),
        given("bad", Statistic::Bad),
        given("change", Statistic::Change),
        given("share_open", Statistic::Share(1)),
    ];
    let span = Span::from_secs(60);
    bench.plan.operators[0].work = Work::Window(WindowSpec { give, ..WindowSpec::time(span, span, &[]) });
    let mut output = bench.aggregate();
    if let What::Aggregate(aggregate) = &mut output.what {
        aggregate.more = Some(vec![20.9, 2.0, f64::NAN, 0.25].into());
        (aggregate.revision, aggregate.partial) = (2, true);
    }
    (bench, output)
}

#[test]
fn other_statistics_stand_in_the_order_asked_for_and_what_there_is_none_of_is_left_open() {
    let (bench, output) = rich();
    let book = bench.book();
    assert_eq!(
        text::line(&output, &book),
        "2024-01-01T00:00:00Z aggregate minute press-1.temperature to 2024-01-01T00:01:00Z revision=2 partial=true \
         p95=20.9 count=3 bad=2 share_open=0.25"
    );
    let mut line = Vec::new();
    ndjson::push(&output, &book, &mut line);
    let line = String::from_utf8(line).unwrap();
    let tail = "\"end\":\"2024-01-01T00:01:00Z\",\"revision\":2,\"partial\":true,\"p95\":20.9,\"count\":3,\"bad\":2,\
                \"change\":null,\"share_open\":0.25}\n";
    assert!(line.ends_with(tail), "{line}");
    let mut table = Vec::new();
    csv::push_head(&columns(Noun::Aggregates, &bench.plan), &mut table);
    csv::push(&output, &book, &statistics(&bench.plan), &mut table);
    let table = String::from_utf8(table).unwrap();
    let rows: Vec<&str> = table.lines().map(|row| row.split_once("end,").map_or(row, |head| head.1)).collect();
    assert_eq!(rows[0], "revision,partial,count,bad,change,p95,share_open");
    assert!(rows[1].ends_with(",2,true,3,2,,20.9,0.25"), "{}", rows[1]);
}

#[test]
fn a_revision_is_another_row_and_the_first_has_the_id_it_always_had() {
    let (bench, mut output) = rich();
    let mut ids = Vec::new();
    for number in 0..3 {
        if let What::Aggregate(aggregate) = &mut output.what {
            aggregate.revision = number;
        }
        ids.push(id(&output, &bench.book()));
    }
    assert_eq!(ids[0], id(&Bench::new().aggregate(), &Bench::new().book()));
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
}

#[test]
fn a_name_that_is_another_number_in_another_window_is_one_column() {
    let (mut bench, _) = rich();
    let mut other = bench.plan.operators[0].clone();
    if let Work::Window(spec) = &mut other.work {
        spec.give = vec![Given { name: "share_open".into(), what: Statistic::Share(0) }];
    }
    bench.plan.operators.insert(0, other);
    let names: Vec<String> = statistics(&bench.plan).into_iter().map(|given| given.name).collect();
    assert_eq!(names, ["count", "bad", "change", "p95", "share_open"]);
}

#[test]
fn readings_that_a_filter_turned_away_say_which_parts_they_failed() {
    let resolve = |name: &str| Ok(name.to_owned());
    let known = Known { channels: &[], resolve: &resolve };
    let when = Condition::parse("temperature < 80 and abs(temperature) > 1 and motion", &known).unwrap();
    let bench = Bench::with(Work::Filter(FilterSpec { when, drop: true, tell: true }));
    let of = |failed, dropped| {
        let reading = Reading::new(bench.series, START, 95.5);
        bench.output(1, What::Filtered(Filtered { reading, failed, dropped }))
    };
    let book = bench.book();
    let lines: Vec<String> = [of(0b101, true), of(0, false)].iter().map(|output| text::line(output, &book)).collect();
    assert_eq!(
        lines,
        [
            "2024-01-01T00:00:00Z filtered spike press-1.temperature value=95.5 dropped=true: temperature < 80; motion",
            "2024-01-01T00:00:00Z filtered spike press-1.temperature value=95.5: it cannot be told",
        ]
    );
    let mut json = Vec::new();
    [of(0b101, true), of(0, false)].iter().for_each(|output| ndjson::push(output, &book, &mut json));
    let json = String::from_utf8(json).unwrap();
    let tails: Vec<&str> = json.lines().map(|line| line.split_once("\"value\":").unwrap().1).collect();
    assert_eq!(
        tails,
        ["95.5,\"failed\":\"temperature < 80; motion\",\"dropped\":true}", "95.5,\"failed\":null,\"dropped\":false}"]
    );
    let mut table = Vec::new();
    csv::push_head(&columns(Noun::Filtered, &bench.plan), &mut table);
    csv::push(&of(1, true), &book, &[], &mut table);
    let table = String::from_utf8(table).unwrap();
    assert!(table.starts_with("id,filter,device,channel,time,value,failed,dropped\n"), "{table}");
    assert!(table.ends_with(",95.5,temperature < 80,true\n"), "{table}");
    let later = Output { ordinal: 1, input: 99, ..of(1, true) };
    assert_eq!(id(&of(1, true), &book), id(&later, &book), "when it was judged is not what it says");
}

#[test]
fn a_reading_of_a_derived_channel_is_a_row_like_a_late_one() {
    let mut bench = Bench::new();
    let device = bench.names.of(bench.series).0;
    let channel = bench.names.channel("minute.temperature.mean");
    let series = bench.names.series(device, channel);
    bench.plan.said = vec!["minute.temperature.mean".into(), "slim.temperature".into()];
    let said = |said| {
        let reading = Reading::new(series, START, 20.5);
        bench.output(0, What::Reading(ouzel_engine::output::Said { reading, said }))
    };
    let (output, book, mut bytes) = (said(0), bench.book(), Vec::new());
    text::push(&output, &book, &mut bytes);
    ndjson::push(&output, &book, &mut bytes);
    csv::push(&output, &book, &[], &mut bytes);
    assert_eq!(
        String::from_utf8(bytes).unwrap().replace(&id(&output, &book).to_string(), "ID"),
        "2024-01-01T00:00:00Z reading press-1.minute.temperature.mean value=20.5\n\
         {\"id\":\"ID\",\"device\":\"press-1\",\"channel\":\"minute.temperature.mean\",\"time\":\"2024-01-01T00:00:00Z\",\"value\":20.5}\n\
         ID,press-1,minute.temperature.mean,2024-01-01T00:00:00Z,20.5\n"
    );
    let columns: Vec<String> = columns(Noun::Readings, &bench.plan).into_iter().map(|column| column.name).collect();
    assert_eq!(columns, ["id", "device", "channel", "time", "value"]);
    let take = crate::sink::Take::new(&[Noun::Alerts], &["minute.temperature.mean".to_owned()]);
    assert!(take.takes(&said(0), &bench.plan) && !take.takes(&said(1), &bench.plan), "each sink gets what it named");
}
