//! The endpoint `/metrics` for Prometheus, on a separate port.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use poem::http::{Method, StatusCode};
use poem::{Endpoint, Request, Response};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::Instrument;

use super::{Limits, Worker, listen, serve};
use crate::api::State;
use crate::config::{Config, StoreConfig};
use crate::error::StartError;
use crate::store::maintenance::Maintenance;
use crate::telemetry::metrics::{self, CONTENT_TYPE, Metrics};

const PATH: &str = "/metrics";
/// Timeout of calls to the store during a scrape, well below Prometheus's default of ten seconds.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

/// Limits of the connections of scrapers: few clients, with a request every few seconds.
const LIMITS: Limits = Limits {
    max_connections: 32,
    header_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(120),
    write_timeout: Duration::from_secs(10),
    linger: Duration::from_secs(1),
    shutdown_grace: Duration::from_millis(500),
};

/// Enables the metrics when their port is configured.
pub(super) fn enable(
    config: &Config,
    store: &StoreConfig<'_>,
) -> Result<Option<&'static Metrics>, StartError> {
    if config.metrics_port.is_none() {
        return Ok(None);
    }
    let enabled = metrics::enable(store.name()).map(Some);
    enabled.map_err(|error| StartError::Environment(format!("cannot measure: {error}")))
}

/// The server of the metrics endpoint.
pub(super) struct MetricsServer {
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

impl MetricsServer {
    /// Listens on the port of the metrics; `None` when metrics are not enabled.
    pub(super) fn start(
        config: &Config,
        endpoint: Option<MetricsEndpoint>,
    ) -> Result<Option<Self>, StartError> {
        let (Some(endpoint), Some(address)) = (endpoint, config.metrics_address()) else {
            return Ok(None);
        };
        let listener = listen(address, "--metrics-port 9090")?;
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        let worker = Worker::new(Handle::current(), endpoint);
        let serving = serve(listener, vec![worker], LIMITS, stopped);
        let serving = tokio::spawn(serving.instrument(tracing::info_span!("metrics")));
        Ok(Some(Self { stop, serving }))
    }

    /// Stops the server after the scrapes in flight.
    pub(super) async fn end(self) {
        drop(self.stop);
        match self.serving.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "metrics could not be served"),
            Err(error) => tracing::error!(%error, "metrics could not be served"),
        }
    }
}

/// The endpoint `/metrics`, which updates the gauges of the process and the store at each scrape.
pub(super) struct MetricsEndpoint {
    metrics: &'static Metrics,
    state: State,
    store: Arc<dyn Maintenance>,
    runtimes: Vec<Handle>,
}

impl MetricsEndpoint {
    /// Returns the endpoint for the runtimes of the workers and a store.
    pub(super) fn new(
        metrics: &'static Metrics,
        state: State,
        store: Arc<dyn Maintenance>,
        runtimes: Vec<Handle>,
    ) -> Self {
        Self {
            metrics,
            state,
            store,
            runtimes,
        }
    }

    async fn update(&self) {
        self.metrics.process.update(&self.runtimes);
        let (is_ready, _, verified) = tokio::join!(
            timeout(STORE_TIMEOUT, self.state.is_ready()),
            timeout(STORE_TIMEOUT, self.store.update_gauges()),
            timeout(STORE_TIMEOUT, self.store.last_verification())
        );
        self.metrics
            .http
            .ready
            .set(is_ready.unwrap_or(false).into());
        // After an error of the store, the gauges keep the last known values.
        if let Ok(Ok(Some(last))) = verified {
            let (gauges, verified) = (&self.metrics.verified, last.report);
            let unrepaired = verified.differences.saturating_sub(verified.repaired);
            gauges.ended.set(saturated(last.ended));
            gauges.sessions.set(saturated(verified.sessions));
            gauges.differences.set(saturated(unrepaired));
            gauges.repaired.set(saturated(verified.repaired));
            gauges.unsettled.set(saturated(verified.unsettled));
        }
    }
}

impl Endpoint for MetricsEndpoint {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if request.uri().path() != PATH {
            return Ok(StatusCode::NOT_FOUND.into());
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return Ok(StatusCode::METHOD_NOT_ALLOWED.into());
        }
        self.update().await;
        let text = self.metrics.text();
        Ok(match text {
            Ok(text) => Response::builder().content_type(CONTENT_TYPE).body(text),
            Err(error) => {
                tracing::error!(%error, "the metrics cannot be written");
                StatusCode::INTERNAL_SERVER_ERROR.into()
            }
        })
    }
}

fn saturated(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}
