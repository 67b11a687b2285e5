//! What is to be known of the journal before one goes on writing it: names, numbers, and which messages it has already.

use crate::control::Order;
use crate::intake::Stretch;
use crate::journal::{Mender, Record};
use crate::sequence::{Numbers, Seen};
use crate::trouble::Trouble;
use ouzel_engine::series::{Declaration, Names};
use ouzel_engine::table::Table;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

/// Messages of a source that a second delivery is looked for among: the largest Receive Maximum of MQTT 5.
const REMEMBERED: usize = 65_535;

/// What the intake knows of the journal before it writes on.
#[derive(Debug, Default)]
pub struct Known {
    /// Who is who.
    pub names: Names,
    /// The number of the next input.
    pub next_number: u64,
    /// What is known of messages.
    pub remembered: Remembered,
    /// The text of the config in force; `None`: the journal does not say.
    pub text: Option<String>,
    /// The versions of tables in force, by the names of their joins.
    pub tables: BTreeMap<String, Arc<Table>>,
    mender: Mender,
}

impl Known {
    /// Goes on from a checkpoint.
    pub fn new(names: Names, next_number: u64, remembered: Remembered) -> Known {
        let mender = Mender::behind(names.device_count(), names.series_count());
        Known { names, next_number, remembered, text: None, tables: BTreeMap::new(), mender }
    }

    /// Readings whose series nobody knows any more.
    pub fn lost(&self) -> u64 {
        self.mender.lost()
    }

    /// Takes a record of the journal into account, and the number of the input behind it. Its rows are not needed.
    pub fn see(&mut self, record: &mut Record, next: Option<u64>) {
        if let Some(next) = next {
            self.next_number = next;
        }
        match record {
            Record::Stretch(journalled) => {
                self.mender.mend(&mut journalled.stretch);
                self.follow(&journalled.stretch.declarations);
            }
            Record::Reference(referred) => {
                let declarations = std::mem::take(&mut referred.declarations);
                let mut stretch = Stretch { declarations, ..Stretch::default() };
                self.mender.mend(&mut stretch);
                self.follow(&stretch.declarations);
                referred.declarations = stretch.declarations;
            }
            Record::Config(configured) => self.text = Some(configured.text.clone()),
            Record::Table(tabled) => drop(self.tables.insert(tabled.join.clone(), Arc::clone(&tabled.table))),
            Record::Control(_) => {}
        }
        self.remembered.see(record);
    }

    fn follow(&mut self, declarations: &[Declaration]) {
        declarations.iter().for_each(|declaration| self.names.follow(declaration));
    }
}

/// Messages by source, places in files, devices that were retired: what a record adds to it, a checkpoint keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// By a hash of the source's name.
    marks: BTreeMap<u32, Marks>,
    /// How far the files of each source were read, by source and file.
    files: BTreeMap<String, BTreeMap<String, u64>>,
    /// Devices that were retired and have not spoken since, by name.
    retired: BTreeSet<String>,
    /// Trouble of the pipeline itself that nobody has said to be over, by its part.
    troubles: BTreeMap<String, Trouble>,
    /// The numbers that devices gave their messages. They stand behind the rest, see [`Remembered::to_bytes`].
    #[serde(skip)]
    numbers: Numbers,
}

