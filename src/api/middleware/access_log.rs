//! Access log: log line, metrics and span of each request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use poem::Request;
use poem::http::{Method, StatusCode, Uri};

use super::routes::Routes;
use crate::api::extract::learner::Learner;
use crate::telemetry::metrics::{self, CLIENT_GONE, OperationMetrics};
use crate::telemetry::trace::RequestSpan;
use crate::telemetry::{ACCESS, Throttle};

/// Maximum number of requests with the status 503 that are logged by themselves in a second: while the store is
/// away, all requests fail for the same cause.
const FAILURES: u64 = 3;

/// Access log of an API.
pub(crate) struct AccessLog {
    routes: Arc<Routes>,
    /// Metrics of each operation, by number of the route; empty without metrics.
    operations: Vec<Vec<(Method, OperationMetrics)>>,
    /// Throttle of failures for which the store is the cause.
    unavailable: Throttle,
}

impl AccessLog {
    /// Access log of the requests on `routes`.
    pub(crate) fn new(routes: &Arc<Routes>) -> Self {
        let operations = metrics::get().map(|metrics| {
            let of_routes = routes.iter().map(|route| {
                let methods = route.methods.iter().cloned();
                let operations = methods.map(|method| {
                    let operation = metrics.http.operation(&route.pattern, method.as_str());
                    (method, operation)
                });
                operations.collect()
            });
            of_routes.collect()
        });
        Self {
            routes: Arc::clone(routes),
            operations: operations.unwrap_or_default(),
            unavailable: Throttle::default(),
        }
    }

    /// Begins the entry of a request.
    pub(crate) fn begin(&self, request: &Request, request_id: String) -> AccessEntry<'_> {
        if let Some(metrics) = metrics::get() {
            metrics.http.in_flight.inc();
        }
        let method = request.method().clone();
        let learner = tracing::enabled!(tracing::Level::DEBUG)
            .then(|| request.header(Learner::HEADER).map(ToOwned::to_owned))
            .flatten();
        AccessEntry {
            log: self,
            start: Instant::now(),
            span: RequestSpan::begin(&method, request.headers(), &request_id),
            method,
            uri: request.uri().clone(),
            learner,
            request_id,
            is_recorded: false,
        }
    }
}

/// Entry of the access log for a request in progress. A drop before the end records that the client has
/// closed the connection.
pub(crate) struct AccessEntry<'a> {
    log: &'a AccessLog,
    start: Instant,
    method: Method,
    uri: Uri,
    /// Header with the learner's id, for the log level debug only.
    learner: Option<String>,
    request_id: String,
    span: Option<RequestSpan>,
    is_recorded: bool,
}

/// Outcome of a request.
pub(crate) struct RequestOutcome<'a> {
    /// Pattern of the route in poem, if the request reached a route.
    pub(crate) pattern: Option<&'a str>,
    pub(crate) status: StatusCode,
    /// Cause of a failure of the service.
    pub(crate) cause: Option<String>,
}

impl AccessEntry<'_> {
    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    pub(crate) fn span(&self) -> Option<&RequestSpan> {
        self.span.as_ref()
    }

    /// Records the outcome of the request, and logs the cause of a failure.
    pub(crate) fn end(mut self, outcome: &RequestOutcome<'_>) {
        self.is_recorded = true;
        let status = outcome.status.as_u16();
        let took = self.start.elapsed();
        self.record(outcome.pattern, status, took);
        let Some(cause) = &outcome.cause else {
            return;
        };
        let route = self.route(self.number(outcome.pattern));
        let (method, request_id, micros) = (&self.method, self.request_id(), micros(took));
        let trace_id = self.trace_id();
        if outcome.status != StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!(%method, route, status, micros, request_id, trace_id, cause, "request failed");
            return;
        }
        let log = || {
            tracing::warn!(%method, route, status, micros, request_id, trace_id, cause, "request failed");
        };
        self.log.unavailable.add_beyond(FAILURES, log, |further| {
            tracing::warn!(
                further,
                "further requests failed, as the store was unavailable or too slow"
            );
        });
    }

    /// Records the request in metrics, span and log.
    fn record(&self, pattern: Option<&str>, status: u16, took: Duration) {
        self.count(pattern, status, took);
        if let Some(span) = &self.span {
            let route = self.route(self.number(pattern));
            span.end(&self.method, route, status);
        }
        let (method, request_id, micros) = (&self.method, self.request_id(), micros(took));
        if tracing::enabled!(target: ACCESS, tracing::Level::INFO) {
            let (route, trace_id) = (self.route(self.number(pattern)), self.trace_id());
            tracing::info!(target: ACCESS, %method, route, status, micros, request_id, trace_id, "access");
        }
        if tracing::enabled!(tracing::Level::DEBUG) {
            let route = self.route(self.number(pattern));
            let (path, learner) = (self.uri.path(), &self.learner);
            tracing::debug!(%method, route, status, micros, request_id, path, learner, "request");
        }
    }

    /// Observes the request in the metrics, if there are metrics.
    fn count(&self, pattern: Option<&str>, status: u16, took: Duration) {
        let Some(metrics) = metrics::get() else {
            return;
        };
        let number = self.number(pattern);
        let mut operations = number
            .and_then(|number| self.log.operations.get(number))
            .into_iter()
            .flatten();
        match operations.find(|(method, _)| *method == self.method) {
            Some((_, operation)) => operation.observe(status, took),
            None => {
                let (route, method) = (self.route(number), self.method.as_str());
                metrics.http.other(route, method, status, took);
            }
        }
    }

    /// Number of the route: by the pattern, or by the path for a request without response.
    fn number(&self, pattern: Option<&str>) -> Option<usize> {
        let routes = &self.log.routes;
        match pattern {
            Some(pattern) => routes.by_pattern(pattern),
            None => routes.by_path(self.uri.path()),
        }
    }

    /// Pattern of the route. Replaces the path in log and metrics, as paths have ids.
    fn route(&self, number: Option<usize>) -> Option<&str> {
        let route = self.log.routes.get(number?)?;
        Some(&route.pattern)
    }

    fn trace_id(&self) -> Option<String> {
        self.span.as_ref().map(|span| span.trace_id().to_string())
    }
}

impl Drop for AccessEntry<'_> {
    fn drop(&mut self) {
        if !self.is_recorded {
            // Dropped before the response: the client closed the connection.
            self.record(None, CLIENT_GONE, self.start.elapsed());
        }
        if let Some(metrics) = metrics::get() {
            metrics.http.in_flight.dec();
        }
    }
}

/// Microseconds as `u64`, as the JSON log writes a `u128` as text.
fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
