//! What is told of each request: in the log, and where there are metrics and traces, in these.

use std::sync::Arc;
use std::time::{Duration, Instant};

use poem::Request;
use poem::http::{Method, StatusCode, Uri};

use super::routes::Routes;
use crate::telemetry::ACCESS;
use crate::telemetry::metrics::{self, CLIENT_GONE, OperationMetrics};
use crate::telemetry::trace::RequestSpan;

/// Looks at the requests of one API.
pub(crate) struct Observer {
    routes: Arc<Routes>,
    /// What counts those of each operation, by the route's number; none without metrics.
    operations: Vec<Vec<(Method, OperationMetrics)>>,
}

impl Observer {
    pub(crate) fn new(routes: &Arc<Routes>) -> Self {
        let of_routes = metrics::get().map(|metrics| {
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
            operations: of_routes.unwrap_or_default(),
        }
    }

    /// Begins to look at a request.
    pub(crate) fn begin(&self, request: &Request, request_id: String) -> Observation<'_> {
        if let Some(metrics) = metrics::get() {
            metrics.http.in_flight.inc();
        }
        let method = request.method().clone();
        let learner = tracing::enabled!(tracing::Level::DEBUG)
            .then(|| request.header("X-User-Id").map(ToOwned::to_owned))
            .flatten();
        Observation {
            observer: self,
            start: Instant::now(),
            span: RequestSpan::begin(&method, request.headers(), &request_id),
            method,
            uri: request.uri().clone(),
            learner,
            request_id,
            is_told: false,
        }
    }
}

/// A request that is being served.
pub(crate) struct Observation<'a> {
    observer: &'a Observer,
    start: Instant,
    method: Method,
    uri: Uri,
    /// For the log at debug only.
    learner: Option<String>,
    request_id: String,
    span: Option<RequestSpan>,
    is_told: bool,
}

/// What a request came to.
pub(crate) struct Ending<'a> {
    /// The route as poem knows it, where it does.
    pub(crate) pattern: Option<&'a str>,
    pub(crate) status: StatusCode,
    /// Why, where the service is at fault.
    pub(crate) cause: Option<String>,
}

impl Observation<'_> {
    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    pub(crate) fn span(&self) -> Option<&RequestSpan> {
        self.span.as_ref()
    }

    /// Tells what the request came to.
    pub(crate) fn end(mut self, ending: &Ending<'_>) {
        self.is_told = true;
        let status = ending.status.as_u16();
        let took = self.start.elapsed();
        self.tell(ending.pattern, status, took);
        let Some(cause) = &ending.cause else {
            return;
        };
        let route = self.route(self.number(ending.pattern));
        let (method, request_id, micros) = (&self.method, self.request_id(), micros(took));
        let trace_id = self.trace_id();
        if ending.status == StatusCode::SERVICE_UNAVAILABLE {
            tracing::warn!(%method, route, status, micros, request_id, trace_id, cause, "request failed");
        } else {
            tracing::error!(%method, route, status, micros, request_id, trace_id, cause, "request failed");
        }
    }

    /// Tells what is told of every request to whom it concerns.
    fn tell(&self, pattern: Option<&str>, status: u16, took: Duration) {
        if let Some(metrics) = metrics::get() {
            let number = self.number(pattern);
            let mut operations = number
                .and_then(|number| self.observer.operations.get(number))
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

    /// The route's number. It is known by its pattern, but where there is no answer.
    fn number(&self, pattern: Option<&str>) -> Option<usize> {
        let routes = &self.observer.routes;
        match pattern {
            Some(pattern) => routes.by_pattern(pattern),
            None => routes.by_path(self.uri.path()),
        }
    }

    /// The route as it is told. The path is not: it has ids in it.
    fn route(&self, number: Option<usize>) -> Option<&str> {
        let route = self.observer.routes.get(number?)?;
        Some(&route.pattern)
    }

    fn trace_id(&self) -> Option<String> {
        self.span.as_ref().map(|span| span.trace_id().to_string())
    }
}

impl Drop for Observation<'_> {
    fn drop(&mut self) {
        if !self.is_told {
            // Nobody waits for the answer any more.
            self.tell(None, CLIENT_GONE, self.start.elapsed());
        }
        if let Some(metrics) = metrics::get() {
            metrics.http.in_flight.dec();
        }
    }
}

/// A number in JSON too, where one of 128 bits would be text.
fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
