//! JSON request bodies: size limit, and memory from the budget of large bodies.

use std::future::pending;
use std::marker::PhantomData;
use std::pin::pin;

use futures_util::TryStreamExt;
use poem::http::header;
use poem::{Body, Request, RequestBody};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::api::middleware::body_budget::{Budget, Buffer, Peer};
use crate::api::middleware::framing::{HugeChunk, elements};
use crate::api::respond::error::ApiError;

/// Unread JSON request body of at most `MAX` bytes, with the schema `S` in the document. The extractor
/// checks the content type; [`read`](Self::read) reads the body.
pub(crate) struct JsonBody<S, const MAX: usize> {
    body: Body,
    /// `Content-Length` in bytes, if sent.
    length: Option<usize>,
    peer: Peer,
    /// Mark on a chunked body.
    huge_chunk: Option<HugeChunk>,
    schema: PhantomData<fn() -> S>,
}

impl<S, const MAX: usize> JsonBody<S, MAX> {
    /// Reads the whole body.
    pub(crate) async fn read(self, budget: &Budget) -> Result<Buffer, ApiError> {
        let expected = self.length.unwrap_or(MAX);
        if expected > MAX {
            return Err(ApiError::body_too_large());
        }
        let mut buffer = Buffer::new(budget.account(self.peer));
        let mut chunks = pin!(self.body.into_bytes_stream());
        let huge_chunk = async {
            match &self.huge_chunk {
                Some(chunk) => chunk.announced().await,
                None => pending().await,
            }
        };
        let mut huge_chunk = pin!(huge_chunk);
        loop {
            let chunk = tokio::select! {
                chunk = chunks.try_next() => chunk.map_err(|_| ApiError::incomplete_body())?,
                () = &mut huge_chunk => return Err(ApiError::body_too_large()),
            };
            let Some(chunk) = chunk else {
                return Ok(buffer);
            };
            if buffer.len() + chunk.len() > MAX {
                return Err(ApiError::body_too_large());
            }
            buffer.extend(&chunk, expected).map_err(ApiError::closing)?;
        }
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
        let is_plain = elements(headers, &header::CONTENT_ENCODING)
            .all(|encoding| encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity"));
        if !is_json || !is_plain {
            return Err(ApiError::unsupported_content_type().into());
        }
        let length = headers.get(header::CONTENT_LENGTH);
        Ok(Self {
            body: body.take()?,
            length: length.and_then(|length| length.to_str().ok()?.parse().ok()),
            peer: request.into(),
            huge_chunk: request.extensions().get().cloned(),
            schema: PhantomData,
        })
    }
}
