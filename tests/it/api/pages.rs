//! The pages that the binary serves: the docs and the OpenAPI document.

use serde_json::Value;
use study_stats::api;

use crate::support::api::Api;
use crate::support::stores::fixture::Fixture;

#[tokio::test]
async fn the_root_redirects_to_the_docs() {
    let api = Api::serve(Fixture::embedded().await.store.clone()).await;
    let answer = api.client.get("", "/").await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (307, Some("docs"))
    );
}

#[tokio::test]
async fn the_docs_are_swagger_ui_and_load_nothing_from_other_hosts() {
    let api = Api::serve(Fixture::embedded().await.store.clone()).await;
    let answer = api.client.get("", "/docs").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert!(answer.text.contains("SwaggerUIBundle"));
    assert!(answer.text.contains(r#"<link rel="icon" href="data:,">"#));
    for foreign in ["<script src=", r#"<link rel="stylesheet""#, "@import"] {
        assert!(!answer.text.contains(foreign), "{foreign}");
    }
}

#[tokio::test]
async fn the_openapi_document_is_served() {
    let api = Api::serve(Fixture::embedded().await.store.clone()).await;
    let answer = api.client.get("", "/openapi.json").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json; charset=utf-8"))
    );
    // Relative, as a proxy may serve the service below a prefix.
    let served = api::document().replace("http://localhost:8080", "./");
    let served: Value = serde_json::from_str(&served).unwrap();
    assert_eq!(answer.json(), served);
    assert!(answer.text.len() < 60_000, "{}", answer.text.len());
}

#[test]
fn the_guide_has_the_table_of_codes_of_the_document() {
    let rows = |text: &'static str| {
        let table = text
            .lines()
            .skip_while(|line| !line.starts_with("| status | `code`"));
        let rows: Vec<_> = table.take_while(|line| line.starts_with('|')).collect();
        assert!(rows.len() > 15);
        rows
    };
    let description = include_str!("../../../src/api/description.md");
    assert_eq!(
        rows(include_str!("../../../docs/API.md")),
        rows(description)
    );
}
