//! A request, as a check builds it.

use std::fmt::{self, Display};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, header};
use serde_json::Value;

/// A request: method, path and query, headers, body. The client adds no headers but those of HTTP/1.1
/// itself.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: Method,
    path: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Bytes,
}

impl Request {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// Names the learner in the header `X-User-Id`.
    pub(crate) fn of(self, learner: &str) -> Self {
        self.header("x-user-id", learner)
    }

    /// Adds a header, also beside a header of the same name.
    pub(crate) fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_owned()));
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text("application/json", body.to_string())
    }

    pub(crate) fn text(self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.untyped(body)
            .header(header::CONTENT_TYPE.as_str(), content_type)
    }

    /// Sets a body without a content type.
    pub(crate) fn untyped(self, body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            ..self
        }
    }

    /// The request as the HTTP client takes it, to the instance at `base`.
    pub(super) fn build(self, base: &str) -> hyper::http::Result<hyper::Request<Full<Bytes>>> {
        let request = hyper::Request::builder().method(self.method);
        let request = request.uri(format!("{base}{}", self.path));
        let headers = self.headers.into_iter();
        let request = headers.fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        request.body(Full::new(self.body))
    }
}

impl Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}
