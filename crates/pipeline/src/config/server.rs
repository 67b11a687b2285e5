//! `[server]`: where the page is, and what it asks of visitors.

use super::place::{Findings, Place};
use super::sections::{Kind, Sections};
use super::tree::At;
use ouzel_connect::secret::{FORMS, Secret};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

/// The `[server]` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Addresses to listen at; at least one.
    pub listen: Vec<SocketAddr>,
    /// What visitors must show; always there where an address is not of this machine alone.
    pub key: Option<Secret>,
}

/// Where the page is if nobody says.
const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Reads the section, if there is one. Paths are relative to `folder`, where the config stands.
pub(crate) fn read(sections: &Sections<'_>, folder: &Path, found: &mut Findings) -> Option<ServerConfig> {
    let section = sections.of(Kind::Server).next()?;
    let mut table = section.table(found);
    let listen: Vec<(SocketAddr, Place)> = match table.texts("listen") {
        None => vec![(USUAL, table.place.clone())],
        Some(texts) => texts.iter().filter_map(|text| address(text, table.found)).collect(),
    };
    let has_key = table.has("key");
    let key = table.text("key").and_then(|text| key(&text, folder, table.found));
    if let Some((open, place)) = listen.iter().find(|(address, _)| !address.ip().is_loopback() && !has_key) {
        let message = format!("everybody who reaches {open} could see and change everything");
        table.found.problem(place, message, "write a key: key = \"${env:OUZEL_KEY}\", or listen at 127.0.0.1");
    }
    table.finish(&[
        ("address", "write listen = [\"127.0.0.1:8080\"]"),
        ("port", "write listen = [\"127.0.0.1:8080\"]"),
        ("token", "write `key`"),
    ]);
    Some(ServerConfig { listen: listen.into_iter().map(|(address, _)| address).collect(), key })
}

fn address(text: &At<String>, found: &mut Findings) -> Option<(SocketAddr, Place)> {
    let numbers = match text.what.strip_prefix("localhost:") {
        Some(port) => format!("{}:{port}", Ipv4Addr::LOCALHOST),
        None => text.what.clone(),
    };
    let address = numbers.parse().ok();
    if address.is_none() {
        let message = format!("`{}` is not an address with a port", text.what);
        found.problem(&text.place, message, "for example \"127.0.0.1:8080\", \"[::1]:8080\" or \"0.0.0.0:8080\"");
    }
    Some((address?, text.place.clone()))
}

fn key(text: &At<String>, folder: &Path, found: &mut Findings) -> Option<Secret> {
    let secret = Secret::parse(&text.what, folder);
    if secret.is_none() {
        let message = "`key` is not a reference, and configs are shown to many";
        found.problem(&text.place, message, format!("write {FORMS}"));
    }
    secret
}
