//! A sink of type `webhook`.

use super::sink::fields;
use super::tree::Table;
use ouzel_connect::secret::{FORMS, Secret};
use ouzel_connect::sink::Noun;
use ouzel_connect::sink::template::Template;
use ouzel_connect::sink::webhook::{Header, Settings, Verb, checked};
use std::num::NonZeroUsize;
use std::path::Path;

/// Headers whose values are nobody else's business.
const SECRET_HEADERS: [&str; 5] = ["authorization", "x-api-key", "api-key", "x-auth-token", "cookie"];

/// Reads a sink of type `webhook` that takes these nouns.
pub(crate) fn sink(table: &mut Table<'_, '_>, take: &[Noun], folder: &Path) -> Option<Settings> {
    let allow_private = table.flag("allow_private").is_some_and(|flag| flag.what);
    table.need("url", "where to: url = \"https://hooks.example.com/alerts\"");
    let url = table.text("url");
    if let Some(url) = &url
        && let Err(why) = checked(&url.what, allow_private)
    {
        table.found.problem(&url.place, format!("the url `{}` {why}", url.what), "");
    }
    let method = table.choice("method", &[("POST", Verb::Post), ("PUT", Verb::Put)]).map_or(Verb::Post, |at| at.what);
    let headers = headers(table, folder);
    let body = table.text("body").map(|body| {
        let template = Template::parse(&body.what);
        let own_type = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        fields(table, "body", &body, &template, take);
        if !own_type && serde_json::from_str::<serde_json::Value>(&template.example()).is_err() {
            let way =
                "text needs its quotes: {\"text\": \"{message}\"}; for another kind of text add a header Content-Type";
            table.found.problem(&body.place, "`body` will not be JSON", way);
        }
        template
    });
    let secret = table.secret("secret", folder).map(|secret| secret.what);
    // A thousand outputs are some hundred KiB, and most receivers take a MiB.
    let batch = table.whole("batch", 1, 1_000).and_then(|batch| NonZeroUsize::new(batch.what as usize));
    let is_json = |(name, value): &(String, Header)| {
        !name.eq_ignore_ascii_case("content-type") || matches!(value, Header::Text(text) if text.contains("json"))
    };
    if batch.is_some() && !headers.iter().all(is_json) {
        table.refuse(
            "batch",
            "makes a JSON list of what is sent, and `headers` say that it is none",
            "leave one of them out",
        );
    }
    Some(Settings { url: url?.what, method, body, headers, secret, allow_private, batch })
}

fn headers(table: &mut Table<'_, '_>, folder: &Path) -> Vec<(String, Header)> {
    let Some(mut table) = table.table("headers", "{ Authorization = \"Bearer ${env:TOKEN}\" }") else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for (name, value) in table.own_keys() {
        let Some(text) = table.text_of(&name.what, value) else { continue };
        let header = match parts(&text.what, folder) {
            Some(header) => header,
            None => {
                let message = format!("`{}` refers to a secret that cannot be", name.what);
                table.found.problem(&text.place, message, format!("write {FORMS}, once"));
                continue;
            }
        };
        let is_secret = SECRET_HEADERS.contains(&name.what.to_ascii_lowercase().as_str());
        if is_secret && matches!(header, Header::Text(_)) {
            let message = format!("`{}` stands here for everybody to read", name.what);
            table.found.problem(
                &text.place,
                message,
                "write \"Bearer ${env:TOKEN}\" or \"Bearer ${file:/run/secrets/token}\"",
            );
        }
        all.push((name.what, header));
    }
    all
}

/// A value with at most one reference in it.
fn parts(text: &str, folder: &Path) -> Option<Header> {
    let Some((before, rest)) = text.split_once("${") else { return Some(Header::Text(text.to_owned())) };
    let (inside, after) = rest.split_once('}')?;
    if after.contains("${") {
        return None;
    }
    let secret = Secret::parse(&format!("${{{inside}}}"), folder)?;
    Some(Header::Secret(before.to_owned(), secret, after.to_owned()))
}
