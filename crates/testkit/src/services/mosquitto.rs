//! Mosquitto, the broker that most people run, with a folder and a port of its own. It keeps sessions and messages over a
//! restart, and queues without a bound for who is away, so that what a test loses was not lost there.

use super::{Guarded, free_port, lacking, signal, until};
use rustix::process::Signal;
use std::fs::{self, File};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A broker.
pub struct Mosquitto {
    folder: TempDir,
    program: PathBuf,
    port: u16,
    running: Option<Guarded>,
}

/// Where Debian puts it, which is not on everybody's path.
const SBIN: &str = "/usr/sbin/mosquitto";

/// Others may take a free port before the broker does.
const TRIES: u32 = 5;

impl Mosquitto {
    /// Starts one that lets everybody in; `None`, and a line that says so, where this machine has none.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Option<Mosquitto> {
        Mosquitto::with_users(&[])
    }

    /// Starts one that lets in these users with their passwords.
    ///
    /// # Panics
    /// When it does not start.
    pub fn with_users(users: &[(&str, &str)]) -> Option<Mosquitto> {
        let on_path = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .map(|folder| folder.join("mosquitto"))
            .find(|path| path.is_file());
        let Some(program) = on_path.or_else(|| Some(PathBuf::from(SBIN)).filter(|path| path.is_file())) else {
            lacking("Mosquitto");
            return None;
        };
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let mut broker = Mosquitto { folder, program, port: 0, running: None };
        broker.write_users(users);
        for _ in 0..TRIES {
            broker.port = free_port();
            broker.write_config(users.is_empty());
            if broker.comes_up() {
                return Some(broker);
            }
        }
        panic!("mosquitto does not start: {}", broker.log());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write_config(&self, anonymous: bool) {
        let Mosquitto { port, .. } = self;
        // `user root` matters to root only, whose folder the broker could not write to as another user.
        let text = format!(
            "listener {port} 127.0.0.1\n\
             user root\n\
             persistence true\n\
             persistence_location {}/\n\
             autosave_interval 0\n\
             max_queued_messages 0\n\
             max_queued_bytes 0\n\
             log_dest stderr\n\
             log_type error\nlog_type warning\nlog_type notice\nlog_type information\nlog_type subscribe\n\
             allow_anonymous {anonymous}\n{}",
            self.folder.path().display(),
            if anonymous { String::new() } else { format!("password_file {}\n", self.path("users").display()) }
        );
        fs::write(self.path("mosquitto.conf"), text).expect("a new file can be written");
    }

    /// Starts the process; whether it can be reached.
    fn comes_up(&mut self) -> bool {
        let log = File::options().create(true).append(true).open(self.path("log")).expect("a log can be written");
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(self.path("mosquitto.conf")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut running = Guarded(command.spawn().expect("it was found"));
        let up = until("mosquitto listens", || {
            if running.0.try_wait().is_ok_and(|ended| ended.is_some()) {
                return Some(false);
            }
            TcpStream::connect(("127.0.0.1", self.port)).ok().map(|_| true)
        });
        self.running = up.then_some(running);
        up
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it as an administrator does: connections are cut, sessions and messages are saved.
    pub fn end(&mut self) {
        if let Some(mut running) = self.running.take() {
            signal(&running.0, Signal::TERM);
            until("mosquitto has ended", || running.0.try_wait().ok().flatten());
        }
    }

    /// Starts it again at the same port, with what it has saved.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&mut self) {
        assert!(self.comes_up(), "mosquitto does not start again: {}", self.log());
    }

    fn write_users(&self, users: &[(&str, &str)]) {
        fs::write(self.path("users"), "").expect("a file can be written");
        for (user, password) in users {
            let mut command = Command::new("mosquitto_passwd");
            command
                .arg("-b")
                .arg(self.path("users"))
                .args([user, password])
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            assert!(command.status().expect("it comes with mosquitto").success());
        }
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits until a client has subscribed.
    pub fn wait_for_subscription(&self, client: &str) {
        let start = format!(": {client} ");
        until("the client has subscribed", || self.log().lines().any(|line| line.contains(&start)).then_some(()));
    }
}
