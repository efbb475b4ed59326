//! An HTTP client that sends what it is told to, and nothing else: it follows no redirect, and adds
//! only the headers that HTTP asks for.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, Uri, header};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

use super::answer::{Answer, Failure, Verdict};
use crate::error::StartError;

/// Longest wait for an answer, read to its end.
const WITHIN: Duration = Duration::from_secs(20);

/// Sends requests to the service at one address.
#[derive(Clone)]
pub(super) struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// What stands before every path.
    base: String,
}

impl Client {
    /// A client of the service at `url`.
    ///
    /// # Errors
    ///
    /// The system has no authorities to check the server's certificate against.
    pub(super) fn new(url: &Uri) -> Result<Self, StartError> {
        let tls = ClientConfig::builder();
        let tls = if url.scheme_str() == Some("https") {
            tls.with_native_roots().map_err(|error| {
                StartError::Environment(format!("cannot check the certificate of {url}: {error}"))
            })?
        } else {
            tls.with_root_certificates(RootCertStore::empty())
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.with_no_client_auth())
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            http: legacy::Client::builder(TokioExecutor::new()).build(connector),
            base: url.to_string().trim_end_matches('/').to_owned(),
        })
    }

    /// Finds out whether anybody answers.
    ///
    /// # Errors
    ///
    /// Nobody does; the message says why, in one line.
    pub(super) async fn reach(&self) -> Result<(), StartError> {
        let answer = self.answer(Call::get("/health/live")).await;
        answer.map(drop).map_err(|reason| {
            StartError::Environment(format!("cannot reach {}: {reason}", self.base))
        })
    }

    /// Sends a request and reads its answer.
    pub(super) async fn send(&self, call: Call) -> Verdict<Answer> {
        let asked = call.to_string();
        let answer = self.answer(call).await;
        answer.map_err(|reason| Failure::new(format!("{asked}: expected an answer, got {reason}")))
    }

    async fn answer(&self, call: Call) -> Result<Answer, String> {
        let asked = call.to_string();
        let request = call.to(&self.base).map_err(|error| reason(&error))?;
        let answer = async {
            let response = self.http.request(request).await;
            let (head, body) = response.map_err(|error| reason(&error))?.into_parts();
            let body = body.collect().await.map_err(|error| reason(&error))?;
            Ok(Answer {
                asked,
                status: head.status.as_u16(),
                headers: head.headers,
                body: body.to_bytes(),
            })
        };
        let answer = tokio::time::timeout(WITHIN, answer).await;
        answer.unwrap_or_else(|_| Err(format!("none within {WITHIN:?}")))
    }
}

/// An error with what it comes from: hyper's own texts do not say that.
fn reason(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Call {
    method: Method,
    path: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Bytes,
}

impl Call {
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// Names the learner whom the request is about.
    pub(super) fn of(self, learner: &str) -> Self {
        self.header("x-user-id", learner)
    }

    pub(super) fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_owned()));
        self
    }

    pub(super) fn json(self, body: &Value) -> Self {
        self.text("application/json", body.to_string())
    }

    pub(super) fn text(self, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            ..self.header(header::CONTENT_TYPE.as_str(), content_type)
        }
    }

    /// A body that nobody says the type of.
    pub(super) fn untyped(self, body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            ..self
        }
    }

    fn to(self, base: &str) -> hyper::http::Result<Request<Full<Bytes>>> {
        let request = Request::builder().method(self.method);
        let request = request.uri(format!("{base}{}", self.path));
        let headers = self.headers.into_iter();
        let request = headers.fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        request.body(Full::new(self.body))
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}
