//! The one error shape, and how every failure becomes it.

use std::borrow::Cow;
use std::fmt;

use poem::error::{MethodNotAllowedError, NotFoundError, ResponseError};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::Object;
use poem_openapi::payload::Json;

use crate::store::StoreError;
use crate::wire::batch::BatchError;
use crate::wire::record::NoObject;
use crate::wire::time::Unwritable;
use crate::wire::validation::Problem;

/// Seconds that a client is asked to wait where trying again can help.
const RETRY_AFTER_SECONDS: u16 = 1;

/// A failure as the client is told of it, and, where it is the service's own, why it happened.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    problems: Vec<Problem>,
    /// Whether the connection ends with the answer.
    closes: bool,
    /// For the log only.
    cause: Option<String>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            problems: Vec::new(),
            closes: false,
            cause: None,
        }
    }

    fn because(self, cause: impl ToString) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..self
        }
    }

    /// The same, where some of the body was not read: the connection cannot be used again, and a client
    /// that is not told so loses its next request.
    pub(crate) fn closing(self) -> Self {
        Self {
            closes: true,
            ..self
        }
    }

    /// 400: fields are missing or wrong; the first of them decides the message.
    pub(crate) fn invalid(problems: Vec<Problem>) -> Self {
        let message = problems.first().map(Problem::summary).unwrap_or_default();
        Self {
            message: message.into(),
            problems,
            ..Self::new(StatusCode::BAD_REQUEST, "invalid_request", "")
        }
    }

    /// 400: the body is no JSON object.
    pub(crate) fn invalid_json() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_json", "invalid JSON")
    }

    /// 400: the body ended before its end or is wrongly framed.
    pub(crate) fn incomplete_body() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "incomplete_body",
            "incomplete body",
        )
    }

    /// 404: there is nothing to tell.
    pub(crate) fn no_stats() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_stats_found", "no stats found")
    }

    /// 404: there is no such path.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "not found")
    }

    /// 405: the path has other methods.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "method not allowed",
        )
    }

    /// 410: the learner was erased after the session occurred.
    pub(crate) fn erased() -> Self {
        Self::new(StatusCode::GONE, "learner_erased", "learner erased")
    }

    /// 413: the body is too large.
    pub(crate) fn body_too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "body too large",
        )
        .closing()
    }

    /// 415: the body is not sent as JSON.
    pub(crate) fn unsupported_content_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_content_type",
            "unsupported content type",
        )
        .closing()
    }

    /// 422: a sum would pass what can be kept exactly.
    pub(crate) fn limit_exceeded() -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "limit_exceeded",
            "limit exceeded",
        )
    }

    /// 500: the service is at fault.
    pub(crate) fn internal(cause: impl ToString) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "internal server error",
        )
        .because(cause)
    }

    /// 503: the store is away or too slow.
    pub(crate) fn store_unavailable(cause: impl ToString) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store_unavailable",
            "store unavailable",
        )
        .because(cause)
    }

    /// 503: too many requests use the store, or large bodies all their memory. Not logged one by one:
    /// that would add to the load.
    pub(crate) fn overloaded() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "overloaded")
    }

    /// 503: the process is about to end.
    pub(crate) fn draining() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "draining", "draining")
    }

    /// 503: the request was not done in time, its body included.
    pub(crate) fn timed_out() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "request_timeout",
            "request timeout",
        )
        .because("not done in time")
    }

    /// What the log should tell: why, where the service is at fault.
    pub(crate) fn into_cause(self) -> Option<String> {
        self.cause
    }

    /// The answer to the request that `request_id` names.
    pub(crate) fn response(&self, request_id: &str) -> Response {
        let mut response = Json(self.body(request_id))
            .with_status(self.status)
            .into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        if self.closes {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }
}

impl ApiError {
    /// The body of that answer.
    pub(crate) fn body(&self, request_id: &str) -> ErrorBody {
        ErrorBody {
            message: self.message.clone().into_owned(),
            code: self.code.to_owned(),
            errors: self.problems.iter().map(FieldError::from).collect(),
            request_id: request_id.to_owned(),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            Self::store_unavailable(error)
        } else {
            Self::internal(error)
        }
    }
}

impl From<NoObject> for ApiError {
    fn from(_: NoObject) -> Self {
        Self::invalid_json()
    }
}

impl From<BatchError> for ApiError {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::NoObject => Self::invalid_json(),
            BatchError::Sessions(problem) => Self::invalid(vec![problem]),
        }
    }
}

impl From<Unwritable> for ApiError {
    fn from(error: Unwritable) -> Self {
        Self::internal(error)
    }
}

/// What the client is told of any failure of a request.
///
/// The texts of poem's and poem-openapi's own refusals are not ours and may change, so they are
/// told apart by their types.
pub(crate) fn from_poem(error: poem::Error) -> ApiError {
    error.downcast().unwrap_or_else(|error: poem::Error| {
        if error.is::<NotFoundError>() {
            ApiError::not_found()
        } else if error.is::<MethodNotAllowedError>() {
            ApiError::method_not_allowed()
        } else {
            ApiError::internal(error)
        }
    })
}

/// An error.
#[derive(Object)]
#[oai(rename = "Error", rename_all = "camelCase", read_only_all)]
pub(crate) struct ErrorBody {
    /// What happened, in short and stable words.
    message: String,
    /// The same for programs.
    code: String,
    /// All fields that are missing or wrong, in the order of the checks.
    errors: Vec<FieldError>,
    /// Names the request in the service's log; equals the header X-Request-Id.
    request_id: String,
}

/// What is wrong with one field.
#[derive(Object)]
#[oai(read_only_all)]
pub(crate) struct FieldError {
    /// The field's name.
    field: String,
    /// What would be right.
    message: String,
}

impl From<&Problem> for FieldError {
    fn from(problem: &Problem) -> Self {
        Self {
            field: problem.field.to_owned(),
            message: problem.advice(),
        }
    }
}
