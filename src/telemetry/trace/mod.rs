//! Traces: a span per request, with a child span per operation of the store.
//!
//! Off unless an endpoint is configured. Attributes of spans are routes and outcomes, without ids of
//! learners.

mod exporter;
mod otlp_client;

use std::future::Future;
use std::sync::OnceLock;

use hyper::{HeaderMap, Method};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    Span as _, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, Tracer,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, Span};

use super::metrics::{OpOutcome, StoreOp};

pub use exporter::Traces;

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Returns whether traces are on.
#[must_use]
pub fn is_on() -> bool {
    TRACER.get().is_some()
}

/// The span of a request.
#[derive(Debug, Clone)]
pub struct RequestSpan(Context);

impl RequestSpan {
    /// Starts the span, as a child of the span in the W3C `traceparent` header; `None` when traces are off.
    #[must_use]
    pub fn begin(method: &Method, headers: &HeaderMap, request_id: &str) -> Option<Self> {
        let tracer = TRACER.get()?;
        let headers = HeaderExtractor(headers);
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
        let span = tracer.span_builder("request").with_kind(SpanKind::Server);
        let mut span = span.start_with_context(tracer, &parent);
        if span.is_recording() {
            let (method, id) = (method.as_str().to_owned(), request_id.to_owned());
            span.set_attribute(KeyValue::new("http.request.method", method));
            span.set_attribute(KeyValue::new("http.request.header.x-request-id", id));
        }
        Some(Self(parent.with_span(span)))
    }

    /// Returns the id of the trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.0.span().span_context().trace_id()
    }

    /// Returns the value of the W3C `traceresponse` header.
    #[must_use]
    pub fn as_header(&self) -> String {
        let span = self.0.span();
        let span = span.span_context();
        let sampled = span.trace_flags() & TraceFlags::SAMPLED;
        format!("00-{}-{}-{sampled:02x}", span.trace_id(), span.span_id())
    }

    /// Ends the span, with the route and the status of the response.
    pub fn end(&self, method: &Method, route: Option<&str>, status: u16) {
        let span = self.0.span();
        if !span.is_recording() {
            return;
        }
        match route {
            Some(route) => {
                span.update_name(format!("{method} {route}"));
                span.set_attribute(KeyValue::new("http.route", route.to_owned()));
            }
            None => span.update_name(method.to_string()),
        }
        span.set_attribute(KeyValue::new(
            "http.response.status_code",
            i64::from(status),
        ));
        if status >= 500 {
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

tokio::task_local! {
    static CURRENT: RequestSpan;
}

/// Runs `future` with the span of a request as the current span.
pub fn scope<F: Future>(span: RequestSpan, future: F) -> impl Future<Output = F::Output> + use<F> {
    CURRENT.scope(span, future)
}

/// Returns the span of the current request.
#[must_use]
pub fn current() -> Option<RequestSpan> {
    CURRENT.try_with(RequestSpan::clone).ok()
}

/// The span of an operation of the store.
pub struct StoreOpSpan(Span);

impl StoreOpSpan {
    /// Starts the span, as a child of the current request's span; `None` when the request is not sampled.
    #[must_use]
    pub fn begin(op: StoreOp, store: &'static str) -> Option<Self> {
        let (tracer, request) = (TRACER.get()?, current()?);
        if !request.0.span().is_recording() {
            return None;
        }
        let attributes = [
            KeyValue::new("db.system.name", store),
            KeyValue::new("db.operation.name", op.name()),
        ];
        let span = tracer
            .span_builder(op.name())
            .with_kind(SpanKind::Client)
            .with_attributes(attributes)
            .start_with_context(tracer, &request.0);
        Some(Self(span))
    }

    /// Ends the span with the outcome of the operation.
    pub fn end(mut self, outcome: OpOutcome) {
        self.0
            .set_attribute(KeyValue::new("outcome", outcome.name()));
        if outcome != OpOutcome::Ok {
            self.0.set_status(Status::error(outcome.name()));
        }
        self.0.end();
    }
}
