//! A running `ouzel`, with a folder of its own: started, asked, stopped, killed.

use super::ask::{Answer, ask};
use ouzel_testkit::services::{Guarded, PATIENCE, signal, until};
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A folder with a config in it.
pub(crate) struct Desk(TempDir);

/// A page at a free port, and a lake and a journal beside the config.
pub(crate) const HOUSE: &str = "
[server]
listen = \"127.0.0.1:0\"

[journal]
dir = \"journal\"

[lake]
dir = \"lake\"
";

impl Desk {
    /// With this config, and [`HOUSE`] behind it.
    pub(crate) fn with(config: &str) -> Desk {
        Desk::alone(&format!("{config}{HOUSE}"))
    }

    /// With this config and nothing behind it.
    pub(crate) fn alone(config: &str) -> Desk {
        let desk = Desk(tempfile::tempdir().expect("there is a place for temporary files"));
        fs::write(desk.path("live.toml"), config).expect("a new file can be written");
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// `ouzel ARGS` in this folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_of(env!("CARGO_BIN_EXE_ouzel").as_ref(), args)
    }

    /// The same with a binary that stands elsewhere.
    pub(crate) fn command_of(&self, binary: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(binary);
        command.current_dir(self.0.path()).args(args).env_remove("RUST_BACKTRACE");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Starts `ouzel ARGS`.
    pub(crate) fn start(&self, args: &[&str]) -> Ouzel {
        Desk::spawn(&mut self.command(args))
    }

    /// Starts a command of [`Desk::command`].
    pub(crate) fn spawn(command: &mut Command) -> Ouzel {
        let mut child = command.spawn().expect("the binary starts");
        let stderr = BufReader::new(child.stderr.take().expect("it was asked for"));
        let (said, silent) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicBool::new(false)));
        let (heard, ended) = (Arc::clone(&said), Arc::clone(&silent));
        // Ends with the process. What it says is shown with a test that fails.
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut heard = heard.lock().expect("nobody panics with it");
                heard.push_str(&line);
                heard.push('\n');
            }
            ended.store(true, Ordering::Release);
        });
        Ouzel { child: Guarded(child), said, silent, page: None }
    }

    /// Starts `ouzel run` with the config, and waits until it takes readings.
    pub(crate) fn run(&self) -> Ouzel {
        let mut ouzel = self.start(&["run", "live.toml"]);
        ouzel.wait_for(PAGE);
        assert!(ouzel.comes_up());
        ouzel
    }

    /// Starts `ouzel run` with the config, to be killed by itself at the `nth` call of a point of `ouzel_connect::crash`.
    /// Whether it comes to take readings before that, [`Ouzel::comes_up`] says.
    pub(crate) fn run_until(&self, point: &str, nth: u64) -> Ouzel {
        Desk::spawn(self.command(&["run", "live.toml"]).env("OUZEL_CRASH", format!("{point}:{nth}")))
    }
}

/// A process.
pub(crate) struct Ouzel {
    child: Guarded,
    said: Arc<Mutex<String>>,
    /// It will say no more.
    silent: Arc<AtomicBool>,
    page: Option<SocketAddr>,
}

/// What it says before its page's address, once it takes readings.
const PAGE: &str = "page at http://";

impl Ouzel {
    /// Waits until it takes readings; `false`: it has ended before it came to that.
    pub(crate) fn comes_up(&mut self) -> bool {
        until("ouzel has come up, or ended", || {
            let over = self.silent.load(Ordering::Acquire);
            let said = self.said();
            let address = said.split(PAGE).nth(1).and_then(|rest| rest.split_once('/')).map(|(address, _)| address);
            self.page = address.map(|address| address.parse().expect("it is an address"));
            (over || self.page.is_some()).then_some(self.page.is_some())
        })
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("nobody panics with it").clone()
    }

