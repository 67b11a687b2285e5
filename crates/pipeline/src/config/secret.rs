//! Settings that are secrets: references only, so that a config may be shown to anybody.

use super::tree::{At, Table};
use ouzel_connect::secret::Secret;
use std::path::Path;

impl Table<'_, '_> {
    /// `${env:NAME}` or `${file:/path}`. Relative paths start at `folder`.
    pub(crate) fn secret(&mut self, key: &'static str, folder: &Path) -> Option<At<Secret>> {
        let text = self.text(key)?;
        let secret = Secret::parse(&text.what, folder);
        if secret.is_none() {
            let message = format!("`{key}` stands here for everybody to read");
            let name = key.to_uppercase();
            let hint = format!("write \"${{env:{name}}}\" or \"${{file:/run/secrets/{key}}}\", and put it there");
            self.found.problem(&text.place, message, hint);
        }
        Some(At { what: secret?, place: text.place })
    }
}
