//! What the tests start and drive: Redis in every topology, the service in this process or as one
//! of its own, random histories, load whose every write is checked.

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

/// Timeout of a wait for a condition: more than a busy machine needs. A passing test never waits that
/// long.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

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
            start.elapsed() < TIMEOUT,
            "waited {TIMEOUT:?} in vain: {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
