//! The hub: one task that follows the run's steps, keeps the read models and feeds the live streams.
//!
//! Handlers send it questions (closures, run between two steps), so there is no lock, and an answer never shows half a
//! step. Live clients have bounded mailboxes that the hub never waits for: see `hub/client.rs`.

pub mod client;
mod clients;
mod durable;
mod event;
mod frame;
mod kpi;
mod recent;
mod tap;
pub mod window;

use crate::model::{Changes, Model, Row};
use crate::problem::Problem;
use clients::{Clients, News, Offer};
use durable::Durable;
use event::Events;
use ouzel_engine::series::Series;
use ouzel_engine::time::Time;
use ouzel_pipeline::clock::Clock;
use ouzel_pipeline::counters::Counters;
use ouzel_pipeline::step::Step;
use recent::{Pace, Recent};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

pub use client::{Connected, Wishes};
pub use kpi::millis;
pub use recent::Stage;
pub use tap::Taps;

/// Questions that may wait. Handlers wait for room, so more requests wait at the door.
const QUESTIONS: usize = 64;

/// Lane cells are told at most so often.
const LANES_EVERY: Duration = Duration::from_millis(100);

/// A client whose mailbox was full is looked at again after this.
const AGAIN: Duration = Duration::from_millis(50);

/// Steps that are followed before anybody is told.
const STEPS_AT_ONCE: usize = 64;

type Question = Box<dyn FnOnce(&mut Hub) + Send>;

/// How handlers reach the hub.
#[derive(Clone)]
pub struct Handle {
    /// The other end is held by the hub's task.
    questions: mpsc::Sender<Question>,
}

impl Handle {
    /// Asks the hub, and waits for its answer. All steps that were sent before are in it.
    ///
    /// # Errors
    /// When the server is stopping.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Hub) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let (tell, told) = oneshot::channel();
        let question = move |hub: &mut Hub| {
            // Who asked may have gone away; then nobody needs the answer.
            let _ = tell.send(question(hub));
        };
        self.questions.send(Box::new(question)).await.map_err(|_| Problem::stopping())?;
        told.await.map_err(|_| Problem::stopping())
    }
}

/// The state of the hub's task.
pub struct Hub {
    /// What the run looks like.
    pub model: Model,
    /// The live streams.
    pub clients: Clients,
    clock: Clock,
    counters: Arc<Counters>,
    started: Time,
    events: Events,
    durable: Durable,
    /// What comes in a second.
    pub pace: Pace,
    /// What took how long of late.
    pub recent: Recent,
    lanes_changed: BTreeSet<(i64, Series)>,
    lanes_told: Option<Instant>,
    kpi_due: bool,
    /// Whose open windows are looked at, for the run.
    looks: watch::Sender<Arc<[Series]>>,
    /// Those who listen to a stage.
    taps: Taps,
    /// Rows that are to be told, and whether what is open is.
    windows_closed: Vec<Row>,
    windows_open: bool,
    /// The logs of earlier processes are being read.
    past: bool,
}

/// Starts the hub. It ends when no [`Handle`] is left.
pub fn start(hub: Hub, steps: mpsc::Receiver<Arc<Step>>) -> Handle {
    let (questions, asked) = mpsc::channel(QUESTIONS);
    tokio::spawn(run(hub, steps, asked));
    Handle { questions }
}

async fn run(mut hub: Hub, mut steps: mpsc::Receiver<Arc<Step>>, mut asked: mpsc::Receiver<Question>) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut open = true;
    loop {
        let due = hub.due();
        tokio::select! {
            step = steps.recv(), if open => match step {
                Some(step) => hub.follow(&step),
                None => open = false,
            },
            question = asked.recv() => {
                let Some(question) = question else { return };
                // The answer must have all that was sent before the question. More than the channel holds cannot wait.
                for _ in 0..steps.max_capacity() {
                    let Ok(step) = steps.try_recv() else { break };
                    hub.follow(&step);
                }
                question(&mut hub);
            }
            _ = second.tick() => hub.second(),
            () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
        }
        // Steps come in bursts; one frame for all that wait is better than one each.
        for _ in 0..STEPS_AT_ONCE {
            let Ok(step) = steps.try_recv() else { break };
            hub.follow(&step);
        }
        hub.tell();
    }
}

