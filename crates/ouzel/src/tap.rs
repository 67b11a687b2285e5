//! `ouzel tap`: what a stage of a running ouzel passes on, line by line, until somebody ends it.
//!
//! The request is one of HTTP/1.0 over a plain connection: its answer ends where it ends, and the server speaks no other way.

use crate::ending::{Done, Ending, Failure};
use crate::{screen, stop};
use ouzel_pipeline::cases::Fields;
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Show what a stage of a running instance passes on, as it happens
#[derive(clap::Args)]
pub struct Args {
    /// `readings`, or a filter, window, feature, join, detector or alert by its name; without it, what there is to choose from
    stage: Option<String>,
    /// Where it runs
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    at: String,
    /// Only what is of this device
    #[arg(long)]
    device: Option<String>,
    /// The form of a line
    #[arg(long, value_enum, default_value = "ndjson")]
    format: Form,
    /// The server's key, where it has one; also in the environment, as OUZEL_KEY
    #[arg(long)]
    key: Option<String>,
}

/// A form of lines.
#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Form {
    /// One JSON object a line
    Ndjson,
    /// Columns, for people
    Table,
}

/// How long a stop may go unseen.
const NAP: Duration = Duration::from_millis(200);

/// How long it may take until somebody answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the command.
///
/// # Errors
/// When nobody answers there, or there is no such stage.
pub fn run(args: &Args) -> Done {
    let stop = stop::listen()?;
    let Some(stage) = &args.stage else { return list(args, &stop) };
    let mut path = format!("/api/v1/tap?stage={}", escaped(stage));
    if let Some(device) = &args.device {
        path.push_str(&format!("&device={}", escaped(device)));
    }
    let mut lines = ask(args, &path, &stop)?;
    let mut table = Table::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        match lines.read_until(b'\n', &mut line) {
            // Whoever serves has ended.
            Ok(0) => return Ok(Ending::Done),
            Ok(_) => {}
            Err(error) => return ended(&error, &stop, args),
        }
        let text = String::from_utf8_lossy(&line);
        let shown = match args.format {
            Form::Ndjson => text.into_owned(),
            Form::Table => table.row(&text),
        };
        match screen::print(&shown) {
            Err(Failure::Closed) => return Ok(Ending::Done),
            printed => printed?,
        }
    }
}

/// The stages, with their kinds.
fn list(args: &Args, stop: &AtomicBool) -> Done {
    let mut answer = Vec::new();
    match ask(args, "/api/v1/tap", stop)?.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => return ended(&error, stop, args),
    }
    let answer: Value = serde_json::from_slice(&answer)
        .map_err(|_| Failure::Failed(format!("what answers at {} is no ouzel that can be listened to", args.at)))?;
    let stages = answer["stages"].as_array().map_or(&[][..], Vec::as_slice);
    let word = |stage: &Value, key: &str| stage[key].as_str().unwrap_or_default().to_owned();
    let width = stages.iter().map(|stage| word(stage, "name").chars().count()).max().unwrap_or(0);
    let line = |stage: &Value| format!("{:width$}  {}\n", word(stage, "name"), word(stage, "kind"));
    screen::print(&stages.iter().map(line).collect::<String>())?;
    Ok(Ending::Done)
}

fn ended(error: &io::Error, stop: &AtomicBool, args: &Args) -> Done {
    if stop.load(Ordering::Relaxed) {
        return Ok(Ending::Done);
    }
    Err(Failure::Failed(format!("the connection to {} broke off: {error}", args.at)))
}

