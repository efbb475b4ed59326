//! `POST /sessions`: records of any learners and courses, an outcome for each.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::conformance::harness::{
    CheckResult, Instance, Request, Response, checks, error_fields, from_now, id_of, new_id,
    record_of, sample, sample_at, text_of, totals, with, without,
};

checks!("batch":
    each_record_has_an_outcome_in_order,
    every_outcome_may_be_in_one_batch,
    records_may_be_of_any_learners_and_courses,
    two_records_of_a_session_are_taken_in_order,
    records_of_one_session_are_ordered_by_time,
    an_older_record_is_superseded,
    an_erased_learners_record_is_gone,
    a_batch_has_up_to_a_thousand_records,
    a_thousand_records_of_many_learners_are_stored,
    a_thousand_records_may_be_of_one_session,
    a_batch_needs_no_user,
);

/// Expects outcomes without errors.
pub(super) fn has_outcomes(response: &Response, outcomes: &[&str]) -> CheckResult {
    let results = outcomes.iter().map(|outcome| json!({"outcome": outcome}));
    let results: Vec<_> = results.collect();
    response.is(200, &json!({"results": results}))
}

/// Expects the outcome `invalid`, with errors of the given fields in order.
pub(super) fn is_invalid(response: &Response, result: &Value, expected: &[&str]) -> CheckResult {
    let is_result = result["outcome"] == "invalid"
        && result.as_object().map(serde_json::Map::len) == Some(2)
        && error_fields(&result["errors"]).is_some_and(|fields| fields == expected);
    let expected = expected.join(", ");
    response.expect(
        is_result,
        format_args!("the outcome invalid with errors of {expected}"),
    )
}

/// Expects the outcome `stored`.
pub(super) fn is_stored(response: &Response, result: &Value) -> CheckResult {
    response.expect(
        *result == json!({"outcome": "stored"}),
        "the outcome stored",
    )
}

/// Expects 200 with that number of results, and returns the results.
pub(super) fn results(response: &Response, count: usize) -> CheckResult<Vec<Value>> {
    response.has_status(200)?;
    let results = response.json()?["results"].as_array().cloned();
    results
        .filter(|results| results.len() == count)
        .ok_or_else(|| response.mismatch(format_args!("{count} results")))
}

/// Expects the modules of a record in its session; without a number, expects no session.
pub(super) async fn has_modules(
    api: &Instance,
    record: &Value,
    modules: Option<u64>,
) -> CheckResult {
    let [learner, course] = ["userId", "courseId"].map(|field| text_of(record, field));
    let found = api.session(learner, course, id_of(record)).await?;
    match modules {
        Some(modules) => {
            let same = found.json()?["totalModulesStudied"] == modules;
            found.expect(same, format_args!("{modules} modules"))
        }
        None => found.is_not_found(),
    }
}

async fn each_record_has_an_outcome_in_order(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let new = sample_at("2024-05-02T10:00:00Z", 1, 1, 1);
    let old = with(new.clone(), "occurredAt", "2024-05-01T10:00:00Z");
    let records = [new, old, sample(3, 4, 5)];
    let records = records.map(|body| record_of(&learner, &course, body));
    let response = api.batch(&records).await?;
    has_outcomes(&response, &["stored", "superseded", "stored"])?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(4, 2.5, 6))
}

async fn every_outcome_may_be_in_one_batch(api: &Instance) -> CheckResult {
    let (learner, erased, course) = (api.learner(), api.learner(), new_id());
    let new = |learner: &str| record_of(learner, &course, sample(1, 2, 3));
    let known = with(new(&learner), "occurredAt", "2026-01-15T09:30:00+01:00");
    let response = api.batch(std::slice::from_ref(&known)).await?;
    has_outcomes(&response, &["stored"])?;
    api.erase_learner(&erased).await?.is_deleted()?;

    let older = with(known, "totalModulesStudied", 7);
    let older = with(older, "occurredAt", "2026-01-15T08:29:59Z");
    let too_early = with(new(&erased), "occurredAt", "2026-01-15T08:30:00Z");
    let wrong = with(new(&learner), "timeStudied", -1);
    let records = [new(&learner), older, too_early, wrong, new(&erased)];
    let response = api.batch(&records).await?;
    let results = results(&response, 5)?;
    is_invalid(&response, &results[3], &["timeStudied"])?;
    for (index, outcome) in [(0, "stored"), (1, "superseded"), (2, "gone"), (4, "stored")] {
        let same = results[index] == json!({"outcome": outcome});
        response.expect(
            same,
            format_args!("the outcome {outcome} of record {index}"),
        )?;
    }
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(2, 2, 6))?;
    has_modules(api, &records[4], Some(1)).await?;
    has_modules(api, &records[2], None).await
}

async fn records_may_be_of_any_learners_and_courses(api: &Instance) -> CheckResult {
    let learners = [api.learner(), api.learner(), api.learner()];
    let courses = [new_id(), new_id(), new_id()];
    let pairs = learners.iter().zip(&courses);
    let records: Vec<_> = pairs
        .clone()
        .map(|(learner, course)| record_of(learner, course, sample(1, 2, 3)))
        .collect();
    let response = api.batch(&records).await?;
    has_outcomes(&response, &["stored"; 3])?;
    for (learner, course) in pairs {
        let found = api.totals(learner, course).await?;
        found.is(200, &totals(1, 2, 3))?;
    }
    Ok(())
}

