//! What Prometheus fetches: `/metrics`, on a port of its own.

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
use crate::telemetry::metrics::{self, CONTENT_TYPE, Metrics, StoreKind};

const PATH: &str = "/metrics";
/// How long the store is asked for: Prometheus waits for ten seconds, unless it is told otherwise.
const PATIENCE: Duration = Duration::from_secs(2);

/// What those may take who fetch metrics: they are few, and ask every few seconds.
const LIMITS: Limits = Limits {
    max_connections: 32,
    header_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(120),
    write_timeout: Duration::from_secs(10),
    linger: Duration::from_secs(1),
    shutdown_grace: Duration::from_millis(500),
};

/// Has everything counted from now on, where a port for that is configured.
pub(super) fn enable(
    config: &Config,
    store: &StoreConfig<'_>,
) -> Result<Option<&'static Metrics>, StartError> {
    if config.metrics_port.is_none() {
        return Ok(None);
    }
    let store = match store {
        StoreConfig::Embedded { .. } => StoreKind::Embedded,
        StoreConfig::Redis { .. } => StoreKind::Redis,
    };
    let enabled = metrics::enable(store).map(Some);
    enabled.map_err(|error| StartError::Environment(format!("cannot measure: {error}")))
}

/// The listener that metrics are fetched from.
pub(super) struct Fetched {
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

impl Fetched {
    /// Listens, where a port for that is configured.
    pub(super) fn start(config: &Config, scrape: Scrape) -> Result<Option<Self>, StartError> {
        let Some(address) = config.metrics_address() else {
            return Ok(None);
        };
        let listener = listen(address, "--metrics-port 9090")?;
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        let worker = Worker::new(Handle::current(), scrape);
        let serving = serve(listener, vec![worker], LIMITS, stopped);
        let serving = tokio::spawn(serving.instrument(tracing::info_span!("metrics")));
        Ok(Some(Self { stop, serving }))
    }

    /// Answers who is asking, and no more.
    pub(super) async fn end(self) {
        drop(self.stop);
        match self.serving.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "metrics could not be served"),
            Err(error) => tracing::error!(%error, "metrics could not be served"),
        }
    }
}

/// Gives the metrics, having looked at what nobody tells by itself.
pub(super) struct Scrape {
    metrics: &'static Metrics,
    state: State,
    store: Arc<dyn Maintenance>,
    runtimes: Vec<Handle>,
}

impl Scrape {
    /// Of each of the runtimes that serve, and its store, without the calls to that being counted.
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

    async fn look(&self) {
        self.metrics.process.look(&self.runtimes);
        let (is_ready, _, verified) = tokio::join!(
            timeout(PATIENCE, self.state.is_ready()),
            timeout(PATIENCE, self.store.update_gauges()),
            timeout(PATIENCE, self.store.last_verification())
        );
        self.metrics
            .http
            .ready
            .set(is_ready.unwrap_or(false).into());
        // Where the store is away, what was known of it stays.
        if let Ok(Ok(Some(last))) = verified {
            let (gauges, verified) = (&self.metrics.verified, last.verified);
            let unmended = verified.differences.saturating_sub(verified.mended);
            gauges.ended.set(saturated(last.ended));
            gauges.sessions.set(saturated(verified.sessions));
            gauges.differences.set(saturated(unmended));
            gauges.mended.set(saturated(verified.mended));
            gauges.unsettled.set(saturated(verified.unsettled));
        }
    }
}

impl Endpoint for Scrape {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if request.uri().path() != PATH {
            return Ok(StatusCode::NOT_FOUND.into());
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return Ok(StatusCode::METHOD_NOT_ALLOWED.into());
        }
        self.look().await;
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
