//! Which failures an operation can answer, for the document and by type.

use std::marker::PhantomData;

use poem::error::ResponseError;
use poem::http::StatusCode;
use poem_openapi::ApiResponse;
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::{ToJSON, Type};

use super::error::{ApiError, ErrorBody};
use super::fields::{ApiId, Problem};
use crate::domain::{CourseId, LearnerId, SessionId};
use crate::store::StoreError;

/// An error of an operation that has the failures of `R`.
pub(super) struct Failure<R>(ApiError, PhantomData<R>);

/// The failures that an operation can answer.
pub(super) trait Reasons: Send + Sync + 'static {
    /// An example of each, and when it is answered.
    fn answers() -> Vec<(ApiError, &'static str)>;
}

/// The failures of an operation that reads.
pub(super) struct Reading;

impl Reasons for Reading {
    fn answers() -> Vec<(ApiError, &'static str)> {
        let mut answers = vec![
            (
                missing::<LearnerId>(),
                "An id is missing or is no hyphenated UUID.",
            ),
            (
                ApiError::no_stats(),
                "There is nothing stored, or it is another learner's.",
            ),
        ];
        answers.extend(own_failures());
        answers
    }
}

/// The failures of an operation that lists what may be nothing.
pub(super) struct Listing;

impl Reasons for Listing {
    fn answers() -> Vec<(ApiError, &'static str)> {
        let mut answers = vec![(
            missing::<LearnerId>(),
            "An id is missing or is no hyphenated UUID, or a parameter is wrong.",
        )];
        answers.extend(own_failures());
        answers
    }
}

/// The failures of an operation that sums up all learners.
pub(super) struct Summing;

impl Reasons for Summing {
    fn answers() -> Vec<(ApiError, &'static str)> {
        let mut answers = vec![
            (invalid::<CourseId>(), "The course is no hyphenated UUID."),
            (ApiError::no_stats(), "Nobody has studied in the course."),
        ];
        answers.extend(own_failures());
        answers
    }
}

/// The failures of an operation that records.
pub(super) struct Recording;

impl Reasons for Recording {
    fn answers() -> Vec<(ApiError, &'static str)> {
        let mut answers = vec![
            (
                missing::<SessionId>(),
                "The body is no JSON object, or fields are missing or wrong.",
            ),
            (
                ApiError::erased(),
                "The learner was erased after the session occurred.",
            ),
            (
                ApiError::body_too_large(),
                "The body is larger than 64 KiB.",
            ),
            (
                ApiError::unsupported_content_type(),
                "The body is not sent as application/json.",
            ),
            (
                ApiError::limit_exceeded(),
                "A sum would pass 9e15. Nothing was changed.",
            ),
        ];
        answers.extend(own_failures());
        answers
    }
}

/// The failures of a probe that asks only for an answer.
pub(super) struct Living;

impl Reasons for Living {
    fn answers() -> Vec<(ApiError, &'static str)> {
        vec![
            (ApiError::internal(""), AT_FAULT),
            (ApiError::timed_out(), "The answer was not ready in time."),
        ]
    }
}

/// The failures of a probe that asks whether requests can be served.
pub(super) struct Readying;

impl Reasons for Readying {
    fn answers() -> Vec<(ApiError, &'static str)> {
        vec![
            (ApiError::internal(""), AT_FAULT),
            (
                ApiError::store_unavailable(""),
                "The store cannot be reached, or the process is about to end.",
            ),
        ]
    }
}

const AT_FAULT: &str = "The service is at fault; its log tells why.";

fn missing<T: ApiId>() -> ApiError {
    ApiError::invalid(T::check(None).err().unwrap_or_default())
}

fn invalid<T: ApiId>() -> ApiError {
    ApiError::invalid(T::check(Some("7")).err().unwrap_or_default())
}

fn own_failures() -> [(ApiError, &'static str); 2] {
    [
        (ApiError::internal(""), AT_FAULT),
        (
            ApiError::store_unavailable(""),
            "The store is away or too slow, or there are too many requests at once (`overloaded`). \
             A write may have happened; repeating it is safe.",
        ),
    ]
}

impl<R> From<ApiError> for Failure<R> {
    fn from(error: ApiError) -> Self {
        Self(error, PhantomData)
    }
}

impl<R> From<StoreError> for Failure<R> {
    fn from(error: StoreError) -> Self {
        ApiError::from(error).into()
    }
}

impl<R> From<Vec<Problem>> for Failure<R> {
    fn from(problems: Vec<Problem>) -> Self {
        ApiError::invalid(problems).into()
    }
}

impl<R> From<Failure<R>> for poem::Error {
    fn from(failure: Failure<R>) -> Self {
        failure.0.into()
    }
}

impl<R: Reasons> ApiResponse for Failure<R> {
    fn meta() -> MetaResponses {
        let responses = R::answers()
            .into_iter()
            .map(|(error, description)| documented(&error, description))
            .collect();
        MetaResponses { responses }
    }

    fn register(registry: &mut Registry) {
        ErrorBody::register(registry);
    }
}

/// One failure as the document tells it: the error shape, with an example of its own.
fn documented(error: &ApiError, description: &'static str) -> MetaResponse {
    let schema = MetaSchema {
        all_of: vec![ErrorBody::schema_ref()],
        example: error.body("0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f").to_json(),
        ..MetaSchema::ANY
    };
    let retry_after = (error.status() == StatusCode::SERVICE_UNAVAILABLE).then(|| MetaHeader {
        name: "Retry-After".into(),
        description: Some("Seconds to wait before trying again.".into()),
        required: true,
        deprecated: false,
        schema: u16::schema_ref(),
    });
    MetaResponse {
        description,
        status: Some(error.status().as_u16()),
        status_range: None,
        content: vec![MetaMediaType {
            content_type: Json::<ErrorBody>::CONTENT_TYPE,
            schema: MetaSchemaRef::Inline(Box::new(schema)),
        }],
        headers: retry_after.into_iter().collect(),
    }
}
