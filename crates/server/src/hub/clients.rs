//! All live streams, and who shares frames with whom.

use super::client::{Client, Connected, Wishes};
use super::durable::Durable;
use super::event::Events;
use super::frame::Group;
use super::window;
use crate::model::{Changes, Model};
use crate::problem::Problem;
use axum::http::StatusCode;
use bytes::Bytes;
use ouzel_engine::series::Series;
use serde_json::{Value, json};
use tokio::time::Instant;

/// Seconds between two comments, which keep proxies from closing a quiet stream.
const COMMENT_EVERY: u64 = 10;

/// How long a client should wait before it comes back, in milliseconds.
const RETRY: u64 = 3_000;

/// See the head of this file.
#[derive(Debug)]
pub struct Clients {
    most: usize,
    given: u64,
    seconds: u64,
    clients: Vec<Client>,
    groups: Vec<Group>,
    /// Somebody's mailbox was full.
    stuck: bool,
}

/// What there is to tell.
pub struct News<'n> {
    /// What the run looks like.
    pub model: &'n Model,
    /// What nobody may miss.
    pub durable: &'n Durable,
    /// How things are, for those whom [`Clients::owed`] named: their places, ascending.
    pub owed: Vec<(usize, Bytes)>,
    /// What may be left out.
    pub offers: Vec<Offer>,
    /// What windows say.
    pub windows: window::News,
}

/// An event that may be left out where there is no room: the next of its kind says the same or more.
pub enum Offer {
    /// Figures.
    Kpi(Bytes),
    /// Cells of lanes.
    Lane(Bytes),
}

impl Clients {
    /// Room for so many.
    pub fn new(most: usize) -> Clients {
        Clients { most, given: 0, seconds: 0, clients: Vec::new(), groups: Vec::new(), stuck: false }
    }

    /// Whether nobody looks on.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// How many look on.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// For the pipeline's page.
    pub fn view(&self) -> Vec<Value> {
        self.clients.iter().map(Client::view).collect()
    }

    /// Whether somebody is to be looked at again soon.
    pub fn is_stuck(&self) -> bool {
        self.stuck
    }

