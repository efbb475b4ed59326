//! Errors of requests that break the rules of HTTP/1.1.

use poem::http::StatusCode;
use poem_openapi::types::ToJSON;
use uuid::Uuid;

use super::error::ApiError;

impl ApiError {
    /// 400: the request is no HTTP/1.1.
    pub(crate) fn malformed_request() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed_request",
            "malformed request",
        )
    }

    /// 414: the URI is longer than 64 KiB.
    fn uri_too_long() -> Self {
        Self::new(StatusCode::URI_TOO_LONG, "uri_too_long", "URI too long")
    }

    /// 431: the head of the request is longer than 16 KiB.
    fn header_too_large() -> Self {
        Self::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "header_too_large",
            "header too large",
        )
    }

    /// 501: the body has another transfer coding than `chunked`.
    pub(crate) fn unknown_transfer_coding() -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "unknown_transfer_coding",
            "unknown transfer coding",
        )
    }
}

/// Returns a new request id and the JSON of the error for a request that the HTTP library refused with
/// `status`.
#[must_use]
pub fn refusal(status: StatusCode) -> (String, String) {
    let error = match status {
        StatusCode::URI_TOO_LONG => ApiError::uri_too_long(),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => ApiError::header_too_large(),
        _ => ApiError::malformed_request(),
    };
    let request_id = Uuid::new_v4().to_string();
    let body = error.body(&request_id).to_json_string();
    (request_id, body)
}
