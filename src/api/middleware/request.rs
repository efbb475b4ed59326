//! Request middleware: request id, timeout, panic guard and error responses.
//!
//! Every failure, including a panic, becomes an error response. The access log records the outcome of each
//! request here and nowhere else.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use poem::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, PathPattern, Request, Response};
use uuid::Uuid;

use super::access_log::{AccessEntry, AccessLog, RequestOutcome};
use super::routes::Routes;
use super::{framing, unknown_parameters};
use crate::api::State;
use crate::api::respond::error::{self, ApiError};
use crate::telemetry::trace::{self, RequestSpan};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");
/// Maximum length of a client's request id, in bytes.
const MAX_ID_LENGTH: usize = 128;

/// Endpoint with request id, timeout, panic guard and access log.
pub(crate) struct RequestMiddleware<E> {
    endpoint: E,
    timeout: Duration,
    routes: Arc<Routes>,
    access_log: AccessLog,
    state: State,
}

impl<E: Endpoint<Output = Response>> RequestMiddleware<E> {
    /// `timeout` is the maximum time of a request, including the body.
    pub(crate) fn new(endpoint: E, timeout: Duration, routes: Arc<Routes>, state: State) -> Self {
        Self {
            endpoint,
            timeout,
            state,
            access_log: AccessLog::new(&routes),
            routes,
        }
    }

    /// Response of the endpoint; a timeout and a panic become errors.
    async fn guarded(&self, request: Request) -> poem::Result<Response> {
        framing::check(&request)?;
        unknown_parameters::check(&request, &self.routes)?;
        let response = AssertUnwindSafe(self.endpoint.call(request)).catch_unwind();
        match tokio::time::timeout(self.timeout, response).await {
            Ok(Ok(response)) => response,
            Ok(Err(_panic)) => Err(ApiError::internal("a panic").into()),
            Err(_) => Err(ApiError::timed_out().into()),
        }
    }

    /// Response of the endpoint, within the trace of the request if there is a span.
    async fn traced(&self, request: Request, span: Option<&RequestSpan>) -> poem::Result<Response> {
        match span {
            None => self.guarded(request).await,
            Some(span) => Box::pin(trace::scope(span.clone(), self.guarded(request))).await,
        }
    }

    /// Completes a response or error for the client, and records the outcome in the access log.
    fn finish(&self, result: poem::Result<Response>, entry: AccessEntry<'_>) -> Response {
        let pattern = match &result {
            Ok(response) => response.data::<PathPattern>(),
            Err(error) => error.data::<PathPattern>(),
        };
        let pattern = pattern.map(|pattern| Arc::clone(&pattern.0));
        let pattern = pattern.as_deref();
        let request_id = entry.request_id();
        let (mut response, cause) = match result.map_err(error::from_poem) {
            Ok(response) => (response, None),
            Err(error) => {
                let response = self.error_response(&error, pattern, request_id);
                (response, error.into_cause())
            }
        };
        let headers = response.headers_mut();
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        if self.state.is_draining() {
            // A client that keeps the connection would lose the next request at the end of the drain.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Ok(value) = HeaderValue::from_str(request_id) {
            headers.insert(X_REQUEST_ID, value);
        }
        if let Some(span) = entry.span()
            && let Ok(value) = HeaderValue::from_str(&span.as_header())
        {
            headers.insert(TRACERESPONSE, value);
        }
        entry.end(&RequestOutcome {
            pattern,
            status: response.status(),
            cause,
        });
        response
    }

    /// Response of an error, with `Allow` for a wrong method.
    fn error_response(
        &self,
        error: &ApiError,
        pattern: Option<&str>,
        request_id: &str,
    ) -> Response {
        let mut response = error.response(request_id);
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            let number = pattern.and_then(|pattern| self.routes.by_pattern(pattern));
            let route = number.and_then(|number| self.routes.get(number));
            if let Some(allowed) =
                route.and_then(|route| HeaderValue::from_str(&route.allowed).ok())
            {
                response.headers_mut().insert(header::ALLOW, allowed);
            }
        }
        response
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for RequestMiddleware<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let entry = self.access_log.begin(&request, request_id(&request));
        // HEAD is handled as GET; hyper knows the method of the request and drops the body.
        if request.method() == Method::HEAD {
            request.set_method(Method::GET);
        }
        let result = self.traced(request, entry.span()).await;
        Ok(self.finish(result, entry))
    }
}

/// Id of the request from `X-Request-Id`, or a new id if the header is missing or malformed.
fn request_id(request: &Request) -> String {
    let is_valid = |id: &&str| {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || b"._:/+=-".contains(&c);
        (1..=MAX_ID_LENGTH).contains(&id.len()) && id.bytes().all(allowed)
    };
    request
        .header(X_REQUEST_ID)
        .filter(is_valid)
        .map_or_else(|| Uuid::new_v4().to_string(), ToOwned::to_owned)
}
