//! Where readings come from. A source knows a protocol or a kind of file, and nothing of retry, stop or queues.

use crate::fault::Fault;
use ouzel_engine::reading::Reading;
use ouzel_engine::series::{Declaration, Device, Names};
use serde::{Deserialize, Serialize};

pub mod file;
pub mod simulate;
pub mod live;
pub mod pressure;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "mqtt")]
pub mod mqtt;

/// A source that is read at the reader's pace: files, standard input, the simulator.
pub trait Source: Send {
    /// Reads on and adds what it finds to `into`: a few thousand rows, so that memory stays bounded.
    /// Gives `false` once the input has ended and nothing was added.
    ///
    /// # Errors
    /// A [`Fault`] when the input cannot be read any further. What was added before it stays good.
    fn next(&mut self, names: &mut Names, into: &mut Rows) -> Result<bool, Fault>;

    /// Where it stands, as a number of its own: [`Source::seek`] there reads again exactly what follows. `None` where
    /// that cannot be: pipes, the simulator. Never the same after something was read, and never less.
    fn place(&self) -> Option<u64> {
        None
    }

    /// Goes on at a place that this file had, in this or an earlier run, whatever it has read before. Rows, rejections and
    /// their line numbers are then those of the first time; series may have other numbers, with the same names.
    ///
    /// # Errors
    /// A [`Fault`] when the file is shorter than it was or cannot be read, or this is a source without places.
    fn seek(&mut self, _place: u64) -> Result<(), Fault> {
        Err(Fault::yours("this input can be read only once, from its begin to its end"))
    }

    /// Reads no further than this place, whatever the size of blocks: there [`Source::next`] gives `false`. `None`: to the
    /// end. A source without places reads on.
    fn until(&mut self, _place: Option<u64>) {}
}

/// What a source found.
#[derive(Debug, Default)]
pub struct Rows {
    /// Readings, in the order of the input.
    pub rows: Vec<Reading>,
    /// Lines that could not be read. A line may give both: its good cells are readings, its bad ones are here.
    pub rejected: Vec<Rejected>,
    /// Cells that were empty, null or NaN: an absent reading each.
    pub absent: u64,
    /// Which of the readings came in messages that their device has numbered, in the order of the input.
    pub numbered: Vec<Numbered>,
    /// What known devices say of themselves now and did not say before, in the order of the input.
    pub retold: Vec<Retold>,
}

/// A device that was known has said other tags of itself than before, or says some where it was declared by others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retold {
    /// The first reading that came with them.
    pub row: u32,
    /// Who said them.
    pub device: Device,
    /// All that it said; a tag may be empty.
    pub tags: Vec<(String, String)>,
}

/// What a packet of a live source declares: names that are new in it, and what known devices say of themselves now. It holds for
/// all of the packet.
pub fn declarations(names: &mut Names, retold: Vec<Retold>) -> Vec<Declaration> {
    // Of one device the last word counts.
    retold.into_iter().for_each(|Retold { device, tags, .. }| names.say_again(device, tags));
    names.take_fresh()
}

/// A message with a number of its device's own: who has seen the number has seen the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Its first reading, and how many it has.
    pub row: u32,
    /// See `row`.
    pub count: u32,
    /// Its number.
    pub number: u64,
    /// Its time was in it; otherwise it is that of its arrival, or of its place in the file.
    pub timed: bool,
}

/// A piece of input that could not be read, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Where it stood: the file's path, or the source's name.
    pub source: String,
    /// Line number from 1 (row number for Parquet).
    pub line: u64,
    /// What is wrong and what would be right: `column 3 (temperature): "abc" is not a number`.
    pub reason: String,
    /// The line itself, cut to 200 bytes at a character boundary; bytes that are not UTF-8 replaced.
    pub text: String,
}