    /// Waits until it says a line with these words, and gives that line.
    pub(crate) fn wait_for(&self, words: &str) -> String {
        let found = |said: &str| said.lines().find(|line| line.contains(words)).map(str::to_owned);
        let began = Instant::now();
        loop {
            let over = self.silent.load(Ordering::Acquire) || began.elapsed() > PATIENCE;
            if let Some(line) = found(&self.said()) {
                return line;
            }
            assert!(!over, "ouzel has not said `{words}`, but:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn page(&self) -> SocketAddr {
        self.page.expect("it was started with a page")
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        ask(self.page(), "GET", path, &[], b"").expect("the page answers")
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        serde_json::from_str(&answer.text()).unwrap_or_else(|_| panic!("{path}: {answer:?}"))
    }

    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        ask(self.page(), "POST", path, headers, body).expect("the page answers")
    }

    /// The counters of its only source.
    pub(crate) fn source(&self) -> Value {
        self.json("/api/v1/pipeline")["sources"][0].clone()
    }

    pub(crate) fn count(&self, name: &str) -> u64 {
        self.json("/api/v1/pipeline")[name].as_u64().unwrap_or_else(|| panic!("there is no count `{name}`"))
    }

    /// Waits until this process has worked off so many readings.
    pub(crate) fn wait_for_readings(&self, count: u64) {
        let worked = || self.count("past") + self.count("worked");
        until(&format!("{count} readings are worked off"), || (worked() >= count).then_some(()));
    }

    /// Waits until all that is in the journal is worked off.
    pub(crate) fn wait_until_idle(&self) {
        until("all is worked off", || {
            let all = self.json("/api/v1/pipeline");
            (all["worked"] == all["journalled"]).then_some(())
        });
    }

    /// What is taken in is passed on, dropped or held; and what is passed on is in the journal, unless it was before.
    pub(crate) fn assert_that_counters_add_up(&self) {
        let all = self.json("/api/v1/pipeline");
        let sum = |name: &str| -> u64 {
            let each = all["sources"].as_array().expect("a list").iter();
            each.map(|source| source[name].as_u64().expect("a count")).sum()
        };
        assert_eq!(sum("received"), sum("passed") + sum("dropped") + sum("held"), "{all}");
        assert_eq!(sum("passed"), all["journalled"].as_u64().expect("a count") + sum("known"), "{all}");
    }

    pub(crate) fn signal(&self, which: Signal) {
        signal(&self.child.0, which);
    }

    /// SIGKILL: as when the power goes, but for what the system still writes.
    pub(crate) fn kill(mut self) {
        self.child.0.kill().expect("it runs");
        self.child.0.wait().expect("it was ours");
    }

    /// Waits until it has been killed by SIGKILL, which was to come from itself; `false`: not within so long.
    pub(crate) fn is_killed_within(&mut self, patience: Duration) -> bool {
        let began = Instant::now();
        loop {
            if let Some(ended) = self.child.0.try_wait().expect("it can be asked") {
                let by = ended.signal();
                assert_eq!(by, Some(Signal::KILL.as_raw()), "{ended}:\n{}", self.said());
                return true;
            }
            if began.elapsed() > patience {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks it to end, and waits; gives its exit code and how long it took.
    pub(crate) fn end(&mut self, by: Signal) -> (Option<i32>, Duration) {
        let began = Instant::now();
        signal(&self.child.0, by);
        let code = self.wait();
        (code, began.elapsed())
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        until("ouzel has ended", || self.child.0.try_wait().expect("it can be asked")).code()
    }

    /// SIGTERM; it ends well, and within ten seconds.
    pub(crate) fn stop(mut self) {
        let (code, took) = self.end(Signal::TERM);
        assert_eq!(code, Some(0), "{}", self.said());
        assert!(took < Duration::from_secs(10), "it took {took:?}:\n{}", self.said());
        assert!(!self.said().contains("not all could be worked off"), "{}", self.said());
    }
}

/// A word to whoever runs the tests, past the test runner, which shows nothing of tests that pass.
pub(crate) fn say(what: &str) {
    // A closed stderr is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{what}");
}

/// What it said stands beside what a test says of it.
impl Drop for Ouzel {
    fn drop(&mut self) {
        if std::thread::panicking() {
            say(&format!("ouzel said:\n{}", self.said()));
        }
    }
}
