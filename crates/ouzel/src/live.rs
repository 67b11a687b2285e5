//! A live run with its page: what `run` and `demo` have in common.

mod parts;
mod reload;

pub use parts::reopen;

use crate::ending::Failure;
use crate::screen;
use axum::Router;
use ouzel_connect::disk::Disk;
use ouzel_connect::sink::{Noun, Sink, Take};
use ouzel_engine::time::{Span, Time};
use ouzel_pipeline::clock::Clock;
use ouzel_pipeline::config::{Config, InForce};
use ouzel_pipeline::counters::Counters;
use ouzel_pipeline::live::notice::{Notice, Notices, Weight};
use ouzel_pipeline::live::play::Truth;
use ouzel_pipeline::live::{Lake, Live, Logs, Mover, Parts, SinkPart, SinkWhat};
use ouzel_server::history::History;
use ouzel_server::running::{Advance, Reload, Running, ServerSettings};
use ouzel_server::{listen, serve};
use reload::Current;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// What to run, and how.
pub struct Launch {
    /// What it is called on the page.
    pub name: String,
    /// What is computed, from what, to where.
    pub config: Config,
    /// What time it is.
    pub clock: Clock,
    /// The text of it.
    pub text: String,
    /// Its file, to be read again by SIGHUP; a demo has none.
    pub path: Option<PathBuf>,
    /// Journal, output log and checkpoints.
    pub logs: Logs,
    /// Where results rest.
    pub lake: Lake,
    /// Where the page is served; nowhere, if empty.
    pub listen: Vec<SocketAddr>,
    /// Where to look if the first address is taken, because nobody asked for just that one.
    pub or_nearby: bool,
    /// What visitors must show.
    pub key: Option<String>,
    /// The page from a folder.
    pub ui_dir: Option<PathBuf>,
    /// A sink beside those of the config.
    pub witness: Option<Box<dyn Sink>>,
    /// Goes up when the run is to end.
    pub stop: Arc<AtomicBool>,
    /// When the run ends by itself.
    pub length: Option<Duration>,
}

/// What a run was, once it has ended.
pub struct Ended {
    /// What it counted.
    pub counters: Arc<Counters>,
    /// What its simulators played.
    pub truth: Vec<Truth>,
    /// How long it ran.
    pub ran: Duration,
    /// What time it was at its end.
    pub now: Time,
}

/// How long all that is on its way may take once the run is to end: within ten seconds it is over.
const DRAIN: Duration = Duration::from_secs(7);

/// How long the page may take then.
const PAGE_ENDS: Duration = Duration::from_millis(1_500);

/// How often a wish to stop is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Ports that are tried after one that is taken.
const NEARBY: u16 = 20;

impl Launch {
    /// Runs until it is stopped. `ready` is called with the addresses of the page once readings are taken.
    ///
    /// # Errors
    /// When something cannot be opened, or could not be closed well.
    pub fn run(self, ready: impl FnOnce(&[SocketAddr])) -> Result<Ended, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("net")
            .enable_all()
            .build()
            .map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
        let ended = runtime.block_on(self.until_stopped(ready));
        // A page that will not go must not hold up the end.
        runtime.shutdown_timeout(Duration::from_millis(500));
        ended
    }

    async fn until_stopped(self, ready: impl FnOnce(&[SocketAddr])) -> Result<Ended, Failure> {
        let (notices, heard) = Notices::new();
        let teller = std::thread::spawn(move || tell(&heard));
        let listeners = self.listeners()?;
        let Launch { name, config, text, clock, witness, stop, length, .. } = self;
        let plan = Arc::new(config.plan.clone());
        let mut made = parts::make(&config, &clock).await?;
        if let Some(witness) = witness {
            let (name, what) = ("witness".to_owned(), SinkWhat::Now(witness));
            made.sinks.push(SinkPart { name, take: Take::from(&[Noun::Anomalies]), what });
        }
        let (wish, mut wishes) = mpsc::channel::<reload::Wish>(4);
        let hangup = crate::stop::listen_for_hangup()?;
        let sources: parts::Sources = Arc::new(config.sources.clone().into());
        let began = Instant::now();
        let mut live = Live::start(Parts {
            config: InForce::new(&text, config.plan.clone()),
            clock: clock.clone(),
            disk: Disk::Real,
            logs: self.logs,
            devices: config.devices,
            tables: config.tables.clone(),
            sources: made.sources,
            sinks: made.sinks,
            lake: self.lake,
            reread: Some(Box::new(reopen(&sources))),
            notices,
        })?;
        let page = Page {
            name,
            plan,
            clock: clock.clone(),
            key: self.key,
            ui_dir: self.ui_dir,
            extra: std::mem::take(&mut made.routes),
            keyed: std::mem::take(&mut made.keyed),
            reload: self.path.is_some().then_some(wish),
        };
        let addresses: Vec<SocketAddr> = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let (close, server) = page.open(listeners, &mut live);
        ready(&addresses);
        let over = || length.is_some_and(|length| began.elapsed() >= length) || stop.load(Ordering::Relaxed);
        let served = || !server.as_ref().is_some_and(tokio::task::JoinHandle::is_finished);
        let entrances = std::mem::take(&mut made.entrances);
        let mut current = Current { path: self.path, config, entrances, sources };
        while !over() && served() && !live.is_broken() {
            let wish = tokio::time::timeout(LOOK_EVERY, wishes.recv()).await.ok().flatten();
            if wish.is_some() || hangup.swap(false, Ordering::Relaxed) {
                let answer = tokio::select! {
                    answer = current.reload(&mut live, &clock) => answer,
                    () = raised(&stop) => break,
                };
                say(&answer);
                // Whoever asked may have gone.
                wish.into_iter().for_each(|wish| drop(wish.send(answer.clone())));
            }
        }
        let ran = began.elapsed();
        let counters = Arc::clone(&live.counters);
        current.entrances.iter().for_each(|(_, entrance)| entrance.abort());
        // The page ends while the rest is drained; its streams are told. It may have ended already.
        let _ = close.send(());
        let drained = tokio::time::timeout(DRAIN, live.stop()).await;
        if let Some(server) = server
            && let Ok(ended) = tokio::time::timeout(PAGE_ENDS, server).await
        {
            ended.map_err(|error| Failure::Failed(format!("the server has stopped: {error}")))??;
        }
        match drained {
            Ok(ended) => ended?,
            Err(_) => {
                let what = "not all could be worked off in time; what was acknowledged stands in the journal, and the next \
                            start goes on with it";
                screen::say(&format!("warning: {what}"));
            }
        }
        // All that could tell has gone by now, unless the time was too short.
        if teller.is_finished() {
            let _ = teller.join();
        }
        Ok(Ended { counters, truth: made.truth, ran, now: clock.now() })
    }

    fn listeners(&self) -> Result<Vec<TcpListener>, Failure> {
        let mut listeners = Vec::new();
        for &address in &self.listen {
            let mut found = listen(address);
            let mut port = address.port();
            while found.is_err() && self.or_nearby && port < address.port().saturating_add(NEARBY) {
                port += 1;
                found = listen(SocketAddr::new(address.ip(), port));
            }
            listeners.push(found?);
        }
        Ok(listeners)
    }
}

