//! `/docs`, `/openapi.json` and `/`: OpenAPI document and Swagger UI, served from the binary.

use std::sync::LazyLock;

use bytes::Bytes;
use poem::endpoint::make_sync;
use poem::http::header;
use poem::web::Redirect;
use poem::{Endpoint, Request, Response, Route, get};
use poem_openapi::{OpenApi, OpenApiService};

use super::{Operations, service};

const ROOT: &str = "/";
const DOCS: &str = "/docs";
const DOCUMENT: &str = "/openapi.json";

/// Paths of the pages, all for GET.
pub(super) const PATHS: [&str; 3] = [ROOT, DOCS, DOCUMENT];

/// Start of a schema in the document.
const BATCH_RECORD: &str = "      \"BatchRecord\": {\n";
/// A record of a batch has no other fields.
const NO_OTHERS: &str = "        \"additionalProperties\": false,\n";

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
                document(&service),
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

/// Returns the OpenAPI document of a service, as JSON, with the statement that poem-openapi has no attribute for.
pub(super) fn document<T: OpenApi>(service: &OpenApiService<T, ()>) -> String {
    let schema = [BATCH_RECORD, NO_OTHERS].concat();
    service.spec().replacen(BATCH_RECORD, &schema, 1)
}

/// Swagger UI with an empty icon: without an icon, browsers request `/favicon.ico`.
fn page<T: OpenApi>(service: &OpenApiService<T, ()>) -> String {
    let icon = r#"<head><link rel="icon" href="data:,">"#;
    let page = service.swagger_ui_html().replacen("<head>", icon, 1);
    page.replacen(&service.spec(), &document(service), 1)
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn a_record_of_a_batch_has_no_other_fields() {
        let document: Value = serde_json::from_str(&crate::api::document()).unwrap();
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["BatchRecord"]["additionalProperties"], false);
        assert!(
            schemas["SessionRecord"]
                .get("additionalProperties")
                .is_none()
        );
    }
}
