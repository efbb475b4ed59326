//! What every request passes on its way in and out, whatever it is for.
//!
//! It gets an id, a deadline and a net under it: every failure, a panic included, leaves as the one
//! error shape, and is logged here and nowhere else.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use poem::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, PathPattern, Request, Response};
use uuid::Uuid;

use super::error::{self, ApiError};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken from a request.
const MAX_ID_LENGTH: usize = 128;

/// The methods of each route as `Allow` lists them, by its pattern as [`shape`] gives it.
pub(super) type Methods = BTreeMap<String, String>;

/// An endpoint in its boundary.
pub(super) struct Boundary<E> {
    endpoint: E,
    timeout: Duration,
    methods: Methods,
}

impl<E: Endpoint<Output = Response>> Boundary<E> {
    /// `timeout` is the longest time for a request, its body included.
    pub(super) fn new(endpoint: E, timeout: Duration, methods: Methods) -> Self {
        Self {
            endpoint,
            timeout,
            methods,
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

    /// What the client is told of an error that happened on `route`.
    fn refusal(&self, error: &ApiError, route: Option<&str>, request_id: &str) -> Response {
        let mut response = error.response(request_id);
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            let allowed = route.and_then(|route| self.methods.get(&shape(route)));
            if let Some(allowed) = allowed.and_then(|methods| HeaderValue::from_str(methods).ok()) {
                response.headers_mut().insert(header::ALLOW, allowed);
            }
        }
        response
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Boundary<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let start = Instant::now();
        let (method, request_id) = (request.method().clone(), request_id(&request));
        // The answer to HEAD is that to GET; hyper knows the method that was sent and leaves the
        // body out.
        if method == Method::HEAD {
            request.set_method(Method::GET);
        }
        let answer = self.guarded(request).await;
        // The log has the route and not the path, which has ids in it.
        let route = match &answer {
            Ok(response) => response.data::<PathPattern>(),
            Err(error) => error.data::<PathPattern>(),
        };
        let route = route.map(|pattern| Arc::clone(&pattern.0));
        let route = route.as_deref();
        let (mut response, cause) = match answer.map_err(error::from_poem) {
            Ok(response) => (response, None),
            Err(error) => {
                let response = self.refusal(&error, route, &request_id);
                (response, error.into_cause())
            }
        };
        let (status, micros) = (response.status().as_u16(), start.elapsed().as_micros());
        match cause {
            Some(cause) => {
                tracing::warn!(%method, route, status, micros, request_id, cause, "request failed");
            }
            None => tracing::debug!(%method, route, status, micros, request_id, "request"),
        }
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert(X_REQUEST_ID, value);
        }
        Ok(response)
    }
}

/// A route's pattern with `*` for each parameter, however it is spelled: poem-openapi names the
/// parameters otherwise in its routes than in its document.
pub(super) fn shape(pattern: &str) -> String {
    let segments = pattern.split('/').map(|segment| {
        if segment.starts_with([':', '{']) {
            "*"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
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
