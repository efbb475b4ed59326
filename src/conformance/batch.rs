//! `POST /sessions`: records of any learners and courses, an outcome for each.

use serde_json::{Value, json};

use super::answer::{Answer, Verdict, fields};
use super::api::{Api, from_now, id_of, new_id, padded, stats, stats_at, totals, with, without};
use super::checks;
use super::client::Call;

checks!("batch":
    each_record_has_an_outcome_in_order,
    records_may_be_of_any_learners_and_courses,
    two_records_of_a_session_are_taken_in_order,
    an_older_record_is_superseded,
    an_erased_learners_record_is_gone,
    an_invalid_record_is_told_and_the_others_are_stored,
    all_that_is_wrong_with_a_record_is_listed,
    a_batch_has_up_to_a_thousand_records,
    a_batch_needs_its_records,
    a_batch_that_is_no_json_object_is_refused,
    a_batch_of_more_than_a_mebibyte_is_too_large,
    a_batch_needs_no_user,
);

/// A record of a batch.
fn record(learner: &str, course: &str, body: Value) -> Value {
    with(with(body, "userId", learner), "courseId", course)
}

/// Expects those outcomes, all of them without errors.
fn has_outcomes(answer: &Answer, outcomes: &[&str]) -> Verdict {
    let results = outcomes.iter().map(|outcome| json!({"outcome": outcome}));
    let results: Vec<_> = results.collect();
    answer.is(200, &json!({"results": results}))
}

async fn each_record_has_an_outcome_in_order(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let new = stats_at("2024-05-02T10:00:00Z", 1, 1, 1);
    let old = with(new.clone(), "occurredAt", "2024-05-01T10:00:00Z");
    let records = [new, old, stats(3, 4, 5)];
    let records = records.map(|body| record(&learner, &course, body));
    let answer = api.batch(&records).await?;
    has_outcomes(&answer, &["stored", "superseded", "stored"])?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(4, 2.5, 6))
}

async fn records_may_be_of_any_learners_and_courses(api: &Api) -> Verdict {
    let learners = [api.learner(), api.learner(), api.learner()];
    let courses = [new_id(), new_id(), new_id()];
    let pairs = learners.iter().zip(&courses);
    let records: Vec<_> = pairs
        .clone()
        .map(|(learner, course)| record(learner, course, stats(1, 2, 3)))
        .collect();
    let answer = api.batch(&records).await?;
    has_outcomes(&answer, &["stored"; 3])?;
    for (learner, course) in pairs {
        let found = api.totals(learner, course).await?;
        found.is(200, &totals(1, 2, 3))?;
    }
    Ok(())
}

async fn two_records_of_a_session_are_taken_in_order(api: &Api) -> Verdict {
    let (learner, course, first) = (api.learner(), new_id(), stats(9, 9, 9));
    let second = with(totals(1, 2, 3), "sessionId", id_of(&first));
    let records = [first, second].map(|body| record(&learner, &course, body));
    let answer = api.batch(&records).await?;
    has_outcomes(&answer, &["stored"; 2])?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(1, 2, 3))
}

async fn an_older_record_is_superseded(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let new = stats_at("2024-05-02T10:00:00Z", 1, 1, 1);
    api.store(&learner, &course, std::slice::from_ref(&new))
        .await?;
    let old = with(new, "occurredAt", "2024-05-01T10:00:00Z");
    let answer = api.batch(&[record(&learner, &course, old)]).await?;
    has_outcomes(&answer, &["superseded"])
}

async fn an_erased_learners_record_is_gone(api: &Api) -> Verdict {
    let (erased, other, course) = (api.learner(), api.learner(), new_id());
    api.erase_learner(&erased).await?.is_empty(204)?;
    let body = stats_at(&from_now(-3_600), 1, 2, 3);
    let records = [&erased, &other].map(|learner| record(learner, &course, body.clone()));
    let answer = api.batch(&records).await?;
    has_outcomes(&answer, &["gone", "stored"])
}

/// Expects that the result says what is wrong with the record, those fields in that order.
fn is_invalid(answer: &Answer, result: &Value, expected: &[&str]) -> Verdict {
    let is_result = result["outcome"] == "invalid"
        && result.as_object().map(serde_json::Map::len) == Some(2)
        && fields(&result["errors"]).is_some_and(|fields| fields == expected);
    let expected = expected.join(", ");
    answer.holds(
        is_result,
        format_args!("the outcome invalid with errors of {expected}"),
    )
}

