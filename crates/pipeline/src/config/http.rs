//! A source of type `http`.

use super::format;
use super::place::Findings;
use super::queue::{self, Queue};
use super::sections::{Kind, Sections};
use super::tree::Table;
use super::{LiveKind, SourceConfig, SourceKind};
use ouzel_connect::source::http::Settings;
use std::net::SocketAddr;
use std::path::Path;

/// Reads a source of type `http`.
pub(crate) fn source(table: &mut Table<'_, '_>, folder: &Path) -> (Settings, Queue) {
    let listen = listen(table);
    let key = table.secret("key", folder).map(|key| key.what);
    if let Some(at) = listen.filter(|at| !at.ip().is_loopback() && !table.has("key")) {
        let place = table.value_place("listen").unwrap_or(table.place.clone());
        let message = format!("everybody in the network could send readings to {at}");
        table.found.problem(&place, message, "add key = \"${env:INGEST_KEY}\", or listen at 127.0.0.1");
    }
    let format = format::read_live(table);
    let queue = queue::read(table, true);
    (Settings { listen, key, format, ..Settings::default() }, queue)
}

fn listen(table: &mut Table<'_, '_>) -> Option<SocketAddr> {
    let text = table.text("listen")?;
    let listen = text.what.parse().ok();
    if listen.is_none() {
        let message = format!("`listen` is an address with a port, not `{}`", text.what);
        table.found.problem(&text.place, message, "for example \"127.0.0.1:8086\"");
    }
    listen
}

/// Two sources behind one address would have the same paths.
pub(crate) fn one_address(sections: &Sections<'_>, sources: &[SourceConfig], found: &mut Findings) {
    let listens = |name: &str| {
        sources.iter().find_map(|source| match &source.what {
            SourceKind::Live(LiveKind::Http(settings)) if source.name == name => Some(settings.listen),
            _ => None,
        })
    };
    let mut seen: Vec<(String, Option<SocketAddr>)> = Vec::new();
    for section in sections.of(Kind::Source) {
        let Some(listen) = listens(&section.name.what) else { continue };
        if let Some((other, _)) = seen.iter().find(|(_, at)| *at == listen) {
            let where_ = listen.map_or("the address of the pages".to_owned(), |at| at.to_string());
            let message = format!("`{}` listens at {where_}, and so does `{other}`", section.label());
            found.problem(
                &section.name.place,
                message,
                "give one of them another address: listen = \"127.0.0.1:8086\"",
            );
        }
        seen.push((section.label(), listen));
    }
}
