//! `/docs`, `/openapi.json` and `/`: OpenAPI document and Swagger UI, served from the binary.

mod asset;
mod document;
mod json;

use std::io;
use std::sync::LazyLock;

use poem::endpoint::make_sync;
use poem::web::Redirect;
use poem::{Endpoint, Request, Response, Route, get};

use super::{Operations, service};
use crate::api::respond::error::ApiError;
use asset::Asset;
use document::finish;

const ROOT: &str = "/";
const DOCS: &str = "/docs";
const SCRIPT: &str = "/docs/page.js";
const SWAGGER_SCRIPT: &str = "/docs/swagger-ui-bundle.js";
const SWAGGER_STYLE: &str = "/docs/swagger-ui.css";
const DOCUMENT: &str = "/openapi.json";

/// Paths of the pages, all for GET.
pub(super) const PATHS: [&str; 6] = [ROOT, DOCS, SCRIPT, SWAGGER_SCRIPT, SWAGGER_STYLE, DOCUMENT];

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";

/// File of Swagger UI, compressed when the binary was built.
macro_rules! swagger_ui {
    ($name:literal) => {
        &include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz"))[..]
    };
}

/// URL of the service in the served document, relative to the document and to the page: a proxy may serve the
/// service below a prefix.
const SERVED: &str = "./";
/// URL of the service in the printed document: generators put it into clients, and the README starts the
/// service there.
const PRINTED: &str = "http://localhost:8080";

/// Routes of the pages. Built at the first request and shared by all threads.
static PAGES: LazyLock<io::Result<Route>> = LazyLock::new(pages);

fn pages() -> io::Result<Route> {
    let document = served()?;
    let script = Asset::compressed(JAVASCRIPT, swagger_ui!("swagger-ui-bundle.js"));
    let style = Asset::compressed(CSS, swagger_ui!("swagger-ui.css"));
    Ok(Route::new()
        // Relative: a proxy may serve the pages below a prefix.
        .at(ROOT, get(make_sync(|_| Redirect::temporary("docs"))))
        .at(DOCS, get(Asset::compress(HTML, include_str!("page.html"))?))
        .at(
            SCRIPT,
            get(Asset::compress(JAVASCRIPT, include_str!("page.js"))?),
        )
        .at(SWAGGER_SCRIPT, get(script))
        .at(SWAGGER_STYLE, get(style))
        .at(DOCUMENT, get(Asset::compress(JSON, &document)?)))
}

/// Endpoint of the API with the pages.
///
/// Not a poem `Route` of both: the API, nested below `/`, would take the path `/` too.
pub(super) struct WithDocs<E>(pub(super) E);

impl<E: Endpoint<Output = Response>> Endpoint for WithDocs<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if PATHS.contains(&request.uri().path()) {
            PAGES
                .as_ref()
                .map_err(ApiError::internal)?
                .call(request)
                .await
        } else {
            self.0.call(request).await
        }
    }
}

/// OpenAPI document to be printed, as JSON.
///
/// # Errors
///
/// poem-openapi's document is no JSON.
pub(super) fn document() -> serde_json::Result<String> {
    serde_json::to_string_pretty(&finish(&service(Operations(None)).spec(), PRINTED)?)
}

/// OpenAPI document to be served, as JSON.
fn served() -> serde_json::Result<String> {
    serde_json::to_string(&finish(&service(Operations(None)).spec(), SERVED)?)
}
