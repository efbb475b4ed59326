//! Memory for large bodies, of requests and of answers: there is one budget for all of them, as thousands
//! of clients that do not go on sending or reading must not take all the memory there is.

use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::api::respond::error::ApiError;
use crate::telemetry::Throttle;
use crate::telemetry::metrics::{self, Shed};

/// What each text may take without asking: more than a record needs.
const FREE_BYTES: usize = 4 << 10;

/// How many bytes all texts together may take, each beyond its first [`FREE_BYTES`].
#[derive(Clone)]
pub(crate) struct Budget {
    bytes: Arc<Semaphore>,
    shed: Throttle,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))),
            shed: Throttle::default(),
        }
    }

    /// Takes so many bytes at once or not at all: texts that waited for each other to be done would
    /// wait for ever.
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

/// A text, whose bytes are given back to the budget when it is dropped.
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    room: usize,
    budget: Budget,
    taken: OwnedSemaphorePermit,
}

impl Buffer {
    /// An empty one.
    pub(crate) fn new(budget: &Budget) -> Result<Self, ApiError> {
        Ok(Self {
            bytes: Vec::new(),
            room: FREE_BYTES,
            budget: budget.clone(),
            taken: budget.take(0)?,
        })
    }

    /// Adds a part of a text that has `most` bytes at the most.
    pub(crate) fn extend(&mut self, chunk: &[u8], most: usize) -> Result<(), ApiError> {
        let needed = self.bytes.len() + chunk.len();
        if needed > self.room {
            // Twice as much as before, as each time all is copied.
            let room = needed.max((2 * self.room).min(most));
            self.taken.merge(self.budget.take(room - self.room)?);
            self.bytes.reserve_exact(room - self.bytes.len());
            self.room = room;
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
