//! Memory for large bodies, of requests and of answers: there is one budget for all of them, as thousands
//! of clients that do not go on sending or reading must not take all the memory there is.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use poem::{IntoResponse, Response};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::{ToJSON, Type};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ApiError;
use crate::telemetry::Tally;
use crate::telemetry::metrics::{self, Shed};

/// What each text may take without asking: more than a record needs.
const FREE_BYTES: usize = 4 << 10;

/// How many bytes all texts together may take, each beyond its first [`FREE_BYTES`].
#[derive(Clone)]
pub(super) struct Budget {
    bytes: Arc<Semaphore>,
    shed: Tally,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))),
            shed: Tally::default(),
        }
    }

    /// Takes so many bytes at once or not at all: texts that waited for each other to be done would
    /// wait for ever.
    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
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
pub(super) struct Buffer {
    bytes: Vec<u8>,
    room: usize,
    budget: Budget,
    taken: OwnedSemaphorePermit,
}

impl Buffer {
    /// An empty one.
    pub(super) fn new(budget: &Budget) -> Result<Self, ApiError> {
        Ok(Self {
            bytes: Vec::new(),
            room: FREE_BYTES,
            budget: budget.clone(),
            taken: budget.take(0)?,
        })
    }

    /// Adds a part of a text that has `most` bytes at the most.
    pub(super) fn extend(&mut self, chunk: &[u8], most: usize) -> Result<(), ApiError> {
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

/// An answer in JSON that may be large. It takes of the budget until it is sent.
pub(super) struct LargeJson<T> {
    text: Bytes,
    schema: PhantomData<fn() -> T>,
}

impl<T: ToJSON> LargeJson<T> {
    /// The answer that says `content`.
    pub(super) fn new(content: &T, budget: &Budget) -> Result<Self, ApiError> {
        let text = content.to_json_string();
        let mut buffer = Buffer::new(budget)?;
        buffer.extend(text.as_bytes(), text.len())?;
        Ok(Self {
            text: Bytes::from_owner(buffer),
            schema: PhantomData,
        })
    }
}

impl<T: Type> Payload for LargeJson<T> {
    const CONTENT_TYPE: &'static str = Json::<T>::CONTENT_TYPE;

    fn check_content_type(content_type: &str) -> bool {
        Json::<T>::check_content_type(content_type)
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type> IntoResponse for LargeJson<T> {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type(Self::CONTENT_TYPE)
            .body(self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_takes_of_the_budget_until_it_is_dropped() {
        let budget = Budget::new(10_000);
        let answer = LargeJson::new(&"x".repeat(10_000), &budget).unwrap();
        let response = answer.into_response();
        assert!(budget.take(5_000).is_err());
        drop(response);
        assert!(budget.take(10_000).is_ok());
    }
}
