//! A run that a test plays by hand: two devices, a window, a detector, an alert; and a past kept in memory.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use ouzel_connect::fault::Fault;
use ouzel_connect::sink::Noun;
use ouzel_engine::output::*;
use ouzel_engine::plan::*;
use ouzel_engine::reading::{Batch, Quality, Reading};
use ouzel_engine::series::{Declaration, Names, Series, Timing};
use ouzel_engine::time::{Span, Time};
use ouzel_pipeline::clock::Clock;
use ouzel_pipeline::control::{Control, Controls, Word};
use ouzel_pipeline::counters::{Counters, SinkCounters, SourceCounters};
use ouzel_pipeline::intake::Stretch;
use ouzel_pipeline::step::{Expected, Step};
use ouzel_server::history::{History, ReadingRow, RowsAsk, SeriesAsk, SeriesColumns};
use ouzel_server::{Reload, Running, ServerSettings, app};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tower::ServiceExt;

/// 2025-11-21T06:00:00Z, when the clock of each test begins.
pub const START: Time = Time::from_secs(1_763_704_800);

/// The same in microseconds.
pub const START_US: i64 = 1_763_704_800_000_000;

pub struct Bench {
    pub router: Router,
    pub clock: Clock,
    pub counters: Arc<Counters>,
    pub history: Arc<Past>,
    /// What was said and is in the journal.
    pub said: Arc<Mutex<Vec<Control>>>,
    /// The series whose open windows the server asks for.
    pub looked: watch::Receiver<Arc<[Series]>>,
    pub tapped: watch::Receiver<Arc<[String]>>,
    steps: mpsc::Sender<Arc<Step>>,
    next: u64,
}

pub fn plan() -> Plan {
    let text = |words: &str| words.to_owned();
    let minute = Span::from_secs(60);
    Plan {
        channels: vec![ChannelFacts {
            name: text("temperature"),
            unit: text("°C"),
            range: Some((-40.0, 125.0)),
            ..ChannelFacts::default()
        }],
        operators: vec![
            Operator {
                name: text("minute"),
                on: vec![text("temperature")],
                work: Work::Window(WindowSpec::time(minute, minute, &[Statistic::Mean])),
            },
            Operator {
                name: text("spike"),
                on: vec![text("temperature")],
                work: Work::ZScore(
                    ZScoreSpec { past: ouzel_engine::plan::Past::Count(100), min: 20, floor: 0.0, include: false },
                    Limits::default(),
                ),
            },
            Operator {
                name: text("drift"),
                on: vec![text("minute.temperature.mean")],
                work: Work::Threshold(Limits::default()),
            },
        ],
        alerts: vec![AlertRule {
            name: text("hot"),
            on: vec![text("spike")],
            severity: None,
            hold: Span::ZERO,
            clear: Span::from_secs(300),
            warm_up: 0,
            say: String::new(),
            send: Vec::new(),
        }],
        said: Vec::new(),
    }
}

/// Series 0: temperature of lab-1; 1: its mean, derived; 2: temperature of lab-2; 3: its mean; 4: x.y of lab-1.
pub fn declarations() -> Vec<Declaration> {
    let (mut names, plan) = (Names::new(), plan());
    let mut all = Vec::new();
    for (device, channel) in [("lab-1", "temperature"), ("lab-2", "temperature"), ("lab-1", "x.y")] {
        let number = names.device(device, Timing::default(), &[("location", "lab")]).unwrap();
        let channel = names.channel(channel);
        names.series(number, channel);
        all.extend(plan.declare(&mut names));
    }
    all
}

pub fn anomaly(series: u32, time: Time, severity: Severity) -> Anomaly {
    Anomaly {
        series: Series(series),
        time,
        value: 27.8,
        expected: 22.5,
        spread: 1.2,
        threshold: 26.1,
        score: 4.4,
        severity,
        class: Class::Process,
        twin: 0,
        stands: false,
        seen: 250,
    }
}

pub fn found(anomaly: Anomaly) -> What {
    What::Anomaly(Box::new(anomaly))
}

pub fn alert(series: u32, since: Time, state: State) -> What {
    let worst = anomaly(series, since, Severity::Critical);
    let time = if state == State::Cleared { since + Span::from_secs(60) } else { since };
    What::Alert(Box::new(Alert {
        rule: 0,
        series: Series(series),
        detector: 1,
        state,
        severity: Severity::Critical,
        since,
        time,
        count: 1,
        worst,
    }))
}

impl Bench {
    pub fn new() -> Bench {
        Bench::with("boot1", ServerSettings::default())
    }

