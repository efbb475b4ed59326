//! How spans are sent.

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

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Most that is read of it.
const MOST: usize = 64 << 10;

/// Sends from the service's own runtime, whatever thread asks for it: those of OpenTelemetry have
/// none.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: HyperClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: Handle,
    /// Whether the last spans could not be sent.
    fails: Arc<AtomicBool>,
}

impl Client {
    /// A client of the runtime that it is made in.
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
        let body = Limited::new(body, MOST).collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }

    /// Logs that spans cannot be sent, once until they can be again.
    fn tell(&self, failure: Option<String>) {
        let failed = self.fails.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(error) if !failed => tracing::warn!(error, "spans cannot be sent; trying on"),
            None if failed => tracing::info!("spans are sent again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.clone();
        let sent = self.runtime.spawn(async move {
            let sent = tokio::time::timeout(TIMEOUT, client.send(request)).await;
            let answer = sent.unwrap_or_else(|_| Err("no answer in time".into()));
            client.tell(match &answer {
                Ok(answer) if answer.status().is_success() => None,
                Ok(answer) => Some(format!("the answer is {}", answer.status())),
                Err(error) => Some(error.to_string()),
            });
            answer
        });
        sent.await?
    }
}
