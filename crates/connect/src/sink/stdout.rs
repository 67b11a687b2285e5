//! Standard output: lines as they come, handed on at the end of every call, so that people see them at once.
//!
//! Results only; what a command has to say about its work goes to standard error.

use super::{CLOSED, Encoding, Noun, Sink, Take, fault};
use crate::encode::Book;
use crate::encode::lines::Lines;
use crate::fault::Fault;
use crate::source::Rejected;
use ouzel_engine::output::Output;
use ouzel_engine::plan::Plan;
use std::io::Write;

/// What messages call it.
const PLACE: &str = "standard output";

/// Bytes that gather before they are written, within one call.
const BUFFER_BYTES: usize = 64 * 1024;

/// The sink.
pub struct Stdout {
    out: Box<dyn Write + Send>,
    encoding: Encoding,
    lines: Lines,
    take: Take,
    /// The head of the table, where it is one.
    head: Vec<u8>,
    buffer: Vec<u8>,
    /// Whoever read it has gone. Every later call says so again and writes nothing.
    closed: bool,
}

impl Stdout {
    /// Writes to `out`: standard output, or what a test looks into.
    ///
    /// # Errors
    /// A [`Fault`] when lines cannot have this encoding: Parquet has none, and a table of CSV has one head.
    pub fn open(out: Box<dyn Write + Send>, encoding: Encoding, take: &Take, plan: &Plan) -> Result<Stdout, Fault> {
        let Some(lines) = Lines::of(encoding, plan) else {
            return Err(Fault::yours("parquet is for files; choose text, ndjson or csv for standard output"));
        };
        let nouns: Vec<Noun> = Noun::ALL.into_iter().filter(|noun| take.has(*noun)).collect();
        let mut head = Vec::new();
        match (encoding, nouns.as_slice()) {
            (Encoding::Csv, [noun]) => lines.push_head(*noun, plan, &mut head),
            (Encoding::Csv, [_, _, ..]) => {
                let nouns: Vec<&str> = nouns.iter().map(|noun| noun.name()).collect();
                return Err(Fault::yours(format!(
                    "csv on standard output holds one table; take one of {}, or choose ndjson",
                    nouns.join(", ")
                )));
            }
            _ => {}
        }
        Ok(Stdout { out, encoding, lines, take: take.clone(), buffer: head.clone(), head, closed: false })
    }

    fn write_out(&mut self) -> Result<(), Fault> {
        if self.closed {
            self.buffer.clear();
            return Err(closed());
        }
        let result = self.out.write_all(&self.buffer);
        self.buffer.clear();
        result.map_err(|error| {
            let fault = fault(PLACE, &error);
            self.closed = super::is_closed(&fault);
            fault
        })
    }
}

impl Sink for Stdout {
    fn write(&mut self, outputs: &[Output], book: &Book<'_>) -> Result<(), Fault> {
        for output in outputs {
            if self.take.takes(output, book.plan) {
                self.lines.push(output, book, &mut self.buffer);
                if self.buffer.len() >= BUFFER_BYTES {
                    self.write_out()?;
                }
            }
        }
        self.flush()
    }

    fn reject(&mut self, rejected: &[Rejected]) -> Result<(), Fault> {
        if !self.take.has(Noun::Rejected) {
            return Ok(());
        }
        rejected.iter().for_each(|rejected| self.lines.push_rejected(rejected, &mut self.buffer));
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Fault> {
        if self.buffer.is_empty() {
            return if self.closed { Err(closed()) } else { Ok(()) };
        }
        self.write_out()?;
        self.out.flush().map_err(|error| fault(PLACE, &error))
    }

    fn finish(&mut self) -> Result<(), Fault> {
        self.flush()
    }

    fn plan(&mut self, plan: &Plan) -> Result<Vec<String>, Fault> {
        let Some(lines) = Lines::of(self.encoding, plan) else { return Ok(Vec::new()) };
        self.lines = lines;
        let mut head = Vec::new();
        if let [noun] = self.take.nouns() {
            self.lines.push_head(*noun, plan, &mut head);
        }
        if head == self.head {
            return Ok(Vec::new());
        }
        self.buffer.extend_from_slice(&head);
        self.head = head;
        Ok(vec!["the table on standard output has other columns now: another head follows".to_owned()])
    }
}

fn closed() -> Fault {
    Fault::theirs(CLOSED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::tests::Bench;
    use crate::sink::is_closed;
    use std::io;
    use std::sync::{Arc, Mutex};

    /// Standard output that a test looks into.
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<u8>>>);

    impl Write for Seen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn check(encoding: Encoding, take: &[Noun], starts: &[&str]) {
        let (bench, seen) = (Bench::new(), Seen::default());
        let mut sink = Stdout::open(Box::new(seen.clone()), encoding, &take.into(), &bench.plan).unwrap();
        sink.write(&bench.outputs(), &bench.book()).unwrap();
        let rejected = Rejected { source: "in.csv".into(), line: 7, reason: "no".into(), text: "x".into() };
        sink.reject(&[rejected]).unwrap();
        let text = String::from_utf8(seen.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), starts.len(), "{text}");
        text.lines().zip(starts).for_each(|(line, start)| assert!(line.starts_with(start), "{line}"));
        sink.finish().unwrap();
        assert_eq!(seen.0.lock().unwrap().len(), text.len());
    }

    #[test]
    fn lines_are_out_when_a_call_ends() {
        check(
            Encoding::Text,
            &[Noun::Rejected, Noun::Alerts, Noun::Late],
            &["2024-01-01T00:12:00Z alert hot ", "2024-01-01T00:00:00Z late ", "rejected in.csv:7: no"],
        );
        check(Encoding::Ndjson, &[Noun::Alerts], &["{\"id\":"]);
        check(Encoding::Csv, &[Noun::Rejected], &["source,line,reason,text", "in.csv,7,no,x"]);
        check(Encoding::Csv, &[], &[]);
    }

    #[test]
    fn csv_with_several_heads_and_parquet_are_refused() {
        for (encoding, take, what) in [
            (
                Encoding::Csv,
                &[Noun::Alerts, Noun::Late][..],
                "csv on standard output holds one table; take one of alerts, late, or choose ndjson",
            ),
            (Encoding::Parquet, &[], "parquet is for files; choose text, ndjson or csv for standard output"),
        ] {
            let fault = Stdout::open(Box::new(Gone), encoding, &take.into(), &Plan::default()).err().unwrap();
            assert_eq!(fault.what, what);
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_a_quiet_end() {
        let bench = Bench::new();
        let mut sink = Stdout::open(Box::new(Gone), Encoding::Text, &(&Noun::ALL).into(), &bench.plan).unwrap();
        for _ in 0..2 {
            assert!(is_closed(&sink.write(&bench.outputs(), &bench.book()).unwrap_err()));
        }
        assert!(is_closed(&sink.finish().unwrap_err()));
    }
}
