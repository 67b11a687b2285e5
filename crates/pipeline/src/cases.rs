//! The cases of a config, `[test.NAME]`: readings in, and what came out compared with the lines that must.
//!
//! A case takes the way of a replay, in one thread and without sinks, lake and journal: what it says is what a live run would
//! have said of the same readings. `ouzel test` runs them; `docs/config.md` says how one is written.

mod differ;
mod expected;
mod shown;

pub use differ::Pair;
pub use expected::{Expected, Fields, Line};
pub use shown::{EXPECTED, GOT};

use crate::config::{Config, Expect, Findings, Input, Problem, TestConfig};
use crate::outlet::Outlet;
use crate::run::{self, Ran, Settings};
use crate::tables;
use ouzel_connect::encode::{Book, ndjson};
use ouzel_connect::fault::Fault;
use ouzel_connect::sink::{Noun, Sink, Take};
use ouzel_connect::source::{Rejected, Source, file};
use ouzel_engine::output::Output;
use ouzel_engine::plan::Plan;
use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};

/// The way out of a misspelt name: the nearest known one, and all that are known.
pub fn nearest(name: &str, known: &[&str]) -> String {
    crate::config::nearest_of(name, known)
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Its name.
    pub name: String,
    /// What had to come.
    pub expected: Expected,
    /// What came, as far as it is compared.
    pub got: Vec<Got>,
    /// How many came beyond [`KEPT`]; they are not compared.
    pub more: u64,
    /// Both, side by side.
    pub pairs: Vec<Pair>,
    /// Readings that went in.
    pub readings: u64,
    /// Lines of the input that could not be read; the first one says why.
    pub rejected: (u64, Option<Rejected>),
    /// It was stopped before its input ended.
    pub stopped: bool,
}

/// An output that came.
#[derive(Clone, Debug, PartialEq)]
pub struct Got {
    /// What sort of output.
    pub noun: Noun,
    /// Its line, without the id.
    pub text: String,
    /// Its fields, in their order.
    pub fields: Fields,
}

/// So many outputs of a case are compared. Its lines are written and read by people.
pub const KEPT: usize = 100_000;

impl Verdict {
    /// Whether everything came as it was expected, and nothing else. Where nothing went in, nothing was tested.
    pub fn holds(&self) -> bool {
        self.readings > 0 && self.more == 0 && self.pairs.iter().all(|pair| matches!(pair, Pair::Holds(..)))
    }

    /// How many of the lines hold.
    pub fn held(&self) -> usize {
        self.pairs.iter().filter(|pair| matches!(pair, Pair::Holds(..))).count()
    }

    /// Whether what came out may become what is expected: something went in, to its end, and all that came of it is there.
    pub fn is_whole(&self) -> bool {
        self.readings > 0 && self.more == 0 && !self.stopped
    }

    /// The expectation as it would have to be for this to hold: lines that hold stay as they were written, those that came are
    /// written out in full, with their noun where their fields do not tell it.
    pub fn blessed(&self, plan: &Plan) -> String {
        let mut text = String::new();
        for pair in &self.pairs {
            let remarks = |line: usize| self.expected.lines[line].before.as_str();
            let (remarks, line) = match *pair {
                Pair::Holds(line, _) => (remarks(line), self.expected.lines[line].text.clone()),
                Pair::Differs(line, got) => (remarks(line), self.got[got].told(plan)),
                Pair::Missing(_) => continue,
                Pair::Extra(got) => ("", self.got[got].told(plan)),
            };
            text.push_str(remarks);
            text.push_str(&line);
            text.push('\n');
        }
        text + &self.expected.after
    }
}

impl Got {
    /// Its line, so that whoever reads it as an expected one finds what sort of output it is: a late reading looks like any.
    fn told(&self, plan: &Plan) -> String {
        match Expected::parse(&self.text) {
            Ok(read) if read.lines.iter().any(|line| line.noun(plan) != Some(self.noun)) => {
                let rest = self.text.strip_prefix('{').unwrap_or(&self.text);
                format!("{{\"noun\":\"{}\",{rest}", self.noun.name())
            }
            _ => self.text.clone(),
        }
    }
}

