//! A receiver of webhooks with manners, good or bad, and somebody who says something for it to hear of.

use crate::live::ask::ask;
use crate::live::broker::now;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// How it treats those who call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Manners {
    Answers,
    /// Answers each request so much later.
    AnswersAfter(Duration),
    /// Takes connections and requests, and says nothing.
    Hangs,
}

/// A result that it took.
#[derive(Clone, Debug)]
pub(super) struct Got {
    /// Of the request.
    pub(super) key: String,
    pub(super) body: Value,
    pub(super) at: Instant,
}

impl Got {
    /// The number of the reading that it is about.
    pub(super) fn number(&self) -> u64 {
        self.body["value"].as_f64().unwrap_or_else(|| panic!("a number in {}", self.body)) as u64
    }
}

/// See the head of this file. Its threads end with the process of the test.
#[derive(Clone)]
pub(super) struct Receiver {
    port: u16,
    manners: Arc<Mutex<Manners>>,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    pub(super) fn with(manners: Manners) -> Receiver {
        Receiver::at(0, manners)
    }

    /// At a port that was free a moment ago.
    pub(super) fn at(port: u16, manners: Manners) -> Receiver {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let receiver = Receiver { port, manners: Arc::new(Mutex::new(manners)), got: Arc::default() };
        let one = receiver.clone();
        spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let one = one.clone();
                spawn(move || one.serve(&stream));
            }
        });
        receiver
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn becomes(&self, manners: Manners) {
        *self.manners.lock().expect("nobody panics with it") = manners;
    }

    fn manners(&self) -> Manners {
        *self.manners.lock().expect("nobody panics with it")
    }

    /// What it took, in its order.
    pub(super) fn got(&self) -> Vec<Got> {
        self.got.lock().expect("nobody panics with it").clone()
    }

    pub(super) fn count(&self) -> u64 {
        self.got.lock().expect("nobody panics with it").len() as u64
    }

    /// Requests of a connection, one after the other.
    fn serve(&self, stream: &TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut reader = BufReader::new(stream);
        while let Ok((key, body)) = request(&mut reader) {
            match self.manners() {
                Manners::Answers => {}
                Manners::AnswersAfter(wait) => sleep(wait),
                Manners::Hangs => {
                    while self.manners() == Manners::Hangs {
                        sleep(Duration::from_millis(20));
                    }
                    return;
                }
            }
            let at = Instant::now();
            let bodies = match serde_json::from_slice(&body).expect("it is JSON") {
                Value::Array(all) => all,
                one => vec![one],
            };
            let got = bodies.into_iter().map(|body| Got { key: key.clone(), body, at });
            self.got.lock().expect("nobody panics with it").extend(got);
            let mut stream = stream;
            if stream.write_all(b"HTTP/1.1 204 x\r\n\r\n").is_err() {
                return;
            }
        }
    }
}

fn request(reader: &mut BufReader<&TcpStream>) -> io::Result<(String, Vec<u8>)> {
    let (mut key, mut length, mut line) = (String::new(), 0, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "idempotency-key" => value.clone_into(&mut key),
            "content-length" => length = value.parse().expect("a length"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((key, body))
}

/// Somebody who sends readings with numbers for values, each once, at a rate.
#[derive(Clone, Default)]
pub(super) struct Speaker {
    next: Arc<AtomicU64>,
    /// When each was sent.
    sent: Arc<Mutex<Vec<Instant>>>,
}

/// How often it speaks.
const TICK: Duration = Duration::from_millis(10);

impl Speaker {
    /// Sends so many a second, for so long, to be kept.
    pub(super) fn speak(&self, to: SocketAddr, a_second: u64, span: Duration) {
        let (began, first) = (Instant::now(), self.count());
        while began.elapsed() < span {
            let due = first + (began.elapsed().as_secs_f64() * a_second as f64) as u64;
            self.say(to, due.saturating_sub(self.count()));
            sleep(TICK);
        }
    }

    /// Sends so many at once.
    pub(super) fn say(&self, to: SocketAddr, count: u64) {
        if count == 0 {
            return;
        }
        let (first, begin, mut lines) = (self.count(), now() * 1_000, String::new());
        for n in first..first + count {
            let (device, time) = (n % super::DEVICES, begin + 1_000 * (n - first));
            // What is hot has to cool down before it can be hot again.
            let _ = writeln!(lines, "m,device=d{device} x={n} {time}\nm,device=d{device} x=-2 {}", time + 500);
        }
        self.sent.lock().expect("nobody panics with it").extend((0..count).map(|_| Instant::now()));
        let answer = ask(to, "POST", "/write", &[], lines.as_bytes()).expect("it answers");
        assert_eq!(answer.status, 204, "{}", answer.text());
        self.next.store(first + count, Ordering::Release);
    }

    /// How many were kept.
    pub(super) fn count(&self) -> u64 {
        self.next.load(Ordering::Acquire)
    }

    /// From the sending of a reading to the receipt of what is said of it: what 99 of 100 do not exceed.
    pub(super) fn p99(&self, got: &[Got]) -> Duration {
        let sent = self.sent.lock().expect("nobody panics with it");
        let mut took: Vec<Duration> =
            got.iter().map(|got| got.at.saturating_duration_since(sent[got.number() as usize])).collect();
        took.sort();
        took[took.len() * 99 / 100]
    }
}
