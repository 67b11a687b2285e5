//! A config: it can be run, or every problem has a place in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ouzel_pipeline::config;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let read = config::read("fuzz.toml", text, Path::new("/plant"));
    assert_eq!(read.config.is_none(), !read.problems.is_empty());
    let lines = text.lines().count().max(1);
    assert!(read.problems.iter().all(|problem| problem.line <= lines + 1));
    read.render_all(text);
});
