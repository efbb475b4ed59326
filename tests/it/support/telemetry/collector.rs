//! Collector of traces by OTLP over HTTP.

use std::io::Read;
use std::sync::{Arc, Mutex};

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use poem::http::StatusCode;
use poem::{Endpoint, Request, Response};
use prost::Message;
use study_stats::server::{self, Worker};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::api::Settings;
use crate::support::eventually;

/// Accepts spans on a port. Drop closes the listener.
pub(crate) struct Collector {
    pub(crate) port: u16,
    received: Arc<Mutex<Received>>,
    _stop: oneshot::Sender<()>,
    _server: JoinHandle<()>,
}

#[derive(Default)]
struct Received {
    /// Attributes of the resource in the last request.
    resource: Vec<KeyValue>,
    spans: Vec<Span>,
    /// Headers `x-key` and `content-encoding` of the last request.
    headers: [String; 2],
}

struct Receiver(Arc<Mutex<Received>>);

impl Endpoint for Receiver {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        assert_eq!(request.uri().path(), "/v1/traces");
        assert_eq!(request.content_type(), Some("application/x-protobuf"));
        let mut body = request.take_body().into_vec().await.unwrap();
        let header = |name| request.header(name).unwrap_or_default().to_owned();
        let headers = ["x-key", "content-encoding"].map(header);
        if headers[1] == "gzip" {
            let packed = std::mem::take(&mut body);
            GzDecoder::new(&*packed).read_to_end(&mut body).unwrap();
        }
        let export = ExportTraceServiceRequest::decode(&*body).unwrap();
        let mut received = self.0.lock().unwrap();
        received.headers = headers;
        for traced in export.resource_spans {
            received.resource = traced.resource.unwrap().attributes;
            let spans = traced.scope_spans.into_iter();
            received.spans.extend(spans.flat_map(|scope| scope.spans));
        }
        Ok(StatusCode::OK.into())
    }
}

impl Collector {
    pub(crate) async fn start() -> Self {
        Self::start_on(0).await
    }

    pub(crate) async fn start_on(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::default();
        let app = Receiver(Arc::clone(&received));
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let limits = Settings::default().limits;
        let server = tokio::spawn(async move {
            let worker = Worker::new(Handle::current(), app);
            server::serve(listener, vec![worker], limits, stopped)
                .await
                .unwrap();
        });
        Self {
            port,
            received,
            _stop: stop,
            _server: server,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// All spans so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.received.lock().unwrap().spans.clone()
    }

    /// Waits for a span of a name.
    pub(crate) async fn span(&self, name: &str) -> Span {
        eventually("a span comes", || async {
            self.spans().into_iter().find(|span| span.name == name)
        })
        .await
    }

    /// Attribute of the resource, which is the service.
    pub(crate) fn resource(&self, key: &str) -> Option<String> {
        attribute(&self.received.lock().unwrap().resource, key)
    }

    /// Headers `x-key` and `content-encoding` of the last request.
    pub(crate) fn headers(&self) -> [String; 2] {
        self.received.lock().unwrap().headers.clone()
    }
}

/// Text of an attribute.
pub(crate) fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{key} is {other:?}"),
    }
}
