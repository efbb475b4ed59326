//! An answer of the service, and what is expected of it.

use std::fmt::{self, Display};

use hyper::HeaderMap;
use hyper::body::Bytes;
use serde_json::{Value, json};

/// How many bytes of a text a failure shows.
const SHOWN: usize = 200;

/// What came of a check, or of a step of it.
pub(super) type Verdict<T = ()> = Result<T, Failure>;

/// What was expected, and what came instead.
#[derive(Debug)]
pub(super) struct Failure(String);

impl Failure {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    /// The request, in short.
    pub(super) asked: String,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// The failure of an answer that is none of what was expected.
    pub(super) fn is_not(&self, expected: impl Display) -> Failure {
        let (asked, status) = (&self.asked, self.status);
        let expected = start_of(&expected.to_string());
        let body = start_of(&String::from_utf8_lossy(&self.body));
        Failure::new(format!("{asked}: expected {expected}, got {status} {body}"))
    }

    /// Expects something of it.
    pub(super) fn holds(&self, holds: bool, expected: impl Display) -> Verdict {
        if holds {
            Ok(())
        } else {
            Err(self.is_not(expected))
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Expects a status.
    pub(super) fn has(&self, status: u16) -> Verdict {
        self.holds(self.status == status, status)
    }

    /// Expects a status and no body.
    pub(super) fn is_empty(&self, status: u16) -> Verdict {
        let empty = self.status == status && self.body.is_empty();
        self.holds(empty, format_args!("{status} without a body"))
    }

    /// Its body, which is expected to be JSON and to say so.
    pub(super) fn json(&self) -> Verdict<Value> {
        let content_type = self.header("content-type").unwrap_or_default();
        let is_json = content_type.split(';').next() == Some("application/json");
        self.holds(is_json, "a content type of application/json")?;
        serde_json::from_slice(&self.body).map_err(|_| self.is_not("JSON"))
    }

    /// Expects a status and exactly that body: all its members and no others, and its numbers to
    /// the last digit. An integer of `body` is one that is written without a fraction.
    pub(super) fn is(&self, status: u16, body: &Value) -> Verdict {
        let is = self.status == status && self.json()? == *body;
        self.holds(is, format_args!("{status} {body}"))
    }

    /// Expects the one shape of errors, and gives the fields that it lists.
    pub(super) fn is_error(&self, status: u16, message: &str, code: &str) -> Verdict<Vec<String>> {
        let expected = json!({"message": message, "code": code});
        let expected = format!("{status} {expected} with the members errors and requestId");
        if self.status != status {
            return Err(self.is_not(expected));
        }
        let error = self.json()?;
        let members = error.as_object().map(|error| error.keys());
        let members: Vec<_> = members.into_iter().flatten().collect();
        let is = members == ["code", "errors", "message", "requestId"]
            && error["message"] == message
            && error["code"] == code;
        self.holds(is, expected)?;
        let id = error["requestId"].as_str().unwrap_or_default();
        self.holds(
            !id.is_empty() && self.header("x-request-id") == Some(id),
            "a requestId that equals the header X-Request-Id",
        )?;
        fields(&error["errors"]).ok_or_else(|| self.is_not("errors of a field and a message each"))
    }

    /// Expects an error that is about the request as such, and no field of it.
    pub(super) fn refuses(&self, status: u16, message: &str, code: &str) -> Verdict {
        let fields = self.is_error(status, message, code)?;
        self.holds(fields.is_empty(), "no errors of fields")
    }

    /// Expects that the request is refused for those fields, in that order.
    pub(super) fn is_invalid(&self, message: &str, expected: &[&str]) -> Verdict {
        let fields = self.is_error(400, message, "invalid_request")?;
        self.holds(
            fields == expected,
            format_args!("errors of {}", expected.join(", ")),
        )
    }

    /// Expects that there is nothing to tell.
    pub(super) fn finds_nothing(&self) -> Verdict {
        self.refuses(404, "no stats found", "no_stats_found")
    }
}

/// The beginning of a text, in one line whatever is in it.
fn start_of(text: &str) -> String {
    let start = &text[..text.floor_char_boundary(SHOWN)];
    let is_whole = start.len() == text.len();
    let line = start.replace(|c: char| c.is_control(), " ");
    if is_whole { line } else { line + "…" }
}

/// The fields of a list of errors, each with a sentence; `None` where it is no such list.
pub(super) fn fields(errors: &Value) -> Option<Vec<String>> {
    let errors = errors.as_array()?.iter().map(|error| {
        let error = error.as_object().filter(|error| error.len() == 2)?;
        let sentence = error.get("message")?.as_str()?;
        let field = error.get("field")?.as_str()?;
        (!sentence.is_empty()).then(|| field.to_owned())
    });
    errors.collect()
}
