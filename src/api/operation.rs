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

use super::respond::error::{ApiError, ErrorBody};

use crate::domain::{CourseId, LearnerId, SessionId};
use crate::store::StoreError;
use crate::wire::batch;
use crate::wire::validation::{ApiId, Problem};

/// An error of an operation that has the failures of `R`.
pub(crate) struct Failure<R>(ApiError, PhantomData<R>);

/// The failures that an operation can answer.
pub(crate) trait Reasons: Send + Sync + 'static {
    /// An example of each, and when it is answered.
    fn answers() -> Vec<(ApiError, &'static str)>;
}

/// The failures of an operation that reads.
pub(crate) struct Reading;

impl Reasons for Reading {
    fn answers() -> Vec<(ApiError, &'static str)> {
        let mut answers = vec![wrong_ids(), nothing_stored()];
        answers.extend(own_failures(UNAVAILABLE));
        answers
    }
}

/// The failures of an operation that forgets what may not be there.
pub(crate) struct Deleting;

impl Reasons for Deleting {
    fn answers() -> Vec<(ApiError, &'static str)> {
        let mut answers = Erasing::answers();
        answers.insert(1, nothing_stored());
        answers
    }
}

/// The failures of an operation that forgets whatever is there.
pub(crate) struct Erasing;

impl Reasons for Erasing {
    fn answers() -> Vec<(ApiError, &'static str)> {
        let limit = (
            ApiError::limit_exceeded(),
            "The learner has thousands of extreme scores, and without some of them the sum of the \
             others would pass 9e15. What could be forgotten is forgotten.",
        );
        let mut answers = vec![wrong_ids(), limit];
        answers.extend(own_failures(
            "The store is away or too slow, there are too many requests at once (`overloaded`), or \
             there is so much to forget that it takes longer than a request may \
             (`request_timeout`). Repeating it is safe, and goes on where it stopped.",
        ));
        answers
    }
}

/// The failures of an operation that lists what may be nothing.
pub(crate) struct Listing;

impl Reasons for Listing {
    fn answers() -> Vec<(ApiError, &'static str)> {
        let mut answers = vec![(
            missing::<LearnerId>(),
            "An id is missing or is no hyphenated UUID, or a parameter is wrong.",
        )];
        answers.extend(own_failures(UNAVAILABLE));
        answers
    }
}

/// The failures of an operation that sums up all learners.
pub(crate) struct Summing;

impl Reasons for Summing {
    fn answers() -> Vec<(ApiError, &'static str)> {
        let mut answers = vec![
            (invalid::<CourseId>(), "The course is no hyphenated UUID."),
            (ApiError::no_stats(), "Nobody has studied in the course."),
        ];
        answers.extend(own_failures(UNAVAILABLE));
        answers
    }
}

/// The failures of an operation that records.
pub(crate) struct Recording;

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
            (ApiError::unsupported_content_type(), NOT_JSON),
            (
                ApiError::limit_exceeded(),
                "A sum would pass 9e15. Nothing was changed.",
            ),
        ];
        answers.extend(own_failures(UNAVAILABLE));
        answers
    }
}

/// The failures of an operation that records a batch.
pub(crate) struct Batching;

impl Reasons for Batching {
    fn answers() -> Vec<(ApiError, &'static str)> {
        let mut answers = vec![
            (
                ApiError::invalid(vec![batch::no_records(true)]),
                "The body is no JSON object, or its `sessions` are not 1 to 1000.",
            ),
            (ApiError::body_too_large(), "The body is larger than 1 MiB."),
            (ApiError::unsupported_content_type(), NOT_JSON),
        ];
        answers.extend(own_failures(UNAVAILABLE));
        answers
    }
}

/// The failures of a probe that asks only for an answer.
pub(crate) struct Living;

impl Reasons for Living {
    fn answers() -> Vec<(ApiError, &'static str)> {
        vec![
            (ApiError::internal(""), AT_FAULT),
            (ApiError::timed_out(), "The answer was not ready in time."),
        ]
    }
}

/// The failures of a probe that asks whether requests can be served.
pub(crate) struct Readying;

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
const NOT_JSON: &str = "The body is not sent as application/json.";
const UNAVAILABLE: &str = "The store is away or too slow, or there are too many requests at once \
    (`overloaded`). A write may have happened; repeating it is safe.";

fn wrong_ids() -> (ApiError, &'static str) {
    (
        missing::<LearnerId>(),
        "An id is missing or is no hyphenated UUID.",
    )
}

fn nothing_stored() -> (ApiError, &'static str) {
    (
        ApiError::no_stats(),
        "There is nothing stored, or it is another learner's.",
    )
}

fn missing<T: ApiId>() -> ApiError {
    ApiError::invalid(T::check(None).err().unwrap_or_default())
}

fn invalid<T: ApiId>() -> ApiError {
    ApiError::invalid(T::check(Some("7")).err().unwrap_or_default())
}

fn own_failures(unavailable: &'static str) -> [(ApiError, &'static str); 2] {
    [
        (ApiError::internal(""), AT_FAULT),
        (ApiError::store_unavailable(""), unavailable),
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