/// Problems with the files that cases name: those that are not there, and lines of expectations that are none. With `bless`
/// an expectation may not be there yet.
pub fn look_at_files(config: &Config, text: &str, bless: bool) -> Vec<Problem> {
    let mut found = Findings::default();
    for test in &config.tests {
        if let Input::Files(files) = &test.input {
            for (path, place) in files {
                match fs::metadata(path) {
                    Ok(about) if about.is_dir() => {
                        found.problem(place, format!("{} is a folder", path.display()), "name a file in it");
                    }
                    Ok(_) => {}
                    Err(error) => {
                        found.problem(place, unreadable(path, &error), "paths begin at the folder of the config");
                    }
                }
            }
        }
        let Expect::File(name, path, place) = &test.expect else { continue };
        match fs::read_to_string(path) {
            Ok(text) => {
                let lines = Expected::parse(&text).and_then(|expected| {
                    let fits =
                        |line: &Line| line.fits(&config.plan, test.take.as_ref()).map_err(|why| (line.number, why));
                    expected.lines.iter().try_for_each(fits)
                });
                if let Err((number, (message, hint))) = lines {
                    found.problem(place, format!("line {number} of {name}: {message}"), hint);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && bless => {}
            Err(error) => {
                let hint = format!("`ouzel test --bless {}` writes it from what comes out", test.name);
                found.problem(place, unreadable(path, &error), hint);
            }
        }
    }
    found.problems(text)
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => format!("{path} does not exist"),
        io::ErrorKind::PermissionDenied => format!("{path} may not be read: permission denied"),
        io::ErrorKind::InvalidData => format!("{path} is not text in UTF-8"),
        _ => format!("{path} cannot be read: {error}"),
    }
}

/// Runs a case of a config.
///
/// # Errors
/// An input or an expectation that cannot be read.
pub fn run(config: &Config, test: &TestConfig, stop: &AtomicBool) -> Result<Verdict, Fault> {
    let expected = expected(test)?;
    let take = test.take.clone().unwrap_or_else(|| expected.spoken_of(&config.plan));
    let plan = Arc::new(Plan { said: take.channels().to_vec(), ..config.plan.clone() });
    let (sink, came) = Keep::new(take);
    let mut outlet = Outlet::default();
    outlet.add(&test.name, Box::new(sink));
    let input = (open(test)?, tables::read_all(&config.tables)?);
    let Ran { summary, stopped, .. } = run::run(&plan, input, &mut outlet, Settings { shards: 0 }, stop)?;
    drop(outlet);
    let (mut got, mut more) = (Vec::new(), 0);
    for came in came {
        match came {
            Came::Line(line) => got.push(line),
            Came::More(count) => more = count,
        }
    }
    let pairs = differ::align(&expected.lines, &got);
    let rejected = (summary.rejected, summary.first_rejected.into_iter().next());
    Ok(Verdict { name: test.name.clone(), expected, got, more, pairs, readings: summary.readings, rejected, stopped })
}

/// What must come out. A file that is not there yet expects nothing.
fn expected(test: &TestConfig) -> Result<Expected, Fault> {
    let (name, path) = match &test.expect {
        Expect::Lines(lines) => return Ok(lines.clone()),
        Expect::File(name, path, _) => (name, path),
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Fault::yours(unreadable(path, &error))),
    };
    let wrong = |(number, (message, hint))| Fault::yours(format!("line {number} of {name}: {message}; {hint}"));
    Expected::parse(&text).map_err(wrong)
}

fn open(test: &TestConfig) -> Result<Vec<Box<dyn Source>>, Fault> {
    let open = |(path, _): &(PathBuf, _)| file::open(path, &test.format, test.timing, None);
    let opened = match &test.input {
        Input::Files(files) => files.iter().map(open).collect::<Result<Vec<_>, Fault>>()?,
        Input::Lines(lines) => {
            let reader = Box::new(Cursor::new(lines.clone().into_bytes()));
            vec![file::from_reader("lines", reader, &test.format, test.timing, Some(&test.name))?]
        }
    };
    Ok(opened.into_iter().map(|opened| opened.source).collect())
}

/// What a case's sink hands over.
enum Came {
    Line(Got),
    /// At the end, where there were more than [`KEPT`].
    More(u64),
}

/// A sink that keeps the lines of what it takes.
struct Keep {
    take: Take,
    kept: Sender<Came>,
    count: usize,
    line: Vec<u8>,
}

impl Keep {
    fn new(take: Take) -> (Keep, Receiver<Came>) {
        let (kept, came) = channel();
        (Keep { take, kept, count: 0, line: Vec::new() }, came)
    }

    /// Keeps the line that was just made.
    fn keep(&mut self, noun: Noun) -> Result<(), Fault> {
        let line = std::mem::take(&mut self.line);
        self.count += 1;
        if self.count > KEPT {
            return Ok(());
        }
        let ours = |_| Fault::yours("an output was written that is no JSON, which is our mistake");
        let mut fields: Fields = serde_json::from_slice(&line).map_err(ours)?;
        let text = String::from_utf8_lossy(line.trim_ascii());
        // An id is made of what the line says anyway.
        let text = match text.strip_prefix("{\"id\":\"").and_then(|rest| rest.split_once("\",")) {
            Some((_, rest)) => format!("{{{rest}"),
            None => text.into_owned(),
        };
        fields.0.retain(|(name, _)| name != "id");
        // Whoever does not listen any more has what he wants.
        let _ = self.kept.send(Came::Line(Got { noun, text, fields }));
        Ok(())
    }
}

impl Sink for Keep {
    fn write(&mut self, outputs: &[Output], book: &Book<'_>) -> Result<(), Fault> {
        for output in outputs {
            let Some(noun) = Noun::of(&output.what).filter(|_| self.take.takes(output, book.plan)) else { continue };
            ndjson::push(output, book, &mut self.line);
            self.keep(noun)?;
        }
        Ok(())
    }

    fn reject(&mut self, rejected: &[Rejected]) -> Result<(), Fault> {
        if !self.take.has(Noun::Rejected) {
            return Ok(());
        }
        for rejected in rejected {
            ndjson::push_rejected(rejected, &mut self.line);
            self.keep(Noun::Rejected)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Fault> {
        let _ = self.kept.send(Came::More(self.count.saturating_sub(KEPT) as u64));
        Ok(())
    }
}
