//! The HTTP client: follows no redirect, and adds no headers but those of HTTP/1.1 itself.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::Uri;
use hyper::body::Bytes;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};

use super::mismatch::{CheckResult, Mismatch};
use super::request::Request;
use super::response::Response;
use crate::error::StartError;

/// Timeout of a request, until the response is read to its end.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A client of the instance at one URL; clones share the connections.
#[derive(Clone)]
pub(crate) struct HttpClient {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// Prefix of every path, without a slash at the end.
    base: String,
}

impl HttpClient {
    /// A client of the instance at `url`, not connected yet.
    ///
    /// # Errors
    ///
    /// The system has no root certificates to validate the server's certificate with.
    pub(crate) fn new(url: &Uri) -> Result<Self, StartError> {
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

    /// Sends one request, to see that a server responds.
    ///
    /// # Errors
    ///
    /// No server responds; the message has the cause, in one line.
    pub(crate) async fn reach(&self) -> Result<(), StartError> {
        let response = self.exchange(Request::get("/health/live")).await;
        response.map(drop).map_err(|cause| {
            StartError::Environment(format!("cannot reach {}: {cause}", self.base))
        })
    }

    /// Sends a request and reads the response.
    pub(crate) async fn send(&self, request: Request) -> CheckResult<Response> {
        let sent = request.to_string();
        let response = self.exchange(request).await;
        response.map_err(|cause| Mismatch::new(format!("{sent}: expected an answer, got {cause}")))
    }

    async fn exchange(&self, request: Request) -> Result<Response, String> {
        let sent = request.to_string();
        let request = request.build(&self.base).map_err(|error| causes(&error))?;
        let response = async {
            let response = self.http.request(request).await;
            let (head, body) = response.map_err(|error| causes(&error))?.into_parts();
            let body = body.collect().await.map_err(|error| causes(&error))?;
            Ok(Response {
                request: sent,
                status: head.status.as_u16(),
                headers: head.headers,
                body: body.to_bytes(),
            })
        };
        let response = tokio::time::timeout(TIMEOUT, response).await;
        response.unwrap_or_else(|_| Err(format!("none within {TIMEOUT:?}")))
    }
}

/// An error with its sources: hyper's texts leave the sources out.
fn causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
