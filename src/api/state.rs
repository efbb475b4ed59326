//! Shared state of all requests: store, admission, memory budget, drain flag.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::middleware::body_budget::Budget;
use super::respond::error::ApiError;
use crate::pause_detector::PauseDetector;
use crate::store::{Admission, CachedPing, StatsStore, StoreError, admitted};

/// Memory budget of large bodies, of requests and responses together, in bytes.
pub const BODY_BYTES: usize = 64 << 20;

/// Shared state of all requests: the store and the admission to it, the memory budget of large bodies, and
/// the drain flag.
#[derive(Clone)]
pub struct State {
    store: Arc<dyn StatsStore>,
    admission: Arc<Admission>,
    ping: CachedPing,
    bodies: Budget,
    draining: Arc<AtomicBool>,
    pause_detector: Arc<PauseDetector>,
}

impl State {
    /// State that is not draining, which admits `max_requests` operations of the store at once, with a budget
    /// of `body_bytes` for large bodies. After a pause of the process longer than `longest_pause`, requests
    /// are refused, as the requests may have waited in a socket meanwhile.
    #[must_use]
    pub fn new(
        store: Arc<dyn StatsStore>,
        max_requests: usize,
        body_bytes: usize,
        longest_pause: Duration,
    ) -> Self {
        let admission = Admission::new(max_requests);
        let store = admitted(store, &admission);
        Self {
            ping: CachedPing::new(Arc::clone(&store)),
            store,
            admission,
            bodies: Budget::new(body_bytes),
            draining: Arc::default(),
            pause_detector: PauseDetector::start(longest_pause),
        }
    }

    /// State with another handle to the store; all else is shared.
    #[must_use]
    pub fn with_store(&self, store: Arc<dyn StatsStore>) -> Self {
        Self {
            store: admitted(store, &self.admission),
            ..self.clone()
        }
    }

    /// Makes the service report not ready, while requests are still served.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Memory budget of large bodies.
    pub(crate) fn bodies(&self) -> &Budget {
        &self.bodies
    }

    /// Store, which admits each operation by its cost.
    ///
    /// Handlers call this after the body is read and the request validated, so that neither a slow client
    /// nor an invalid request takes a permit.
    ///
    /// # Errors
    ///
    /// The process was paused.
    pub(crate) fn store(&self) -> Result<&dyn StatsStore, ApiError> {
        if self.pause_detector.has_recovered() {
            Ok(&*self.store)
        } else {
            Err(ApiError::timed_out())
        }
    }

    /// Returns whether requests can be served: the store responds, and the process is not draining.
    pub async fn is_ready(&self) -> bool {
        !self.is_draining() && self.probe().await.is_ok()
    }

    /// Pings the store and returns the store's name. Takes no permit: a load balancer must not mistake an
    /// overloaded service for an unreachable service, and shift the load to the next.
    ///
    /// # Errors
    ///
    /// The store does not respond, or the process was paused.
    pub(crate) async fn probe(&self) -> Result<&'static str, StoreError> {
        if !self.pause_detector.has_recovered() {
            return Err(StoreError::Unavailable("the process did not run".into()));
        }
        self.ping.answer().await?;
        Ok(self.store.name())
    }
}
