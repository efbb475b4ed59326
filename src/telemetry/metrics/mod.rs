//! What the service counts and measures, for Prometheus to fetch.
//!
//! Nothing is counted unless it is [`enable`]d. What a request counts is held where it is counted, so
//! that no label is looked up on its way. No label has an id, nor anything else that clients choose.

mod http;
mod process;
mod redis;
mod register;
mod store;

use std::sync::OnceLock;

use prometheus::{IntCounter, Registry, Result, TEXT_FORMAT, TextEncoder};

pub use http::{CLIENT_GONE, Http, Operation, Shed};
pub use process::Process;
pub use redis::{Redis, ServerFigures};
use register::Register;
pub use store::{Embedded, OpOutcome, Records, StoreOp, StoreOps, Verifications};

/// What the format of [`Metrics::text`] is called.
pub const CONTENT_TYPE: &str = TEXT_FORMAT;

static METRICS: OnceLock<Metrics> = OnceLock::new();

/// Which store is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// The embedded database.
    Embedded,
    /// Redis.
    Redis,
}

/// All that is counted and measured in this process.
pub struct Metrics {
    registry: Registry,
    /// Requests.
    pub http: Http,
    /// Calls to the store.
    pub calls: StoreOps,
    /// What became of records.
    pub records: Records,
    /// What the last verification came to.
    pub verified: Verifications,
    /// The embedded store, where that is used.
    pub embedded: Option<Embedded>,
    /// Redis, where that is used.
    pub redis: Option<Redis>,
    /// The process and its runtime.
    pub process: Process,
    warnings: IntCounter,
    errors: IntCounter,
}

impl Metrics {
    fn new(store: StoreKind) -> Result<Self> {
        let register = Register::default();
        let build = "The version that runs, and its store; always 1";
        let build = register.gauges("study_stats_build_info", build, &["version", "store"])?;
        let name = match store {
            StoreKind::Embedded => "embedded",
            StoreKind::Redis => "redis",
        };
        build
            .with_label_values(&[env!("CARGO_PKG_VERSION"), name])
            .set(1);
        let lines = "Lines of the log that tell of something to look at";
        let lines = register.counters("study_stats_log_lines_total", lines, &["level"])?;
        Ok(Self {
            http: Http::new(&register)?,
            calls: StoreOps::new(&register)?,
            records: Records::new(&register)?,
            verified: Verifications::new(&register)?,
            embedded: match store {
                StoreKind::Embedded => Some(Embedded::new(&register)?),
                StoreKind::Redis => None,
            },
            redis: match store {
                StoreKind::Embedded => None,
                StoreKind::Redis => Some(Redis::new(&register)?),
            },
            process: Process::new(&register)?,
            warnings: lines.with_label_values(&["warn"]),
            errors: lines.with_label_values(&["error"]),
            registry: register.into(),
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

    /// All of it as Prometheus reads it.
    ///
    /// # Errors
    ///
    /// Something is registered that cannot be written.
    pub fn text(&self) -> Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// Counts and measures from now on.
///
/// # Errors
///
/// Two metrics have one name, or one has none that is allowed.
pub fn enable(store: StoreKind) -> Result<&'static Metrics> {
    let metrics = Metrics::new(store)?;
    Ok(METRICS.get_or_init(|| metrics))
}

/// Where to count; `None` where nobody asked for that.
#[must_use]
pub fn get() -> Option<&'static Metrics> {
    METRICS.get()
}

/// Counts a request that is not served.
pub fn shed(reason: Shed) {
    if let Some(metrics) = get() {
        metrics.http.shed(reason);
    }
}

/// Counts something of Redis.
pub fn redis(count: impl FnOnce(&Redis)) {
    if let Some(redis) = get().and_then(|metrics| metrics.redis.as_ref()) {
        count(redis);
    }
}

/// Counts something of the embedded store.
pub fn embedded(count: impl FnOnce(&Embedded)) {
    if let Some(embedded) = get().and_then(|metrics| metrics.embedded.as_ref()) {
        count(embedded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_can_be_registered_and_written() {
        for store in [StoreKind::Embedded, StoreKind::Redis] {
            let metrics = Metrics::new(store).unwrap();
            let text = metrics.text().unwrap();
            assert!(text.contains("study_stats_build_info{"), "{text}");
        }
    }
}
