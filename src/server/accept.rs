//! The clients' connections: how many there may be, how long each may take, how they end.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::head::HeadTimer;
use super::socket::Socket;
use crate::config::Config;
use crate::telemetry::Tally;

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

/// Serves `app` on `listener` until `stop` completes; then takes no more connections, closes the
/// idle ones, and gives the requests in flight time to finish.
///
/// It speaks HTTP/1.1 only: that is what load balancers speak to what is behind them, and each
/// connection then has one request at a time, so that a limit on connections is one on requests.
///
/// # Errors
///
/// The listener is of no use.
pub async fn serve(
    listener: TcpListener,
    app: impl Endpoint<Output = Response> + 'static,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let server = Server {
        app: Arc::new(app),
        address: listener.local_addr()?,
        limits,
        graceful: GracefulShutdown::new(),
    };
    tracing::info!(addr = %LocalAddr(server.address.into()), "listening");
    let (full, failed) = (Tally::default(), Tally::default());
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
                connections.spawn(server.connection(stream, peer));
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
async fn accept(listener: &TcpListener, failed: &Tally) -> (TcpStream, SocketAddr) {
    loop {
        let accepted = listener.accept().await.and_then(|(stream, peer)| {
            // Answers are small and complete: they must not wait for more to send.
            stream.set_nodelay(true)?;
            Ok((stream, peer))
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
    app: Arc<E>,
    address: SocketAddr,
    limits: Limits,
    graceful: GracefulShutdown,
}

impl<E: Endpoint<Output = Response> + 'static> Server<E> {
    /// Serves one connection to its end.
    fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> impl Future<Output = ()> + Send + use<E> {
        let (app, address, limits) = (Arc::clone(&self.app), self.address, self.limits);
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let app = Arc::clone(&app);
            async move {
                let (local, remote) = (LocalAddr(address.into()), RemoteAddr(peer.into()));
                let request = (request, local, remote, Scheme::HTTP).into();
                // Boxed: hyper keeps room for it in every connection, the idle ones too.
                let response = Box::pin(app.get_response(request)).await;
                Ok::<hyper::Response<_>, Infallible>(response.into())
            }
        });
        let connection = http1::Builder::new()
            .timer(HeadTimer::new(limits.header_timeout, limits.idle_timeout))
            .header_read_timeout(limits.idle_timeout)
            .max_header_size(MAX_HEAD_BYTES)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(Socket::new(stream, limits)), service);
        let connection = self.graceful.watch(connection);
        async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "connection failed");
            }
        }
    }
}
