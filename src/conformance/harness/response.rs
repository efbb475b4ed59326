//! A response, and the expectations that checks have of responses.

use std::fmt::Display;

use hyper::HeaderMap;
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::mismatch::{CheckResult, Mismatch};

/// Maximum number of bytes of a text in a mismatch.
const SHOWN: usize = 200;
/// Content type of every JSON response.
const JSON: &str = "application/json; charset=utf-8";

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Response {
    /// Method and path of the request.
    pub(crate) request: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Response {
    /// The mismatch between an expectation and the response.
    pub(crate) fn mismatch(&self, expected: impl Display) -> Mismatch {
        let (request, status) = (&self.request, self.status);
        let expected = start_of(&expected.to_string());
        let body = start_of(&self.text());
        Mismatch::new(format!(
            "{request}: expected {expected}, got {status} {body}"
        ))
    }

    /// Expects a condition.
    pub(crate) fn expect(&self, is_met: bool, expected: impl Display) -> CheckResult {
        if is_met {
            Ok(())
        } else {
            Err(self.mismatch(expected))
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body; bytes that are not UTF-8 are replaced.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Expects a status.
    pub(crate) fn has_status(&self, status: u16) -> CheckResult {
        self.expect(self.status == status, status)
    }

    /// Expects a status and no body.
    pub(crate) fn is_empty(&self, status: u16) -> CheckResult {
        let empty = self.status == status && self.body.is_empty();
        self.expect(empty, format_args!("{status} without a body"))
    }

    /// Expects the response to a delete: 204 with a request id, no body, no content type.
    pub(crate) fn is_deleted(&self) -> CheckResult {
        self.is_empty(204)?;
        let headers =
            self.header("content-type").is_none() && self.header("x-request-id").is_some();
        self.expect(headers, "204 with X-Request-Id and without Content-Type")?;
        self.is_stored_by_no_cache()
    }

    /// Expects exactly this value of a header.
    pub(crate) fn has_header(&self, name: &str, value: &str) -> CheckResult {
        self.expect(
            self.header(name) == Some(value),
            format_args!("the header {name}: {value}"),
        )
    }

    /// Expects that no cache may store the response.
    pub(crate) fn is_stored_by_no_cache(&self) -> CheckResult {
        self.has_header("cache-control", "no-store")
    }

    /// Expects JSON with the content type of JSON, and returns the body.
    pub(crate) fn json(&self) -> CheckResult<Value> {
        let is_json = self.header("content-type") == Some(JSON);
        self.expect(is_json, format_args!("a content type of {JSON}"))?;
        serde_json::from_slice(&self.body).map_err(|_| self.mismatch("JSON"))
    }

    /// Expects a status and exactly a body: all of its members and no more, numbers equal to the last
    /// digit. An integer in `body` stands for a number written without a fraction.
    pub(crate) fn is(&self, status: u16, body: &Value) -> CheckResult {
        let is = self.status == status && self.json()? == *body;
        self.expect(is, format_args!("{status} {body}"))
    }

    /// Expects a status and an error body of a message and a code. Returns the fields in `errors`.
    pub(crate) fn is_error(
        &self,
        status: u16,
        message: &str,
        code: &str,
    ) -> CheckResult<Vec<String>> {
        let expected = json!({"message": message, "code": code});
        let expected = format!("{status} {expected} with the members errors and requestId");
        if self.status != status {
            return Err(self.mismatch(expected));
        }
        let error = self.json()?;
        let members = error.as_object().map(|error| error.keys());
        let members: Vec<_> = members.into_iter().flatten().collect();
        let is = members == ["code", "errors", "message", "requestId"]
            && error["message"] == message
            && error["code"] == code;
        self.expect(is, expected)?;
        let id = error["requestId"].as_str().unwrap_or_default();
        self.expect(
            !id.is_empty() && self.header("x-request-id") == Some(id),
            "a requestId that equals the header X-Request-Id",
        )?;
        self.is_stored_by_no_cache()?;
        error_fields(&error["errors"])
            .ok_or_else(|| self.mismatch("errors of a field and a message each"))
    }

    /// Expects an error without errors of fields.
    pub(crate) fn is_refused(&self, status: u16, message: &str, code: &str) -> CheckResult {
        let fields = self.is_error(status, message, code)?;
        self.expect(fields.is_empty(), "no errors of fields")
    }

    /// Expects the error of a body that is no JSON object, with the place of the error.
    pub(crate) fn is_unreadable(&self, place: &str) -> CheckResult {
        let fields = self.is_error(400, "invalid JSON", "invalid_json")?;
        let message = self.json()?["errors"][0]["message"].to_string();
        self.expect(
            fields == ["body"] && message.contains(place),
            format_args!("an error of the body that says {place}"),
        )
    }

    /// Expects the error of an invalid request, with errors of the given fields in order.
    pub(crate) fn is_invalid(&self, message: &str, expected: &[&str]) -> CheckResult {
        let fields = self.is_error(400, message, "invalid_request")?;
        self.expect(
            fields == expected,
            format_args!("errors of {}", expected.join(", ")),
        )
    }

    /// Expects the error of a read or a delete that finds no session.
    pub(crate) fn is_not_found(&self) -> CheckResult {
        self.is_refused(404, "no stats found", "no_stats_found")
    }
}

/// The start of a text, in one line: control characters become spaces.
fn start_of(text: &str) -> String {
    let start = &text[..text.floor_char_boundary(SHOWN)];
    let is_whole = start.len() == text.len();
    let line = start.replace(|c: char| c.is_control(), " ");
    if is_whole { line } else { line + "…" }
}

/// The fields of a list of errors; `None` unless each error has a field, a sentence with a full stop, and
/// no more.
pub(crate) fn error_fields(errors: &Value) -> Option<Vec<String>> {
    let errors = errors.as_array()?.iter().map(|error| {
        let error = error.as_object().filter(|error| error.len() == 2)?;
        let sentence = error.get("message")?.as_str()?;
        let field = error.get("field")?.as_str()?;
        sentence.ends_with('.').then(|| field.to_owned())
    });
    errors.collect()
}