async fn two_records_of_a_session_are_taken_in_order(api: &Instance) -> CheckResult {
    let (learner, course, first) = (api.learner(), new_id(), sample(9, 9, 9));
    let second = with(totals(1, 2, 3), "sessionId", id_of(&first));
    let records = [first, second].map(|body| record_of(&learner, &course, body));
    let response = api.batch(&records).await?;
    has_outcomes(&response, &["stored"; 2])?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(1, 2, 3))
}

async fn records_of_one_session_are_ordered_by_time(api: &Instance) -> CheckResult {
    let session = record_of(&api.learner(), &new_id(), sample(1, 2, 3));
    let records = [
        "2026-01-15T09:00:00Z",
        "2026-01-15T09:00:00Z",
        "2026-01-15T08:59:59Z",
        "2026-01-15T09:00:01Z",
        "2026-01-15T09:00:00Z",
    ];
    let records = (1_u64..).zip(records).map(|(modules, time)| {
        let record = with(session.clone(), "totalModulesStudied", modules);
        with(record, "occurredAt", time)
    });
    let response = api.batch(&records.collect::<Vec<_>>()).await?;
    let outcomes = ["stored", "stored", "superseded", "stored", "superseded"];
    has_outcomes(&response, &outcomes)?;
    has_modules(api, &session, Some(4)).await
}

async fn an_older_record_is_superseded(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let new = sample_at("2024-05-02T10:00:00Z", 1, 1, 1);
    api.store(&learner, &course, std::slice::from_ref(&new))
        .await?;
    let old = with(new, "occurredAt", "2024-05-01T10:00:00Z");
    let response = api.batch(&[record_of(&learner, &course, old)]).await?;
    has_outcomes(&response, &["superseded"])
}

async fn an_erased_learners_record_is_gone(api: &Instance) -> CheckResult {
    let (erased, other, course) = (api.learner(), api.learner(), new_id());
    api.erase_learner(&erased).await?.is_empty(204)?;
    let body = sample_at(&from_now(-3_600), 1, 2, 3);
    let records = [&erased, &other].map(|learner| record_of(learner, &course, body.clone()));
    let response = api.batch(&records).await?;
    has_outcomes(&response, &["gone", "stored"])
}

async fn a_batch_has_up_to_a_thousand_records(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let records = (0..1_000).map(|_| record_of(&learner, &course, sample(0.1, 5, 1)));
    let mut records: Vec<_> = records.collect();
    let response = api.batch(&records).await?;
    has_outcomes(&response, &["stored"; 1_000])?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(100, 5, 1_000))?;
    records.push(record_of(&learner, &course, sample(1, 1, 1)));
    let response = api.batch(&records).await?;
    response.is_invalid("invalid sessions", &["sessions"])?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(100, 5, 1_000))
}

async fn a_thousand_records_of_many_learners_are_stored(api: &Instance) -> CheckResult {
    let learners: [_; 50] = std::array::from_fn(|_| api.learner());
    let courses: [_; 3] = std::array::from_fn(|_| new_id());
    let mut sums: HashMap<_, usize> = HashMap::new();
    let records = (0..1_000).map(|number| {
        let (learner, course) = (&learners[number * 7 % 50], &courses[number % 3]);
        *sums.entry((learner, course)).or_default() += number;
        record_of(learner, course, sample(number, 2, 3))
    });
    let records: Vec<_> = records.collect();
    for _ in 0..2 {
        has_outcomes(&api.batch(&records).await?, &["stored"; 1_000])?;
        for ((learner, course), sum) in &sums {
            let found = api.totals(learner, course).await?;
            let same = found.json()?["totalModulesStudied"] == *sum;
            found.expect(same, format_args!("{sum} modules"))?;
        }
    }
    Ok(())
}

async fn a_thousand_records_may_be_of_one_session(api: &Instance) -> CheckResult {
    let record = record_of(&api.learner(), &new_id(), sample(1, 2, 3));
    let mut records = vec![record.clone(); 1_001];
    let refused = api.batch(&records).await?;
    refused.is_invalid("invalid sessions", &["sessions"])?;
    has_modules(api, &record, None).await?;
    records.pop();
    results(&api.batch(&records).await?, 1_000)?;
    has_modules(api, &record, Some(1)).await
}

async fn a_batch_needs_no_user(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let record = record_of(&learner, &course, sample(1, 2, 3));
    // The learner of the request is not the learner of its records.
    for (number, header) in ["7", &new_id()].into_iter().enumerate() {
        let record = with(record.clone(), "sessionId", new_id());
        let body = json!({"sessions": [record]});
        let request = Request::post("/sessions").of(header).json(&body);
        has_outcomes(&api.send(request).await?, &["stored"])?;
        has_modules(api, &record, Some(1)).await?;
        let found = api.totals(&learner, &course).await?;
        let sessions = number + 1;
        found.is(200, &totals(sessions, 2, 3 * sessions))?;
    }
    let nobodys = without(record, "userId");
    let response = api.batch(&[nobodys]).await?;
    is_invalid(&response, &results(&response, 1)?[0], &["userId"])
}
