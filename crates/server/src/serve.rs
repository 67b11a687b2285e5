//! Listening, answering, and stopping in time.

use crate::access::Access;
use crate::app::{App, READERS};
use crate::connections;
use crate::hub::{Handle, Hub, Taps, start};
use crate::model::Model;
use crate::page::Page;
use crate::routes::router;
use crate::running::{Running, ServerSettings};
use axum::Router;
use ouzel_connect::fault::{Fault, Retry, Whose};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// How long answers that have begun may take once the server stops. Browsers open connections that they may never use, so
/// somebody who presses Ctrl-C waits for this nearly always.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The kernel's queue of a connection. By itself it would take megabytes of live frames from a reader that stalls.
const SEND_BUFFER: u32 = 128 * 1_024;

/// Connections that may wait to be taken.
const BACKLOG: u32 = 256;

/// Listens at an address, with a small queue for each connection.
///
/// # Errors
/// Where somebody else listens, or the address is not of this machine.
pub fn listen(address: SocketAddr) -> Result<TcpListener, Fault> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // After a restart the old connections linger for a minute; that is no reason to refuse.
        socket.set_reuseaddr(true)?;
        // It must be set before `listen`: connections inherit it.
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    open().map_err(|error: std::io::Error| {
        let way = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another program listens there; stop it, or choose another port",
            std::io::ErrorKind::PermissionDenied => "ports below 1024 are for root; choose another port",
            std::io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
            _ => return Fault::yours(format!("cannot listen at {address}: {error}")),
        };
        Fault::yours(format!("cannot listen at {address}: {way}"))
    })
}

/// The routes and the hub behind them; for tests without a network, too. Needs a runtime.
pub fn app(running: Running, settings: ServerSettings) -> (Router, Handle) {
    let model = Model::new(running.plan.clone());
    let (clock, counters, looks) = (running.clock.clone(), running.counters.clone(), running.looks.clone());
    let taps = Taps::new(running.taps.clone());
    let hub = Hub::new(model, &running.boot, clock, counters, looks, taps, settings.max_clients);
    let hub = start(hub, running.steps);
    let app = App {
        name: running.name.into(),
        boot: running.boot.as_str().into(),
        hub: hub.clone(),
        counters: running.counters,
        clock: running.clock,
        controls: running.controls,
        history: running.history,
        readers: Arc::new(Semaphore::new(READERS)),
        advance: running.advance,
        reload: running.reload,
        page: Arc::new(settings.ui_dir.map_or(Page::Embedded, Page::Folder)),
    };
    (router(app, Access::new(&running.boot, settings.key), settings.extra, settings.keyed), hub)
}

/// Serves at all these addresses until `stop`; then live streams are told goodbye, and answers that have begun get half a
/// second.
///
/// # Errors
/// Where one of them is not a loopback address and there is no key.
pub async fn serve(
    listeners: Vec<TcpListener>,
    running: Running,
    settings: ServerSettings,
    stop: impl Future<Output = ()>,
) -> Result<(), Fault> {
    for listener in &listeners {
        refuse_open_door(listener, settings.key.as_deref())?;
    }
    let (router, hub) = app(running, settings);
    let (tell_stop, _) = watch::channel(false);
    let mut servers = JoinSet::new();
    for listener in listeners {
        let mut told = tell_stop.subscribe();
        let stopped = async move {
            // An error means that the sender has gone, and so has the reason to serve.
            let _ = told.wait_for(|&stop| stop).await;
        };
        let router = router.clone();
        servers.spawn(connections::answer(listener, router, stopped));
    }
    stop.await;
    // Streams never end by themselves; where the hub has gone already, they have ended with it.
    let _ = hub.ask(|hub| hub.goodbye("shutdown")).await;
    tell_stop.send_replace(true);
    let all = async { while servers.join_next().await.is_some() {} };
    // Who still reads after that has had their time; dropping the set ends them.
    let _ = tokio::time::timeout(LAST_WORDS, all).await;
    Ok(())
}

fn refuse_open_door(listener: &TcpListener, key: Option<&str>) -> Result<(), Fault> {
    let address = listener.local_addr().map_err(|error| Fault {
        whose: Whose::Us,
        retry: Retry::Never,
        what: format!("cannot tell where the server listens: {error}"),
    })?;
    if key.is_none_or(str::is_empty) && !address.ip().is_loopback() {
        let what = format!("the server would listen at {address} for everybody; give it a key, or use 127.0.0.1");
        return Err(Fault::yours(what));
    }
    Ok(())
}
