//! The clients' connections: how many there may be, how long each may take, how they end.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::header_timer::HeadTimer;
use super::socket::Socket;
use crate::config::Config;
use crate::telemetry::Throttle;

/// Wait after a connection could not be accepted: time for others to close, where there are too
/// many files open.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);
/// Largest head of a request, in bytes, and all that is read ahead of a body.
const MAX_HEAD_BYTES: usize = 16 << 10;
/// How long a client may read nothing of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client that is still sending is listened to after its connection has ended.
const LINGER: Duration = Duration::from_secs(1);

/// What clients may take of the server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most connections at once.
    pub max_connections: usize,
    /// Longest wait for the head of a connection's first request.
    pub header_timeout: Duration,
    /// Longest wait for the head of a further one.
    pub idle_timeout: Duration,
    /// Longest wait for the client to read some of its answer.
    pub write_timeout: Duration,
    /// Longest wait for the client to close its side after the server has closed its own.
    pub linger: Duration,
    /// Longest wait for the requests in flight at the end.
    pub shutdown_grace: Duration,
}

impl From<&Config> for Limits {
    fn from(config: &Config) -> Self {
        Self {
            max_connections: config.max_connections,
            header_timeout: config.header_timeout,
            idle_timeout: config.idle_timeout,
            write_timeout: WRITE_TIMEOUT,
            linger: LINGER,
            shutdown_grace: config.shutdown_grace,
        }
    }
}

/// Who serves connections: an app, and the runtime that it runs on.
pub struct Worker<E> {
    runtime: Handle,
    app: Arc<E>,
}

impl<E> Worker<E> {
    /// A worker that runs `app` on `runtime`.
    pub fn new(runtime: Handle, app: E) -> Self {
        Self {
            runtime,
            app: Arc::new(app),
        }
    }

    /// How many connections it serves: each has the app.
    fn load(&self) -> usize {
        Arc::strong_count(&self.app)
    }
}

/// Serves the connections that come to `listener` until `stop` completes; then takes no more of them,
/// closes the idle ones, and gives the requests in flight time to finish. Each goes to the worker
/// that has the fewest, and stays there.
///
/// It speaks HTTP/1.1 only: that is what load balancers speak to what is behind them, and each
/// connection then has one request at a time, so that a limit on connections is one on requests.
///
/// # Errors
///
/// The listener is of no use.
pub async fn serve(
    listener: TcpListener,
    workers: Vec<Worker<impl Endpoint<Output = Response> + 'static>>,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let server = Server {
        workers,
        address: listener.local_addr()?,
        limits,
        graceful: GracefulShutdown::new(),
    };
    tracing::info!(addr = %LocalAddr(server.address.into()), "listening");
    let (full, failed) = (Throttle::default(), Throttle::default());
    // Those that are left when this ends are aborted. A panic in one ends that one only.
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
                server.hand_over(stream, peer, &mut connections);
            }
        }
    }
    drop(listener);
    let finished = tokio::time::timeout(limits.shutdown_grace, server.graceful.shutdown()).await;
    match finished {
        Ok(()) => tracing::info!("stopped"),
        Err(_) => tracing::warn!("stopped with requests in flight"),
    }
    Ok(())
}

/// The next connection; goes on when one fails.
async fn accept(listener: &TcpListener, failed: &Throttle) -> (net::TcpStream, SocketAddr) {
    loop {
        let accepted = listener.accept().await.and_then(|(stream, peer)| {
            // Answers are small and complete: they must not wait for more to send.
            stream.set_nodelay(true)?;
            Ok((stream.into_std()?, peer))
        });
        match accepted {
            Ok(accepted) => return accepted,
            Err(error) => {
                failed.add(move |times| {
                    tracing::warn!(times, %error, "connections could not be accepted");
                });
                tokio::time::sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

/// What all connections share.
struct Server<E> {
    workers: Vec<Worker<E>>,
    address: SocketAddr,
    limits: Limits,
    graceful: GracefulShutdown,
}

impl<E: Endpoint<Output = Response> + 'static> Server<E> {
    /// Has a connection served to its end.
    fn hand_over(&self, stream: net::TcpStream, peer: SocketAddr, connections: &mut JoinSet<()>) {
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

/// One connection to a client, on the runtime that this is called on.
fn connection<E: Endpoint<Output = Response> + 'static>(
    app: Arc<E>,
    stream: TcpStream,
    local: SocketAddr,
    peer: SocketAddr,
    limits: Limits,
) -> impl GracefulConnection<Error = hyper::Error> {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let app = Arc::clone(&app);
        async move {
            let (local, remote) = (LocalAddr(local.into()), RemoteAddr(peer.into()));
            let request = (request, local, remote, Scheme::HTTP).into();
            // Boxed: hyper keeps room for it in every connection, the idle ones too.
            let response = Box::pin(app.get_response(request)).await;
            Ok::<hyper::Response<_>, Infallible>(response.into())
        }
    });
    http1::Builder::new()
        .timer(HeadTimer::new(limits.header_timeout, limits.idle_timeout))
        .header_read_timeout(limits.idle_timeout)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(Socket::new(stream, limits)), service)
}
