//! Failures of operations in the OpenAPI document.

use poem::error::ResponseError;
use poem::http::StatusCode;
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ToJSON, Type};
use serde_json::{Map, json};

use super::error::ApiError;
use super::error_body::ErrorBody;
use crate::domain::{CourseId, LearnerId, Limit, Limits, SessionId};
use crate::wire::batch;
use crate::wire::record::RecordFields;
use crate::wire::validation::{ApiId, Problem};

/// Failure of an operation in the document.
pub(crate) trait ErrorDoc {
    /// Condition of the failure.
    const WHEN: &'static str;

    /// Examples of the error, of one status.
    fn examples() -> Vec<ApiError>;
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
    ($($name:ident = [$($example:expr),+], $when:literal;)+) => {
        $(
            #[doc = $when]
            pub(crate) struct $name;

            impl ErrorDoc for $name {
                const WHEN: &'static str = $when;

                fn examples() -> Vec<ApiError> {
                    vec![$($example),+]
                }
            }
        )+

        /// Names of the failures, by their descriptions.
        const NAMES: &[(&str, &str)] = &[$(($when, stringify!($name))),+];
    };
}

// The texts are part of the document.
errors! {
    InvalidIds = [missing::<LearnerId>(), invalid::<LearnerId>()], "An id is missing or is no hyphenated UUID.";
    InvalidParameters = [missing::<LearnerId>(), wrong_parameter()],
        "An id is missing or is no hyphenated UUID, or a parameter is wrong.";
    InvalidCourse = [invalid::<CourseId>()], "The course is no hyphenated UUID.";
    InvalidRoster = [invalid::<CourseId>(), wrong_parameter()],
        "The course is no hyphenated UUID, or a parameter is wrong.";
    InvalidRecord = [missing::<SessionId>(), invalid::<SessionId>(), not_json()],
        "The body is no JSON object, or fields are missing or wrong.";
    InvalidBatch = [ApiError::invalid(vec![batch::no_records(true)]), not_json()],
        "The body is no JSON object, or its `sessions` are not 1 to 1000.";
    NoStats = [ApiError::no_stats()], "There is nothing stored, or it is another learner's.";
    NoLearners = [ApiError::no_stats()], "Nobody has studied in the course.";
    LearnerErased = [ApiError::erased()], "The learner was erased after the session occurred.";
    RecordTooLarge = [ApiError::body_too_large()], "The body is larger than 64 KiB.";
    BatchTooLarge = [ApiError::body_too_large()], "The body is larger than 1 MiB.";
    NotJson = [ApiError::unsupported_content_type()],
        "The body is not sent as application/json.";
    RecordLimit = [ApiError::limit_exceeded(Limit::Sessions(Limits::default().sessions))],
        "It would be a new session, and the learner has as many in the course as the service allows, or \
         sessions in as many courses; or a sum would pass 9e15. `errors` says which. Nothing was changed.";
    Internal = [ApiError::internal("")], "The service is at fault; its log tells why.";
    Unavailable = [ApiError::store_unavailable(""), ApiError::overloaded(), ApiError::timed_out()],
        "The store is away or too slow, or there are too many requests at once (`overloaded`). A write \
         may have happened; repeating it is safe.";
    DeleteUnavailable = [ApiError::store_unavailable(""), ApiError::overloaded(), ApiError::timed_out()],
        "The store is away or too slow, there are too many requests at once (`overloaded`), or there \
         is so much to forget that it takes longer than a request may (`request_timeout`). Repeating \
         it is safe, and goes on where it stopped.";
    TimedOut = [ApiError::timed_out()], "The answer was not ready in time.";
    NotReady = [ApiError::store_unavailable(""), ApiError::draining()],
        "The store cannot be reached, or the process is about to end.";
}

/// Name of the failure with a description.
pub(crate) fn name(when: &str) -> Option<&'static str> {
    let name = NAMES.iter().find(|(known, _)| *known == when);
    name.map(|(_, name)| *name)
}

fn wrong_parameter() -> ApiError {
    ApiError::invalid(vec![Problem {
        field: "limit".into(),
        missing: false,
        expected: "a whole number from 1 to 500".into(),
    }])
}

fn not_json() -> ApiError {
    let error = RecordFields::parse(b"{\"averageScore\": NaN}").err();
    error.map_or_else(|| ApiError::internal("it is JSON"), ApiError::from)
}

fn missing<T: ApiId>() -> ApiError {
    ApiError::invalid(T::check(None).err().unwrap_or_default())
}

fn invalid<T: ApiId>() -> ApiError {
    ApiError::invalid(T::check(Some("7")).err().unwrap_or_default())
}

/// Response with the error shape, and examples for the failure.
fn response<D: ErrorDoc>() -> MetaResponse {
    let errors = D::examples();
    let status = errors
        .first()
        .map(ResponseError::status)
        .unwrap_or_default();
    let examples = errors.iter().map(|error| {
        let value = error.body("0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f").to_json();
        (
            error.to_string().replace(' ', "-"),
            json!({ "value": value }),
        )
    });
    let schema = MetaSchema {
        all_of: vec![ErrorBody::schema_ref()],
        example: Some(examples.collect::<Map<_, _>>().into()),
        ..MetaSchema::ANY
    };
    let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then(|| MetaHeader {
        name: "Retry-After".into(),
        description: Some("Seconds to wait before the next attempt.".into()),
        required: true,
        deprecated: false,
        schema: u16::schema_ref(),
    });
    MetaResponse {
        description: D::WHEN,
        status: Some(status.as_u16()),
        status_range: None,
        content: vec![MetaMediaType {
            content_type: Json::<ErrorBody>::CONTENT_TYPE,
            schema: MetaSchemaRef::Inline(Box::new(schema)),
        }],
        headers: retry_after.into_iter().collect(),
    }
}
