//! The page in a browser: what `ui/e2e/journeys.mjs` goes through with the real program.

use ouzel_testkit::services::lacking;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where Debian has the browser; the journeys look there, too.
const CHROMIUM: &str = "/usr/bin/chromium";

#[test]
fn the_journeys_through_the_page_end_well() {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where a package is");
    let root = PathBuf::from(package).join("../..");
    let has_node = Command::new("node").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    let browser = std::env::var_os("CHROMIUM").map_or_else(|| CHROMIUM.into(), PathBuf::from);
    if !has_node || !root.join("ui/node_modules/playwright-core").is_dir() {
        return lacking("the packages of the page: Node.js, and `npm ci` in ui/");
    }
    if !browser.is_file() {
        return lacking("Chromium");
    }
    let mut command = Command::new("node");
    command.current_dir(&root).args(["ui/e2e/journeys.mjs", env!("CARGO_BIN_EXE_ouzel")]);
    let answer = command.output().expect("it was found");
    let said = [answer.stdout, answer.stderr].concat();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&said));
}
