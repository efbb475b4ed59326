//! Health, the OpenAPI document, the pages of documentation.

use serde_json::{Value, json};

use crate::conformance::harness::{CheckResult, Instance, Request, checks};

checks!("service":
    it_is_live,
    it_is_ready_and_names_its_store,
    its_document_has_every_operation,
    its_docs_are_a_page,
    its_root_leads_to_the_docs,
);

async fn it_is_live(api: &Instance) -> CheckResult {
    let response = api.send(Request::get("/health/live")).await?;
    response.is(200, &json!({"status": "live"}))
}

async fn it_is_ready_and_names_its_store(api: &Instance) -> CheckResult {
    let response = api.send(Request::get("/health/ready")).await?;
    response.has_status(200)?;
    let body = response.json()?;
    let store = body["store"].as_str().unwrap_or_default();
    response.expect(!store.is_empty(), "the name of a store")?;
    response.is(200, &json!({"status": "ready", "store": store}))
}

async fn its_document_has_every_operation(api: &Instance) -> CheckResult {
    let response = api.send(Request::get("/openapi.json")).await?;
    response.has_status(200)?;
    let document = response.json()?;
    let version = document["openapi"].as_str().unwrap_or_default();
    response.expect(version.starts_with("3."), "an OpenAPI document")?;
    let course = "/courses/{courseId}";
    for (method, path) in [
        ("post", course.to_owned()),
        ("get", course.to_owned()),
        ("delete", course.to_owned()),
        ("get", format!("{course}/sessions")),
        ("get", format!("{course}/sessions/{{sessionId}}")),
        ("delete", format!("{course}/sessions/{{sessionId}}")),
        ("get", format!("{course}/activity")),
        ("get", format!("{course}/summary")),
        ("get", format!("{course}/learners")),
        ("get", "/courses".into()),
        ("delete", "/learner".into()),
        ("get", "/activity".into()),
        ("post", "/sessions".into()),
        ("get", "/health/live".into()),
        ("get", "/health/ready".into()),
    ] {
        let operation: &Value = &document["paths"][&path][method];
        response.expect(operation.is_object(), format_args!("{method} {path} in it"))?;
    }
    Ok(())
}

async fn its_docs_are_a_page(api: &Instance) -> CheckResult {
    let response = api.send(Request::get("/docs")).await?;
    response.has_status(200)?;
    let content_type = response.header("content-type").unwrap_or_default();
    response.expect(content_type.starts_with("text/html"), "a page of HTML")
}

async fn its_root_leads_to_the_docs(api: &Instance) -> CheckResult {
    let response = api.send(Request::get("/")).await?;
    response.has_status(307)?;
    let location = response.header("location").unwrap_or_default();
    response.expect(location == "docs", "a Location of docs, relative")
}