    /// Lets a client in. `resume` is there if it says where it left off: within this start of the process, or not.
    ///
    /// # Errors
    /// When there are as many as there may be.
    pub fn connect(
        &mut self,
        wishes: Wishes,
        resume: Option<Option<u64>>,
        moment: i64,
        model: &Model,
        events: &Events,
        durable: &Durable,
    ) -> Result<Connected, Problem> {
        self.tidy();
        if self.clients.len() >= self.most {
            let what = format!("{} live streams are open, the most there may be; close one and try again", self.most);
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, what));
        }
        self.given += 1;
        let cid = format!("c{}", self.given);
        let kept = |seq: &u64| !durable.missed(*seq, wishes.alerts, wishes.alerts || wishes.frames);
        let cursor = resume.flatten().filter(kept);
        let gap = resume.is_some() && cursor.is_none();
        let cursor = cursor.unwrap_or(events.last());
        let hz = 1.0 / wishes.choice.every.as_secs_f64();
        let hello = json!({
            "v": 1,
            "boot": events.boot(),
            "cid": cid,
            "now": moment,
            "hz": (hz * 1e3).round() / 1e3,
            "gap": gap,
            "series": model.shown().len(),
        });
        let mut first = b"retry: 1000\n\n".to_vec();
        first.extend_from_slice(&events.write(cursor, "hello", &hello));
        if wishes.frames && !self.groups.iter().any(|group| group.choice == wishes.choice) {
            self.groups.push(Group::new(wishes.choice.clone()));
        }
        let (client, receiver) = Client::new(cid.clone(), wishes, cursor, model, first.into());
        self.clients.push(client);
        Ok(Connected { cid, events: receiver })
    }

    /// A client says which frame it has, and perhaps whose windows it looks at now. Gives whether there is such a client.
    pub fn ack(&mut self, cid: &str, seq: u64, lag_ms: f64, windows: Option<Vec<u32>>) -> bool {
        let client = self.clients.iter_mut().find(|client| client.cid == cid && !client.is_gone());
        let Some(client) = client else { return false };
        client.ack(seq, lag_ms);
        client.wishes.windows = windows.unwrap_or_else(|| std::mem::take(&mut client.wishes.windows));
        true
    }

    /// The series whose windows somebody looks at, some of them more than once.
    pub fn looked(&self) -> impl Iterator<Item = Series> {
        let there = self.clients.iter().filter(|client| !client.is_gone());
        there.flat_map(|client| client.wishes.windows.iter().map(|&series| Series(series)))
    }

    /// Everybody is to be told how things are.
    pub fn owe_sync(&mut self) {
        self.clients.iter_mut().for_each(|client| client.owes_sync = true);
    }

    /// Takes what is new to those who will be told.
    pub fn take(&mut self, changes: &Changes, shown: &[Series]) {
        self.groups.iter_mut().for_each(|group| group.take(changes, shown));
    }

    /// Those who are to be told how things are: their places, and what they asked for.
    pub fn owed(&self) -> Vec<(usize, Wishes)> {
        let all = self.clients.iter().enumerate().filter(|(_, client)| client.awaits_sync());
        all.map(|(place, client)| (place, client.wishes.clone())).collect()
    }

    /// Tells everybody what is due.
    pub fn tell(&mut self, now: Instant, moment: i64, news: News<'_>, events: &mut Events) {
        self.stuck = false;
        let mut owed = news.owed.into_iter().peekable();
        let mut caught_up = Vec::with_capacity(self.clients.len());
        for (place, client) in self.clients.iter_mut().enumerate() {
            client.watch(now, moment);
            let sync = owed.next_if(|(at, _)| *at == place).map(|(_, sync)| sync);
            let done = client.catch_up(news.model, events, news.durable, sync);
            self.stuck |= !done;
            caught_up.push(done);
            for offer in news.offers.iter().filter(|_| done) {
                match offer {
                    Offer::Kpi(bytes) if client.wishes.kpi => client.offer(bytes),
                    Offer::Lane(bytes) if client.wishes.lanes => client.offer(bytes),
                    Offer::Kpi(_) | Offer::Lane(_) => {}
                }
            }
        }
        if !news.windows.is_empty() {
            for (client, done) in self.clients.iter_mut().zip(&caught_up) {
                client.windows(&news.windows, *done, moment, events);
            }
        }
        for group in &mut self.groups {
            let Some(frame) = group.flush(now, moment, events) else { continue };
            let all = self.clients.iter_mut().zip(&caught_up);
            let listening = |client: &Client| client.wishes.frames && client.wishes.choice == group.choice;
            for (client, done) in all.filter(|(client, _)| listening(client)) {
                client.frame(&frame, *done, now);
            }
        }
        let bye = events.repeat("bye", &json!({ "why": "too_slow", "retry": RETRY }));
        self.clients.retain_mut(|client| {
            let gone = client.is_given_up(now);
            if gone {
                // Where there is no room, the end of the stream has to say it.
                client.send(bye.clone());
            }
            !gone
        });
        self.tidy();
    }

    /// Lets go of those who have gone, and of groups that nobody is in.
    fn tidy(&mut self) {
        self.clients.retain(|client| !client.is_gone());
        let clients = &self.clients;
        self.groups.retain(|group| clients.iter().any(|c| c.wishes.frames && c.wishes.choice == group.choice));
    }

    /// A second has gone by: those who have gone are let go, and now and then a comment says that the stream lives.
    pub fn second(&mut self) {
        self.seconds += 1;
        self.tidy();
        if self.seconds.is_multiple_of(COMMENT_EVERY) {
            self.clients.iter_mut().for_each(|client| client.offer(&Bytes::from_static(b": still here\n\n")));
        }
    }

    /// When somebody is to be told something, if nothing happens until then.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let frames = self.groups.iter().filter_map(|group| group.due(now));
        frames.chain(self.clients.iter().filter_map(Client::deadline)).min()
    }

    /// Everybody is told goodbye, and their streams end.
    pub fn goodbye(&mut self, why: &str, events: &Events) {
        let bye = events.repeat("bye", &json!({ "why": why, "retry": RETRY }));
        for mut client in self.clients.drain(..) {
            client.send(bye.clone());
        }
        self.groups.clear();
    }
}
