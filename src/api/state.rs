//! What all requests share, and the way from them to the store.

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

/// Bytes that all large bodies together may take, those of requests and of answers.
pub const BODY_BYTES: usize = 64 << 20;

/// What all requests share: the store, how many of them may use it, the memory for large bodies, and
/// whether the process is about to end.
#[derive(Clone)]
pub struct State {
    store: Arc<dyn StatsStore>,
    places: Arc<Semaphore>,
    shed: Throttle,
    bodies: Budget,
    draining: Arc<AtomicBool>,
    pause_detector: Arc<PauseDetector>,
}

impl State {
    /// A context that is not draining. At most `max_requests` use the store at once, and none that
    /// waited while the process did not run for longer than `longest_pause`. Large bodies take
    /// `body_bytes` at the most, all together.
    #[must_use]
    pub fn new(
        store: Arc<dyn StatsStore>,
        max_requests: usize,
        body_bytes: usize,
        longest_pause: Duration,
    ) -> Self {
        Self {
            store,
            places: Arc::new(Semaphore::new(max_requests.min(Semaphore::MAX_PERMITS))),
            shed: Throttle::default(),
            bodies: Budget::new(body_bytes),
            draining: Arc::default(),
            pause_detector: PauseDetector::start(longest_pause),
        }
    }

    /// The same for those who use the store by another handle.
    #[must_use]
    pub fn with_store(&self, store: Arc<dyn StatsStore>) -> Self {
        Self {
            store,
            ..self.clone()
        }
    }

    /// From now on the service says that it is not ready, while it goes on serving.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The memory for large bodies.
    pub(crate) fn bodies(&self) -> &Budget {
        &self.bodies
    }

    /// The store, for one use of it, unless too many use it already: to queue them would make all
    /// of them late.
    ///
    /// Asked once a request has arrived and is right, so that neither a client that is slow to send
    /// nor a wrong request takes a place.
    pub(crate) fn acquire(&self) -> Result<StorePermit<'_>, ApiError> {
        if !self.pause_detector.has_recovered() {
            return Err(ApiError::timed_out());
        }
        let Ok(place) = self.places.try_acquire() else {
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
            _place: place,
        })
    }

    /// Whether requests can be served: the store can be reached, and the process is not about to end.
    pub async fn is_ready(&self) -> bool {
        !self.is_draining() && self.probe().await.is_ok()
    }

    /// Whether the store can be reached; its name. Takes no place: a load balancer must not take an
    /// overloaded service for one that is down, and send its load to the next.
    pub(crate) async fn probe(&self) -> Result<&'static str, StoreError> {
        if !self.pause_detector.has_recovered() {
            return Err(StoreError::Unavailable("the process did not run".into()));
        }
        self.store.ping().await?;
        Ok(self.store.name())
    }
}

/// The store, and a place among those that use it.
pub(crate) struct StorePermit<'a> {
    store: &'a Arc<dyn StatsStore>,
    _place: SemaphorePermit<'a>,
}

impl Deref for StorePermit<'_> {
    type Target = dyn StatsStore;

    fn deref(&self) -> &Self::Target {
        &**self.store
    }
}
