//! Puts the parts together, and serves until it is told to stop.

use std::future::Future;
use std::io;
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::{Acceptor, TcpAcceptor};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, Response, Server};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::api::{self, Context};
use crate::config::{Config, StartError};
use crate::{store, telemetry};

/// Wait after a connection could not be accepted: time for others to close, where there are too
/// many files open.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// Serves as the configuration says, until SIGTERM or SIGINT.
///
/// # Errors
///
/// The log, the store or the listener cannot be had as configured.
pub fn run(config: &Config) -> Result<(), StartError> {
    telemetry::start(config.log_format, &config.log)?;
    let runtime = runtime::Builder::new_multi_thread().enable_all().build();
    runtime
        .map_err(|error| cannot("start threads", &error))?
        .block_on(async {
            let signals = Signals::listen().map_err(|error| cannot("listen to signals", &error))?;
            let store = store::open(config)?;
            tracing::info!(store = store.name(), "store open");
            let listener = TcpListener::bind(config.address())
                .await
                .map_err(|error| refused(config, &error))?;
            let context = Context::new(store);
            let stop = signals.stop(context.clone(), config.drain_delay);
            let app = api::endpoint(&context, config.request_timeout);
            serve(listener, app, stop, config.shutdown_grace)
                .await
                .map_err(|error| cannot("serve", &error))
        })
}

/// Serves `app` on `listener` until `stop` completes; then takes no more connections, and gives
/// the requests in flight `grace` to finish.
///
/// # Errors
///
/// The listener is of no use.
pub async fn serve(
    listener: TcpListener,
    app: impl Endpoint<Output = Response> + 'static,
    stop: impl Future<Output = ()>,
    grace: Duration,
) -> io::Result<()> {
    let acceptor = ServiceAcceptor(TcpAcceptor::from_tokio(listener)?);
    Server::new_with_acceptor(acceptor)
        .run_with_graceful_shutdown(app, stop, Some(grace))
        .await
}

/// Accepts TCP connections, and goes on when one fails.
struct ServiceAcceptor(TcpAcceptor);

impl Acceptor for ServiceAcceptor {
    type Io = TcpStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.0.local_addr()
    }

    async fn accept(&mut self) -> io::Result<(TcpStream, LocalAddr, RemoteAddr, Scheme)> {
        let accepted = self.0.accept().await;
        match &accepted {
            // Answers are small and complete: they must not wait for more to send.
            Ok((stream, ..)) => stream.set_nodelay(true)?,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_BACKOFF).await;
            }
        }
        accepted
    }
}

/// The signals that ask the process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Completes when the listener should close: on SIGINT at once, as a person waits; on SIGTERM
    /// after `delay`, in which load balancers notice that the service is no longer ready. A second
    /// signal ends the process.
    async fn stop(mut self, context: Context, delay: Duration) {
        let delay = tokio::select! {
            _ = self.terminate.recv() => delay,
            _ = self.interrupt.recv() => Duration::ZERO,
        };
        context.start_draining();
        tracing::info!(?delay, "stopping: no longer ready, still serving");
        tokio::spawn(async move {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
            }
            tracing::warn!("stopped at once by a second signal");
            std::process::exit(1);
        });
        tokio::time::sleep(delay).await;
    }
}

fn cannot(what: &str, error: &io::Error) -> StartError {
    StartError::Environment(format!("cannot {what}: {error}"))
}

/// Tells the operator why the address cannot be listened on, and what would be right.
fn refused(config: &Config, error: &io::Error) -> StartError {
    let address = config.address();
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            ": ports below 1024 need a right that this user lacks; try --port 8080"
        }
        io::ErrorKind::AddrInUse => ": another process listens there; stop it, or try --port 8080",
        io::ErrorKind::AddrNotAvailable => ": this machine has no such address; try --host 0.0.0.0",
        _ => "",
    };
    StartError::Environment(format!("cannot listen on {address}: {error}{advice}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::Cli;

    #[test]
    fn a_refused_port_is_told_in_one_line_with_another_to_try() {
        let config = Cli::parse_from(["study-stats"]).config;
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::AddrInUse] {
            let line = refused(&config, &kind.into()).to_string();
            assert!(
                line.contains("0.0.0.0:80") && line.contains("--port 8080"),
                "{line}"
            );
            assert_eq!(line.lines().count(), 1);
        }
    }
}
