//! Metrics of HTTP requests.

use std::sync::OnceLock;
use std::time::Duration;

use prometheus::{Histogram, HistogramVec, IntCounter, IntGauge, Result};

use super::Register;

/// Buckets of durations, in seconds: from a fast read on Redis to the default of `REQUEST_TIMEOUT`.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0,
];
/// Usual statuses of responses, whose histograms are cached per operation.
const USUAL: [u16; 10] = [200, 201, 204, 304, 400, 404, 410, 422, 500, 503];
/// Label of methods that the API does not know.
const OTHER: &str = "other";
/// Label of requests without a route.
const NO_ROUTE: &str = "none";
/// Status of a request whose client closed the connection, as in the logs of load balancers.
pub const CLIENT_GONE: u16 = 499;

/// Metrics of HTTP requests.
pub struct HttpMetrics {
    durations: HistogramVec,
    /// Number of requests in flight.
    pub in_flight: IntGauge,
    /// Readiness of the service, as of the last scrape.
    pub ready: IntGauge,
    shed_requests: IntCounter,
    shed_bodies: IntCounter,
}

/// The reason of an overload response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shed {
    /// All permits are in use.
    Requests,
    /// The memory budget of large bodies is used up.
    Bodies,
}

impl HttpMetrics {
    pub(super) fn new(register: &Register) -> Result<Self> {
        let shed = register.counters(
            "study_stats_http_requests_shed_total",
            "Requests answered 503 overloaded, by what there was too much of",
            &["reason"],
        )?;
        Ok(Self {
            durations: register.histograms(
                "study_stats_http_request_duration_seconds",
                "Time from the head of a request to the head of its answer",
                &["route", "method", "status"],
                &BUCKETS,
            )?,
            in_flight: register.gauge(
                "study_stats_http_requests_in_flight",
                "Requests that are being served",
            )?,
            ready: register.gauge(
                "study_stats_ready",
                "1 where the store can be reached and the service is not about to end, else 0",
            )?,
            shed_requests: shed.with_label_values(&["requests"]),
            shed_bodies: shed.with_label_values(&["bodies"]),
        })
    }

    /// Counts an overload response.
    pub fn shed(&self, reason: Shed) {
        match reason {
            Shed::Requests => self.shed_requests.inc(),
            Shed::Bodies => self.shed_bodies.inc(),
        }
    }

    /// Returns the metrics of one operation.
    #[must_use]
    pub fn operation(&self, route: &str, method: &str) -> OperationMetrics {
        OperationMetrics {
            durations: self.durations.clone(),
            route: route.to_owned(),
            method: method.to_owned(),
            usual: Default::default(),
        }
    }

    /// Counts a request without an operation.
    pub fn other(&self, route: Option<&str>, method: &str, status: u16, took: Duration) {
        const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let known = METHODS.into_iter().find(|known| *known == method);
        self.durations
            .with_label_values(&[
                route.unwrap_or(NO_ROUTE),
                known.unwrap_or(OTHER),
                &status.to_string(),
            ])
            .observe(took.as_secs_f64());
    }
}

/// Metrics of the requests of one operation.
pub struct OperationMetrics {
    durations: HistogramVec,
    route: String,
    method: String,
    /// Cached on the first use, so that a scrape has no histograms without observations.
    usual: [OnceLock<Histogram>; USUAL.len()],
}

impl OperationMetrics {
    /// Counts a request.
    pub fn observe(&self, status: u16, took: Duration) {
        let find = || {
            let labels = [&*self.route, &*self.method, &*status.to_string()];
            self.durations.with_label_values(&labels)
        };
        match USUAL.iter().position(|usual| *usual == status) {
            Some(number) => self.usual[number]
                .get_or_init(find)
                .observe(took.as_secs_f64()),
            None => find().observe(took.as_secs_f64()),
        }
    }
}
