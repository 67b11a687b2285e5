//! Somebody listens to a running ouzel: what its stages pass on comes line by line, and only while somebody does.

use super::ouzel::Desk;
use ouzel_testkit::services::{Guarded, until};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc::channel;

const CONFIG: &str = "[source.gateways]\ntype = \"http\"\n
[filter.warm]\non = \"heat\"\nwhen = \"heat > 20\"\n
[detector.hot]\ntype = \"threshold\"\non = \"warm.heat\"\nabove = 80\n
[alert.hot]\non = \"hot\"\n";

#[test]
fn what_a_filter_passes_on_is_heard_while_it_happens() {
    let desk = Desk::with(CONFIG);
    let ouzel = desk.run();
    let at = format!("http://{}", ouzel.page());
    let typed = |args: &[&str]| {
        let mut command = desk.command(args);
        let output = command.stdout(Stdio::piped()).output().expect("the binary starts");
        let text = |bytes| String::from_utf8(bytes).expect("it speaks UTF-8");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let list = "readings  source\nwarm      filter\nhot       detector\nhot       alert\n";
    assert_eq!(typed(&["tap", "--at", &at]), (Some(0), list.to_owned(), String::new()));
    let (code, _, said) = typed(&["tap", "warn", "--at", &at]);
    assert_eq!(
        (code, said.starts_with("error: no stage is called `warn`; did you mean `warm`?")),
        (Some(2), true),
        "{said}"
    );
    let (code, _, said) = typed(&["tap", "hot", "--at", &at]);
    assert_eq!((code, said.contains("ask for detector.hot or alert.hot")), (Some(2), true), "{said}");
    assert_eq!(typed(&["tap", "--at", "http://127.0.0.1:1"]).0, Some(1));

    let mut command = desk.command(&["tap", "warm", "--device", "oven", "--at", &at]);
    let mut tap = Guarded(command.stdout(Stdio::piped()).spawn().expect("the binary starts"));
    let lines = BufReader::new(tap.0.stdout.take().expect("it was asked for"));
    let (to, heard) = channel();
    // Ends with the process that it reads.
    std::thread::spawn(move || lines.lines().map_while(Result::ok).try_for_each(|line| to.send(line)));
    let mut sent = 0;
    let first = until("somebody hears what the filter passes on", || {
        sent += 1;
        let line = format!(
            "m,device=oven heat=21 {sent}000000000\nm,device=oven heat=19 {sent}500000000\nm,device=box heat=30 {sent}000000000\n"
        );
        assert_eq!(ouzel.post("/write", &[], line.as_bytes()).status, 204);
        heard.try_recv().ok()
    });
    assert!(first.starts_with("{\"device\":\"oven\",\"channel\":\"warm.heat\",\"time\":\"1970-"), "{first}");
    assert!(first.ends_with(",\"value\":21.0}") || first.ends_with(",\"value\":21}"), "{first}");
    assert!(heard.try_iter().all(|line| line.contains("oven") && line.contains(":21")));
}
