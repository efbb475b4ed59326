//! Large JSON responses, within the memory budget of large bodies.

use std::marker::PhantomData;

use bytes::Bytes;
use poem::{IntoResponse, Response};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::{ToJSON, Type};

use super::error::ApiError;
use crate::api::middleware::body_budget::Account;

/// Large JSON response, which holds memory of the budget until sent.
pub(crate) struct LargeJson<T> {
    text: Bytes,
    schema: PhantomData<fn() -> T>,
}

impl<T: ToJSON> LargeJson<T> {
    /// Response with `content`, with memory from an account.
    pub(crate) fn new(content: &T, account: Account) -> Result<Self, ApiError> {
        Ok(Self {
            text: account.body(content.to_json_string())?,
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