/// Waits until a flag is up.
async fn raised(flag: &AtomicBool) {
    while !flag.load(Ordering::Relaxed) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Says what became of a reload.
fn say(answer: &reload::Answer) {
    match answer {
        Ok(changes) => {
            screen::say("the config was read again:");
            changes.iter().for_each(|change| screen::say(&format!("  {change}")));
        }
        Err(problems) => {
            screen::say("warning: the config was read again, and nothing has changed, for it has problems:");
            problems.iter().for_each(|problem| screen::say(&format!("  {problem}")));
        }
    }
}

/// The page of a run.
struct Page {
    name: String,
    plan: Arc<ouzel_engine::plan::Plan>,
    clock: Clock,
    key: Option<String>,
    ui_dir: Option<PathBuf>,
    extra: Router,
    keyed: Router,
    reload: Option<mpsc::Sender<reload::Wish>>,
}

type Server = tokio::task::JoinHandle<Result<(), ouzel_connect::fault::Fault>>;

impl Page {
    /// Serves it, if there is an address; what is given first ends it.
    fn open(self, listeners: Vec<TcpListener>, live: &mut Live) -> (oneshot::Sender<()>, Option<Server>) {
        let (close, closed) = oneshot::channel();
        let (Some(steps), Some(lake), false) = (live.steps.take(), &live.lake, listeners.is_empty()) else {
            return (close, None);
        };
        let history: Arc<dyn History> = Arc::new(lake.clone());
        let advance = matches!(self.clock, Clock::Manual(_)).then(|| advance(live.mover(&self.clock)));
        let running = Running {
            name: self.name,
            boot: boot(),
            plan: self.plan,
            counters: Arc::clone(&live.counters),
            clock: self.clock,
            steps,
            looks: live.looks.clone(),
            taps: live.taps.clone(),
            controls: live.controls.clone(),
            history,
            advance,
            reload: self.reload.map(ask),
        };
        let settings = ServerSettings {
            key: self.key,
            ui_dir: self.ui_dir,
            extra: self.extra,
            keyed: self.keyed,
            ..ServerSettings::default()
        };
        let server = tokio::spawn(serve(listeners, running, settings, async {
            let _ = closed.await;
        }));
        (close, Some(server))
    }
}

/// Puts a wish to reload where it is granted, and waits for the answer.
fn ask(wishes: mpsc::Sender<reload::Wish>) -> Reload {
    let ended = || Err(vec!["the run is about to end".to_owned()]);
    Arc::new(move || {
        let wishes = wishes.clone();
        Box::pin(async move {
            let (wish, answer) = oneshot::channel();
            if wishes.send(wish).await.is_err() {
                return ended();
            }
            answer.await.unwrap_or_else(|_| ended())
        })
    })
}

fn advance(mover: Mover) -> Advance {
    Arc::new(move |by: Span| {
        let mover = mover.clone();
        Box::pin(async move { mover.advance(by).await })
    })
}

/// A word for this start: when it was, in 36 letters and digits.
fn boot() -> String {
    let mut left = Clock::Wall.now().0.unsigned_abs() / 1_000_000;
    let mut word = String::new();
    while left > 0 {
        word.insert(0, char::from_digit((left % 36) as u32, 36).unwrap_or('0'));
        left /= 36;
    }
    word
}

/// Says what there is to say, until nobody has anything to say any more.
fn tell(heard: &Receiver<Notice>) {
    for Notice { weight, what } in heard {
        match weight {
            Weight::Note => screen::say(&what),
            Weight::Warning => screen::say(&format!("warning: {what}")),
        }
    }
}

/// A key that nobody guesses: 128 bits of the system's chance.
///
/// # Errors
/// Where the system has none to give.
pub fn new_key() -> Result<String, Failure> {
    let mut bytes = [0u8; 16];
    let read =
        std::fs::File::open("/dev/urandom").and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes));
    read.map_err(|error| Failure::Failed(format!("the system gives no chance for a key: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
