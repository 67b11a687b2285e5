//! The rows of a live run: this program is started as a user starts it, and spoken to over the network.
//!
//! The sender is this process, on the same cores; bodies are made beforehand, so that it costs little more than what the
//! kernel takes for it. What is measured here depends on the disk and on the wall's clock, unlike the other rows.

use super::Row;
use crate::ending::Failure;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Windows, a z-score and an alert over all; journal, lake and page: all that a small plant runs.
fn config(page: SocketAddr, folder: &Path) -> String {
    let dir = folder.display();
    format!(
        "[source.input]\ntype = \"http\"\nqueue = {{ holds = 1_000_000 }}\n\n\
         [window.minute]\nover = \"value\"\nsize = \"1m\"\ngive = [\"count\", \"mean\", \"std\", \"min\", \"max\"]\n\n\
         [detector.odd]\ntype = \"zscore\"\non = \"value\"\npast = \"100\"\nwarning = 6\ncritical = 9\n\n\
         [detector.high]\ntype = \"threshold\"\non = \"value\"\nabove = {{ warning = 1000, critical = 2000 }}\n\n\
         [alert.high]\non = \"high\"\n\n\
         [journal]\ndir = \"{dir}/journal\"\nsync = \"20ms\"\n\n[lake]\ndir = \"{dir}/lake\"\n\n\
         [devices]\nlimit = 200_000\n\n[server]\nlisten = [\"{page}\"]\n"
    )
}

/// A run of its own, ended when it is dropped.
struct Running {
    child: Child,
    page: SocketAddr,
    /// From its start until the first reading was acknowledged.
    started: Duration,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn failed(what: &str, why: impl std::fmt::Display) -> Failure {
    Failure::Failed(format!("{what}: {why}"))
}

impl Running {
    /// Starts `run` with a config of its own, and posts until it answers.
    fn start(folder: &Path) -> Result<Running, Failure> {
        let page = free_address()?;
        let path = folder.join("bench.toml");
        std::fs::write(&path, config(page, folder)).map_err(|e| failed("the config", e))?;
        Running::spawn(&["run".as_ref(), path.as_os_str()], page, Some("warm value=1"))
    }

    fn spawn(args: &[&std::ffi::OsStr], page: SocketAddr, first: Option<&str>) -> Result<Running, Failure> {
        let program = std::env::current_exe().map_err(|e| failed("this program", e))?;
        let began = Instant::now();
        let child = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut running = Running { child: child.map_err(|e| failed("a run", e))?, page, started: Duration::ZERO };
        while began.elapsed() < Duration::from_secs(20) {
            if let Ok(mut stream) = TcpStream::connect(page) {
                let answered = match first {
                    Some(line) => post(&mut stream, "/write", line.as_bytes()),
                    None => get(&mut stream, "/healthz").map(drop),
                };
                if answered.is_ok() {
                    running.started = began.elapsed();
                    return Ok(running);
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(failed("a run", "it did not answer within 20 s"))
    }

    fn connect(&self) -> Result<TcpStream, Failure> {
        let stream = TcpStream::connect(self.page).map_err(|e| failed("the connection", e))?;
        stream.set_nodelay(true).map_err(|e| failed("the connection", e))?;
        Ok(stream)
    }

    fn pipeline(&self) -> Result<Value, Failure> {
        let body = get(&mut self.connect()?, "/api/v1/pipeline").map_err(|e| failed("the pipeline's counters", e))?;
        serde_json::from_slice(&body).map_err(|e| failed("the pipeline's counters", e))
    }

    /// Waits until `count` readings were worked off and kept by the lake's thread.
    fn until_worked(&self, count: u64) -> Result<(), Failure> {
        loop {
            if self.pipeline()?["worked"].as_u64().is_some_and(|worked| worked >= count) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Resident memory, in bytes: now, and at most.
    fn memory(&self) -> Option<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let field = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
        };
        Some((field("VmRSS:")?, field("VmHWM:")?))
    }
}

/// An address that nobody listens at.
fn free_address() -> Result<SocketAddr, Failure> {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(|e| failed("an address", e))
}

fn post(stream: &mut TcpStream, path: &str, body: &[u8]) -> std::io::Result<()> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    answer(stream).map(drop)
}

fn get(stream: &mut TcpStream, path: &str) -> std::io::Result<Vec<u8>> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())?;
    answer(stream)
}

/// Reads an answer with its length; an error for one that does not begin with 2.
fn answer(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length:")).map_or(0, |n| n.trim().parse().unwrap_or(0));
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    match head.split(' ').nth(1) {
        Some(status) if status.starts_with('2') => Ok(body),
        _ => Err(std::io::Error::other(format!("{head}{}", String::from_utf8_lossy(&body)))),
    }
}

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0))
}