impl Hub {
    /// A hub that has seen nothing.
    pub fn new(
        model: Model,
        boot: &str,
        clock: Clock,
        counters: Arc<Counters>,
        looks: watch::Sender<Arc<[Series]>>,
        taps: Taps,
        max_clients: usize,
    ) -> Hub {
        Hub {
            model,
            clients: Clients::new(max_clients),
            started: clock.now(),
            clock,
            counters,
            events: Events::new(boot),
            durable: Durable::default(),
            pace: Pace::default(),
            recent: Recent::default(),
            lanes_changed: BTreeSet::new(),
            lanes_told: None,
            kpi_due: false,
            looks,
            taps,
            windows_closed: Vec::new(),
            windows_open: false,
            past: false,
        }
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// When the server started.
    pub fn started(&self) -> Time {
        self.started
    }

    /// Takes over a step; what follows from it is told by [`Hub::tell`], but alerts and marks are on their way already.
    fn follow(&mut self, step: &Step) {
        let lost = self.model.lost();
        let mut changes = self.model.apply(step, self.clock.now());
        self.counters.unseen.add(self.model.lost() - lost);
        if step.config.is_some() {
            self.taps.replan(self.model.book().plan);
        }
        if step.past {
            // Who looks on already is told once, when all of it is there.
            self.past = true;
            return;
        }
        if std::mem::take(&mut self.past) {
            self.clients.owe_sync();
        }
        self.taps.follow(step, &self.model);
        self.take_windows(&mut changes);
        self.pass_on(&changes);
    }

    fn pass_on(&mut self, changes: &Changes) {
        self.clients.take(changes, self.model.shown());
        for mark in &changes.marks {
            let (seq, bytes) = self.events.make("mark", mark);
            self.durable.mark(seq, bytes);
        }
        for &id in &changes.alerts {
            if let Some(entry) = self.model.alerts().get(id) {
                let (seq, bytes) = self.events.make("alert", &self.model.wire_alert(entry));
                self.durable.alert(seq, bytes);
            }
        }
        self.lanes_changed.extend(&changes.lanes);
    }

    /// Somebody has said something that the journal holds; its step may still be on its way.
    pub fn heed(&mut self, control: &ouzel_pipeline::control::Control) {
        let alerts = self.model.heed(control).into_iter().collect();
        self.pass_on(&Changes { alerts, ..Changes::default() });
    }

    /// A second has gone by: figures are due.
    fn second(&mut self) {
        self.pace.note(&self.model, &self.counters, self.clock.now());
        self.recent.note(&self.counters);
        // Who has gone looks at nothing any more.
        self.look();
        self.taps.tidy();
        self.kpi_due = true;
    }

    /// Sends what is due to whom there is room for.
    ///
    /// Figures and cells are numbered here and not before, because alerts and marks of the same moment go first: whoever
    /// resumes after an event must have had all alerts and marks with lower numbers.
    fn tell(&mut self) {
        let now = Instant::now();
        let mut offers = Vec::new();
        if std::mem::take(&mut self.kpi_due) {
            self.clients.second();
            let (_, bytes) = self.events.make("kpi", &self.kpi());
            offers.push(Offer::Kpi(bytes));
        }
        if !self.lanes_changed.is_empty() && self.lanes_told.is_none_or(|told| now >= told + LANES_EVERY) {
            self.lanes_told = Some(now);
            self.lane_events(&mut offers);
        }
        let windows = self.window_news();
        if self.clients.is_empty() {
            return;
        }
        // What is owed is made only for those who are owed it, and seldom.
        let owed = self.clients.owed().into_iter();
        let owed: Vec<_> =
            owed.map(|(place, wishes)| (place, self.events.repeat("sync", &self.sync(&wishes)))).collect();
        let moment = self.moment();
        let news = News { model: &self.model, durable: &self.durable, owed, offers, windows };
        self.clients.tell(now, moment, news, &mut self.events);
    }

    fn lane_events(&mut self, offers: &mut Vec<Offer>) {
        let changed = std::mem::take(&mut self.lanes_changed);
        let starts: BTreeSet<i64> = changed.iter().map(|&(start, _)| start).collect();
        for start in starts {
            let event = self.lane_event(start, changed.range((start, Series(0))..=(start, Series(u32::MAX))));
            let (_, bytes) = self.events.make("lane", &event);
            offers.push(Offer::Lane(bytes));
        }
    }

    /// Now, in microseconds.
    fn moment(&self) -> i64 {
        crate::model::micros(self.clock.now())
    }

    /// When something is to be told next, if nothing happens until then.
    fn due(&self) -> Option<Instant> {
        let lanes = self.lanes_told.filter(|_| !self.lanes_changed.is_empty()).map(|told| told + LANES_EVERY);
        let again = self.clients.is_stuck().then(|| Instant::now() + AGAIN);
        self.clients.due(Instant::now()).into_iter().chain(lanes).chain(again).min()
    }

    /// Lets a client in.
    ///
    /// # Errors
    /// When there are as many as there may be.
    pub fn connect(&mut self, wishes: Wishes, last_event_id: Option<&str>) -> Result<Connected, Problem> {
        let resume = last_event_id.map(|id| self.events.seq_of(id));
        let moment = self.moment();
        let connected = self.clients.connect(wishes, resume, moment, &self.model, &self.events, &self.durable);
        self.look();
        connected
    }

    /// A client says which frame it has, and perhaps whose windows it looks at now. Gives whether there is such a client.
    pub fn ack(&mut self, cid: &str, seq: u64, lag_ms: f64, windows: Option<Vec<u32>>) -> bool {
        let known = self.clients.ack(cid, seq, lag_ms, windows);
        self.look();
        known
    }

    /// Everybody is told goodbye, and their streams end.
    pub fn goodbye(&mut self, why: &str) {
        self.clients.goodbye(why, &self.events);
        self.taps.end();
    }
}
