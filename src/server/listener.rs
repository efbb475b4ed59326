//! The listener: accepts connections and distributes them among the workers.

use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use poem::web::LocalAddr;
use poem::{Endpoint, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::connection::connection;
use super::limits::Limits;
use super::workers::Worker;
use crate::retry::Backoff;
use crate::telemetry::Throttle;

/// Wait after a failed accept, which most often means too many open files: time for other connections
/// to close.
const ACCEPT_WAIT: Duration = Duration::from_millis(50);

/// Serves the connections of `listener` until `stop` completes. Then closes the listener and the idle
/// connections, and waits for the requests in flight. Each connection belongs to the worker that had
/// the fewest connections at the accept.
///
/// The protocol is HTTP/1.1 only, as load balancers speak to their backends. A connection has one
/// request at a time, so the limit of connections also limits requests.
///
/// # Errors
///
/// The listener has no local address.
pub async fn serve(
    listener: TcpListener,
    workers: Vec<Worker<impl Endpoint<Output = Response> + 'static>>,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let dispatcher = Dispatcher {
        workers,
        address: listener.local_addr()?,
        limits,
        graceful: GracefulShutdown::new(),
    };
    tracing::info!(addr = %LocalAddr(dispatcher.address.into()), "listening");
    let (full, failed) = (Throttle::default(), Throttle::default());
    // Connections still open at the end are aborted. A panic ends a single connection.
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let has_room = connections.len() < limits.max_connections;
        if !has_room {
            full.add(|_| tracing::warn!("MAX_CONNECTIONS are open: further ones wait"));
        }
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            (stream, peer) = accept(&listener, &failed), if has_room => {
                dispatcher.dispatch(stream, peer, &mut connections);
            }
        }
    }
    drop(listener);
    let finished =
        tokio::time::timeout(limits.shutdown_grace, dispatcher.graceful.shutdown()).await;
    match finished {
        Ok(()) => tracing::info!("stopped"),
        Err(_) => tracing::warn!("stopped with requests in flight"),
    }
    Ok(())
}

/// Accepts the next connection; logs and skips failed accepts.
async fn accept(listener: &TcpListener, failed: &Throttle) -> (net::TcpStream, SocketAddr) {
    let mut backoff = Backoff::new(ACCEPT_WAIT, ACCEPT_WAIT);
    loop {
        let accepted = listener.accept().await.and_then(|(stream, peer)| {
            // Responses are small and complete: Nagle's algorithm would only delay them.
            stream.set_nodelay(true)?;
            Ok((stream.into_std()?, peer))
        });
        match accepted {
            Ok(accepted) => return accepted,
            Err(error) => {
                failed.add(move |times| {
                    tracing::warn!(times, %error, "connections could not be accepted");
                });
                backoff.wait().await;
            }
        }
    }
}

/// Distributor of connections.
struct Dispatcher<E> {
    workers: Vec<Worker<E>>,
    address: SocketAddr,
    limits: Limits,
    graceful: GracefulShutdown,
}

impl<E: Endpoint<Output = Response> + 'static> Dispatcher<E> {
    /// Spawns the connection's task on the runtime of the worker with the fewest connections.
    fn dispatch(&self, stream: net::TcpStream, peer: SocketAddr, connections: &mut JoinSet<()>) {
        let Some(worker) = self.workers.iter().min_by_key(|worker| worker.load()) else {
            return;
        };
        let (app, local, limits) = (Arc::clone(&worker.app), self.address, self.limits);
        let watcher = self.graceful.watcher();
        let served = async move {
            let stream = TcpStream::from_std(stream)?;
            let connection = connection(app, stream, local, peer, limits);
            watcher.watch(connection).await.map_err(io::Error::other)
        };
        let logged = async move {
            if let Err(error) = served.await {
                tracing::debug!(%peer, %error, "connection failed");
            }
        };
        connections.spawn_on(logged, &worker.runtime);
    }
}