/// Asks, and gives the body of a good answer.
fn ask<'s>(args: &Args, path: &str, stop: &'s AtomicBool) -> Result<BufReader<Stoppable<'s>>, Failure> {
    let (host, base) = place(&args.at)?;
    let nobody = |error: &dyn std::fmt::Display| {
        Failure::Failed(format!("nobody answers at {}: {error}; say where with --at http://HOST:PORT", args.at))
    };
    let address = host.to_socket_addrs().map_err(|error| nobody(&error))?.next();
    let address = address.ok_or_else(|| nobody(&"it has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| nobody(&error))?;
    stream.set_read_timeout(Some(NAP)).map_err(|error| nobody(&error))?;
    let key = args.key.clone().or_else(|| std::env::var("OUZEL_KEY").ok()).filter(|key| !key.contains(['\r', '\n']));
    let key = key.map_or(String::new(), |key| format!("Authorization: Bearer {key}\r\n"));
    let request = format!("GET {base}{path} HTTP/1.0\r\nHost: {host}\r\n{key}\r\n");
    stream.write_all(request.as_bytes()).map_err(|error| nobody(&error))?;
    let mut reader = BufReader::new(Stoppable { stream, stop });
    let (mut head, mut status) = (String::new(), None);
    loop {
        head.clear();
        let size = (&mut reader).take(16_384).read_line(&mut head).map_err(|error| nobody(&error))?;
        if size == 0 {
            return Err(nobody(&"the answer broke off"));
        }
        status = status.or_else(|| head.split(' ').nth(1)?.parse::<u16>().ok());
        if head.trim_end().is_empty() {
            break;
        }
    }
    if status == Some(200) {
        return Ok(reader);
    }
    let mut body = String::new();
    // What cannot be read of it is not told.
    let _ = reader.take(65_536).read_to_string(&mut body);
    let said = serde_json::from_str::<Value>(&body).ok().and_then(|body| Some(body["error"].as_str()?.to_owned()));
    Err(match (status, said) {
        (Some(400 | 404), Some(said)) => Failure::Usage(said),
        (_, Some(said)) => Failure::Failed(said),
        (status, None) => nobody(&format!("status {}", status.unwrap_or(0))),
    })
}

/// Host with port, and what stands before the path.
fn place(url: &str) -> Result<(String, String), Failure> {
    let wrong = |what: &str| Failure::Usage(format!("--at {url}: {what}, for example http://127.0.0.1:8080"));
    if url.starts_with("https://") {
        return Err(wrong("ouzel serves plain HTTP; name the address behind the proxy"));
    }
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (host, base) = rest.split_once('/').map_or((rest, String::new()), |(host, base)| (host, format!("/{base}")));
    if host.is_empty() || host.contains(char::is_whitespace) || base.contains(char::is_whitespace) {
        return Err(wrong("write an address"));
    }
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let host = if has_port { host.to_owned() } else { format!("{host}:80") };
    Ok((host, base.trim_end_matches('/').to_owned()))
}

/// A value in the query of an address.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// A connection that is given up when the user wants an end, though nothing comes.
struct Stoppable<'s> {
    stream: TcpStream,
    stop: &'s AtomicBool,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            match self.stream.read(into) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                done => return done,
            }
        }
    }
}

/// Lines of JSON in columns. Widths grow with what comes; another set of fields gets another head.
#[derive(Default)]
struct Table {
    names: Vec<String>,
    widths: Vec<usize>,
}

/// A column is as wide as this, that lines stand below each other from the first one on, and no wider than that.
const WIDTHS: (usize, usize) = (8, 40);

impl Table {
    fn row(&mut self, line: &str) -> String {
        let Ok(Fields(fields)) = serde_json::from_str(line) else { return line.to_owned() };
        if let [(name, lost)] = &fields[..]
            && name == "lost"
        {
            return format!("… {lost} lines are missing: this reader was too slow\n");
        }
        if let [(name, Value::String(note))] = &fields[..]
            && name == "note"
        {
            return format!("… {note}\n");
        }
        let fields: Vec<(String, String)> =
            fields.into_iter().filter(|(name, _)| name != "id").map(|(name, value)| (name, cell(&value))).collect();
        let mut shown = String::new();
        if !fields.iter().map(|(name, _)| name).eq(&self.names) {
            self.names = fields.iter().map(|(name, _)| name.clone()).collect();
            self.widths = fields.iter().map(|(name, value)| width(name).max(width(value))).collect();
            shown.push_str(&cells(self.names.iter().map(String::as_str), &self.widths));
        }
        for (known, (_, value)) in self.widths.iter_mut().zip(&fields) {
            *known = (*known).max(width(value));
        }
        shown + &cells(fields.iter().map(|(_, value)| value.as_str()), &self.widths)
    }
}

fn width(text: &str) -> usize {
    text.chars().count().clamp(WIDTHS.0, WIDTHS.1)
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

fn cells<'c>(cells: impl Iterator<Item = &'c str>, widths: &[usize]) -> String {
    let line: String = cells.zip(widths).map(|(cell, width)| format!("{cell:width$}  ")).collect();
    format!("{}\n", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_their_parts() {
        for (url, expected) in [
            ("http://127.0.0.1:8080", Some(("127.0.0.1:8080", ""))),
            ("localhost", Some(("localhost:80", ""))),
            ("http://[::1]:9/plant/", Some(("[::1]:9", "/plant"))),
            ("https://x", None),
            ("http://", None),
        ] {
            let got = place(url).ok();
            assert_eq!(got.as_ref().map(|(host, base)| (host.as_str(), base.as_str())), expected, "{url}");
        }
        assert_eq!(escaped("a b/ü"), "a%20b%2F%C3%BC");
    }

    #[test]
    fn other_fields_get_another_head() {
        let mut table = Table::default();
        assert_eq!(table.row("{\"device\":\"press\",\"value\":20.5}\n"), "device    value\npress     20.5\n");
        assert_eq!(table.row("{\"device\":\"a-longer-name\",\"value\":null}\n"), "a-longer-name  -\n");
        assert_eq!(table.row("{\"lost\":7}\n"), "… 7 lines are missing: this reader was too slow\n");
        assert!(table.row("{\"alert\":\"hot\"}\n").starts_with("alert\n"));
        assert_eq!(table.row("{\"note\":\"nobody takes it\"}\n"), "… nobody takes it\n");
    }
}
