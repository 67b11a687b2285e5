//! Runs other programs, shown as they are run.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs cargo with its output on ours; gives its exit code.
pub fn cargo(root: &Path, args: &[String]) -> u8 {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    eprintln!("$ cargo {}", args.join(" "));
    code(Command::new(cargo).args(args).current_dir(root))
}

/// Runs a program with its output on ours; whether it ended well.
pub fn succeeds(args: &[&str]) -> bool {
    let [program, rest @ ..] = args else { return false };
    eprintln!("$ {}", args.join(" "));
    code(Command::new(program).args(rest).stdin(Stdio::null()).env("DEBIAN_FRONTEND", "noninteractive")) == 0
}

/// Runs a program in a folder with its output on ours; whether it ended well.
pub fn succeeds_in(folder: &Path, args: &[&str]) -> bool {
    let [program, rest @ ..] = args else { return false };
    eprintln!("$ {}", args.join(" "));
    code(Command::new(program).args(rest).current_dir(folder).stdin(Stdio::null())) == 0
}

/// What a program says on its standard output; `None` if it cannot be run or fails.
pub fn says(root: &Path, args: &[&str]) -> Option<String> {
    let (program, rest) = args.split_first()?;
    let output = Command::new(program).args(rest).current_dir(root).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// 1 where a program could not be run or was ended by a signal.
fn code(command: &mut Command) -> u8 {
    match command.status() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        Err(why) => {
            eprintln!("{} cannot be run: {why}", command.get_program().to_string_lossy());
            1
        }
    }
}
