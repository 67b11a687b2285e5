//! Tables of joins in a live run: another version goes into the journal whole, and is in force from there on.
//!
//! Files are looked at by a thread of its own each time, for a file on a network may keep whoever asks for it waiting, and
//! the intake waits for nobody. A version that cannot be read is trouble; the one before it stays in force.

use super::round::Round;
use super::{Entry, Senders};
use crate::journal::{Tabled, record};
use crate::queue::Bell;
use crate::tables::{LOOK, Looked, TableConfig, Watched, look_now};
use crate::trouble::Trouble;
use ouzel_connect::fault::Fault;
use ouzel_engine::table::Table;
use ouzel_engine::time::Time;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// The tables of a run.
pub(in crate::live) struct Watching {
    /// Those of the config; with a look that is on its way, as they were before it.
    list: Vec<Watched>,
    /// The versions in force at the journal's end.
    in_force: BTreeMap<String, Arc<Table>>,
    /// Of which nothing good could be read, since when, and what is wrong.
    troubles: BTreeMap<String, (Time, String)>,
    looked: Time,
    /// Where a look that is on its way will be found.
    look: Option<Receiver<Looked>>,
}

impl Watching {
    pub(in crate::live) fn new(configs: Vec<TableConfig>, in_force: BTreeMap<String, Arc<Table>>) -> Watching {
        let list = configs.into_iter().map(Watched::new).collect();
        Watching { list, in_force, troubles: BTreeMap::new(), looked: Time::MIN, look: None }
    }

    /// What stands in the journal, and is in nobody's config any more.
    fn gone(&self) -> Vec<String> {
        let stays = |name: &String| self.list.iter().any(|watched| watched.config.name == *name);
        let some = self.in_force.iter().filter(|(_, table)| ***table != Table::default());
        some.map(|(name, _)| name.clone()).filter(|name| !stays(name)).collect()
    }

    /// Begins a look, which rings when it is done.
    fn begin(&mut self, now: Time, bell: &Arc<Bell>) {
        let (list, bell) = (self.list.clone(), Arc::clone(bell));
        let (done, look) = channel();
        let run = move || {
            let look = |mut watched: Watched| {
                let found = watched.look();
                (watched, found)
            };
            // A reload may have asked for another look meanwhile.
            let _ = done.send(list.into_iter().map(look).collect());
            bell.ring();
        };
        self.looked = now;
        // Where there is no thread to be had there is one at a later look.
        self.look = std::thread::Builder::new().name("tables".to_owned()).spawn(run).ok().map(|_| look);
    }

    /// What the last look has found, once it is done.
    fn found(&mut self) -> Option<Looked> {
        let got = self.look.as_ref()?.try_recv();
        if got != Err(TryRecvError::Empty) {
            self.look = None;
        }
        got.ok()
    }
}

impl Entry {
    /// Before the first reading: the versions that the files have now are in force.
    pub(super) fn begin_tables(&mut self, senders: &mut Senders) {
        let looked = look_now(std::mem::take(&mut self.tables.list));
        self.take_tables(looked, senders);
    }

    /// Another config has these tables, as they were read a moment ago.
    pub(super) fn change_tables(&mut self, looked: Looked, senders: &mut Senders) {
        self.tables.look = None;
        self.leave_others(&looked, senders);
        self.take_tables(looked, senders);
        // Of a join that is in no config any more nobody is told.
        let kept = |name: &String| self.tables.list.iter().any(|watched| watched.config.name == *name);
        let over: Vec<String> = self.tables.troubles.keys().filter(|name| !kept(name)).cloned().collect();
        over.iter().for_each(|name| self.table_is_well(name, senders));
    }

    /// A join that was pointed at another file, or at other columns, does not go on with a version of the one before: it would
    /// give what nobody asked for any more.
    fn leave_others(&mut self, looked: &Looked, senders: &mut Senders) {
        for (watched, found) in looked {
            let name = &watched.config.name;
            let before = self.tables.list.iter().find(|before| before.config.name == *name);
            let is_other = before.is_some_and(|before| before.config != watched.config);
            let is_there = matches!(found, Some(Ok(_))) || !self.tables.in_force.contains_key(name);
            if is_other && !is_there && self.write_table(name, &Arc::default(), senders).is_ok() {
                self.tables.in_force.remove(name);
            }
        }
    }

