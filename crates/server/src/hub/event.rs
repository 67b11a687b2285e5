//! Server-sent events as bytes, numbered through for all clients.
//!
//! The number is a counter, so that what is missing shows, and stands behind the boot id, so that a restart is told
//! from a pause. Events for one client alone repeat the last number: whoever resumes after them misses nothing.

use bytes::Bytes;
use serde::Serialize;

/// Numbers and writes events.
#[derive(Debug)]
pub struct Events {
    boot: String,
    seq: u64,
}

impl Events {
    /// None so far.
    pub fn new(boot: &str) -> Events {
        Events { boot: boot.to_owned(), seq: 0 }
    }

    /// The word for this start of the process.
    pub fn boot(&self) -> &str {
        &self.boot
    }

    /// The last number given.
    pub fn last(&self) -> u64 {
        self.seq
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// An event for everybody, with a number of its own.
    pub fn make(&mut self, name: &str, what: &impl Serialize) -> (u64, Bytes) {
        let seq = self.next();
        (seq, self.write(seq, name, what))
    }

    /// An event for one client, with the last number.
    pub fn repeat(&self, name: &str, what: &impl Serialize) -> Bytes {
        self.write(self.seq, name, what)
    }

    /// An event with this number.
    pub fn write(&self, seq: u64, name: &str, what: &impl Serialize) -> Bytes {
        let mut into = self.head(seq, name);
        // Plain structures of text and numbers can be written, and numbers that JSON has no word for become null.
        serde_json::to_writer(&mut into, what).expect("plain data always encodes");
        into.extend_from_slice(b"\n\n");
        into.into()
    }

    /// Everything before the data.
    pub fn head(&self, seq: u64, name: &str) -> Vec<u8> {
        format!("id: {}-{seq}\nevent: {name}\ndata: ", self.boot).into_bytes()
    }

    /// The number in an id of this start of the process; `None` for one of another.
    pub fn seq_of(&self, id: &str) -> Option<u64> {
        let (boot, seq) = id.rsplit_once('-')?;
        seq.parse().ok().filter(|seq| boot == self.boot && *seq <= self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_three_lines_and_an_empty_one() {
        let mut events = Events::new("k3-f9");
        let (seq, bytes) = events.make("mark", &serde_json::json!({ "message": "two\nlines" }));
        assert_eq!((seq, &bytes[..]), (1, &b"id: k3-f9-1\nevent: mark\ndata: {\"message\":\"two\\nlines\"}\n\n"[..]));
        assert_eq!(events.seq_of("k3-f9-1"), Some(1));
        for other in ["k3-f9-2", "k3-f8-1", "k3-f9", "", "-1", "k3-f9--1"] {
            assert_eq!(events.seq_of(other), None, "{other}");
        }
    }
}