impl Remembered {
    /// As bytes. What there was not in the first format stands behind the rest, where it is not looked for by those who do
    /// not know of it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = postcard::to_allocvec(self).expect("plain data always encodes");
        if self.numbers != Numbers::default() {
            bytes.extend(postcard::to_allocvec(&self.numbers).expect("plain data always encodes"));
        }
        bytes
    }

    /// What [`Remembered::to_bytes`] gave.
    ///
    /// # Errors
    /// When the bytes are nothing of the kind.
    pub fn from_bytes(bytes: &[u8]) -> Result<Remembered, postcard::Error> {
        let (mut remembered, rest): (Remembered, &[u8]) = postcard::take_from_bytes(bytes)?;
        if !rest.is_empty() {
            remembered.numbers = postcard::from_bytes(rest)?;
        }
        Ok(remembered)
    }

    /// Takes a record into account.
    pub fn see(&mut self, record: &Record) {
        match record {
            Record::Stretch(journalled) => {
                for &(source, hash) in &journalled.marks {
                    self.keep(source, hash);
                }
                self.count(&journalled.numbers);
                self.revive(&journalled.stretch.declarations);
            }
            Record::Reference(referred) => {
                let files = self.files.entry(referred.source.clone()).or_default();
                files.insert(referred.file.clone(), referred.to);
                self.count(&referred.sifted.numbers);
                self.revive(&referred.declarations);
            }
            Record::Control(control) => match &control.what {
                Order::Retire { device, .. } => drop(self.retired.insert(device.clone())),
                Order::Trouble(trouble) => self.trouble(trouble),
                _ => {}
            },
            Record::Config(_) | Record::Table(_) => {}
        }
    }

    fn count(&mut self, numbers: &[(u32, Vec<Seen>)]) {
        for (source, all) in numbers {
            for seen in all {
                self.number(*source, *seen);
            }
        }
    }

    /// Takes a message of a source that its device has numbered; `false`: it came before.
    pub fn number(&mut self, source: u32, seen: Seen) -> bool {
        self.numbers.take(source, seen)
    }

    /// A numbered message that was to go into the journal did not.
    pub fn forget_number(&mut self, source: u32, seen: Seen) {
        self.numbers.forget(source, seen);
    }

    /// Devices that are declared again are back.
    fn revive(&mut self, declarations: &[Declaration]) {
        if self.retired.is_empty() {
            return;
        }
        for declaration in declarations {
            if let Declaration::Device { name, .. } = declaration {
                self.retired.remove(name);
            }
        }
    }

    /// Whether a message of a source is in the journal.
    pub fn has(&self, source: u32, hash: u64) -> bool {
        self.marks.get(&source).is_some_and(|marks| marks.all.contains(&hash))
    }

    /// A message of a source goes into the journal.
    pub fn keep(&mut self, source: u32, hash: u64) {
        self.marks.entry(source).or_default().keep(hash);
    }

    /// A message that was to go into the journal did not.
    pub fn forget(&mut self, source: u32, hash: u64) {
        if let Some(marks) = self.marks.get_mut(&source)
            && marks.all.remove(&hash)
        {
            marks.order.retain(|kept| *kept != hash);
        }
    }

    /// How far a file of a source was read.
    pub fn place(&self, source: &str, file: &str) -> Option<u64> {
        self.files.get(source)?.get(file).copied()
    }

    /// How far each file of each source was read.
    pub fn each_place(&self, mut see: impl FnMut(&str, &str, u64)) {
        for (source, files) in &self.files {
            files.iter().for_each(|(file, to)| see(source, file, *to));
        }
    }

    /// A file of a source was read so far.
    pub fn read(&mut self, source: &str, file: &str, to: u64) {
        self.files.entry(source.to_owned()).or_default().insert(file.to_owned(), to);
    }

    /// Trouble has begun, or is over.
    pub fn trouble(&mut self, trouble: &Trouble) {
        match trouble.over {
            true => drop(self.troubles.remove(&trouble.part)),
            false => drop(self.troubles.insert(trouble.part.clone(), trouble.clone())),
        }
    }

    /// Trouble that nobody has said to be over.
    pub fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        self.troubles.values()
    }

    /// The devices that were retired.
    pub fn retired(&self) -> &BTreeSet<String> {
        &self.retired
    }

    /// A device is retired, or back.
    pub fn set_retired(&mut self, device: &str, retired: bool) {
        match retired {
            true => drop(self.retired.insert(device.to_owned())),
            false => drop(self.retired.remove(device)),
        }
    }
}

/// The marks of the last messages of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
struct Marks {
    order: VecDeque<u64>,
    all: HashSet<u64>,
}

impl From<Vec<u64>> for Marks {
    fn from(order: Vec<u64>) -> Marks {
        Marks { all: order.iter().copied().collect(), order: order.into() }
    }
}

impl From<Marks> for Vec<u64> {
    fn from(marks: Marks) -> Vec<u64> {
        marks.order.into()
    }
}

impl Marks {
    fn keep(&mut self, hash: u64) {
        if self.all.insert(hash) {
            self.order.push_back(hash);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.all.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ouzel_engine::series::Series;

    #[test]
    fn what_is_remembered_comes_back_with_numbers_and_without() {
        let mut remembered = Remembered::default();
        remembered.keep(7, 9);
        let first = remembered.to_bytes();
        assert_eq!(postcard::from_bytes::<Remembered>(&first).unwrap(), remembered);
        remembered.number(7, Seen { series: Series(1), number: 5, time: None });
        let bytes = remembered.to_bytes();
        assert_eq!(Remembered::from_bytes(&bytes).unwrap(), remembered);
        assert!(bytes.starts_with(&first) && Remembered::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    }
}