/// Lines of a body.
const LINES: u64 = 10_000;

/// Sensors that are spoken for.
const SENSORS: u64 = 1_000;

/// Senders at the same time.
const SENDERS: u64 = 4;

/// Readings a second, from the first byte sent to the last reading worked off.
fn rate(readings: u64) -> Result<Row, Failure> {
    let folder = tempfile::tempdir().map_err(|e| failed("a temporary folder", e))?;
    let running = Running::start(folder.path())?;
    let bodies = readings.div_ceil(LINES).next_multiple_of(SENDERS);
    let start = now_ns();
    // Each sender has sensors of its own, so that nobody's readings overtake each other, and each sensor speaks once a
    // second of made-up time, which ends now.
    let (own, seconds) = (SENSORS / SENDERS, bodies * LINES / SENSORS);
    let body = |number: u64| {
        let (sender, round) = (number % SENDERS, number / SENDERS);
        let mut text = String::with_capacity(LINES as usize * 48);
        for line in 0..LINES {
            let at = round * LINES + line;
            let device = sender * own + at % own;
            let time = start - (seconds - at / own) * 1_000_000_000;
            let value = 20.0 + ((at * 2_654_435_761) % 1_000) as f64 / 1_000.0;
            // Writing to a String cannot fail.
            let _ = writeln!(text, "press,device=press-{device} value={value:.3} {time}");
        }
        text.into_bytes()
    };
    let all: Vec<Vec<u8>> = (0..bodies).map(body).collect();
    let began = Instant::now();
    std::thread::scope(|scope| {
        let mut senders = Vec::new();
        for sender in 0..SENDERS {
            let (running, all) = (&running, &all);
            senders.push(scope.spawn(move || -> Result<(), Failure> {
                let mut stream = running.connect()?;
                // Each body is answered before its sender goes on.
                for body in all.iter().skip(sender as usize).step_by(SENDERS as usize) {
                    post(&mut stream, "/write", body).map_err(|e| failed("a body", e))?;
                }
                Ok(())
            }));
        }
        senders.into_iter().try_for_each(|sender| sender.join().map_err(|_| failed("a sender", "it has stopped"))?)
    })?;
    running.until_worked(bodies * LINES + 1)?;
    let seconds = began.elapsed().as_secs_f64();
    // What is late is spared the windows and the detector, and would make this faster than it is.
    if let Some(late) = running.pipeline()?["late"].as_u64().filter(|late| *late > 0) {
        return Err(failed("a run", format!("{late} readings were late")));
    }
    let peak = running.memory().map_or(0, |memory| memory.1);
    Ok(Row {
        name: "http line protocol, all the way".into(),
        setting: format!("{SENSORS} sensors, windows, z-score, journal 20ms, lake"),
        value: (bodies * LINES) as f64 / seconds,
        unit: "readings per second".into(),
        peak_rss_bytes: peak,
    })
}

/// Readings a second beside which the latencies are measured, and how many come in one body.
const BESIDE: (u64, u64) = (10_000, 100);

/// How many latencies are taken.
const PROBES: usize = 400;

/// The value of the first probe in a frame: a number that nothing else has.
const PROBE: usize = 7_700_000;

