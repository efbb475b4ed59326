//! `/docs`, `/openapi.json` and `/`: OpenAPI document and Swagger UI, served from the binary.

use std::sync::LazyLock;

use bytes::Bytes;
use poem::endpoint::make_sync;
use poem::web::Redirect;
use poem::{Endpoint, Request, Response, Route, get};
use poem_openapi::{OpenApi, OpenApiService};

use super::{Operations, document, service};

const ROOT: &str = "/";
const DOCS: &str = "/docs";
const DOCUMENT: &str = "/openapi.json";

/// Paths of the pages, all for GET.
pub(super) const PATHS: [&str; 3] = [ROOT, DOCS, DOCUMENT];

/// Routes of the pages. Large, so built at the first request and shared by all threads.
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
            get(constant(
                "application/json; charset=utf-8",
                document::text(&service),
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

/// Swagger UI with an empty icon: without an icon, browsers request `/favicon.ico`.
fn page<T: OpenApi>(service: &OpenApiService<T, ()>) -> String {
    let icon = r#"<head><link rel="icon" href="data:,">"#;
    let page = service.swagger_ui_html().replacen("<head>", icon, 1);
    page.replacen(&service.spec(), &document::text(service), 1)
}

/// Endpoint with a constant response.
fn constant(content_type: &'static str, content: String) -> impl Endpoint<Output = Response> {
    // Shared by all responses, not copied.
    let content = Bytes::from(content);
    make_sync(move |_| {
        Response::builder()
            .content_type(content_type)
            .body(content.clone())
    })
}
