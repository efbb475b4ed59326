//! Batches of records, and their results.

use serde_json::{Value, json};

use crate::support::api::{Client, body, new_id, session_path};

/// Record of a new session.
pub(crate) fn batch_record(learner: &str, course: &str) -> Value {
    let mut record = body(1, 2, 3);
    record["userId"] = learner.into();
    record["courseId"] = course.into();
    record
}

pub(crate) fn new_record() -> Value {
    batch_record(&new_id(), &new_id())
}

pub(crate) fn batch(sessions: impl Into<Value>) -> String {
    json!({ "sessions": sessions.into() }).to_string()
}

pub(crate) async fn post_batch(client: &Client, records: &[Value]) -> Vec<Value> {
    let answer = client.batch(batch(records)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    let results = answer.json()["results"].as_array().unwrap().clone();
    assert_eq!(results.len(), records.len());
    results
}

pub(crate) fn stored() -> Value {
    json!({"outcome": "stored"})
}

/// Asserts that the result of a record has errors in exactly the given fields.
pub(crate) fn assert_invalid(result: &Value, expected: &[&str]) {
    assert_eq!(result["outcome"], "invalid", "{result}");
    let errors = result["errors"].as_array().unwrap();
    let fields: Vec<_> = errors
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, expected, "{result}");
    for error in errors {
        assert!(error["message"].as_str().unwrap().ends_with('.'), "{error}");
    }
}

pub(crate) async fn modules(client: &Client, record: &Value) -> Value {
    let (learner, course) = (
        record["userId"].as_str().unwrap(),
        record["courseId"].as_str().unwrap(),
    );
    let answer = client.get(learner, &session_path(course, record)).await;
    answer.json()["totalModulesStudied"].clone()
}
