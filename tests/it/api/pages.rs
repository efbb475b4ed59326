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
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"));
    for foreign in ["//", "@import", "onload", "<script>"] {
        assert!(!answer.text.contains(foreign), "{foreign}");
    }
    for (path, content_type, text) in [
        (
            "/docs/swagger-ui-bundle.js",
            "text/javascript",
            "SwaggerUIBundle",
        ),
        ("/docs/swagger-ui.css", "text/css", ".swagger-ui"),
        ("/docs/page.js", "text/javascript", "openapi.json"),
    ] {
        assert!(answer.text.contains(&path[1..]), "{path}");
        let file = api.client.get("", path).await;
        assert_eq!(file.status, 200);
        assert!(
            file.header("content-type")
                .unwrap()
                .starts_with(content_type)
        );
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
        assert!(file.text.contains(text), "{path}");
    }
}

#[tokio::test]
async fn the_pages_are_compressed_and_conditional() {
    let api = Api::serve(Fixture::embedded().await.store.clone()).await;
    for path in ["/docs", "/docs/swagger-ui-bundle.js", "/openapi.json"] {
        let get = async |header: &str| {
            let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
            let answer = api
                .client
                .raw(format!("{head}{header}\r\n\r\n").as_bytes())
                .await;
            answer.split("\r\n\r\n").next().unwrap().to_owned()
        };
        let value = |head: &str, name: &str| {
            let mut lines = head.lines();
            lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned()))
        };
        let (plain, gzip) = (get("x: y").await, get("accept-encoding: gzip").await);
        let length =
            |head: &str| -> usize { value(head, "content-length").unwrap().parse().unwrap() };
        assert!(length(&gzip) < length(&plain) * 2 / 3, "{path}");
        assert_eq!(value(&plain, "content-encoding"), None, "{path}");
        assert_eq!(value(&gzip, "content-encoding").unwrap(), "gzip", "{path}");
        let tag = value(&gzip, "etag").unwrap();
        let known = get(&format!("if-none-match: {tag}")).await;
        assert!(known.starts_with("HTTP/1.1 304 "), "{path}");
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
    let served = api::document()
        .unwrap()
        .replace("http://localhost:8080", "./");
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
