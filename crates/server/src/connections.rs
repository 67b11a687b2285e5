//! Connections: taken as they come, answered, and closed when the server stops or nothing comes on them.
//!
//! This is what `axum::serve` does, with two bounds that it has not: how many connections there are, and how long one
//! may take over the head of a request. Without the second, somebody who sends a letter an hour holds one for ever.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How long the head of a request may take, and a connection may rest between two. Senders write every 10 s by default
/// (Telegraf), so theirs stay open.
const HEAD: Duration = Duration::from_secs(30);

/// How many connections there may be; the kernel lets the next ones wait. Half of the file descriptors that a process
/// has by default.
const CONNECTIONS: usize = 512;

/// How long to wait where none can be taken, because there are no file descriptors left.
const NO_MORE: Duration = Duration::from_secs(1);

/// Answers until `stop`, and then until all answers that have begun are given. Dropped before, it ends those.
pub async fn answer(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            // The semaphore is never closed.
            let place = Arc::clone(&room).acquire_owned().await;
            (accept(&listener).await, place)
        };
        let (stream, place) = tokio::select! {
            biased;
            () = &mut stop => break,
            // Those that are over are let go of, before there are more.
            Some(_) = connections.join_next() => continue,
            next = next => next,
        };
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
        connections.spawn(async move {
            let _place = place;
            // What breaks a connection is the other's doing, and they know of it.
            let _ = connection.await;
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // These are of one connection, not of the listener.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
                ) => {}
            Err(_) => tokio::time::sleep(NO_MORE).await,
        }
    }
}
