//! What all requests share, and the way from them to the store.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::ApiError;
use crate::store::{StatsStore, StoreError};
use crate::telemetry::Tally;

/// What all requests share: the store, how many of them may use it, and whether the process is
/// about to end.
#[derive(Clone)]
pub struct Context {
    store: Arc<dyn StatsStore>,
    places: Arc<Semaphore>,
    shed: Tally,
    draining: Arc<AtomicBool>,
}

impl Context {
    /// A context that is not draining. At most `max_requests` use the store at once.
    #[must_use]
    pub fn new(store: Arc<dyn StatsStore>, max_requests: usize) -> Self {
        Self {
            store,
            places: Arc::new(Semaphore::new(max_requests.min(Semaphore::MAX_PERMITS))),
            shed: Tally::default(),
            draining: Arc::default(),
        }
    }

    /// From now on the service says that it is not ready, while it goes on serving.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The store, for one use of it, unless too many use it already: to queue them would make all
    /// of them late.
    ///
    /// Asked once a request has arrived and is right, so that neither a client that is slow to send
    /// nor a wrong request takes a place.
    pub(super) fn admit(&self) -> Result<Admitted<'_>, ApiError> {
        let Ok(place) = self.places.try_acquire() else {
            self.shed.add(|requests| {
                tracing::warn!(
                    requests,
                    "overloaded: MAX_REQUESTS use the store, others were shed"
                );
            });
            return Err(ApiError::overloaded());
        };
        Ok(Admitted {
            store: &self.store,
            _place: place,
        })
    }

    /// Whether the store can be reached; its name. Takes no place: a load balancer must not take an
    /// overloaded service for one that is down, and send its load to the next.
    pub(super) async fn probe(&self) -> Result<&'static str, StoreError> {
        self.store.ping().await?;
        Ok(self.store.name())
    }
}

/// The store, and a place among those that use it.
pub(super) struct Admitted<'a> {
    store: &'a Arc<dyn StatsStore>,
    _place: SemaphorePermit<'a>,
}

impl Deref for Admitted<'_> {
    type Target = dyn StatsStore;

    fn deref(&self) -> &Self::Target {
        &**self.store
    }
}
