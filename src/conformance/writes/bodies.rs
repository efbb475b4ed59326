//! Bodies of records that are no JSON object, or have a field twice.

use serde_json::json;

use crate::conformance::harness::{CheckResult, Instance, checks, new_id, recording, sample};

checks!("errors":
    a_body_that_is_no_json_object_is_refused,
    a_field_that_is_there_twice_is_invalid_json,
    deeply_nested_json_is_refused,
);

async fn a_body_that_is_no_json_object_is_refused(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3).to_string());
    let array = json!([new_id(), 1, 2, 3, null]).to_string();
    // In Latin-1, é is the one byte E9.
    let latin = body.replace("sessionId", "session\u{e9}").into_bytes();
    let latin: Vec<_> = latin.into_iter().filter(|byte| *byte != 0xc3).collect();
    let twice = body.repeat(2);
    for text in [
        &b""[..],
        b" ",
        b"null",
        b"5",
        b"\"x\"",
        b"[]",
        array.as_bytes(),
        b"{",
        br#"{"sessionId":}"#,
        &body.as_bytes()[..body.len() - 1],
        twice.as_bytes(),
        &latin,
    ] {
        let request = recording(&course).of(&learner);
        let request = request.text("application/json", text.to_vec());
        let response = api.send(request).await?;
        response.is_unreadable("at line ")?;
    }
    api.totals(&learner, &course).await?.is_not_found()
}

async fn a_field_that_is_there_twice_is_invalid_json(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3).to_string());
    let twice = body.replace('}', r#","averageScore":9}"#);
    let request = recording(&course).of(&learner);
    let response = api.send(request.text("application/json", twice)).await?;
    response.is_unreadable("at line ")?;
    api.totals(&learner, &course).await?.is_not_found()
}

async fn deeply_nested_json_is_refused(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    let request = recording(&course).of(&learner);
    let response = api.send(request.text("application/json", deep)).await?;
    response.has_status(400)?;
    api.totals(&learner, &course).await?.is_not_found()
}
