//! Content types, the size of a body, request ids.

use uuid::Uuid;

use crate::conformance::harness::{
    CheckResult, Instance, Mismatch, Request, checks, new_id, padded, recording, sample,
};

checks!("protocol":
    other_content_types_are_unsupported,
    a_body_may_be_named_as_not_encoded,
    json_may_be_named_with_its_encoding,
    a_body_of_more_than_64_kibibytes_is_too_large,
    a_sane_request_id_is_given_back,
    a_request_without_an_id_gets_a_new_one,
    a_request_id_that_is_not_sane_is_replaced,
);

async fn other_content_types_are_unsupported(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3).to_string());
    let post = || recording(&course).of(&learner);
    for request in [
        post().text("text/plain", body.clone()),
        post().text("application/x-www-form-urlencoded", body.clone()),
        post().text("application/xml", body.clone()),
        post().text("x", body.clone()),
        post().text("json", body.clone()),
        post().untyped(body.clone()),
        post()
            .text("application/json", body.clone())
            .header("content-encoding", "gzip"),
    ] {
        let response = api.send(request).await?;
        response.is_refused(415, "unsupported content type", "unsupported_content_type")?;
    }
    api.totals(&learner, &course).await?.is_not_found()
}

async fn a_body_may_be_named_as_not_encoded(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3).to_string());
    for encoding in ["identity", "Identity", "", "identity, identity"] {
        let request = recording(&course).of(&learner);
        let request = request.text("application/json", body.clone());
        let response = api
            .send(request.header("content-encoding", encoding))
            .await?;
        response.has_status(201)?;
    }
    Ok(())
}

async fn json_may_be_named_with_its_encoding(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3).to_string());
    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/ld+json",
    ] {
        let request = recording(&course).of(&learner);
        let response = api.send(request.text(content_type, body.clone())).await?;
        response.has_status(201)?;
    }
    Ok(())
}

async fn a_body_of_more_than_64_kibibytes_is_too_large(api: &Instance) -> CheckResult {
    const LIMIT: usize = 64 << 10;
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3));
    let record = |text: Vec<u8>| {
        let request = recording(&course).of(&learner);
        api.send(request.text("application/json", text))
    };
    // The spaces are after the JSON, or before.
    let after = padded(&body, LIMIT + 1);
    let mut before = after.clone();
    before.rotate_left(body.to_string().len());
    for text in [&after, &before] {
        let response = record(text.clone()).await?;
        response.is_refused(413, "body too large", "body_too_large")?;
        api.totals(&learner, &course).await?.is_not_found()?;
    }
    record(after[..LIMIT].to_vec()).await?.has_status(201)?;
    record(before[1..].to_vec()).await?.has_status(201)
}

/// Path without a resource: the response is an error.
const UNKNOWN_PATH: &str = "/x";

/// The request id of a response, in the header and in the body of an error.
async fn id_of(api: &Instance, path: &str, id: Option<&str>) -> CheckResult<String> {
    let request = Request::get(path);
    let request = match id {
        Some(id) => request.header("x-request-id", id),
        None => request,
    };
    let response = api.send(request).await?;
    if path == UNKNOWN_PATH {
        response.is_refused(404, "not found", "not_found")?;
    }
    let given = response.header("x-request-id").unwrap_or_default();
    response.expect(!given.is_empty(), "a header X-Request-Id")?;
    let in_body = response.json()?.get("requestId").cloned();
    let same = in_body.is_none_or(|id| id == given);
    response.expect(same, format_args!("the requestId {given}"))?;
    Ok(given.to_owned())
}

async fn a_sane_request_id_is_given_back(api: &Instance) -> CheckResult {
    let longest = "x".repeat(128);
    for path in [UNKNOWN_PATH, "/health/live"] {
        for sane in ["7", "a-b_c.d:e/f+g=", &new_id(), &longest] {
            let given = id_of(api, path, Some(sane)).await?;
            if given != sane {
                let text = format!("expected the X-Request-Id {sane}, got {given}");
                return Err(Mismatch::new(text));
            }
        }
    }
    Ok(())
}

async fn a_request_without_an_id_gets_a_new_one(api: &Instance) -> CheckResult {
    are_new(&[
        id_of(api, UNKNOWN_PATH, None).await?,
        id_of(api, UNKNOWN_PATH, None).await?,
        id_of(api, "/health/live", None).await?,
    ])
}

async fn a_request_id_that_is_not_sane_is_replaced(api: &Instance) -> CheckResult {
    let (long, longer) = ("x".repeat(129), "x".repeat(4_096));
    let mut ids = vec![id_of(api, UNKNOWN_PATH, None).await?];
    for odd in ["", " ", "a b", "<script>", "é", &long, &longer] {
        ids.push(id_of(api, UNKNOWN_PATH, Some(odd)).await?);
    }
    are_new(&ids)
}

/// Expects UUIDs, all different.
fn are_new(ids: &[String]) -> CheckResult {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() == ids.len() && ids.iter().all(|id| Uuid::parse_str(id).is_ok()) {
        return Ok(());
    }
    let text = format!("expected UUIDs, all different, as request ids, got {ids:?}");
    Err(Mismatch::new(text))
}
