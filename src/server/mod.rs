//! The service: the API on a store, with metrics and control socket, until the shutdown.

mod connection;
mod connection_state;
mod control;
mod header_timer;
mod limits;
mod listener;
mod metrics_endpoint;
mod refusal;
mod rlimit;
mod shutdown;
mod workers;

pub use limits::Limits;
pub use listener::serve;
pub use rlimit::allow_open_files;
pub use workers::Worker;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use poem::{Endpoint, Response};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{self, Handle};

use crate::api::{self, BODY_BYTES, State};
use crate::config::{Config, StoreConfig};
use crate::error::StartError;
use crate::signals::Signals;
use crate::store::Store;
use crate::telemetry;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::trace::Traces;
use control::ControlServer;
use metrics_endpoint::{MetricsEndpoint, MetricsServer};
use workers::WorkerThreads;

/// Length of the accept queue, up to the machine's limit. A client beyond the queue repeats its connect
/// after a second, so the queue should hold a burst of clients.
const BACKLOG: u32 = 4_096;

/// Serves until SIGTERM, SIGHUP or SIGINT.
///
/// # Errors
///
/// The log, the store or a listener cannot be opened as configured.
pub fn run(config: &Config) -> Result<(), StartError> {
    telemetry::start(config)?;
    let failed = |error| cannot("start threads", &error);
    let threads = WorkerThreads::start(config.threads).map_err(failed)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.map_err(failed)?.block_on(async {
        // Before the store, whose connections count in the metrics.
        let store = config.store_config()?;
        let metrics = metrics_endpoint::enable(config, &store)?;
        let traces = Traces::start(config)?;
        let served = serve_on(&threads, config, &store, metrics).await;
        if let Some(traces) = traces {
            traces.end().await;
        }
        served
    });
    drop(threads);
    telemetry::end();
    served
}

async fn serve_on(
    threads: &WorkerThreads,
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
    let store = stores
        .first()
        .ok_or_else(|| StartError::Environment("there is no thread to serve on".into()))?;
    tracing::info!(store = store.requests.name(), "store open");
    let control = open_control(store_config, store);
    let listener = listen(config.address(), "--port 8080")?;
    let state = state(config, store);
    let endpoint = metrics.map(|metrics| {
        let maintenance = Arc::clone(&store.maintenance);
        MetricsEndpoint::new(metrics, state.clone(), maintenance, runtimes.clone())
    });
    let metrics_server = MetricsServer::start(config, endpoint)?;
    let workers = workers(&state, runtimes, stores, config.request_timeout);
    let requested = shutdown::requested(signals, state, config.drain_delay);
    let stop = async {
        requested.await;
        control.iter().for_each(ControlServer::close);
    };
    let served = serve(listener, workers, limits, stop).await;
    if let Some(control) = control {
        control.closed().await;
    }
    // Last: a scrape can still read the final counts.
    if let Some(metrics_server) = metrics_server {
        metrics_server.end().await;
    }
    served.map_err(|error| cannot("serve", &error))
}

/// Returns the state of all requests.
fn state(config: &Config, store: &Store) -> State {
    State::new(
        Arc::clone(&store.requests),
        config.max_requests,
        BODY_BYTES,
        config.longest_pause(),
    )
}

/// Returns a worker per runtime, with the store of the runtime.
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

/// Opens the control socket of an embedded store; a failure is a warning, as requests do not need the
/// socket.
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

/// Listens with a queue of [`BACKLOG`] connections. The error message names the cause and an
/// alternative.
fn listen(address: SocketAddr, other: &str) -> Result<TcpListener, StartError> {
    let listen = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        // A restart would otherwise wait for TIME_WAIT of the former process's connections.
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
    fn the_error_of_a_refused_port_is_one_line_with_an_alternative() {
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
