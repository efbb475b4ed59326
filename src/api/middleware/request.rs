//! What every request passes on its way in and out, whatever it is for.
//!
//! It gets an id, a deadline and a net under it: every failure, a panic included, leaves as the one
//! error shape. What it came to is told here and nowhere else (`observation`).

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use poem::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, PathPattern, Request, Response};
use uuid::Uuid;

use super::access_log::{Ending, Observation, Observer};
use super::routes::Routes;
use crate::api::respond::error::{self, ApiError};
use crate::telemetry::trace::{self, RequestSpan};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");
/// Longest id that is taken from a request.
const MAX_ID_LENGTH: usize = 128;

/// An endpoint in its boundary.
pub(crate) struct Boundary<E> {
    endpoint: E,
    timeout: Duration,
    routes: Arc<Routes>,
    observer: Observer,
}

impl<E: Endpoint<Output = Response>> Boundary<E> {
    /// `timeout` is the longest time for a request, its body included.
    pub(crate) fn new(endpoint: E, timeout: Duration, routes: Arc<Routes>) -> Self {
        Self {
            endpoint,
            timeout,
            observer: Observer::new(&routes),
            routes,
        }
    }

    /// The endpoint's answer, in time and without a panic.
    async fn guarded(&self, request: Request) -> poem::Result<Response> {
        let answer = AssertUnwindSafe(self.endpoint.call(request)).catch_unwind();
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_panic)) => Err(ApiError::internal("a panic").into()),
            Err(_) => Err(ApiError::timed_out().into()),
        }
    }

    /// The same, as a part of the trace that the request belongs to, where there is one.
    async fn traced(&self, request: Request, span: Option<&RequestSpan>) -> poem::Result<Response> {
        match span {
            None => self.guarded(request).await,
            Some(span) => Box::pin(trace::scope(span.clone(), self.guarded(request))).await,
        }
    }

    /// What the client gets, whatever the answer is; what it came to is told.
    fn finished(&self, answer: poem::Result<Response>, observation: Observation<'_>) -> Response {
        let pattern = match &answer {
            Ok(response) => response.data::<PathPattern>(),
            Err(error) => error.data::<PathPattern>(),
        };
        let pattern = pattern.map(|pattern| Arc::clone(&pattern.0));
        let pattern = pattern.as_deref();
        let request_id = observation.request_id();
        let (mut response, cause) = match answer.map_err(error::from_poem) {
            Ok(response) => (response, None),
            Err(error) => {
                let response = self.refusal(&error, pattern, request_id);
                (response, error.into_cause())
            }
        };
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(request_id) {
            headers.insert(X_REQUEST_ID, value);
        }
        if let Some(span) = observation.span()
            && let Ok(value) = HeaderValue::from_str(&span.as_header())
        {
            headers.insert(TRACERESPONSE, value);
        }
        observation.end(&Ending {
            pattern,
            status: response.status(),
            cause,
        });
        response
    }

    /// What the client is told of an error that happened on a route.
    fn refusal(&self, error: &ApiError, pattern: Option<&str>, request_id: &str) -> Response {
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

impl<E: Endpoint<Output = Response>> Endpoint for Boundary<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let observation = self.observer.begin(&request, request_id(&request));
        // The answer to HEAD is that to GET; hyper knows the method that was sent and leaves the
        // body out.
        if request.method() == Method::HEAD {
            request.set_method(Method::GET);
        }
        let answer = self.traced(request, observation.span()).await;
        Ok(self.finished(answer, observation))
    }
}

/// The request's own id, where it brings a sane one, else a new one.
fn request_id(request: &Request) -> String {
    let is_sane = |id: &&str| {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || b"._:/+=-".contains(&c);
        (1..=MAX_ID_LENGTH).contains(&id.len()) && id.bytes().all(allowed)
    };
    request
        .header(X_REQUEST_ID)
        .filter(is_sane)
        .map_or_else(|| Uuid::new_v4().to_string(), ToOwned::to_owned)
}
