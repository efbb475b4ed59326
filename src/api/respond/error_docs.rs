//! Failures of operations in the OpenAPI document.

use poem::error::ResponseError;
use poem::http::StatusCode;
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ToJSON, Type};

use super::error::ApiError;
use super::error_body::ErrorBody;
use crate::domain::{CourseId, LearnerId, Limit, Limits, SessionId};
use crate::wire::batch;
use crate::wire::validation::ApiId;

/// Failure of an operation in the document.
pub(crate) trait ErrorDoc {
    /// Condition of the failure.
    const WHEN: &'static str;

    /// Example of the error.
    fn example() -> ApiError;
}

/// Failures of an operation: a tuple of [`ErrorDoc`]s.
pub(crate) trait ErrorDocs {
    /// Responses of the failures and of [`Internal`], by status.
    fn responses() -> Vec<MetaResponse>;
}

macro_rules! tuples {
    ($($($doc:ident)+;)+) => {$(
        impl<$($doc: ErrorDoc),+> ErrorDocs for ($($doc,)+) {
            fn responses() -> Vec<MetaResponse> {
                let mut responses = vec![$(response::<$doc>(),)+ response::<Internal>()];
                responses.sort_by_key(|response| response.status);
                responses
            }
        }
    )+};
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
}

macro_rules! errors {
    ($($name:ident = $example:expr, $when:literal;)+) => {$(
        #[doc = $when]
        pub(crate) struct $name;

        impl ErrorDoc for $name {
            const WHEN: &'static str = $when;

            fn example() -> ApiError {
                $example
            }
        }
    )+};
}

// The texts are part of the document.
errors! {
    InvalidIds = missing::<LearnerId>(), "An id is missing or is no hyphenated UUID.";
    InvalidParameters = missing::<LearnerId>(),
        "An id is missing or is no hyphenated UUID, or a parameter is wrong.";
    InvalidCourse = invalid::<CourseId>(), "The course is no hyphenated UUID.";
    InvalidRoster = invalid::<CourseId>(),
        "The course is no hyphenated UUID, or a parameter is wrong.";
    InvalidRecord = missing::<SessionId>(),
        "The body is no JSON object, or fields are missing or wrong.";
    InvalidBatch = ApiError::invalid(vec![batch::no_records(true)]),
        "The body is no JSON object, or its `sessions` are not 1 to 1000.";
    NoStats = ApiError::no_stats(), "There is nothing stored, or it is another learner's.";
    NoLearners = ApiError::no_stats(), "Nobody has studied in the course.";
    LearnerErased = ApiError::erased(), "The learner was erased after the session occurred.";
    RecordTooLarge = ApiError::body_too_large(), "The body is larger than 64 KiB.";
    BatchTooLarge = ApiError::body_too_large(), "The body is larger than 1 MiB.";
    NotJson = ApiError::unsupported_content_type(),
        "The body is not sent as application/json.";
    RecordLimit = ApiError::limit_exceeded(Limit::Sessions(Limits::default().sessions)),
        "It would be a new session, and the learner has as many in the course as the service allows, or \
         sessions in as many courses; or a sum would pass 9e15. `errors` says which. Nothing was changed.";
    Internal = ApiError::internal(""), "The service is at fault; its log tells why.";
    Unavailable = ApiError::store_unavailable(""),
        "The store is away or too slow, or there are too many requests at once (`overloaded`). A write \
         may have happened; repeating it is safe.";
    DeleteUnavailable = ApiError::store_unavailable(""),
        "The store is away or too slow, there are too many requests at once (`overloaded`), or there \
         is so much to forget that it takes longer than a request may (`request_timeout`). Repeating \
         it is safe, and goes on where it stopped.";
    TimedOut = ApiError::timed_out(), "The answer was not ready in time.";
    NotReady = ApiError::store_unavailable(""),
        "The store cannot be reached, or the process is about to end.";
}

fn missing<T: ApiId>() -> ApiError {
    ApiError::invalid(T::check(None).err().unwrap_or_default())
}

fn invalid<T: ApiId>() -> ApiError {
    ApiError::invalid(T::check(Some("7")).err().unwrap_or_default())
}

/// Response with the error shape, and an example for the failure.
fn response<D: ErrorDoc>() -> MetaResponse {
    let error = D::example();
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
        description: D::WHEN,
        status: Some(error.status().as_u16()),
        status_range: None,
        content: vec![MetaMediaType {
            content_type: Json::<ErrorBody>::CONTENT_TYPE,
            schema: MetaSchemaRef::Inline(Box::new(schema)),
        }],
        headers: retry_after.into_iter().collect(),
    }
}
