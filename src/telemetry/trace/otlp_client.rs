//! The HTTP client of the span exporter.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

/// Timeout of a response.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum size of a response, in bytes.
const MAX_RESPONSE: usize = 64 << 10;

/// An HTTP client that sends on the service's runtime: the exporter's threads have no runtime.
#[derive(Debug, Clone)]
pub(super) struct OtlpClient {
    http: HyperClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: Handle,
    /// The last request failed.
    fails: Arc<AtomicBool>,
}

impl OtlpClient {
    /// Returns a client on the current runtime.
    pub(super) fn new() -> std::io::Result<Self> {
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            http: HyperClient::builder(TokioExecutor::new()).build(connector),
            runtime: Handle::current(),
            fails: Arc::default(),
        })
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = self
            .http
            .request(request.map(Full::new))
            .await?
            .into_parts();
        let body = Limited::new(body, MAX_RESPONSE).collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }

    /// Logs the first error in a row, and the first success after errors.
    fn log(&self, failure: Option<String>) {
        let failed = self.fails.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(error) if !failed => tracing::warn!(error, "spans cannot be sent; trying on"),
            None if failed => tracing::info!("spans are sent again"),
            _ => {}
        }
    }
}

/// Text of a failed request with the cause. A collector that answers no HTTP/1.1 may be a port of OTLP over gRPC.
fn explained(error: &(dyn Error + Send + Sync), collector: &str) -> String {
    let mut text = format!("{collector}: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    if text.contains("SendRequest") {
        text += ": the collector must take OTLP over HTTP, usually on port 4318; port 4317 is usually for gRPC";
    }
    text
}

#[async_trait]
impl HttpClient for OtlpClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, collector) = (self.clone(), request.uri().to_string());
        let sent = self.runtime.spawn(async move {
            let sent = tokio::time::timeout(TIMEOUT, client.send(request)).await;
            let answer = sent.unwrap_or_else(|_| Err("no answer in time".into()));
            client.log(match &answer {
                Ok(answer) if answer.status().is_success() => None,
                Ok(answer) => Some(format!("the answer is {}", answer.status())),
                Err(error) => Some(explained(error.as_ref(), &collector)),
            });
            answer
        });
        sent.await?
    }
}
