//! Invalid batches, and invalid records in a batch.

use hyper::body::Bytes;
use serde_json::{Map, Value, json};

use super::batch::{has_modules, is_invalid, is_stored, results};
use crate::conformance::harness::{
    CheckResult, Instance, Request, checks, error_fields, new_id, padded, record_of, sample,
    totals, with,
};

checks!("batch":
    an_invalid_record_is_told_and_the_others_are_stored,
    all_that_is_wrong_with_a_record_is_listed,
    a_wrong_field_has_the_error_of_a_single_record,
    an_element_that_is_no_record_is_invalid_by_itself,
    the_errors_of_many_records_are_short,
    a_record_past_the_limit_of_a_sum_is_invalid,
    a_batch_needs_its_records,
    a_batch_that_is_no_json_object_is_refused,
    a_batch_of_another_content_type_is_unsupported,
    a_batch_of_more_than_a_mebibyte_is_too_large,
);

/// A record of a new learner and a new course.
fn new_record(api: &Instance) -> Value {
    record_of(&api.learner(), &new_id(), sample(1, 2, 3))
}

/// A batch in JSON text.
fn batch_of(text: impl Into<Bytes>) -> Request {
    Request::post("/sessions").text("application/json", text)
}

async fn an_invalid_record_is_told_and_the_others_are_stored(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let wrong = with(sample(1, 2, 3), "averageScore", "high");
    let records = [sample(1, 2, 3), wrong, sample(4, 5, 6)];
    let records = records.map(|body| record_of(&learner, &course, body));
    let response = api.batch(&records).await?;
    let results = results(&response, 3)?;
    is_invalid(&response, &results[1], &["averageScore"])?;
    let stored = json!({"outcome": "stored"});
    response.expect(
        results[0] == stored && results[2] == stored,
        "the outcome stored of the others",
    )?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(5, 3.5, 9))
}

async fn all_that_is_wrong_with_a_record_is_listed(api: &Instance) -> CheckResult {
    let all = [
        "userId",
        "courseId",
        "sessionId",
        "totalModulesStudied",
        "averageScore",
        "timeStudied",
    ];
    let wrong = json!({
        "userId": "7", "courseId": 7, "sessionId": "", "totalModulesStudied": -1,
        "averageScore": 1e13, "timeStudied": null, "occurredAt": "yesterday",
    });
    let response = api.batch(&[json!({}), wrong]).await?;
    let results = results(&response, 2)?;
    is_invalid(&response, &results[0], &all)?;
    let expected: Vec<_> = all.into_iter().chain(["occurredAt"]).collect();
    is_invalid(&response, &results[1], &expected)
}

async fn a_wrong_field_has_the_error_of_a_single_record(api: &Instance) -> CheckResult {
    let all = [
        "userId",
        "courseId",
        "sessionId",
        "totalModulesStudied",
        "averageScore",
        "timeStudied",
        "occurredAt",
    ];
    let good = new_record(api);
    let empty = json!({"averageScore": null, "userId": "", "occurredAt": null});
    let wrong: Map<_, _> = all
        .map(|field| (field.to_owned(), json!([])))
        .into_iter()
        .collect();
    let mut records = vec![empty, wrong.into(), good.clone()];
    records.extend(all.map(|field| with(new_record(api), field, "x")));
    let response = api.batch(&records).await?;
    let results = results(&response, records.len())?;
    is_invalid(&response, &results[0], &all[..6])?;
    is_invalid(&response, &results[1], &all)?;
    is_stored(&response, &results[2])?;
    for (result, field) in results[3..].iter().zip(all) {
        is_invalid(&response, result, &[field])?;
    }
    has_modules(api, &good, Some(1)).await?;

    let single = with(sample(1, 2, 3), "averageScore", json!([]));
    let refused = api.record(&api.learner(), &new_id(), &single).await?;
    let expected = &results[1]["errors"][4];
    let same = refused.json()?["errors"][0] == *expected;
    refused.expect(same, format_args!("the error {expected}"))
}

