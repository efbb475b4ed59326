//! Memory budget of large bodies, of requests and responses: thousands of clients that stall while sending
//! or reading must not exhaust the memory.

use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::api::respond::error::ApiError;
use crate::telemetry::Throttle;
use crate::telemetry::metrics::{self, Shed};

/// Bytes of each body outside of the budget: more than a record needs.
const FREE_BYTES: usize = 4 << 10;

/// Bytes of all large bodies together, counted beyond the first [`FREE_BYTES`] of each.
#[derive(Clone)]
pub(crate) struct Budget {
    bytes: Arc<Semaphore>,
    shed: Throttle,
}

impl Budget {
    /// Budget of `bytes` for all bodies.
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))),
            shed: Throttle::default(),
        }
    }

    /// Takes bytes at once, or fails: bodies that waited for each other's bytes would deadlock.
    pub(crate) fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let taken =
            u32::try_from(bytes).map(|bytes| Arc::clone(&self.bytes).try_acquire_many_owned(bytes));
        taken.ok().and_then(Result::ok).ok_or_else(|| {
            metrics::shed(Shed::Bodies);
            self.shed.add(|requests| {
                tracing::warn!(
                    requests,
                    "overloaded: large bodies take all the memory that is for them, others were shed"
                );
            });
            ApiError::overloaded()
        })
    }
}

/// Buffer of a body, within the budget until dropped.
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    capacity: usize,
    budget: Budget,
    permits: OwnedSemaphorePermit,
}

impl Buffer {
    /// Empty buffer.
    pub(crate) fn new(budget: &Budget) -> Result<Self, ApiError> {
        Ok(Self {
            bytes: Vec::new(),
            capacity: FREE_BYTES,
            budget: budget.clone(),
            permits: budget.take(0)?,
        })
    }

    /// Appends a chunk of a body of at most `max` bytes.
    pub(crate) fn extend(&mut self, chunk: &[u8], max: usize) -> Result<(), ApiError> {
        let needed = self.bytes.len() + chunk.len();
        if needed > self.capacity {
            // Doubled, as each growth copies the body.
            let capacity = needed.max((2 * self.capacity).min(max));
            self.permits
                .merge(self.budget.take(capacity - self.capacity)?);
            self.bytes.reserve_exact(capacity - self.bytes.len());
            self.capacity = capacity;
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}
