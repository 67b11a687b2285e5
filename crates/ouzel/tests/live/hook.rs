//! Somebody who is called over HTTP: answers as told, and remembers what was said.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.as_str())
    }
}

/// A receiver of webhooks.
pub(crate) struct Hook {
    port: u16,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Hook {
    /// Answers with these, one after the other, and then with 204.
    pub(crate) fn answering(answers: &'static [u16]) -> Hook {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a machine has free ports");
        let hook = Hook { port: listener.local_addr().expect("it is bound").port(), calls: Arc::default() };
        let calls = Arc::clone(&hook.calls);
        // Ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(call) = read(&stream) else { continue };
                let mut calls = calls.lock().expect("nobody panics with it");
                let status = answers.get(calls.len()).copied().unwrap_or(204);
                calls.push(call);
                let _ = write!(&stream, "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        hook
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("nobody panics with it").clone()
    }
}

fn read(stream: &TcpStream) -> Option<Call> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|&length| length > 0)?;
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let split = |line: &String| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut call = Call { headers: lines.iter().skip(1).filter_map(split).collect(), body: String::new() };
    let mut body = vec![0; call.header("content-length").parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    call.body = String::from_utf8_lossy(&body).into_owned();
    Some(call)
}
