//! Traces: a span for each request, and below it one for each call to the store.
//!
//! There are none unless an endpoint is configured to send them to. What a span holds tells of routes
//! and outcomes, never of whom a request was about.

mod client;
mod export;

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

pub use export::Traces;

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Whether there are traces.
#[must_use]
pub fn is_on() -> bool {
    TRACER.get().is_some()
}

/// The span of a request.
#[derive(Debug, Clone)]
pub struct RequestSpan(Context);

impl RequestSpan {
    /// Begins it, below the one that the headers name in the W3C's way, where they do; `None` without
    /// traces.
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

    /// Which trace it belongs to.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.0.span().span_context().trace_id()
    }

    /// Itself as the W3C's `traceresponse` tells it to whoever sent the request.
    #[must_use]
    pub fn as_header(&self) -> String {
        let span = self.0.span();
        let span = span.span_context();
        let sampled = span.trace_flags() & TraceFlags::SAMPLED;
        format!("00-{}-{}-{sampled:02x}", span.trace_id(), span.span_id())
    }

    /// Ends it, once it is known what the request was for and what it came to.
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

/// Has `future` serve the request of a span.
pub fn scope<F: Future>(span: RequestSpan, future: F) -> impl Future<Output = F::Output> + use<F> {
    CURRENT.scope(span, future)
}

/// The span of the request, where it has one.
#[must_use]
pub fn current() -> Option<RequestSpan> {
    CURRENT.try_with(RequestSpan::clone).ok()
}

/// The span of a call to the store.
pub struct StoreOpSpan(Span);

impl StoreOpSpan {
    /// Begins it, below that of the request that the task serves; `None` where that is not traced.
    #[must_use]
    pub fn begin(call: StoreOp, store: &'static str) -> Option<Self> {
        let (tracer, request) = (TRACER.get()?, current()?);
        if !request.0.span().is_recording() {
            return None;
        }
        let attributes = [
            KeyValue::new("db.system.name", store),
            KeyValue::new("db.operation.name", call.name()),
        ];
        let span = tracer
            .span_builder(call.name())
            .with_kind(SpanKind::Client)
            .with_attributes(attributes)
            .start_with_context(tracer, &request.0);
        Some(Self(span))
    }

    /// Ends it.
    pub fn end(mut self, ended: OpOutcome) {
        self.0.set_attribute(KeyValue::new("outcome", ended.name()));
        if ended != OpOutcome::Ok {
            self.0.set_status(Status::error(ended.name()));
        }
        self.0.end();
    }
}