    /// Takes what a look has found, and begins another when it is time.
    pub(super) fn look_at_tables(&mut self, ticked: Time, senders: &mut Senders) {
        if self.tables.list.is_empty() || self.full.is_some() {
            return;
        }
        if let Some(looked) = self.tables.found() {
            self.take_tables(looked, senders);
        }
        if self.tables.look.is_none() && ticked.since(self.tables.looked) >= LOOK {
            self.tables.begin(ticked, &self.bell);
        }
    }

    /// What was found of each table takes effect, and what is in no config any more goes.
    fn take_tables(&mut self, looked: Looked, senders: &mut Senders) {
        self.tables.list.clear();
        for (mut watched, found) in looked {
            let name = watched.config.name.clone();
            match found {
                None => {}
                Some(Ok(table)) => match self.table_is_new(&name, table, senders) {
                    Ok(()) => self.table_is_well(&name, senders),
                    Err(fault) => {
                        self.notices.warn(format!("join `{name}`: {fault}; its table is read again"));
                        watched.again();
                    }
                },
                Some(Err(why)) => self.table_is_bad(&name, why, senders),
            }
            self.tables.list.push(watched);
        }
        for name in self.tables.gone() {
            // Where it cannot be written nothing is lost but room; the next start does it.
            if self.write_table(&name, &Arc::default(), senders).is_ok() {
                self.tables.in_force.remove(&name);
            }
        }
        let Entry { tables, roll, .. } = self;
        let in_order = tables.list.iter().filter_map(|watched| tables.in_force.get(&watched.config.name).cloned());
        roll.write().enrich(in_order);
    }

    /// A version that was read: if it is another one than that in force, it is from here on.
    fn table_is_new(&mut self, name: &str, table: Arc<Table>, senders: &mut Senders) -> Result<(), Fault> {
        let before = self.tables.in_force.get(name);
        if before == Some(&table) {
            return Ok(());
        }
        let known = before.is_some();
        let before = before.cloned().unwrap_or_default();
        let mut round = Round::new(self.next_number, self.clock.now(), self.clock.now());
        self.heed_table(&before, &table, &mut round);
        // Whoever begins anew does so before the version: should nothing more be written, the next start finds them where they are to be.
        self.write(round, senders);
        self.write_table(name, &table, senders)?;
        if known {
            let rows = table.rows();
            self.notices.note(format!("join `{name}`: its table has another version, of {rows} rows"));
        }
        self.tables.in_force.insert(name.to_owned(), table);
        Ok(())
    }

    fn write_table(&mut self, name: &str, table: &Arc<Table>, senders: &mut Senders) -> Result<(), Fault> {
        let (input, at) = (self.next_number, self.clock.now());
        let tabled = Tabled { input, at, join: name.to_owned(), table: Arc::clone(table) };
        let mut bytes = Vec::new();
        record::table(&tabled, &mut bytes);
        self.append(&bytes)?;
        self.next_number += 1;
        senders.written();
        Ok(())
    }

    fn table_is_bad(&mut self, name: &str, why: String, senders: &mut Senders) {
        let at = self.clock.now();
        let known = self.tables.troubles.get(name);
        if known.is_some_and(|(_, what)| *what == why) {
            return;
        }
        let since = known.map_or(at, |known| known.0);
        let stays = match self.tables.in_force.get(name).is_some_and(|table| **table != Table::default()) {
            true => "the version before stays in force",
            false => "nothing is joined until it can be read",
        };
        let what = format!("{why}; {stays}");
        self.notices.warn(format!("join `{name}`: {what}"));
        self.tables.troubles.insert(name.to_owned(), (since, why));
        self.mention(Trouble { part: part(name), what, since, at, over: false }, senders);
    }

    fn table_is_well(&mut self, name: &str, senders: &mut Senders) {
        if let Some((since, _)) = self.tables.troubles.remove(name) {
            let what = "its table can be read again".to_owned();
            self.notices.note(format!("join `{name}`: {what}"));
            self.mention(Trouble { part: part(name), what, since, at: self.clock.now(), over: true }, senders);
        }
    }
}

/// What trouble with a table is called by.
fn part(join: &str) -> String {
    format!("join {join}")
}
