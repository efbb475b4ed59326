//! The listener: accepts connections and distributes them among the workers.

use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use hyper_util::server::graceful::GracefulShutdown;
use poem::web::LocalAddr;
use poem::{Endpoint, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::sleep;

use super::connection::{ClientStream, connection};
use super::connection_state::{ConnectionState, Connections};
use super::limits::Limits;
use super::refusal::Refusals;
use super::workers::Worker;
use crate::retry::Backoff;
use crate::telemetry::Throttle;

/// Wait after a failed accept, which most often means too many open files: time for other connections
/// to close.
const ACCEPT_WAIT: Duration = Duration::from_millis(50);

/// Wait for the first requests of the connections that were accepted last: longer than a round trip.
const LAST_REQUESTS: Duration = Duration::from_millis(200);

/// Number of connections over the limit, on which only probes are served: a platform must not kill a service
/// that is full.
const RESERVED: usize = 16;

/// Serves the connections of `listener` until `stop` completes. Then closes the listener and the idle
/// connections, and waits for the requests in flight. Each connection belongs to the worker that had
/// the fewest connections at the accept.
///
/// Where the maximum of connections is open, a new connection closes the connection that idles longest;
/// where none idles, the new connection is for probes only.
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
    let mut dispatcher = Dispatcher::new(workers, listener.local_addr()?, limits);
    tracing::info!(addr = %LocalAddr(dispatcher.address.into()), "listening");
    let failed = Throttle::default();
    let mut stop = pin!(stop);
    loop {
        let has_room = dispatcher.tasks.len() < limits.max_connections + RESERVED;
        tokio::select! {
            () = &mut stop => break,
            Some(ended) = dispatcher.tasks.join_next_with_id() => dispatcher.ended(ended),
            (stream, peer) = accept(&listener, &failed), if has_room => {
                dispatcher.dispatch(stream, peer);
            }
        }
    }
    // The kernel would reset the connections that it has accepted already.
    while let Some((stream, peer)) = accept(&listener, &failed).now_or_never() {
        dispatcher.dispatch(stream, peer);
    }
    drop(listener);
    // The last connections are new, and their requests are on the way.
    sleep(LAST_REQUESTS).await;
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
    /// Tasks of the connections. Connections still open at the end are aborted. A panic ends a single
    /// connection.
    tasks: JoinSet<()>,
    /// Connections without those that were evicted.
    open: Connections,
    /// Start of the clock of idle connections.
    start: Instant,
    full: Throttle,
    refusals: Refusals,
}

impl<E: Endpoint<Output = Response> + 'static> Dispatcher<E> {
    fn new(workers: Vec<Worker<E>>, address: SocketAddr, limits: Limits) -> Self {
        Self {
            workers,
            address,
            limits,
            graceful: GracefulShutdown::new(),
            tasks: JoinSet::new(),
            open: Connections::default(),
            start: Instant::now(),
            full: Throttle::default(),
            refusals: Refusals::default(),
        }
    }

    /// Spawns the connection's task on the runtime of the worker with the fewest connections.
    fn dispatch(&mut self, stream: net::TcpStream, peer: SocketAddr) {
        let only_probes = self.is_only_for_probes();
        let Some(worker) = self.workers.iter().min_by_key(|worker| worker.load()) else {
            return;
        };
        let state = Arc::new(ConnectionState::new(self.start, only_probes));
        let (app, local, limits) = (Arc::clone(&worker.app), self.address, self.limits);
        let (watcher, refusals) = (self.graceful.watcher(), self.refusals.clone());
        let shared = Arc::clone(&state);
        let served = async move {
            let stream = TcpStream::from_std(stream)?;
            let stream = ClientStream::new(stream, limits, Arc::clone(&shared), refusals);
            let connection = watcher.watch(connection(app, stream, local, peer));
            tokio::select! {
                // A connection with a request is not evicted, also where both are ready.
                biased;
                served = connection => served.map_err(io::Error::other),
                () = shared.evicted() => Ok(()),
            }
        };
        let logged = async move {
            if let Err(error) = served.await {
                tracing::debug!(%peer, %error, "connection failed");
            }
        };
        let task = self.tasks.spawn_on(logged, &worker.runtime);
        self.open.insert(task.id(), state);
    }

    /// Evicts a connection where the maximum is open. Returns whether a new connection is only for probes: where
    /// none idles, and in the place of such a connection.
    fn is_only_for_probes(&mut self) -> bool {
        if self.open.full() < self.limits.max_connections {
            return false;
        }
        self.full.add(|connections| {
            tracing::warn!(
                connections,
                "MAX_CONNECTIONS are open: for further ones, those that idle longest are closed"
            );
        });
        self.open.evict().is_none_or(|evicted| evicted.only_probes)
    }

    /// Forgets a connection that has ended.
    fn ended(&mut self, ended: Result<(task::Id, ()), JoinError>) {
        let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
        self.open.remove(id);
    }
}
