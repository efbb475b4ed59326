//! `/docs`, `/openapi.json` and `/`: OpenAPI document and Swagger UI, served from the binary.

mod document;
mod json;

use std::sync::LazyLock;

use bytes::Bytes;
use poem::endpoint::make_sync;
use poem::http::header;
use poem::web::Redirect;
use poem::{Endpoint, Request, Response, Route, get};
use poem_openapi::{OpenApi, OpenApiService};

use super::{Operations, service};
use document::finish;
use json::Json;

const ROOT: &str = "/";
const DOCS: &str = "/docs";
const DOCUMENT: &str = "/openapi.json";

/// Paths of the pages, all for GET.
pub(super) const PATHS: [&str; 3] = [ROOT, DOCS, DOCUMENT];

/// URL of the service in the served document, relative to the document and to the page: a proxy may serve the
/// service below a prefix.
const SERVED: &str = "./";
/// URL of the service in the printed document: generators put it into clients, and the README starts the
/// service there.
const PRINTED: &str = "http://localhost:8080";

/// Routes of the pages. Large, so built at the first request and shared by all threads.
static PAGES: LazyLock<Route> = LazyLock::new(|| {
    let service = service(Operations(None));
    Route::new()
        // Relative: a proxy may serve the pages below a prefix.
        .at(ROOT, get(make_sync(|_| Redirect::temporary("docs"))))
        .at(
            DOCS,
            get(constant("text/html; charset=utf-8", page(&service))),
        )
        .at(
            DOCUMENT,
            get(constant(
                "application/json; charset=utf-8",
                served(&service),
            )),
        )
});

/// Endpoint of the API with the pages.
///
/// Not a poem `Route` of both: the API, nested below `/`, would take the path `/` too.
pub(super) struct WithDocs<E>(pub(super) E);

impl<E: Endpoint<Output = Response>> Endpoint for WithDocs<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if PATHS.contains(&request.uri().path()) {
            PAGES.call(request).await
        } else {
            self.0.call(request).await
        }
    }
}

/// OpenAPI document to be printed, as JSON.
pub(super) fn document<T: OpenApi>(service: &OpenApiService<T, ()>) -> String {
    written(service, PRINTED, serde_json::to_string_pretty)
}

/// OpenAPI document to be served, as JSON.
fn served<T: OpenApi>(service: &OpenApiService<T, ()>) -> String {
    written(service, SERVED, serde_json::to_string)
}

fn written<T: OpenApi>(
    service: &OpenApiService<T, ()>,
    server: &str,
    write: fn(&Json) -> serde_json::Result<String>,
) -> String {
    let spec = service.spec();
    // A spec that is no JSON would be served as it is.
    finish(&spec, server)
        .and_then(|document| write(&document))
        .unwrap_or(spec)
}

/// Swagger UI with an empty icon: without an icon, browsers request `/favicon.ico`.
fn page<T: OpenApi>(service: &OpenApiService<T, ()>) -> String {
    let icon = r#"<head><link rel="icon" href="data:,">"#;
    let page = service.swagger_ui_html().replacen("<head>", icon, 1);
    let page = page.replacen("<title>Swagger UI<", "<title>study-stats API<", 1);
    page.replacen(&service.spec(), &served(service), 1)
}

/// Endpoint with a constant response.
fn constant(content_type: &'static str, content: String) -> impl Endpoint<Output = Response> {
    // Shared by all responses, not copied.
    let content = Bytes::from(content);
    make_sync(move |_| {
        Response::builder()
            .content_type(content_type)
            .header(header::CACHE_CONTROL, "no-cache")
            .body(content.clone())
    })
}
