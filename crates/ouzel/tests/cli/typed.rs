//! Types a command into a folder of its own and looks at what comes back.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A folder in which commands are typed; paths in them are relative to it.
pub(crate) struct Desk(TempDir);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Desk {
    /// A folder with these files in it.
    pub(crate) fn with(files: &[(&str, &str)]) -> Desk {
        let desk = Desk(tempfile::tempdir().expect("there is a place for temporary files"));
        files.iter().for_each(|(name, text)| desk.put(name, text));
        desk
    }

    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).expect("a new file can be written");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ouzel"));
        command.current_dir(self.0.path()).args(words(line)).env_remove("RUST_BACKTRACE");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Types `ouzel LINE`. Words in single quotes stay together.
    pub(crate) fn ouzel(&self, line: &str) -> Answer {
        Answer::of(self.command(line).output().expect("the binary starts"))
    }

    /// Types `ouzel LINE` with something on standard input.
    pub(crate) fn ouzel_fed(&self, line: &str, input: &str) -> Answer {
        let mut child = self.command(line).stdin(Stdio::piped()).spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("it was asked for");
        stdin.write_all(input.as_bytes()).expect("the command reads");
        drop(stdin);
        Answer::of(child.wait_with_output().expect("the command ends"))
    }
}

impl Answer {
    fn of(output: std::process::Output) -> Answer {
        let text = |bytes| String::from_utf8(bytes).expect("it speaks UTF-8");
        Answer { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// All of it, without what differs from run to run.
    pub(crate) fn shown(&self) -> String {
        let calm = |text: &str| -> String {
            let line = |line: &str| match line.starts_with("took ") {
                true => "took         [time and memory]\n".to_owned(),
                false => format!("{line}\n"),
            };
            text.lines().map(line).collect()
        };
        let code = self.code.map_or("a signal".to_owned(), |code| code.to_string());
        format!("{}--- on standard error:\n{}--- exit code {code}\n", calm(&self.out), calm(&self.err))
    }

    /// The number that stands behind a word of the summary.
    pub(crate) fn count(&self, word: &str) -> u64 {
        let line = self.out.lines().find(|line| line.starts_with(word)).unwrap_or_else(|| panic!("{}", self.shown()));
        let digits = line[word.len()..].trim_start().chars().take_while(|c| c.is_ascii_digit() || *c == ' ');
        digits.filter(|c| *c != ' ').collect::<String>().parse().expect("a number stands there")
    }
}

fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    parts
        .flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}