/// From a reading's departure to its alert, and to a frame that has it, at 10 000 readings a second.
fn latencies() -> Result<[Row; 2], Failure> {
    let folder = tempfile::tempdir().map_err(|e| failed("a temporary folder", e))?;
    let running = Running::start(folder.path())?;
    let (alerts, frames) = (listen(&running, "alert")?, listen(&running, "frame&series=0")?);
    let mut stream = running.connect()?;
    let mut probe = running.connect()?;
    let stop = std::sync::atomic::AtomicBool::new(false);
    let mut sent: Vec<Instant> = Vec::with_capacity(PROBES);
    let (alerted, framed) = std::thread::scope(|scope| -> Result<_, Failure> {
        let stop = &stop;
        let load = scope.spawn(move || -> std::io::Result<()> {
            let (began, mut number) = (Instant::now(), 0u64);
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let mut body = String::new();
                for line in 0..BESIDE.1 {
                    let _ = writeln!(body, "load,device=load-{} value={}", (number + line) % SENSORS, line % 7);
                }
                number += BESIDE.1;
                post(&mut stream, "/write", body.as_bytes())?;
                let due = Duration::from_secs_f64(number as f64 / BESIDE.0 as f64);
                std::thread::sleep(due.saturating_sub(began.elapsed()));
            }
            Ok(())
        });
        // The line of an alert has its device; that of a frame has the values.
        let alerts =
            scope.spawn(move || seen(alerts, |number| format!("\"device\":\"probe-{number}\""), "\"alert\":", stop));
        let frames = scope.spawn(move || seen(frames, |number| format!("{}", PROBE + number), "\"t0\":", stop));
        for number in 0..PROBES {
            sent.push(Instant::now());
            // A device of its own each time, so that each is an alert of its own; series 0 says it to the frames.
            let body = format!("probe,device=probe-{number} value=5000\nwarm value={}", PROBE + number);
            post(&mut probe, "/write", body.as_bytes()).map_err(|e| failed("a probe", e))?;
            // Not in step with anything else.
            std::thread::sleep(Duration::from_micros(20_000 + (number as u64 * 7_919) % 17_000));
        }
        std::thread::sleep(Duration::from_millis(500));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        load.join().map_err(|_| failed("the load", "it has stopped"))?.map_err(|e| failed("the load", e))?;
        let joined = |thread: std::thread::ScopedJoinHandle<'_, Vec<Option<Instant>>>| {
            thread.join().map_err(|_| failed("a listener", "it has stopped"))
        };
        Ok((joined(alerts)?, joined(frames)?))
    })?;
    let peak = running.memory().map_or(0, |memory| memory.1);
    let since = |heard: &[Option<Instant>], what: &str| -> Result<Vec<Duration>, Failure> {
        let all: Vec<Duration> =
            sent.iter().zip(heard).filter_map(|(sent, heard)| Some(heard.as_ref()?.duration_since(*sent))).collect();
        match all.len() {
            PROBES => Ok(all),
            came => Err(failed(what, format!("{came} of {PROBES} came"))),
        }
    };
    let (to_alert, to_frame) = (since(&alerted, "the alerts")?, since(&framed, "the frames")?);
    let row = |name: &str, p99: f64| Row {
        name: name.into(),
        setting: "p99 at 10 000 readings/s, journal 20ms".into(),
        value: p99,
        unit: "ms".into(),
        peak_rss_bytes: peak,
    };
    Ok([row("reading to alert", p99(to_alert)), row("reading to a page's frame", p99(to_frame))])
}

fn p99(mut all: Vec<Duration>) -> f64 {
    all.sort();
    let rank = (all.len() * 99).div_ceil(100).max(1);
    all.get(rank - 1).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
}

