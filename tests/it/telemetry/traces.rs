//! Traces: spans of requests and of store calls, as a collector receives them.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use poem::http::Method;

use crate::support::api::{Answer, Client, body, new_id, send};
use crate::support::eventually;
use crate::support::processes::server::free_port;
use crate::support::processes::service::{Service, embedded, on_redis};
use crate::support::telemetry::collector::{Collector, attribute};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// Command that sends spans at once.
fn with_tracing(mut command: Command, url: &str) -> Command {
    command.envs([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ]);
    command
}

fn embedded_with_tracing(directory: &Path, collector: &Collector) -> Command {
    with_tracing(embedded(directory), &collector.url())
}

/// Response for the totals of an unknown enrolment, to a caller with trace flags.
async fn ask(client: &Client, flags: &str) -> Answer {
    let path = format!("/courses/{}", new_id());
    let request = client
        .request(Method::GET, &path)
        .header("X-User-Id", new_id())
        .header("traceparent", format!("00-{TRACE}-{PARENT}-{flags}"))
        .header("tracestate", "vendor=some,other=thing");
    send(request).await.unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_of_caller(span: &Span) -> bool {
    hex(&span.trace_id) == TRACE
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_of_request_and_store_call_are_children_of_the_span_of_the_caller() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let service = Service::start(&mut embedded_with_tracing(directory.path(), &collector));
    let answer = ask(&service.client(), "01").await;
    assert_eq!(answer.status, 404);

    let request = collector.span("GET /courses/{courseId}").await;
    let call = collector.span("totals").await;
    assert!(is_of_caller(&request) && is_of_caller(&call));
    assert_eq!(hex(&request.parent_span_id), PARENT);
    assert_eq!(call.parent_span_id, request.span_id);
    for span in [&request, &call] {
        assert_eq!(span.trace_state, "vendor=some,other=thing");
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
        assert_ne!(span.status.clone().unwrap().code, StatusCode::Error as i32);
    }
    assert!(request.start_time_unix_nano <= call.start_time_unix_nano);
    assert!(call.end_time_unix_nano <= request.end_time_unix_nano);
    assert_eq!(request.kind, SpanKind::Server as i32);
    assert_eq!(call.kind, SpanKind::Client as i32);
    let id = answer.header("x-request-id");
    for (span, key, value) in [
        (&request, "http.request.method", Some("GET")),
        (&request, "http.route", Some("/courses/{courseId}")),
        (&request, "http.response.status_code", Some("404")),
        (&request, "http.request.header.x-request-id", id),
        (&call, "db.system.name", Some("embedded")),
        (&call, "db.operation.name", Some("totals")),
        (&call, "outcome", Some("ok")),
    ] {
        assert_eq!(attribute(&span.attributes, key).as_deref(), value, "{key}");
    }
    // The response header names the span of the request.
    let trace_response = format!("00-{TRACE}-{}-01", hex(&request.span_id));
    assert_eq!(answer.header("traceresponse"), Some(&*trace_response));
    assert_eq!(
        collector.resource("service.name").as_deref(),
        Some("study-stats")
    );
    let version = collector.resource("service.version");
    assert_eq!(version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_request_id_is_the_only_id_in_a_span() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let service = Service::start(&mut embedded_with_tracing(directory.path(), &collector));
    let (learner, course, body) = (new_id(), new_id(), body(1, 2, 3));
    let answer = service.client().post(&learner, &course, &body).await;
    assert_eq!(answer.status, 201);
    collector.span("POST /courses/{courseId}").await;
    collector.span("record").await;
    let all = format!("{:?}", collector.spans());
    let session = body["sessionId"].as_str().unwrap();
    for id in [&*learner, &*course, session] {
        assert!(!all.contains(id), "{id} is in {all}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_unsampled_by_the_caller_are_not_traced() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let service = Service::start(&mut embedded_with_tracing(directory.path(), &collector));
    let client = service.client();
    let answer = ask(&client, "00").await;
    // The trace of the caller continues.
    let trace_response = answer.header("traceresponse").unwrap();
    assert!(
        trace_response.contains(TRACE) && trace_response.ends_with("-00"),
        "{trace_response}"
    );
    client.get("", "/health/live").await;
    collector.span("GET /health/live").await;
    assert!(!collector.spans().iter().any(is_of_caller));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unsampled_requests_are_sampled_by_ratio() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let mut command = embedded_with_tracing(directory.path(), &collector);
    let mut service = Service::start(command.env("OTEL_TRACES_SAMPLER_ARG", "0.5"));
    let client = service.client();
    for _ in 0..200 {
        client.get("", "/health/live").await;
    }
    ask(&client, "01").await;
    service.signal("TERM");
    assert!(service.ended().await.success());
    let spans = collector.spans();
    let live = spans.iter().filter(|span| span.name == "GET /health/live");
    // A correct sampler is outside of the range once in 10^12 runs.
    assert!((50..150).contains(&live.count()), "{}", spans.len());
    assert!(spans.iter().any(is_of_caller));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_are_error_spans_and_the_log_has_the_trace_id() {
    let collector = Collector::start().await;
    let nowhere = format!("redis://127.0.0.1:{}", free_port());
    let service = Service::start(&mut with_tracing(on_redis(&nowhere), &collector.url()));
    assert_eq!(ask(&service.client(), "01").await.status, 503);
    for name in ["GET /courses/{courseId}", "totals"] {
        let span = collector.span(name).await;
        assert_eq!(
            span.status.unwrap().code,
            StatusCode::Error as i32,
            "{name}"
        );
    }
    let call = collector.span("totals").await;
    let outcome = attribute(&call.attributes, "outcome");
    assert_eq!(outcome.as_deref(), Some("unavailable"));
    let lines = service.lines("request failed");
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["trace_id"], TRACE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_spans_are_sent_before_the_process_ends() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let mut command = embedded_with_tracing(directory.path(), &collector);
    // No batch of spans is sent before the shutdown.
    let mut service = Service::start(command.env("OTEL_BSP_SCHEDULE_DELAY", "3600000"));
    service.client().get("", "/health/live").await;
    service.signal("TERM");
    assert!(service.ended().await.success());
    assert_eq!(collector.spans().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absent_collector_is_logged_once_and_used_once_present() {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let service = Service::start(&mut with_tracing(embedded(directory.path()), &url));
    let client = service.client();
    let logged = |text: &'static str| {
        let service = &service;
        move || async move {
            let lines = service.lines(text);
            assert!(lines.len() < 2, "{lines:?}");
            (lines.len() == 1).then_some(())
        }
    };
    assert_eq!(client.get("", "/health/live").await.status, 200);
    eventually("the failure is logged", logged("spans cannot be sent")).await;
    let collector = Collector::start_on(port).await;
    eventually("spans come", || async {
        client.get("", "/health/live").await;
        (!collector.spans().is_empty()).then_some(())
    })
    .await;
    eventually("the recovery is logged", logged("spans are sent again")).await;
    assert_eq!(service.lines("spans cannot be sent").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_collector_does_not_block_the_shutdown() {
    let directory = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut service = Service::start(&mut with_tracing(embedded(directory.path()), &url));
    service.client().get("", "/health/live").await;
    let start = Instant::now();
    service.signal("TERM");
    assert!(service.ended().await.success());
    // Timeout of one second for the last spans; the default would be ten seconds.
    assert!(start.elapsed() < Duration::from_secs(8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_variables_of_opentelemetry_set_resource_and_headers() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let mut command = embedded_with_tracing(directory.path(), &collector);
    let service = Service::start(command.envs([
        ("OTEL_SERVICE_NAME", "stats-of-a-test"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test",
        ),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
    ]));
    service.client().get("", "/health/live").await;
    collector.span("GET /health/live").await;
    let resource = |key| collector.resource(key);
    assert_eq!(resource("service.name").as_deref(), Some("stats-of-a-test"));
    let environment = resource("deployment.environment.name");
    assert_eq!(environment.as_deref(), Some("test"));
    assert_eq!(collector.headers(), ["secret", "gzip"]);
    assert!(!service.log().contains("secret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_collector_no_span_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(&mut embedded(directory.path()));
    let answer = ask(&service.client(), "01").await;
    assert_eq!(answer.header("traceresponse"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_speaks_no_http_is_reported_with_the_usual_ports() {
    // As a port of OTLP over gRPC does: another protocol than HTTP/1.1 in the answer.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let grpc = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, settings).await;
        }
    });
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(&mut with_tracing(embedded(directory.path()), &url));
    service.client().get("", "/health/live").await;
    eventually("the failure is logged", || async {
        let lines = service.lines("spans cannot be sent");
        let error = lines.first()?["error"].as_str()?.to_owned();
        assert!(
            error.contains(&url) && error.contains("usually on port 4318"),
            "{error}"
        );
        Some(())
    })
    .await;
    grpc.abort();
}
