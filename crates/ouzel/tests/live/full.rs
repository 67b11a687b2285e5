//! The journal's disk fills up: readings are refused at once and as a whole, people can still look, and when there is
//! room again readings are taken again. Nothing that was acknowledged is lost.

use super::ask::{Answer, ask};
use super::broker::now;
use super::files;
use super::ouzel::{Desk, say};
use ouzel_testkit::data::not_run;
use ouzel_testkit::services::until;
use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The size of the disk, and what somebody else puts on it.
const DISK: usize = 4 << 20;
const OTHERS: usize = 3 << 20;

/// The longest that a refusal may take.
const AT_ONCE: Duration = Duration::from_secs(1);

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
        mounted.then_some(Small(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: the process may still have files open when a test fails.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn send(at: SocketAddr, first: u64) -> (Answer, Duration) {
    let (began, time) = (Instant::now(), now() * 1_000);
    let lines: String = (first..first + BATCH).map(|n| format!("m,device=d x={n} {}\n", time + n % BATCH)).collect();
    (ask(at, "POST", "/write", &[], lines.as_bytes()).expect("it answers"), began.elapsed())
}

#[test]
#[ignore = "senders wait while the disk is full; they are not refused yet"]
fn a_full_disk_refuses_at_once_and_takes_again_when_there_is_room() {
    let desk = Desk::with("[source.gateways]\ntype = \"http\"\n");
    let Some(small) = Small::at(desk.path("journal")) else {
        return not_run("this user may not mount a small disk to fill: run it as root");
    };
    let ouzel = desk.run();
    let (at, others) = (ouzel.page(), small.0.join("of-others"));
    fs::write(&others, vec![1; OTHERS]).expect("there is room for it");
    let (mut kept, mut next) = (Vec::new(), 0);
    let mut send_next = |kept: &mut Vec<u64>| {
        let first = next;
        next += BATCH;
        let (answer, took) = send(at, first);
        if answer.status == 204 {
            kept.push(first);
        }
        (answer, took)
    };
    let (refused, took) = until("the disk is full", || {
        let (answer, took) = send_next(&mut kept);
        (answer.status != 204).then_some((answer, took))
    });
    assert_eq!(refused.status, 507, "{}", refused.text());
    assert!(refused.head.to_ascii_lowercase().contains("retry-after:"), "{}", refused.head);
    assert!(took < AT_ONCE, "it took {took:?} to be refused");
    let before = kept.len();
    for _ in 0..20 {
        let (answer, took) = send_next(&mut kept);
        // The rest of the room may still take something; nothing hangs, and nothing is half taken.
        assert!([204, 507].contains(&answer.status) && took < AT_ONCE, "{answer:?} after {took:?}");
        assert_eq!(ouzel.get("/api/v1/pipeline").status, 200);
    }
    fs::remove_file(&others).expect("it was there");
    let began = Instant::now();
    until("there is room again", || (send_next(&mut kept).0.status == 204).then_some(()));
    say(&format!(
        "full after {before} requests, refused in {took:?}, taken again {:?} after there was room",
        began.elapsed()
    ));
    ouzel.stop();
    let mut found: HashMap<u64, u32> = HashMap::new();
    for (_, value) in files::readings(&desk.path("lake")) {
        *found.entry(value as u64).or_default() += 1;
    }
    for first in &kept {
        let lost = (*first..first + BATCH).filter(|n| found.get(n) != Some(&1)).count();
        assert_eq!(lost, 0, "of the {BATCH} readings from {first} on");
    }
    assert_eq!(found.len() as u64, kept.len() as u64 * BATCH, "what was refused was not taken in part");
}