/// A live stream of these topics.
fn listen(running: &Running, topics: &str) -> Result<BufReader<TcpStream>, Failure> {
    let mut stream = running.connect()?;
    let ask = format!("GET /api/v1/stream?topics={topics} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(ask.as_bytes()).map_err(|e| failed("a stream", e))?;
    stream.set_read_timeout(Some(Duration::from_millis(200))).map_err(|e| failed("a stream", e))?;
    let mut stream = BufReader::new(stream);
    let (mut line, mut cid) = (String::new(), None);
    while cid.is_none() {
        line.clear();
        stream.read_line(&mut line).map_err(|e| failed("a stream", e))?;
        cid = line.split_once("\"cid\":\"").and_then(|(_, rest)| rest.split_once('"')).map(|(cid, _)| cid.to_owned());
    }
    // Somebody has to acknowledge the frames.
    let (page, cid) = (running.page, cid.unwrap_or_default());
    std::thread::spawn(move || {
        let Ok(mut stream) = TcpStream::connect(page) else { return };
        // Any number will do that is not behind; the thread ends with the run.
        while post_json(
            &mut stream,
            &format!("/api/v1/stream/{cid}/ack"),
            "{\"seq\":1000000000,\"lag_ms\":0,\"drawn\":0}",
        )
        .is_ok()
        {
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    Ok(stream)
}

fn post_json(stream: &mut TcpStream, path: &str, body: &str) -> std::io::Result<()> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    answer(stream).map(drop)
}

/// When the line of each probe came: the first one with `kind` in it and the probe's own word.
fn seen(
    mut stream: BufReader<TcpStream>,
    word: impl Fn(usize) -> String,
    kind: &str,
    stop: &std::sync::atomic::AtomicBool,
) -> Vec<Option<Instant>> {
    let (mut seen, mut line, mut next) = (vec![None; PROBES], Vec::new(), 0);
    while !stop.load(std::sync::atomic::Ordering::Relaxed) && next < PROBES {
        match stream.read_until(b'\n', &mut line) {
            Ok(0) => break,
            // A read that ran into its time limit leaves the begin of the line.
            Err(_) => continue,
            Ok(_) => {
                let now = Instant::now();
                let text = String::from_utf8_lossy(&line);
                // They come in order; a frame may have several.
                while next < PROBES && text.contains(kind) && text.contains(&word(next)) {
                    seen[next] = Some(now);
                    next += 1;
                }
                line.clear();
            }
        }
    }
    seen
}

/// How long a process is left alone before its memory counts.
const SETTLE: Duration = Duration::from_secs(5);

/// How long the demo runs before its memory counts.
const DEMO: Duration = Duration::from_secs(30);

/// Memory, and the time until the first reading is taken.
fn sizes() -> Result<Vec<Row>, Failure> {
    let row = |name: &str, setting: &str, value: f64, unit: &str, peak: u64| Row {
        name: name.into(),
        setting: setting.into(),
        value,
        unit: unit.into(),
        peak_rss_bytes: peak,
    };
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    let no_memory = || failed("memory", "this system does not tell it");
    let mut rows = Vec::new();
    let mut starts = Vec::new();
    for _ in 0..5 {
        let folder = tempfile::tempdir().map_err(|e| failed("a temporary folder", e))?;
        starts.push(Running::start(folder.path())?.started.as_secs_f64() * 1e3);
    }
    starts.sort_by(f64::total_cmp);
    rows.push(row("start to first reading accepted", "median of five", starts[2], "ms", 0));
    let folder = tempfile::tempdir().map_err(|e| failed("a temporary folder", e))?;
    let running = Running::start(folder.path())?;
    std::thread::sleep(SETTLE);
    let (now, peak) = running.memory().ok_or_else(no_memory)?;
    rows.push(row("memory, idle", "http source, journal, lake, page", mib(now), "MiB", peak));
    let mut stream = running.connect()?;
    for round in 0..30 {
        let mut body = String::new();
        for device in 0..10_000 {
            let _ = writeln!(body, "fleet,device=machine-{device} value={}", (device + round * 37) % 100);
        }
        post(&mut stream, "/write", body.as_bytes()).map_err(|e| failed("a body", e))?;
    }
    running.until_worked(300_001)?;
    let (now, peak) = running.memory().ok_or_else(no_memory)?;
    rows.push(row("memory, 10 000 devices", "30 readings each, window and z-score", mib(now), "MiB", peak));
    let page = free_address()?;
    let address = page.to_string();
    let demo = Running::spawn(&["demo".as_ref(), "--listen".as_ref(), address.as_ref()], page, None)?;
    let _watched = listen(&demo, "frame,kpi,alert,lane")?;
    std::thread::sleep(DEMO);
    let (now, peak) = demo.memory().ok_or_else(no_memory)?;
    rows.push(row("memory, demo", "after 30 s, one page open", mib(now), "MiB", peak));
    Ok(rows)
}

/// Devices of a large fleet, how many lines a body has, and how long it speaks.
const FLEET: usize = 100_000;
const BODY: usize = 10_000;
const MINUTES: u64 = 2;

/// A large fleet speaks once a second for two minutes: what that takes, and how much more its last ten seconds take than the
/// ten before, by when windows and the past of the z-score are full. With lake and page, or without. Not among the rows
/// that are always measured, for it takes its time.
fn fleet(whole: bool) -> Result<Vec<Row>, Failure> {
    let folder = tempfile::tempdir().map_err(|e| failed("a temporary folder", e))?;
    let (page, input) = (free_address()?, free_address()?);
    let text = match whole {
        true => {
            config(page, folder.path()).replace("type = \"http\"", &format!("type = \"http\"\nlisten = \"{input}\""))
        }
        false => {
            let text = config(page, folder.path());
            let plain = text.split("[lake]").next().unwrap_or_default();
            let plain = plain.replace("type = \"http\"", &format!("type = \"http\"\nlisten = \"{input}\""));
            format!("{plain}[devices]\nlimit = 200_000\n")
        }
    };
    let path = folder.path().join("bench.toml");
    std::fs::write(&path, text).map_err(|e| failed("the config", e))?;
    let running = Running::spawn(&["run".as_ref(), path.as_os_str()], input, Some("warm value=1"))?;
    let mut stream = running.connect()?;
    // Other values each second, in turn; times are those of arrival.
    let bodies: Vec<Vec<String>> = (0..7)
        .map(|round| {
            let lines = |part: usize| {
                let mut body = String::new();
                for device in part * BODY..(part + 1) * BODY {
                    let value = ((device * 31 + round * 37) % 1_000) as f64 / 7.0;
                    let _ = writeln!(body, "fleet,device=machine-{device:06} value={value:.3}");
                }
                body
            };
            (0..FLEET / BODY).map(lines).collect()
        })
        .collect();
    let began = Instant::now();
    let (mut before, mut last, mut late) = (0u64, 0u64, Duration::ZERO);
    let seconds = MINUTES * 60;
    for second in 0..seconds {
        for (part, body) in bodies[second as usize % bodies.len()].iter().enumerate() {
            let due = Duration::from_secs(second) + Duration::from_millis(part as u64 * 100);
            match due.checked_sub(began.elapsed()) {
                Some(early) => std::thread::sleep(early),
                None => late = late.max(began.elapsed() - due),
            }
            post(&mut stream, "/write", body.as_bytes()).map_err(|e| failed("a body", e))?;
        }
        let (now, _) = running.memory().ok_or_else(|| failed("memory", "this system does not tell it"))?;
        match seconds - second {
            1..=10 => last = last.max(now),
            11..=20 => before = before.max(now),
            _ => {}
        }
    }
    let (_, peak) = running.memory().ok_or_else(|| failed("memory", "this system does not tell it"))?;
    let beside = if whole { ", lake, page" } else { "" };
    let setting = format!(
        "a reading a second each, {MINUTES} minutes; window, z-score, journal{beside}; {late:.1?} late at most"
    );
    let row = |name: &str, value: f64| Row {
        name: name.into(),
        setting: setting.clone(),
        value,
        unit: "MiB".into(),
        peak_rss_bytes: peak,
    };
    let mib = |bytes: f64| bytes / 1_048_576.0;
    Ok(vec![
        row("memory, fleet of 100 000 devices", mib(peak as f64)),
        row(
            "memory, fleet of 100 000 devices, the last ten seconds over those before",
            mib(last as f64 - before as f64),
        ),
    ])
}

/// All rows of live runs whose name has this word.
///
/// # Errors
/// When a run cannot be started, or does not answer.
pub fn rows(only: Option<&str>, readings: u64, runs: u32) -> Result<Vec<Row>, Failure> {
    let wanted = |names: &[&str]| only.is_none_or(|word| names.iter().any(|name| name.contains(word)));
    let mut rows = Vec::new();
    if wanted(&["http line protocol, all the way", "live"]) {
        let mut all: Vec<Row> = (0..runs).map(|_| rate(readings)).collect::<Result<_, _>>()?;
        all.sort_by(|a, b| a.value.total_cmp(&b.value));
        rows.push(all.swap_remove(all.len() / 2));
    }
    if wanted(&["reading to alert", "reading to a page's frame", "live"]) {
        rows.extend(latencies()?);
    }
    if wanted(&["memory", "start to first reading accepted", "live"]) {
        rows.extend(sizes()?);
    }
    if only.is_some_and(|word| "memory, fleet of 100 000 devices".contains(word) && word != "memory") {
        rows.extend(fleet(false)?);
        rows.extend(fleet(true)?);
    }
    Ok(rows)
}
