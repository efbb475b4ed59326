//! The API over real sockets: a server in this process, and a client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use poem::http::Method;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use study_stats::api::{self, BODY_BYTES, State};
use study_stats::server::{self, Limits, Worker};
use study_stats::store::StatsStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::TIMEOUT;

/// API served in this process, on a separate port, until the drop.
pub(crate) struct Api {
    pub(crate) client: Client,
    pub(crate) state: State,
    _stop: oneshot::Sender<()>,
    _server: JoinHandle<()>,
}

/// Settings of a served API.
pub(crate) struct Settings {
    pub(crate) request_timeout: Duration,
    pub(crate) max_requests: usize,
    pub(crate) body_bytes: usize,
    pub(crate) limits: Limits,
}

impl Default for Settings {
    /// Limits beyond the needs of a test.
    fn default() -> Self {
        Self {
            request_timeout: TIMEOUT,
            max_requests: 1_000,
            body_bytes: BODY_BYTES,
            limits: Limits {
                max_connections: 10_000,
                header_timeout: TIMEOUT,
                idle_timeout: TIMEOUT,
                write_timeout: TIMEOUT,
                linger: TIMEOUT,
                shutdown_grace: TIMEOUT,
            },
        }
    }
}

impl Api {
    pub(crate) async fn serve(store: Arc<dyn StatsStore>) -> Self {
        Self::serve_with(store, Settings::default()).await
    }

    pub(crate) async fn serve_with(store: Arc<dyn StatsStore>, settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::new(listener.local_addr().unwrap());
        let state = State::new(store, settings.max_requests, settings.body_bytes, TIMEOUT);
        let app = api::endpoint(&state, settings.request_timeout);
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let workers = vec![Worker::new(Handle::current(), app)];
        let server = tokio::spawn(async move {
            server::serve(listener, workers, settings.limits, stopped)
                .await
                .unwrap()
        });
        Self {
            client,
            state,
            _stop: stop,
            _server: server,
        }
    }
}

/// Response, read to the end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub(crate) fn message(&self) -> String {
        self.json()["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A client of the API at one address.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    http: reqwest::Client,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .build()
            .unwrap();
        Self { address, http }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("http://{}{path}", self.address))
    }

    /// Records a body as a learner's session.
    pub(crate) async fn post(&self, learner: &str, course: &str, body: &Value) -> Answer {
        send(self.posting(learner, course).json(body))
            .await
            .unwrap()
    }

    /// Request of a record, without the body.
    pub(crate) fn posting(&self, learner: &str, course: &str) -> RequestBuilder {
        self.request(Method::POST, &format!("/courses/{course}"))
            .header("X-User-Id", learner)
    }

    /// Records a body as a learner's session; an error where no service responds.
    pub(crate) async fn try_post(
        &self,
        learner: &str,
        course: &str,
        body: &Value,
    ) -> Result<Answer, reqwest::Error> {
        send(self.posting(learner, course).json(body)).await
    }

    pub(crate) async fn get(&self, learner: &str, path: &str) -> Answer {
        send(self.request(Method::GET, path).header("X-User-Id", learner))
            .await
            .unwrap()
    }

    pub(crate) async fn delete(&self, learner: &str, path: &str) -> Answer {
        let request = self.request(Method::DELETE, path);
        send(request.header("X-User-Id", learner)).await.unwrap()
    }

    /// Records a body as a batch.
    pub(crate) async fn batch(&self, body: impl Into<reqwest::Body>) -> Answer {
        let request = self
            .request(Method::POST, "/sessions")
            .header("content-type", "application/json");
        send(request.body(body)).await.unwrap()
    }

    pub(crate) async fn totals(&self, learner: &str, course: &str) -> Answer {
        self.get(learner, &format!("/courses/{course}")).await
    }

    /// Totals; an error where no service responds.
    pub(crate) async fn try_totals(
        &self,
        learner: &str,
        course: &str,
    ) -> Result<Answer, reqwest::Error> {
        send(
            self.request(Method::GET, &format!("/courses/{course}"))
                .header("X-User-Id", learner),
        )
        .await
    }

    /// Readiness; an error where no service listens.
    pub(crate) async fn try_ready(&self) -> Result<Answer, reqwest::Error> {
        send(self.request(Method::GET, "/health/ready")).await
    }

    pub(crate) async fn ready(&self) -> Answer {
        self.try_ready().await.unwrap()
    }

    /// Sends the bytes of a request with `Connection: close`, and returns all bytes of the response.
    pub(crate) async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // An error is no failure: the service may respond and close before the end of the request.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(TIMEOUT, stream.read_to_end(&mut answer)).await;
        let _ = read.expect("the service closes the connection");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// Sends a request, and reads the response.
pub(crate) async fn send(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Answer {
        status,
        headers,
        text: response.text().await?,
    })
}

/// A body with a new session.
pub(crate) fn body(
    modules: impl Into<Value>,
    score: impl Into<Value>,
    time: impl Into<Value>,
) -> Value {
    json!({
        "sessionId": new_id(),
        "totalModulesStudied": modules.into(),
        "averageScore": score.into(),
        "timeStudied": time.into(),
    })
}

/// A body with a new session that occurred at a time.
pub(crate) fn body_at(
    occurred_at: &str,
    modules: impl Into<Value>,
    score: impl Into<Value>,
    time: impl Into<Value>,
) -> Value {
    at(&body(modules, score, time), occurred_at)
}

/// The same body with a time.
pub(crate) fn at(body: &Value, occurred_at: &str) -> Value {
    let mut body = body.clone();
    body["occurredAt"] = occurred_at.into();
    body
}

/// Path of the session of a body.
pub(crate) fn session_path(course: &str, body: &Value) -> String {
    let session = body["sessionId"].as_str().unwrap();
    format!("/courses/{course}/sessions/{session}")
}

/// A new id as text.
pub(crate) fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Asserts that a response has the one error shape.
pub(crate) fn assert_error(answer: &Answer, status: u16, message: &str, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8"),
        "{answer:?}"
    );
    let error = answer.json();
    let members: Vec<_> = error
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(members, ["code", "errors", "message", "requestId"]);
    assert_eq!(
        (error["message"].as_str(), error["code"].as_str()),
        (Some(message), Some(code))
    );
    assert_eq!(error["requestId"].as_str(), answer.header("x-request-id"));
    assert!(error["errors"].is_array());
}

/// Posts text as a record of the learner in the course.
pub(crate) async fn post_text(
    client: &Client,
    learner: &str,
    course: &str,
    content_type: &str,
    text: impl Into<Vec<u8>>,
) -> Answer {
    let request = client
        .posting(learner, course)
        .header("content-type", content_type)
        .body(text.into());
    send(request).await.unwrap()
}

/// Asserts that the learner has nothing in the course.
pub(crate) async fn assert_nothing_stored(client: &Client, learner: &str, course: &str) {
    assert_eq!(client.totals(learner, course).await.status, 404);
}