    pub fn with(boot: &str, settings: ServerSettings) -> Bench {
        Bench::made(boot, settings, None)
    }

    /// A run whose config can be read again.
    pub fn made(boot: &str, settings: ServerSettings, reload: Option<Reload>) -> Bench {
        let clock = Clock::manual(START);
        let source = SourceCounters { name: "floor".into(), ..SourceCounters::default() };
        let sink = SinkCounters { name: "desk".into(), ..SinkCounters::default() };
        let counters =
            Arc::new(Counters { sources: vec![source].into(), sinks: vec![sink].into(), ..Counters::default() });
        let (send, steps) = mpsc::channel(64);
        let (looks, looked) = watch::channel(Arc::from([]));
        let (taps, tapped) = watch::channel(Arc::from([]));
        let (controls, mut asked) = Controls::new(clock.clone(), Arc::default());
        let said = Arc::new(Mutex::new(Vec::new()));
        let journal = said.clone();
        tokio::spawn(async move {
            while let Some(word) = asked.recv().await {
                if let Word::Control(control) = word.word {
                    journal.lock().unwrap().push(control);
                }
                let _ = word.done.send(Ok(()));
            }
        });
        let history = Arc::new(Past::default());
        let moved = clock.clone();
        let running = Running {
            name: "demo".into(),
            boot: boot.into(),
            plan: Arc::new(plan()),
            counters: counters.clone(),
            clock: clock.clone(),
            steps,
            looks,
            taps,
            controls,
            history: history.clone(),
            advance: Some(Arc::new(move |by| {
                let clock = moved.clone();
                Box::pin(async move { clock.advance(by) })
            })),
            reload,
        };
        let (router, _) = app(running, settings);
        Bench { router, clock, counters, history, said, looked, tapped, steps: send, next: 0 }
    }

    /// A run that has seen its names.
    pub async fn begun() -> Bench {
        let mut bench = Bench::new();
        bench.declare().await;
        bench.settle().await;
        bench
    }

    /// Waits until all that was sent has been followed, so that it happened before the clock moves on.
    pub async fn settle(&self) {
        self.get("/api/v1/meta").await.good();
    }

    pub async fn declare(&mut self) {
        let stretch = Stretch { declarations: declarations(), ..Stretch::default() };
        self.send(Step { stretch, ..Step::default() }).await;
    }

    pub async fn send(&mut self, step: Step) {
        self.next += step.stretch.batch.rows.len() as u64;
        self.steps.send(Arc::new(step)).await.unwrap();
    }

    pub fn step(&self, readings: &[(u32, Time, f64)], whats: Vec<What>) -> Step {
        let rows = readings.iter().map(|&(series, time, value)| Reading::new(Series(series), time, value)).collect();
        let output = |(place, what): (usize, What)| {
            let node = match &what {
                What::Alert(_) => 3,
                What::Anomaly(anomaly) if anomaly.series.0 % 2 == 1 => 2,
                _ => 1,
            };
            Output { input: self.next, device: ouzel_engine::series::Device(0), node, ordinal: place as u32, what }
        };
        Step {
            stretch: Stretch { batch: Batch { first: self.next, rows, offsets: Vec::new() }, ..Stretch::default() },
            outputs: whats.into_iter().enumerate().map(output).collect(),
            ..Step::default()
        }
    }

    /// Readings and what follows from them.
    pub async fn play(&mut self, readings: &[(u32, Time, f64)], whats: Vec<What>) {
        let step = self.step(readings, whats);
        self.send(step).await;
    }

    pub async fn expect(&mut self, series: u32, low: f64, high: f64) {
        let expected = vec![Expected { series: Series(series), time: self.clock.now(), low, high }];
        self.send(Step { expected, ..Step::default() }).await;
    }

    /// A device is gone for good, for whoever asks for it.
    pub async fn delete(&self, path: &str) -> Answer {
        self.request(Request::delete(path).header("host", "localhost:8080").body(Body::empty()).unwrap()).await
    }

    pub async fn request(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request(Request::get(path).header("host", "localhost:8080").body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        let request = Request::post(path).header("host", "localhost:8080").body(Body::from(body.to_owned()));
        self.request(request.unwrap()).await
    }

    /// Opens a live stream.
    pub async fn stream(&self, query: &str, last: Option<&str>) -> Live {
        let mut request = Request::get(format!("/api/v1/stream?{query}")).header("host", "localhost:8080");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut live = Live { body: response.into_body(), text: String::new(), cid: String::new() };
        let hello = live.next().await;
        assert_eq!(hello.name, "hello");
        live.cid = hello.data["cid"].as_str().unwrap().to_owned();
        live.text.insert_str(0, &hello.raw);
        live
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The JSON of a good answer.
    pub fn good(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text());
        self.json()
    }

    /// The sentence of a bad one.
    pub fn error(&self, status: StatusCode) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        let json = self.json();
        assert_eq!(json["request"], self.headers["x-request-id"].to_str().unwrap());
        json["error"].as_str().unwrap().to_owned()
    }
}

