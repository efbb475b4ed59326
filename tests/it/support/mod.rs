//! What the tests start and drive: Redis in every topology, the service in this process or as one
//! of its own, random histories, load whose every write is checked.

pub(crate) mod api;
pub(crate) mod audit;
pub(crate) mod audit_embedded;
pub(crate) mod audit_redis;
pub(crate) mod batch;
pub(crate) mod broken;
pub(crate) mod cluster;
pub(crate) mod collector;
pub(crate) mod commands;
pub(crate) mod conformance;
pub(crate) mod corruption;
pub(crate) mod fixture;
pub(crate) mod golden;
pub(crate) mod history;
pub(crate) mod hooked;
pub(crate) mod load;
pub(crate) mod model;
pub(crate) mod proxy;
pub(crate) mod raw;
pub(crate) mod redis;
pub(crate) mod scrape;
pub(crate) mod sentinel;
pub(crate) mod server;
pub(crate) mod service;
pub(crate) mod tables;
pub(crate) mod tls;
pub(crate) mod under_load;
pub(crate) mod upkeep;
pub(crate) mod walk;
pub(crate) mod writers;

use std::future::Future;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

/// Longest wait for a condition. It is never waited out where all is well; it only has to be more
/// than a busy machine ever needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A new id.
pub(crate) fn id<T: From<Uuid>>() -> T {
    Uuid::new_v4().into()
}

/// What the clock shows, in milliseconds since 1970; the stores' clocks are the same one.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}

/// Waits until `condition` gives a value, asking again and again.
pub(crate) async fn eventually<T, F>(what: &str, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "waited {PATIENCE:?} in vain: {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
