//! Puts the parts together, and serves until it is told to stop.

mod control;
mod header_timer;
mod listener;
mod metrics_endpoint;
mod rlimit;
mod signals;
mod socket;
mod workers;

pub use listener::{Limits, Worker, serve};
pub use rlimit::allow_open_files;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use poem::{Endpoint, Response};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{self, Handle};

use super::telemetry;
use crate::api::{self, BODY_BYTES, State};
use crate::config::{Config, StoreConfig};
use crate::error::StartError;
use crate::store::Store;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::trace::Traces;
use control::ControlServer;
use metrics_endpoint::{Fetched, Scrape};
use signals::Signals;
use workers::Threads;

/// Connections that may wait to be accepted, as far as the machine allows. Further clients try again
/// after a second, so a burst of them should find room.
const BACKLOG: u32 = 4_096;

/// Serves as the configuration says, until SIGTERM or SIGINT.
///
/// # Errors
///
/// The log, the store or a listener cannot be had as configured.
pub fn run(config: &Config) -> Result<(), StartError> {
    telemetry::start(config)?;
    let failed = |error| cannot("start threads", &error);
    let threads = Threads::start().map_err(failed)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(failed)?.block_on(async {
        // First, so that what happens from now on is in them.
        let store = config.store_config()?;
        let metrics = metrics_endpoint::enable(config, &store)?;
        let traces = Traces::start(config)?;
        let served = serve_on(&threads, config, &store, metrics).await;
        if let Some(traces) = traces {
            traces.end().await;
        }
        served
    })
}

async fn serve_on(
    threads: &Threads,
    config: &Config,
    store_config: &StoreConfig<'_>,
    metrics: Option<&'static Metrics>,
) -> Result<(), StartError> {
    let signals = Signals::listen().map_err(|error| cannot("listen to signals", &error))?;
    let limits = Limits {
        max_connections: rlimit::connections(config.max_connections),
        ..Limits::from(config)
    };
    let runtimes = threads.runtimes();
    let stores = Store::open_for_each(&runtimes, store_config)?;
    let stores: Vec<_> = stores.into_iter().map(Store::instrumented).collect();
    let store = stores
        .first()
        .ok_or_else(|| StartError::Environment("there is no thread to serve on".into()))?;
    tracing::info!(store = store.requests.name(), "store open");
    let control = open_control(store_config, store);
    let listener = listen(config.address(), "--port 8080")?;
    let state = State::new(
        Arc::clone(&store.requests),
        config.max_requests,
        BODY_BYTES,
        config.longest_pause(),
    );
    let fetched = metrics.map(|metrics| {
        let maintenance = Arc::clone(&store.maintenance);
        let scrape = Scrape::new(metrics, state.clone(), maintenance, runtimes.clone());
        Fetched::start(config, scrape)
    });
    let fetched = fetched.transpose()?.flatten();
    let workers = workers(&state, runtimes, stores, config.request_timeout);
    let signalled = signals.stop(state.clone(), config.drain_delay);
    let stop = async {
        signalled.await;
        control.iter().for_each(ControlServer::close);
    };
    let served = serve(listener, workers, limits, stop).await;
    if let Some(control) = control {
        control.closed().await;
    }
    // To the end, for whoever wants to know how it ended.
    if let Some(fetched) = fetched {
        fetched.end().await;
    }
    served.map_err(|error| cannot("serve", &error))
}

/// A worker on each runtime, with the store that belongs to it.
fn workers(
    state: &State,
    runtimes: Vec<Handle>,
    stores: Vec<Store>,
    timeout: Duration,
) -> Vec<Worker<impl Endpoint<Output = Response> + use<>>> {
    let workers = runtimes.into_iter().zip(stores);
    let workers = workers.map(|(runtime, store)| {
        let state = state.with_store(store.requests);
        Worker::new(runtime, api::endpoint(&state, timeout))
    });
    workers.collect()
}

/// Opens the control socket of an embedded store, which only this process has open.
fn open_control(config: &StoreConfig<'_>, store: &Store) -> Option<ControlServer> {
    let StoreConfig::Embedded { directory, .. } = config else {
        return None;
    };
    let control = ControlServer::open(directory, store.clone());
    let refused = |error| {
        tracing::warn!(%error, "commands such as verify and export will find no way to this service");
    };
    control.map_err(refused).ok()
}

/// As `TcpListener::bind`, but for the length of the queue. Where that is refused, the operator is told
/// why, and what to try instead.
fn listen(address: SocketAddr, other: &str) -> Result<TcpListener, StartError> {
    let listen = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        // Else a restart would wait for the last connections of the former process to time out.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|error| refused(address, other, &error))
}

fn cannot(what: &str, error: &io::Error) -> StartError {
    StartError::Environment(format!("cannot {what}: {error}"))
}

fn refused(address: SocketAddr, other: &str, error: &io::Error) -> StartError {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!(": ports below 1024 need a right that this user lacks; try {other}")
        }
        io::ErrorKind::AddrInUse => {
            format!(": another process listens there; stop it, or try {other}")
        }
        io::ErrorKind::AddrNotAvailable => {
            ": this machine has no such address; try --host 0.0.0.0".into()
        }
        _ => String::new(),
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
        let address = Cli::parse_from(["study-stats"]).config.address();
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::AddrInUse] {
            let line = refused(address, "--port 8080", &kind.into()).to_string();
            assert!(
                line.contains("0.0.0.0:80") && line.contains("--port 8080"),
                "{line}"
            );
            assert_eq!(line.lines().count(), 1);
        }
    }
}