/// A live stream, read event by event.
pub struct Live {
    body: Body,
    text: String,
    pub cid: String,
}

#[derive(Clone, Debug)]
pub struct Event {
    pub id: String,
    pub name: String,
    pub data: Value,
    raw: String,
}

impl Live {
    /// The next event, or `None` at the stream's end; comments and the word on retries are left out.
    pub async fn try_next(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let raw: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| {
                    let line = raw.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    line.unwrap_or("").to_owned()
                };
                if raw.contains("data: ") {
                    let data = serde_json::from_str(&field("data")).unwrap();
                    return Some(Event { id: field("id"), name: field("event"), data, raw });
                }
            }
            let frame = self.body.frame().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
    }

    pub async fn next(&mut self) -> Event {
        self.try_next().await.expect("the stream goes on")
    }

    /// The next event of this name; others are passed over.
    pub async fn until(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await;
            if event.name == name {
                return event;
            }
        }
    }

    /// What comes within a time, which passes by itself where a test's time stands still.
    pub async fn within(&mut self, time: Duration) -> Vec<Event> {
        let end = tokio::time::Instant::now() + time;
        let mut all = Vec::new();
        while let Ok(Some(event)) = tokio::time::timeout_at(end, self.try_next()).await {
            all.push(event);
        }
        all
    }
}

/// A past in memory.
#[derive(Default)]
pub struct Past {
    pub readings: Mutex<Vec<ReadingRow>>,
    pub anomalies: Mutex<Vec<String>>,
    /// The last charts that were asked for: tier, gap in seconds, pins.
    pub asked: Mutex<Vec<(&'static str, f64, usize)>>,
    /// The devices and channels whose rows were asked for.
    pub named: Mutex<Vec<(Vec<String>, Vec<String>)>>,
}

impl Past {
    pub fn put(&self, seq: u64, device: &str, channel: &str, time: Time, value: f64) {
        let (device, channel) = (device.to_owned(), channel.to_owned());
        let row = ReadingRow { seq, device, channel, time, value, quality: Quality::Good, late: false };
        self.readings.lock().unwrap().push(row);
    }
}

impl History for Past {
    fn series(&self, ask: &SeriesAsk<'_>) -> Result<SeriesColumns, Fault> {
        self.asked.lock().unwrap().push((ask.tier.name(), ask.gap.as_secs_f64(), ask.pins.len()));
        let mut columns = SeriesColumns::default();
        for (time, value) in self.points(ask.device, ask.channel, (ask.from, ask.to), usize::MAX)? {
            columns.time.push(time.0 / 1_000);
            columns.value.push(value);
        }
        if let Some(&last) = columns.time.last() {
            columns.time.push(last + 1);
            columns.value.push(f64::NAN);
        }
        Ok(columns)
    }

    fn points(
        &self,
        device: &str,
        channel: &str,
        (from, to): (Time, Time),
        limit: usize,
    ) -> Result<Vec<(Time, f64)>, Fault> {
        let rows = self.readings.lock().unwrap();
        let fits =
            |row: &&ReadingRow| row.device == device && row.channel == channel && from <= row.time && row.time < to;
        Ok(rows.iter().filter(fits).take(limit).map(|row| (row.time, row.value)).collect())
    }

    fn readings(&self, ask: &RowsAsk<'_>) -> Result<Vec<ReadingRow>, Fault> {
        let rows = self.readings.lock().unwrap();
        let among = |list: &[String], name: &String| list.is_empty() || list.contains(name);
        let fits = |row: &&ReadingRow| {
            ask.from <= row.time
                && row.time < ask.to
                && among(ask.devices, &row.device)
                && among(ask.channels, &row.channel)
        };
        Ok(rows.iter().rev().filter(fits).take(ask.limit).cloned().collect())
    }

    fn rows(&self, noun: Noun, ask: &RowsAsk<'_>) -> Result<Vec<String>, Fault> {
        self.named.lock().unwrap().push((ask.devices.to_vec(), ask.channels.to_vec()));
        match noun {
            Noun::Anomalies => Ok(self.anomalies.lock().unwrap().clone()),
            Noun::Aggregates => Ok(vec!["{\"window\":\"minute\"}".to_owned()]),
            _ => Err(Fault::yours("not asked for")),
        }
    }
}