async fn an_element_that_is_no_record_is_invalid_by_itself(api: &Instance) -> CheckResult {
    let good = new_record(api).to_string();
    let twice = |fields: &str| good.replace('}', &format!(",{fields}}}"));
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let huge = good.replace(r#""averageScore":2"#, r#""averageScore":1e400"#);
    let mut elements = ["5", "null", "\"x\"", "[]", "true"]
        .map(str::to_owned)
        .to_vec();
    elements.extend([
        deep,
        twice(r#""userId":"x""#),
        twice(r#""occurredAt":null,"occurredAt":"x""#),
        twice(r#""timeStudied":"x""#),
    ]);
    let invalid = elements.len();
    elements.extend([huge, good]);
    let text = format!(r#"{{"sessions":[{}]}}"#, elements.join(" ,\n"));
    let response = api.send(batch_of(text)).await?;
    let results = results(&response, elements.len())?;
    for result in &results[..invalid] {
        is_invalid(&response, result, &["sessions"])?;
    }
    is_invalid(&response, &results[invalid], &["averageScore"])?;
    is_stored(&response, &results[invalid + 1])
}

async fn the_errors_of_many_records_are_short(api: &Instance) -> CheckResult {
    const RECORDS: usize = 1_000;
    const EXPLAINED: usize = 20;
    let wrong = json!({
        "userId": 7, "courseId": 7, "sessionId": 7, "totalModulesStudied": -1,
        "averageScore": "", "timeStudied": -1, "occurredAt": 7, "updatedAt": 7,
    });
    for record in [json!({}), wrong] {
        let response = api.batch(&vec![record; RECORDS]).await?;
        response.expect(
            response.body.len() <= 250 * RECORDS,
            "at most 250 bytes a record",
        )?;
        let results = results(&response, RECORDS)?;
        let (explained, others) = results.split_at(EXPLAINED);
        let fields = error_fields(&explained[0]["errors"]).unwrap_or_default();
        let fields: Vec<_> = fields.iter().map(String::as_str).collect();
        for result in explained {
            is_invalid(&response, result, &fields)?;
        }
        let errors: Vec<_> = fields.iter().map(|field| json!({"field": field})).collect();
        let short = json!({"outcome": "invalid", "errors": errors});
        response.expect(
            others.iter().all(|other| *other == short),
            format_args!("{short} for each record after the first {EXPLAINED}"),
        )?;
    }
    Ok(())
}

async fn a_record_past_the_limit_of_a_sum_is_invalid(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    api.fill(&learner, &course).await?;
    let full = api.totals(&learner, &course).await?.text();
    let past = record_of(&learner, &course, sample(1, 2, 3));
    let response = api.batch(&[new_record(api), past, new_record(api)]).await?;
    let results = results(&response, 3)?;
    is_stored(&response, &results[0])?;
    is_invalid(&response, &results[1], &["sessions"])?;
    is_stored(&response, &results[2])?;
    let message = results[1]["errors"][0]["message"].as_str();
    response.expect(
        message.is_some_and(|message| message.contains("9e15")),
        "a message with the limit 9e15",
    )?;
    let found = api.totals(&learner, &course).await?;
    found.expect(found.text() == full, full)
}

async fn a_batch_needs_its_records(api: &Instance) -> CheckResult {
    let record = new_record(api);
    for (body, message) in [
        (json!({}), "sessions required"),
        (json!({"sessions": null}), "sessions required"),
        (json!({"sessions": []}), "sessions required"),
        (json!({"sessions": ""}), "sessions required"),
        (json!({"Sessions": [1]}), "sessions required"),
        (json!({"sessions": 5}), "invalid sessions"),
        (json!({"sessions": {}}), "invalid sessions"),
        (json!({"sessions": "x"}), "invalid sessions"),
        (json!({"sessions": {"userId": "7"}}), "invalid sessions"),
        (json!({"sessions": {"0": record}}), "invalid sessions"),
    ] {
        let response = api.send(Request::post("/sessions").json(&body)).await?;
        response.is_invalid(message, &["sessions"])?;
    }
    has_modules(api, &record, None).await
}

async fn a_batch_that_is_no_json_object_is_refused(api: &Instance) -> CheckResult {
    let record = new_record(api);
    let good = json!({"sessions": [record]}).to_string();
    let twice = good.replacen('{', r#"{"sessions":[],"#, 1);
    for text in [
        "",
        "null",
        "[]",
        "5",
        "{",
        r#"{"sessions":}"#,
        r#"{"sessions":["#,
        &json!([[record]]).to_string(),
        &good[..good.len() - 1],
        &good.repeat(2),
        &twice,
    ] {
        let response = api.send(batch_of(text.to_owned())).await?;
        response.is_unreadable("at line ")?;
    }
    let not_a_number = format!("{{\"sessions\":[{record},\n{{\"averageScore\":NaN}}]}}");
    let response = api.send(batch_of(not_a_number)).await?;
    response.is_unreadable("at line 2, column 17, in record 2")?;
    let request = Request::post("/sessions").text("text/plain", "{}");
    let response = api.send(request).await?;
    response.is_refused(415, "unsupported content type", "unsupported_content_type")
}

async fn a_batch_of_another_content_type_is_unsupported(api: &Instance) -> CheckResult {
    let text = json!({"sessions": [new_record(api)]}).to_string();
    let post = || Request::post("/sessions");
    let json = || batch_of(text.clone());
    for request in [
        post().untyped(text.clone()),
        post().text("text/plain", text.clone()),
        json().header("content-encoding", "gzip"),
    ] {
        let response = api.send(request).await?;
        response.is_refused(415, "unsupported content type", "unsupported_content_type")?;
    }
    api.send(json()).await?.has_status(200)
}

async fn a_batch_of_more_than_a_mebibyte_is_too_large(api: &Instance) -> CheckResult {
    const LIMIT: usize = 1 << 20;
    let record = new_record(api);
    let batch = json!({"sessions": [record]});
    let refused = api.send(batch_of(padded(&batch, LIMIT + 1))).await?;
    refused.is_refused(413, "body too large", "body_too_large")?;
    let mut before = padded(&batch, LIMIT + 1);
    before.rotate_left(batch.to_string().len());
    let refused = api.send(batch_of(before.clone())).await?;
    refused.is_refused(413, "body too large", "body_too_large")?;
    has_modules(api, &record, None).await?;
    for text in [padded(&batch, LIMIT), before[1..].to_vec()] {
        let response = api.send(batch_of(text)).await?;
        is_stored(&response, &results(&response, 1)?[0])?;
    }
    has_modules(api, &record, Some(1)).await
}
