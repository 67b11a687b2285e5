//! Passwords and keys, by reference only: `${env:NAME}` or `${file:/run/secrets/x}`.
//!
//! A config holds the reference and may be shown to anybody; the secret itself is read when it is needed.

use crate::fault::Fault;
use std::path::{Path, PathBuf};

/// Where a secret stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// `${env:NAME}`: an environment variable.
    Env(String),
    /// `${file:PATH}`: a file; one line feed at its end does not count.
    File(PathBuf),
}

/// How a secret is written, for messages.
pub const FORMS: &str = "${env:NAME} or ${file:/path}";

impl Secret {
    /// The reference that a text is, if it is one. Relative paths start at `folder`.
    pub fn parse(text: &str, folder: &Path) -> Option<Secret> {
        let inside = text.trim().strip_prefix("${")?.strip_suffix('}')?;
        let (kind, name) = inside.split_once(':')?;
        match (kind, name.trim()) {
            (_, "") => None,
            ("env", name) => Some(Secret::Env(name.to_owned())),
            ("file", path) => Some(Secret::File(folder.join(path))),
            _ => None,
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// There is none, or it is not text.
    pub fn read(&self) -> Result<String, Fault> {
        let secret = match self {
            Secret::Env(name) => std::env::var(name)
                .map_err(|_| Fault::yours(format!("the environment has no {name}: set it before ouzel starts")))?,
            Secret::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    Fault::yours(format!("the secret in {} cannot be read: {error}", path.display()))
                })?;
                let line = text.strip_suffix('\n').unwrap_or(&text);
                line.strip_suffix('\r').unwrap_or(line).to_owned()
            }
        };
        if secret.is_empty() {
            return Err(Fault::yours(format!("{} is empty, and a secret is not", self.place())));
        }
        Ok(secret)
    }

    fn place(&self) -> String {
        match self {
            Secret::Env(name) => format!("the environment variable {name}"),
            Secret::File(path) => path.display().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_from_secrets() {
        let folder = Path::new("/plant");
        assert_eq!(Secret::parse("${env:BROKER_PASSWORD}", folder), Some(Secret::Env("BROKER_PASSWORD".into())));
        assert_eq!(Secret::parse("${file:key}", folder), Some(Secret::File("/plant/key".into())));
        assert_eq!(Secret::parse("${file:/run/key}", folder), Some(Secret::File("/run/key".into())));
        for text in ["hunter2", "${env:}", "${vault:x}", "$HOME", "${x}"] {
            assert_eq!(Secret::parse(text, folder), None, "{text}");
        }
    }

    #[test]
    fn a_file_gives_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for (text, expected) in [("hunter2\n", Some("hunter2")), ("a b\r\n", Some("a b")), ("\n", None)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Secret::File(path.clone()).read().ok().as_deref(), expected);
        }
        let missing = Secret::Env("OUZEL_TEST_NOBODY_SETS_THIS".into()).read().unwrap_err();
        assert!(missing.what.contains("set it before ouzel starts"));
    }
}
