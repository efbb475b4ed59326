//! Errors of requests, and the conversion of every failure to an error response.

use std::borrow::Cow;
use std::fmt;

use poem::error::{MethodNotAllowedError, NotFoundError, ResponseError};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::payload::Json;

use super::error_body::{ErrorBody, FieldError};
use crate::domain::Limit;
use crate::store::StoreError;
use crate::wire::InvalidObject;
use crate::wire::batch::{self, BatchError};
use crate::wire::time::Unwritable;
use crate::wire::validation::Problem;

/// `Retry-After` of a 503, in seconds.
const RETRY_AFTER_SECONDS: u16 = 1;

/// Error of a request: status and texts for the client, and for a failure of the service the cause for the
/// log.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    problems: Vec<Problem>,
    /// True to close the connection after the response.
    closes: bool,
    /// Cause for the log, never sent to the client.
    cause: Option<String>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
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

    /// Closes the connection after the response, as a part of the body is unread. Without
    /// `Connection: close` the client would lose the next request on the connection.
    pub(crate) fn closing(self) -> Self {
        Self {
            closes: true,
            ..self
        }
    }

    /// 400: fields are missing or wrong; the first problem gives the message.
    pub(crate) fn invalid(problems: Vec<Problem>) -> Self {
        let message = problems.first().map(Problem::summary).unwrap_or_default();
        Self {
            message: message.into(),
            problems,
            ..Self::new(StatusCode::BAD_REQUEST, "invalid_request", "")
        }
    }

    /// 400: the body is no JSON object, or has a field twice; the problem has the place.
    pub(crate) fn invalid_json(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
            ..Self::new(StatusCode::BAD_REQUEST, "invalid_json", "invalid JSON")
        }
    }

    /// 400: the body is truncated or wrongly framed.
    pub(crate) fn incomplete_body() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "incomplete_body",
            "incomplete body",
        )
    }

    /// 404: no sessions are stored.
    pub(crate) fn no_stats() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_stats_found", "no stats found")
    }

    /// 404: the path has no route.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "not found")
    }

    /// 405: the route has other methods.
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

    /// 415: the content type is not JSON, or the body is encoded.
    pub(crate) fn unsupported_content_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_content_type",
            "unsupported content type",
        )
        .closing()
    }

    /// 422: a record would pass a limit; the one problem has the limit.
    pub(crate) fn limit_exceeded(limit: Limit) -> Self {
        Self {
            problems: vec![batch::limit_exceeded(limit)],
            ..Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "limit_exceeded",
                "limit exceeded",
            )
        }
    }

    /// 500: a failure of the service itself.
    pub(crate) fn internal(cause: impl ToString) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "internal server error",
        )
        .because(cause)
    }

    /// 503: the store is unreachable or too slow.
    pub(crate) fn store_unavailable(cause: impl ToString) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store_unavailable",
            "store unavailable",
        )
        .because(cause)
    }

    /// 503: no free permit for the store, or no memory for a large body. Has no cause, as a log line per
    /// request would add to the load.
    pub(crate) fn overloaded() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "overloaded")
    }

    /// 503: the process is shutting down.
    pub(crate) fn draining() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "draining", "draining")
    }

    /// 503: timeout of the request, including the body.
    pub(crate) fn timed_out() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "request_timeout",
            "request timeout",
        )
        .because("not done in time")
    }

    /// Cause for the log, if the failure is of the service.
    pub(crate) fn into_cause(self) -> Option<String> {
        self.cause
    }

    /// Error response to the request with the id `request_id`.
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

    /// Body of the error response.
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
        match error {
            StoreError::Overloaded => Self::overloaded(),
            StoreError::Unavailable(_) => Self::store_unavailable(error),
            StoreError::Unexpected(_) => Self::internal(error),
        }
    }
}

impl From<Vec<Problem>> for ApiError {
    fn from(problems: Vec<Problem>) -> Self {
        Self::invalid(problems)
    }
}

impl From<InvalidObject> for ApiError {
    fn from(error: InvalidObject) -> Self {
        Self::invalid_json(error.problem())
    }
}

impl From<BatchError> for ApiError {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::InvalidObject(problem) => Self::invalid_json(problem),
            BatchError::Sessions(problem) => Self::invalid(vec![problem]),
        }
    }
}

impl From<Unwritable> for ApiError {
    fn from(error: Unwritable) -> Self {
        Self::internal(error)
    }
}

/// Converts an error of poem or poem-openapi by type: texts of the libraries may change, and are not
/// sent to clients.
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
