//! Support of the tests: Redis servers in every topology, the service in the process or as a process,
//! random histories, and load with checked writes.

pub(crate) mod api;
pub(crate) mod audit;
pub(crate) mod conformance;
pub(crate) mod faults;
pub(crate) mod http;
pub(crate) mod load;
pub(crate) mod processes;
pub(crate) mod stores;
pub(crate) mod telemetry;

use std::future::Future;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

/// Timeout of a wait for a condition: longer than a busy machine needs. A test that passes never waits
/// until the timeout.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// New id.
pub(crate) fn id<T: From<Uuid>>() -> T {
    Uuid::new_v4().into()
}

/// Current time in ms since 1970, from the same clock as the stores.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}

/// Waits until `condition` returns a value. Polls every 10 ms; panics after the timeout.
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
            start.elapsed() < TIMEOUT,
            "waited {TIMEOUT:?} in vain: {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
