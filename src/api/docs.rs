//! `/docs`, `/openapi.json` and `/`: the document, and Swagger UI from the binary.

use std::sync::LazyLock;

use bytes::Bytes;
use poem::endpoint::make_sync;
use poem::web::Redirect;
use poem::{Endpoint, Request, Response, Route, get};
use poem_openapi::{OpenApi, OpenApiService};

use super::{Operations, service};

const ROOT: &str = "/";
const DOCS: &str = "/docs";
const DOCUMENT: &str = "/openapi.json";

/// The paths here, all for GET.
pub(super) const PATHS: [&str; 3] = [ROOT, DOCS, DOCUMENT];

/// The pages. One set for all threads, made when somebody first looks: they are large.
static PAGES: LazyLock<Route> = LazyLock::new(|| {
    let service = service(Operations(None));
    Route::new()
        .at(ROOT, get(make_sync(|_| Redirect::temporary(DOCS))))
        .at(
            DOCS,
            get(constant("text/html; charset=utf-8", page(&service))),
        )
        .at(
            DOCUMENT,
            get(constant("application/json; charset=utf-8", service.spec())),
        )
});

/// The operations of the API together with the pages that document them.
///
/// Not one poem route of both: nested below `/`, the operations would take that path too.
pub(super) struct Documented<E>(pub(super) E);

impl<E: Endpoint<Output = Response>> Endpoint for Documented<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if PATHS.contains(&request.uri().path()) {
            PAGES.call(request).await
        } else {
            self.0.call(request).await
        }
    }
}

/// Swagger UI, with an empty icon: a browser asks the service for one where the page has none.
fn page<T: OpenApi>(service: &OpenApiService<T, ()>) -> String {
    let icon = r#"<head><link rel="icon" href="data:,">"#;
    service.swagger_ui_html().replacen("<head>", icon, 1)
}

/// An endpoint that always answers the same.
fn constant(content_type: &'static str, content: String) -> impl Endpoint<Output = Response> {
    // Shared by all answers, not copied.
    let content = Bytes::from(content);
    make_sync(move |_| {
        Response::builder()
            .content_type(content_type)
            .body(content.clone())
    })
}
