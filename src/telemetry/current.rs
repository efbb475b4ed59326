//! The span of the request that a task serves, for what happens further down on its way.

use std::future::Future;

use super::trace::RequestSpan;

tokio::task_local! {
    static CURRENT: RequestSpan;
}

/// Has `future` serve the request of a span.
pub fn scope<F: Future>(span: RequestSpan, future: F) -> impl Future<Output = F::Output> + use<F> {
    CURRENT.scope(span, future)
}

/// The span of the request, where it has one.
#[must_use]
pub fn span() -> Option<RequestSpan> {
    CURRENT.try_with(RequestSpan::clone).ok()
}
