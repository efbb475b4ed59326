//! Metrics, for Prometheus to scrape.
//!
//! Nothing is counted unless metrics are [`enable`]d. Requests count in cached metrics, without a lookup
//! of labels. No label has an id or another value that clients choose.

mod http;
mod process;
mod redis;
mod register;
mod store;

use std::sync::OnceLock;

use prometheus::{IntCounter, Result, TEXT_FORMAT};

pub use http::{CLIENT_GONE, HttpMetrics, OperationMetrics, Shed};
pub use process::ProcessMetrics;
pub use redis::{RedisMetrics, ServerFigures};
use register::Register;
pub use store::{EmbeddedMetrics, OpOutcome, RecordMetrics, StoreOp, StoreOps, VerifyMetrics};

/// Content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = TEXT_FORMAT;

static METRICS: OnceLock<Metrics> = OnceLock::new();

/// All metrics of the process.
pub struct Metrics {
    register: Register,
    /// HTTP requests.
    pub http: HttpMetrics,
    /// Operations of the store.
    pub store_ops: StoreOps,
    /// Records by outcome.
    pub records: RecordMetrics,
    /// The last verification.
    pub verified: VerifyMetrics,
    /// The process and the runtimes.
    pub process: ProcessMetrics,
    embedded: StoreMetrics<EmbeddedMetrics>,
    redis: StoreMetrics<RedisMetrics>,
    /// Lines of the log that were dropped, as no process read the log.
    pub dropped_lines: IntCounter,
    warnings: IntCounter,
    errors: IntCounter,
}

/// Metrics of one kind of store, registered by the first event of such a store; `None` when the
/// registration failed.
type StoreMetrics<T> = OnceLock<Option<T>>;

impl Metrics {
    fn new(store: &str) -> Result<Self> {
        let register = Register::default();
        let build = "The version that runs, and its store; always 1";
        let build = register.gauges("study_stats_build_info", build, &["version", "store"])?;
        build
            .with_label_values(&[env!("CARGO_PKG_VERSION"), store])
            .set(1);
        let lines = "Lines of the log that tell of something to look at";
        let lines = register.counters("study_stats_log_lines_total", lines, &["level"])?;
        Ok(Self {
            http: HttpMetrics::new(&register)?,
            store_ops: StoreOps::new(&register)?,
            records: RecordMetrics::new(&register)?,
            verified: VerifyMetrics::new(&register)?,
            process: ProcessMetrics::new(&register)?,
            embedded: OnceLock::new(),
            redis: OnceLock::new(),
            dropped_lines: register.counter(
                "study_stats_log_lines_dropped_total",
                "Lines of the log that were dropped, as no process read the log",
            )?,
            warnings: lines.with_label_values(&["warn"]),
            errors: lines.with_label_values(&["error"]),
            register,
        })
    }

    /// Counts a line of the log.
    pub fn logged(&self, level: tracing::Level) {
        match level {
            tracing::Level::ERROR => self.errors.inc(),
            tracing::Level::WARN => self.warnings.inc(),
            _ => {}
        }
    }

    /// Returns all metrics in the text format of Prometheus.
    ///
    /// # Errors
    ///
    /// A registered metric has no text form.
    pub fn text(&self) -> Result<String> {
        self.register.text()
    }

    fn of_store<'a, T>(
        &self,
        metrics: &'a StoreMetrics<T>,
        new: fn(&Register) -> Result<T>,
    ) -> Option<&'a T> {
        let register = || {
            let refused = |error: &_| tracing::error!(%error, "metrics could not be registered");
            new(&self.register).inspect_err(refused).ok()
        };
        metrics.get_or_init(register).as_ref()
    }
}

/// Enables the metrics of a service on the named store.
///
/// # Errors
///
/// A metric has an invalid or duplicate name.
pub fn enable(store: &str) -> Result<&'static Metrics> {
    let metrics = Metrics::new(store)?;
    Ok(METRICS.get_or_init(|| metrics))
}

/// Returns the metrics, or `None` when not enabled.
#[must_use]
pub fn get() -> Option<&'static Metrics> {
    METRICS.get()
}

/// Counts an overload response.
pub fn shed(reason: Shed) {
    if let Some(metrics) = get() {
        metrics.http.shed(reason);
    }
}

/// Updates the metrics of the Redis store.
pub fn redis(update: impl FnOnce(&RedisMetrics)) {
    if let Some(metrics) = get()
        && let Some(redis) = metrics.of_store(&metrics.redis, RedisMetrics::new)
    {
        update(redis);
    }
}

/// Updates the metrics of the embedded store.
pub fn embedded(update: impl FnOnce(&EmbeddedMetrics)) {
    if let Some(metrics) = get()
        && let Some(embedded) = metrics.of_store(&metrics.embedded, EmbeddedMetrics::new)
    {
        update(embedded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_can_be_registered_and_written() {
        let metrics = Metrics::new("embedded").unwrap();
        let redis = metrics.of_store(&metrics.redis, RedisMetrics::new);
        let embedded = metrics.of_store(&metrics.embedded, EmbeddedMetrics::new);
        assert!(redis.is_some() && embedded.is_some());
        let text = metrics.text().unwrap();
        for name in ["build_info{", "redis_lanes ", "embedded_file_bytes "] {
            assert!(text.contains(&format!("study_stats_{name}")), "{text}");
        }
    }
}
