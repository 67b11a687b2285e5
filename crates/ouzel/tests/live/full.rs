//! The journal's disk fills up: readings are refused at once and as a whole, people are told and are heard, and when there
//! is room again readings are taken again. Nothing that was acknowledged is lost. And disks that may not be written to.

use super::ask::{Answer, ask};
use super::broker::{self, CLIENT, message, now};
use super::files;
use super::hook::Hook;
use super::ouzel::{Desk, Ouzel, say};
use ouzel_testkit::data::not_run;
use ouzel_testkit::services::mosquitto::Mosquitto;
use ouzel_testkit::services::mqtt::publish_all;
use ouzel_testkit::services::until;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

/// The size of the disk.
const DISK: usize = 4 << 20;

/// What it keeps. The journal may be larger than its disk, so it is the disk that is full.
const HOUSE: &str = r#"
[server]
listen = "127.0.0.1:0"

[lake]
dir = "lake"

[checkpoint]
every = "500ms"

[journal]
dir     = "journal"
holds   = "64MiB"
segment = "64KiB"
outputs = "512KiB"
reserve = "64KiB"
"#;

/// The longest that a refusal may take, or a start that is none.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How long others take all room that there is.
const FULL_FOR: Duration = Duration::from_secs(4);

/// Readings of a request.
const BATCH: u64 = 1_000;

/// A small file system in memory; it goes with the test.
struct Small(PathBuf);

impl Small {
    /// `None` where this user may not mount one.
    fn at(folder: PathBuf) -> Option<Small> {
        fs::create_dir(&folder).expect("a new folder can be made");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={DISK}"), "tmpfs"]).arg(&folder);
        let mounted = command.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        if !mounted {
            not_run("this user may not mount a small disk to fill: run it as root");
        }
        mounted.then_some(Small(folder))
    }

    /// Others put something on it, until there is no room for more.
    fn fill(&self) {
        let others = File::options().create(true).append(true).open(self.0.join("of-others"));
        let mut others = others.expect("there is room for a name");
        let mut size = 64 << 10;
        while size > 0 {
            // A part of it may have been written: then there is not room for all.
            if others.write_all(&vec![1; size]).is_err() {
                size /= 2;
            }
        }
    }

    /// What others put on it goes.
    fn clear(&self) {
        fs::remove_file(self.0.join("of-others")).expect("it was there");
    }

