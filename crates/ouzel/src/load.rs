//! A config from its file.

use ouzel_pipeline::cases;
use ouzel_pipeline::config::{self, Config, InForce, Read};
use std::io;
use std::path::Path;

/// A config file that was read, with or without problems.
pub struct Loaded {
    /// The file.
    pub text: String,
    /// What became of it.
    pub read: Read,
}

/// Reads a config. Relative paths in it start at its own folder.
///
/// # Errors
/// A message, when there is no text to read.
pub fn load(path: &Path) -> Result<Loaded, String> {
    load_as(path, config::read)
}

/// The same, with a look at the tables that it names.
///
/// # Errors
/// As [`load`].
pub fn load_with_tables(path: &Path) -> Result<Loaded, String> {
    load_as(path, config::read_with_tables)
}

fn load_as(path: &Path, read: impl Fn(&str, &str, &Path) -> Read) -> Result<Loaded, String> {
    let label = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{label} does not exist"),
        io::ErrorKind::PermissionDenied => format!("{label} may not be read: permission denied"),
        io::ErrorKind::IsADirectory => format!("{label} is a folder: name the config file in it"),
        _ => format!("{label} cannot be read: {error}"),
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..good].iter().filter(|&&byte| byte == b'\n').count();
        format!("{label} is not text in UTF-8: line {line} has a byte that is none; save the file as UTF-8")
    })?;
    let read = read(&label, &text, path.parent().unwrap_or(Path::new("")));
    Ok(Loaded { text, read })
}

impl Loaded {
    /// Looks at the files that tests name, too; what is wrong with them is a problem of the config. With `bless` an
    /// expectation may not be there yet.
    pub fn look_at_files(&mut self, bless: bool) {
        let Some(config) = &self.read.config else { return };
        self.read.problems = cases::look_at_files(config, &self.text, bless);
        if !self.read.problems.is_empty() {
            self.read.config = None;
        }
    }

    /// The config and its text, as a live run keeps them.
    ///
    /// # Errors
    /// All problems and advice, for people.
    pub fn in_force(self) -> Result<(Config, InForce), String> {
        let text = self.text.clone();
        let config = self.config()?;
        let in_force = InForce::new(&text, config.plan.clone());
        Ok((config, in_force))
    }

    /// The config.
    ///
    /// # Errors
    /// All problems and advice, for people.
    pub fn config(self) -> Result<Config, String> {
        let Loaded { text, read } = self;
        let shown = read.render_all(&text);
        read.config.ok_or(shown)
    }
}