/// The results of a batch, as many as expected.
fn results(answer: &Answer, count: usize) -> Verdict<Vec<Value>> {
    answer.has(200)?;
    let results = answer.json()?["results"].as_array().cloned();
    results
        .filter(|results| results.len() == count)
        .ok_or_else(|| answer.is_not(format_args!("{count} results")))
}

async fn an_invalid_record_is_told_and_the_others_are_stored(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let wrong = with(stats(1, 2, 3), "averageScore", "high");
    let records = [stats(1, 2, 3), wrong, stats(4, 5, 6)];
    let records = records.map(|body| record(&learner, &course, body));
    let answer = api.batch(&records).await?;
    let results = results(&answer, 3)?;
    is_invalid(&answer, &results[1], &["averageScore"])?;
    let stored = json!({"outcome": "stored"});
    answer.holds(
        results[0] == stored && results[2] == stored,
        "the outcome stored of the others",
    )?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(5, 3.5, 9))
}

async fn all_that_is_wrong_with_a_record_is_listed(api: &Api) -> Verdict {
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
    let answer = api.batch(&[json!({}), wrong]).await?;
    let results = results(&answer, 2)?;
    is_invalid(&answer, &results[0], &all)?;
    let expected: Vec<_> = all.into_iter().chain(["occurredAt"]).collect();
    is_invalid(&answer, &results[1], &expected)
}

async fn a_batch_has_up_to_a_thousand_records(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let records = (0..1_000).map(|_| record(&learner, &course, stats(0.1, 5, 1)));
    let mut records: Vec<_> = records.collect();
    let answer = api.batch(&records).await?;
    has_outcomes(&answer, &["stored"; 1_000])?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(100, 5, 1_000))?;
    records.push(record(&learner, &course, stats(1, 1, 1)));
    let answer = api.batch(&records).await?;
    answer.is_invalid("invalid sessions", &["sessions"])?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(100, 5, 1_000))
}

async fn a_batch_needs_its_records(api: &Api) -> Verdict {
    for (body, message) in [
        (json!({}), "sessions required"),
        (json!({"sessions": null}), "sessions required"),
        (json!({"sessions": []}), "sessions required"),
        (json!({"sessions": 5}), "invalid sessions"),
        (json!({"sessions": {"userId": "7"}}), "invalid sessions"),
    ] {
        let answer = api.send(Call::post("/sessions").json(&body)).await?;
        answer.is_invalid(message, &["sessions"])?;
    }
    Ok(())
}

async fn a_batch_that_is_no_json_object_is_refused(api: &Api) -> Verdict {
    for body in ["", "[]", "5", r#"{"sessions":["#] {
        let call = Call::post("/sessions").text("application/json", body);
        let answer = api.send(call).await?;
        answer.refuses(400, "invalid JSON", "invalid_json")?;
    }
    let call = Call::post("/sessions").text("text/plain", "{}");
    let answer = api.send(call).await?;
    answer.refuses(415, "unsupported content type", "unsupported_content_type")
}

async fn a_batch_of_more_than_a_mebibyte_is_too_large(api: &Api) -> Verdict {
    const LIMIT: usize = 1 << 20;
    let (learner, course) = (api.learner(), new_id());
    let body = json!({"sessions": [record(&learner, &course, stats(1, 2, 3))]});
    for (length, status) in [(LIMIT, 200), (LIMIT + 1, 413)] {
        let call = Call::post("/sessions").text("application/json", padded(&body, length));
        api.send(call).await?.has(status)?;
    }
    Ok(())
}

async fn a_batch_needs_no_user(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let record = record(&learner, &course, stats(1, 2, 3));
    // A user of the request is not the learner of its records.
    let body = json!({"sessions": [record]});
    let call = Call::post("/sessions").of(&new_id()).json(&body);
    has_outcomes(&api.send(call).await?, &["stored"])?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(1, 2, 3))?;
    let nobodys = without(record, "userId");
    let answer = api.batch(&[nobodys]).await?;
    is_invalid(&answer, &results(&answer, 1)?[0], &["userId"])
}