    fn make_read_only(&self) {
        let status = Command::new("mount").args(["-o", "remount,ro"]).arg(&self.0).status();
        assert!(status.is_ok_and(|status| status.success()), "what was mounted can be mounted otherwise");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: the process may still have files open when a test fails.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Sends readings with numbers, in batches, and notes which were kept.
#[derive(Default)]
struct Sender {
    next: u64,
    kept: Vec<u64>,
}

impl Sender {
    fn send(&mut self, at: SocketAddr) -> (Answer, Duration) {
        let (began, time, first) = (Instant::now(), now() * 1_000, self.next);
        self.next += BATCH;
        let line = |n: u64| format!("m,device=d x={n} {}\n", time + n % BATCH);
        let lines: String = (first..first + BATCH).map(line).collect();
        let answer = ask(at, "POST", "/write", &[], lines.as_bytes()).expect("it answers");
        if answer.status == 204 {
            self.kept.push(first);
        }
        (answer, began.elapsed())
    }

    /// Until it is refused, which is said as it should be.
    fn until_refused(&mut self, at: SocketAddr) -> Duration {
        let (refused, took) = until("it is refused", || {
            let (answer, took) = self.send(at);
            (answer.status != 204).then_some((answer, took))
        });
        assert_eq!(refused.status, 507, "{}", refused.text());
        assert!(refused.head.to_ascii_lowercase().contains("retry-after:"), "{}", refused.head);
        assert!(took < AT_ONCE, "it took {took:?} to be refused");
        took
    }

    fn until_taken(&mut self, at: SocketAddr) -> Duration {
        let began = Instant::now();
        until("it is taken again", || (self.send(at).0.status == 204).then_some(()));
        began.elapsed()
    }

    /// What was kept is in the lake once, and nothing of what was refused, unless `cut` says that a kill left it open.
    fn judge(&self, lake: &[(String, f64)], cut: bool) {
        let mut found: HashMap<u64, u32> = HashMap::new();
        for (_, value) in lake.iter().filter(|(device, _)| device == "d") {
            *found.entry(*value as u64).or_default() += 1;
        }
        for first in &self.kept {
            let lost = (*first..first + BATCH).filter(|n| found.get(n) != Some(&1)).count();
            assert_eq!(lost, 0, "of the {BATCH} readings from {first} on");
        }
        assert!(cut || found.len() as u64 == self.kept.len() as u64 * BATCH, "what was refused was taken in part");
    }
}

fn wait_for_trouble(hook: &Hook, state: &str) -> String {
    let words = format!("\"state\":\"{state}\"");
    until(&format!("people are told that the trouble is {state}"), || {
        let calls = hook.calls();
        let told =
            calls.into_iter().find(|call| call.body.contains("\"alert\":\"ouzel\"") && call.body.contains(&words));
        told.map(|call| call.body)
    })
}

/// Says so where it is asked, and by itself. What it makes free meanwhile others take.
fn wait_until_it_says_so(ouzel: &Ouzel, small: &Small) {
    until("it is not ready, and says why", || {
        small.fill();
        let ready = ouzel.get("/readyz");
        (ready.status == 503 && ready.text().contains("the disk is full; make room")).then_some(())
    });
    let line = ouzel.wait_for("the disk is full; make room");
    assert!(line.contains("no readings are taken in until it can"), "{line}");
}

#[test]
fn a_full_disk_refuses_at_once_and_takes_again_when_there_is_room() {
    let hook = Hook::answering(&[]);
    let config = format!(
        "[source.gateways]\ntype = \"http\"\n
[detector.hot]\ntype = \"threshold\"\non = \"t\"\nabove = 100\n
[alert.hot]\non = \"hot\"\nsend = [\"desk\"]\n
[sink.desk]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:{}/hook\"\nallow_private = true\n{HOUSE}",
        hook.port(),
    );
    let desk = Desk::alone(&config);
    let Some(small) = Small::at(desk.path("journal")) else { return };
    let (ouzel, mut sender) = (desk.run(), Sender::default());
    let at = ouzel.page();
    assert_eq!(ouzel.post("/write", &[], b"m,device=oven t=300").status, 204);
    let alert = until("there is an alert", || {
        ouzel.json("/api/v1/alerts?state=open")["alerts"][0]["id"].as_str().map(str::to_owned)
    });
    assert_eq!(sender.send(at).0.status, 204);
    small.fill();
    let took = sender.until_refused(at);
    let before = sender.kept.len();
    wait_until_it_says_so(&ouzel, &small);
    for _ in 0..20 {
        let (answer, took) = sender.send(at);
        // The rest of the room may still take something; nothing hangs, and nothing is half taken.
        assert!([204, 507].contains(&answer.status) && took < AT_ONCE, "{answer:?} after {took:?}");
        assert_eq!(ouzel.get("/api/v1/pipeline").status, 200);
    }
    let told = wait_for_trouble(&hook, "firing");
    assert!(told.contains("\"device\":\"journal\"") && told.contains("the disk is full"), "{told}");
    // People are heard.
    let began = Instant::now();
    let answer =
        ouzel.post(&format!("/api/v1/alerts/{alert}/acknowledge"), &[], b"{\"note\":\"on my way\",\"by\":\"ann\"}");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let heard = began.elapsed();
    small.clear();
    let again = sender.until_taken(at);
    wait_for_trouble(&hook, "cleared");
    until("it is ready", || (ouzel.get("/readyz").status == 200).then_some(()));
    // Words about the trouble are nothing that the sink is owed.
    let desk_is = || ouzel.json("/api/v1/pipeline")["sinks"][0].clone();
    let sink = until("nothing waits", || Some(desk_is()).filter(|sink| sink["waiting"] == 0));
    assert!(sink["owed"] == sink["delivered"] && sink["owed"] != 0, "{sink}");
    say(&format!(
        "full after {before} requests, refused in {took:?}, an acknowledgement taken in {heard:?} meanwhile, readings \
         taken again {again:?} after there was room"
    ));
    ouzel.stop();
    sender.judge(&files::readings(&desk.path("lake")), false);
    // What people said while the disk was full is still known.
    let ouzel = desk.run();
    let alerts = until("the alert is known", || {
        Some(ouzel.json("/api/v1/alerts")["alerts"].to_string()).filter(|alerts| alerts.contains(&alert))
    });
    assert!(alerts.contains("on my way"), "{alerts}");
    ouzel.stop();
}

#[test]
fn where_all_stands_on_the_full_disk_it_goes_on_as_well() {
    let house = HOUSE.replace("\"lake\"", "\"disk/lake\"\nevery = \"1s\"").replace("\"journal\"", "\"disk/journal\"");
    let files = "[window.second]\nover = \"x\"\nsize = \"1s\"\n[sink.files]\ntype = \"file\"\npath = \"disk/out\"\n";
    let desk = Desk::alone(&format!("[source.gateways]\ntype = \"http\"\n{files}{house}"));
    let Some(small) = Small::at(desk.path("disk")) else { return };
    let (ouzel, mut sender) = (desk.run(), Sender::default());
    assert_eq!(sender.send(ouzel.page()).0.status, 204);
    small.fill();
    let took = sender.until_refused(ouzel.page());
    wait_until_it_says_so(&ouzel, &small);
    // What it makes free for itself by rolling and cutting others take as well.
    let began = Instant::now();
    while began.elapsed() < FULL_FOR {
        small.fill();
        let (answer, took) = sender.send(ouzel.page());
        assert!([204, 507].contains(&answer.status) && took < AT_ONCE, "{answer:?} after {took:?}");
    }
    ouzel.kill();
    small.fill();
    let ouzel = desk.run();
    sender.until_refused(ouzel.page());
    small.clear();
    let again = sender.until_taken(ouzel.page());
    say(&format!("with all on the full disk: refused in {took:?}, taken again {again:?} after there was room"));
    ouzel.stop();
    sender.judge(&files::readings(&desk.path("disk/lake")), true);
    assert!(!desk.text("disk/out/aggregates.ndjson").is_empty());
}

#[test]
fn killed_on_a_full_disk_it_has_acknowledged_nothing_that_it_does_not_keep() {
    const MESSAGES: u64 = 500;
    let Some(broker) = Mosquitto::start() else { return };
    let source = broker::source(broker.port(), "");
    let desk = Desk::alone(&format!("{source}\n[source.gateways]\ntype = \"http\"\n{HOUSE}"));
    let Some(small) = Small::at(desk.path("journal")) else { return };
    let (ouzel, mut sender) = (desk.run(), Sender::default());
    broker.wait_for_subscription(CLIENT);
    small.fill();
    sender.until_refused(ouzel.page());
    let passed = ouzel.json("/api/v1/pipeline")["sources"][0]["passed"].as_u64().expect("a count");
    assert_eq!(passed, 0);
    let begin = now();
    publish_all(broker.port(), "publisher", MESSAGES, |n| message(begin, n), &AtomicU64::new(0));
    until("messages have come", || {
        let held = ouzel.json("/api/v1/pipeline")["sources"][0]["held"].as_u64().expect("a count");
        (held == MESSAGES).then_some(())
    });
    assert_eq!(ouzel.json("/api/v1/pipeline")["sources"][0]["passed"], 0, "a message was taken in");
    ouzel.kill();
    // It starts on a full disk, too, and says what it lacks.
    let ouzel = desk.run();
    let took = sender.until_refused(ouzel.page());
    small.clear();
    let again = sender.until_taken(ouzel.page());
    broker::end_mark(broker.port());
    broker::wait_for_end_mark(&ouzel);
    ouzel.stop();
    say(&format!("started on a full disk: refused in {took:?}, taken again {again:?} after there was room"));
    let lake = files::readings(&desk.path("lake"));
    sender.judge(&lake, true);
    let mut found: Vec<u64> =
        lake.iter().filter(|(device, _)| device.starts_with("press-")).map(|(_, value)| *value as u64).collect();
    found.sort_unstable();
    assert!(found.iter().copied().eq(0..MESSAGES), "{} of {MESSAGES} messages are there", found.len());
}

/// Starts, and sees that it ends at once with these words.
fn assert_that_it_does_not_start(mut run: Ouzel, words: &[&str]) {
    let began = Instant::now();
    let code = run.wait();
    let took = began.elapsed();
    let said = run.wait_for(words[0]);
    assert_eq!(code, Some(1), "{said}");
    assert!(took < AT_ONCE, "it took {took:?}: {said}");
    words.iter().for_each(|word| assert!(said.contains(word), "no `{word}` in: {said}"));
    say(&format!("did not start, after {took:?}: {said}"));
}

#[test]
fn a_folder_that_may_only_be_read_is_said_at_the_start() {
    let desk = Desk::with("[source.gateways]\ntype = \"http\"\n");
    let Some(small) = Small::at(desk.path("journal")) else { return };
    small.make_read_only();
    assert_that_it_does_not_start(desk.start(&["run", "live.toml"]), &["read-only", "journal"]);
}

#[test]
fn a_folder_of_somebody_else_is_said_at_the_start() {
    /// Nobody, by the custom of most systems.
    const NOBODY: u32 = 65_534;
    let desk = Desk::with("[source.gateways]\ntype = \"http\"\n");
    fs::create_dir(desk.path("journal")).expect("a new folder can be made");
    let mode = |path: PathBuf, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    mode(desk.path("."), 0o755);
    mode(desk.path("journal"), 0o555);
    let mut command = desk.command(&["run", "live.toml"]);
    if rustix::process::geteuid().is_root() {
        // Whoever may do everything has to be somebody else for this, who may not look where the binary is built.
        let binary = desk.path("ouzel");
        fs::hard_link(env!("CARGO_BIN_EXE_ouzel"), &binary)
            .or_else(|_| fs::copy(env!("CARGO_BIN_EXE_ouzel"), &binary).map(drop))
            .expect("there is room for the binary");
        command = desk.command_of(&binary, &["run", "live.toml"]);
        command.uid(NOBODY).gid(NOBODY);
    }
    assert_that_it_does_not_start(Desk::spawn(&mut command), &["permission denied", "journal", "choose another `dir`"]);
}
