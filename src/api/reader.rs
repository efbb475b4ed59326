//! How bodies are read: as JSON, up to a size, and out of one budget for all that are large.

use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;

use futures_util::TryStreamExt;
use poem::http::header;
use poem::{Body, Request, RequestBody};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::ApiError;
use crate::telemetry::Tally;

/// What each body may take without asking: more than a record needs.
const FREE_BYTES: usize = 4 << 10;

/// How many bytes all bodies together may take, each beyond its first [`FREE_BYTES`]: thousands of
/// clients that stall must not take all the memory there is.
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

    /// Takes so many bytes at once or not at all: bodies that waited for each other to be done would
    /// wait for ever.
    fn take(&self, bytes: usize) -> Result<SemaphorePermit<'_>, ApiError> {
        let taken = u32::try_from(bytes).map(|bytes| self.bytes.try_acquire_many(bytes));
        taken.ok().and_then(Result::ok).ok_or_else(|| {
            self.shed.add(|requests| {
                tracing::warn!(
                    requests,
                    "overloaded: large bodies take all memory that is meant for them, others were shed"
                );
            });
            ApiError::overloaded()
        })
    }
}

/// A body, which is given back to the budget when it is dropped.
pub(super) struct Buffer<'a> {
    bytes: Vec<u8>,
    room: usize,
    budget: &'a Budget,
    taken: SemaphorePermit<'a>,
}

impl<'a> Buffer<'a> {
    fn new(budget: &'a Budget) -> Result<Self, ApiError> {
        Ok(Self {
            bytes: Vec::new(),
            room: FREE_BYTES,
            budget,
            taken: budget.take(0)?,
        })
    }

    /// Adds what has arrived of a body that has `most` bytes at the most.
    fn extend(&mut self, chunk: &[u8], most: usize) -> Result<(), ApiError> {
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

impl Deref for Buffer<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A body of JSON that is as the document describes `S`, of up to `MAX` bytes; not read yet.
pub(super) struct JsonBody<S, const MAX: usize> {
    body: Body,
    /// Its length, where the client announced it.
    length: Option<usize>,
    schema: PhantomData<fn() -> S>,
}

impl<S, const MAX: usize> JsonBody<S, MAX> {
    /// Reads it to its end.
    pub(super) async fn read(self, budget: &Budget) -> Result<Buffer<'_>, ApiError> {
        let most = self.length.unwrap_or(MAX);
        if most > MAX {
            return Err(ApiError::body_too_large());
        }
        let mut buffer = Buffer::new(budget)?;
        let mut chunks = pin!(self.body.into_bytes_stream());
        while let Some(chunk) = chunks
            .try_next()
            .await
            .map_err(|_| ApiError::incomplete_body())?
        {
            if buffer.len() + chunk.len() > MAX {
                return Err(ApiError::body_too_large());
            }
            buffer.extend(&chunk, most)?;
        }
        Ok(buffer)
    }
}

impl<'a, S: Type, const MAX: usize> ApiExtractor<'a> for JsonBody<S, MAX> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        S::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = MetaMediaType {
            content_type: "application/json",
            schema: S::schema_ref(),
        };
        Some(MetaRequest {
            description: None,
            content: vec![content],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let headers = request.headers();
        let is_json = request
            .content_type()
            .is_some_and(Json::<S>::check_content_type);
        if !is_json || headers.contains_key(header::CONTENT_ENCODING) {
            return Err(ApiError::unsupported_content_type().into());
        }
        let length = headers.get(header::CONTENT_LENGTH);
        Ok(Self {
            body: body.take()?,
            length: length.and_then(|length| length.to_str().ok()?.parse().ok()),
            schema: PhantomData,
        })
    }
}
