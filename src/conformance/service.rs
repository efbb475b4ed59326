//! What the service tells of itself: its health, its document, and the pages for people.

use serde_json::{Value, json};

use super::answer::Verdict;
use super::api::Api;
use super::checks;
use super::client::Call;

checks!("service":
    it_is_live,
    it_is_ready_and_names_its_store,
    its_document_has_every_operation,
    its_docs_are_a_page,
    its_root_leads_to_the_docs,
);

async fn it_is_live(api: &Api) -> Verdict {
    let answer = api.send(Call::get("/health/live")).await?;
    answer.is(200, &json!({"status": "live"}))
}

async fn it_is_ready_and_names_its_store(api: &Api) -> Verdict {
    let answer = api.send(Call::get("/health/ready")).await?;
    answer.has(200)?;
    let body = answer.json()?;
    let store = body["store"].as_str().unwrap_or_default();
    answer.holds(!store.is_empty(), "the name of a store")?;
    answer.is(200, &json!({"status": "ready", "store": store}))
}

async fn its_document_has_every_operation(api: &Api) -> Verdict {
    let answer = api.send(Call::get("/openapi.json")).await?;
    answer.has(200)?;
    let document = answer.json()?;
    let version = document["openapi"].as_str().unwrap_or_default();
    answer.holds(version.starts_with("3."), "an OpenAPI document")?;
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
        ("get", "/courses".into()),
        ("delete", "/courses".into()),
        ("post", "/sessions".into()),
        ("get", "/health/live".into()),
        ("get", "/health/ready".into()),
    ] {
        let operation: &Value = &document["paths"][&path][method];
        answer.holds(operation.is_object(), format_args!("{method} {path} in it"))?;
    }
    Ok(())
}

async fn its_docs_are_a_page(api: &Api) -> Verdict {
    let answer = api.send(Call::get("/docs")).await?;
    answer.has(200)?;
    let content_type = answer.header("content-type").unwrap_or_default();
    answer.holds(content_type.starts_with("text/html"), "a page of HTML")
}

async fn its_root_leads_to_the_docs(api: &Api) -> Verdict {
    let answer = api.send(Call::get("/")).await?;
    answer.has(307)?;
    let location = answer.header("location").unwrap_or_default();
    answer.holds(location.ends_with("/docs"), "a Location of /docs")
}
