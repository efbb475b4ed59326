//! Shared state of all requests: store, permits, memory budget, drain flag.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::middleware::body_budget::Budget;
use super::respond::error::ApiError;
use crate::pause_detector::PauseDetector;
use crate::store::{StatsStore, StoreError};
use crate::telemetry::Throttle;
use crate::telemetry::metrics::{self, Shed};

/// Memory budget of large bodies, of requests and responses together, in bytes.
pub const BODY_BYTES: usize = 64 << 20;

/// Shared state of all requests: the store, the permits to use the store, the memory budget of large
/// bodies, and the drain flag.
#[derive(Clone)]
pub struct State {
    store: Arc<dyn StatsStore>,
    permits: Arc<Semaphore>,
    shed: Throttle,
    bodies: Budget,
    draining: Arc<AtomicBool>,
    pause_detector: Arc<PauseDetector>,
}

impl State {
    /// State that is not draining, with `max_requests` permits and a budget of `body_bytes` for large bodies.
    /// After a pause of the process longer than `longest_pause`, requests are refused, as the requests may
    /// have waited in a socket meanwhile.
    #[must_use]
    pub fn new(
        store: Arc<dyn StatsStore>,
        max_requests: usize,
        body_bytes: usize,
        longest_pause: Duration,
    ) -> Self {
        Self {
            store,
            permits: Arc::new(Semaphore::new(max_requests.min(Semaphore::MAX_PERMITS))),
            shed: Throttle::default(),
            bodies: Budget::new(body_bytes),
            draining: Arc::default(),
            pause_detector: PauseDetector::start(longest_pause),
        }
    }

    /// State with another handle to the store; all else is shared.
    #[must_use]
    pub fn with_store(&self, store: Arc<dyn StatsStore>) -> Self {
        Self {
            store,
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

    /// Acquires a permit to use the store, or fails at once: a queue would delay all requests.
    ///
    /// Handlers call this after the body is read and the request validated, so that neither a slow client
    /// nor an invalid request takes a permit.
    ///
    /// # Errors
    ///
    /// No permit is free, or the process was paused.
    pub(crate) fn acquire(&self) -> Result<StorePermit<'_>, ApiError> {
        if !self.pause_detector.has_recovered() {
            return Err(ApiError::timed_out());
        }
        let Ok(permit) = self.permits.try_acquire() else {
            metrics::shed(Shed::Requests);
            self.shed.add(|requests| {
                tracing::warn!(
                    requests,
                    "overloaded: MAX_REQUESTS use the store, others were shed"
                );
            });
            return Err(ApiError::overloaded());
        };
        Ok(StorePermit {
            store: &self.store,
            _permit: permit,
        })
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
        self.store.ping().await?;
        Ok(self.store.name())
    }
}

/// Store, with the permit to use the store until dropped.
pub(crate) struct StorePermit<'a> {
    store: &'a Arc<dyn StatsStore>,
    _permit: SemaphorePermit<'a>,
}

impl Deref for StorePermit<'_> {
    type Target = dyn StatsStore;

    fn deref(&self) -> &Self::Target {
        &**self.store
    }
}
