//! Pings of a store for readiness.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{StatsStore, StoreError};

/// Lifetime of an answer: however many ask, the store gets at most ten pings a second.
const LIFETIME: Duration = Duration::from_millis(100);

/// Pings of a store, whose result is kept for a moment. Clones share the result.
#[derive(Clone)]
pub struct CachedPing {
    store: Arc<dyn StatsStore>,
    last: Arc<Mutex<Option<LastPing>>>,
}

/// Result of a ping.
struct LastPing {
    at: Instant,
    result: Result<(), StoreError>,
}

impl CachedPing {
    /// Returns the pings of a store, without a result so far.
    #[must_use]
    pub fn new(store: Arc<dyn StatsStore>) -> Self {
        Self {
            store,
            last: Arc::default(),
        }
    }

    /// Returns the last answer, or pings the store where the answer is older than 100 ms. Callers that
    /// come during a ping share the answer.
    ///
    /// # Errors
    ///
    /// The store was not reachable.
    pub async fn answer(&self) -> Result<(), StoreError> {
        let mut last = self.last.lock().await;
        if let Some(answer) = &*last
            && answer.at.elapsed() < LIFETIME
        {
            return answer.result.clone();
        }
        let result = self.store.ping().await;
        *last = Some(LastPing {
            at: Instant::now(),
            result: result.clone(),
        });
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::embedded::EmbeddedStore;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_for_its_lifetime() {
        let directory = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(directory.path(), LIFETIME).unwrap();
        let ping = CachedPing::new(Arc::new(store));
        ping.answer().await.unwrap();
        let first = ping.last.lock().await.as_ref().unwrap().at;
        tokio::time::advance(LIFETIME / 2).await;
        ping.answer().await.unwrap();
        assert_eq!(ping.last.lock().await.as_ref().unwrap().at, first);
        tokio::time::advance(LIFETIME / 2).await;
        ping.answer().await.unwrap();
        assert_eq!(
            ping.last.lock().await.as_ref().unwrap().at,
            first + LIFETIME
        );
    }
}
