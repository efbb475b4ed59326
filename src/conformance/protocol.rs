//! What is wrong with a request as such, and what every answer has.

use super::answer::{Failure, Verdict};
use super::api::{Api, new_id, padded, recording, stats};
use super::checks;
use super::client::Call;

checks!("protocol":
    other_content_types_are_unsupported,
    json_may_be_named_with_its_encoding,
    a_body_of_more_than_64_kibibytes_is_too_large,
    a_sane_request_id_is_given_back,
    a_request_without_an_id_gets_a_new_one,
    a_request_id_that_is_not_sane_is_replaced,
);

async fn other_content_types_are_unsupported(api: &Api) -> Verdict {
    let (learner, course, body) = (api.learner(), new_id(), stats(1, 2, 3).to_string());
    let post = || recording(&course).of(&learner);
    for call in [
        post().text("text/plain", body.clone()),
        post().text("application/x-www-form-urlencoded", body.clone()),
        post().text("application/xml", body.clone()),
        post().text("json", body.clone()),
        post().untyped(body.clone()),
    ] {
        let answer = api.send(call).await?;
        answer.refuses(415, "unsupported content type", "unsupported_content_type")?;
    }
    api.totals(&learner, &course).await?.finds_nothing()
}

async fn json_may_be_named_with_its_encoding(api: &Api) -> Verdict {
    let (learner, course, body) = (api.learner(), new_id(), stats(1, 2, 3).to_string());
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let call = recording(&course).of(&learner);
        let answer = api.send(call.text(content_type, body.clone())).await?;
        answer.has(201)?;
    }
    Ok(())
}

async fn a_body_of_more_than_64_kibibytes_is_too_large(api: &Api) -> Verdict {
    const LIMIT: usize = 64 << 10;
    let (learner, course, body) = (api.learner(), new_id(), stats(1, 2, 3));
    let record = |length: usize| {
        let body = padded(&body, length);
        recording(&course)
            .of(&learner)
            .text("application/json", body)
    };
    let answer = api.send(record(LIMIT + 1)).await?;
    answer.refuses(413, "body too large", "body_too_large")?;
    api.totals(&learner, &course).await?.finds_nothing()?;
    api.send(record(LIMIT)).await?.has(201)
}

/// The id that the answer to a request has, whatever it is; the same in its body where that is an
/// error.
async fn id_of(api: &Api, path: &str, id: Option<&str>) -> Verdict<String> {
    let call = Call::get(path);
    let call = match id {
        Some(id) => call.header("x-request-id", id),
        None => call,
    };
    let answer = api.send(call).await?;
    let given = answer.header("x-request-id").unwrap_or_default();
    answer.holds(!given.is_empty(), "a header X-Request-Id")?;
    let in_body = answer.json()?.get("requestId").cloned();
    let same = in_body.is_none_or(|id| id == given);
    answer.holds(same, format_args!("the requestId {given}"))?;
    Ok(given.to_owned())
}

async fn a_sane_request_id_is_given_back(api: &Api) -> Verdict {
    for path in ["/x", "/health/live"] {
        for sane in ["7", "a-b_c.d:e/f+g=", &new_id()] {
            let given = id_of(api, path, Some(sane)).await?;
            if given != sane {
                let text = format!("expected the X-Request-Id {sane}, got {given}");
                return Err(Failure::new(text));
            }
        }
    }
    Ok(())
}

async fn a_request_without_an_id_gets_a_new_one(api: &Api) -> Verdict {
    differ(&[
        id_of(api, "/x", None).await?,
        id_of(api, "/x", None).await?,
        id_of(api, "/health/live", None).await?,
    ])
}

async fn a_request_id_that_is_not_sane_is_replaced(api: &Api) -> Verdict {
    let long = "x".repeat(4_096);
    let mut ids = Vec::new();
    for odd in ["a b", "<script>", &long] {
        ids.push(odd.to_owned());
        ids.push(id_of(api, "/x", Some(odd)).await?);
    }
    differ(&ids)
}

/// Expects that no two are the same.
fn differ(ids: &[String]) -> Verdict {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() == ids.len() {
        return Ok(());
    }
    let text = format!("expected request ids of which no two are the same, got {ids:?}");
    Err(Failure::new(text))
}
