//! `POST /courses/{courseId}`: new sessions, replaced sessions, superseded records.

use futures_util::future::{join_all, try_join_all};
use serde_json::{Value, json};

use crate::conformance::harness::{
    CheckResult, Instance, checks, from_now, id_of, new_id, recording, sample, sample_at, totals,
    with,
};

checks!("records":
    a_new_session_and_an_update_answer_alike,
    a_second_record_of_a_session_replaces_the_first,
    the_same_record_twice_counts_once,
    twenty_identical_records_at_once_count_once,
    twenty_records_at_once_all_count,
    zero_is_a_value,
    the_extremes_are_taken,
    unknown_fields_are_ignored,
    ids_are_taken_in_either_case,
    ids_of_any_version_are_taken,
    an_older_record_is_superseded_and_changes_nothing,
    an_equally_old_record_replaces,
    one_instant_may_be_written_in_any_offset,
    a_time_of_null_is_none,
    a_time_of_less_than_a_day_ahead_is_taken,
);

/// Response body of a stored record.
fn ok() -> Value {
    json!({"message": "OK"})
}

/// Response body of a record older than the stored session.
fn superseded() -> Value {
    json!({"message": "superseded"})
}

async fn a_new_session_and_an_update_answer_alike(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(5, 80, 120_000));
    for modules in [5, 6] {
        let body = with(body.clone(), "totalModulesStudied", modules);
        api.record(&learner, &course, &body).await?.is(201, &ok())?;
    }
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(6, 80, 120_000))
}

async fn a_second_record_of_a_session_replaces_the_first(api: &Instance) -> CheckResult {
    let (learner, course, kept) = (api.learner(), new_id(), sample(1, 10, 100));
    let first = sample(7, 90, 1_000);
    let second = with(totals(2, 30, 0), "sessionId", id_of(&first));
    api.store(&learner, &course, &[kept, first, second]).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(3, 20, 100))
}

async fn the_same_record_twice_counts_once(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(3, 7.5, 2));
    api.store(&learner, &course, &[body.clone(), body]).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(3, 7.5, 2))
}

async fn twenty_identical_records_at_once_count_once(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(3, 7.5, 2));
    let records = (0..20).map(|_| api.record(&learner, &course, &body));
    for response in join_all(records).await {
        response?.is(201, &ok())?;
    }
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(3, 7.5, 2))
}

async fn twenty_records_at_once_all_count(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let bodies: Vec<_> = (0..20).map(|score| sample(1, score, 0.5)).collect();
    let records = bodies
        .iter()
        .map(|body| api.record(&learner, &course, body));
    for response in try_join_all(records).await? {
        response.is(201, &ok())?;
    }
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(20, 9.5, 10))
}

async fn zero_is_a_value(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    for zero in [json!(0), json!(0.0), json!(-0.0)] {
        let body = sample(zero.clone(), zero.clone(), zero);
        api.store(&learner, &course, &[body]).await?;
    }
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(0, 0, 0))
}

async fn the_extremes_are_taken(api: &Instance) -> CheckResult {
    const MOST: i64 = 1_000_000_000_000;
    let (learner, course) = (api.learner(), new_id());
    let body = sample(MOST, -MOST, MOST);
    api.store(&learner, &course, &[body]).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(MOST, -MOST, MOST))
}

async fn unknown_fields_are_ignored(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let body = with(
        sample(1, 2, 3),
        "comment",
        json!({"deep": [1, 2, {"er": "x"}]}),
    );
    api.store(&learner, &course, &[body]).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(1, 2, 3))
}

async fn ids_are_taken_in_either_case(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3));
    let shouted = with(body.clone(), "sessionId", id_of(&body).to_uppercase());
    let (user, path) = (learner.to_uppercase(), course.to_uppercase());
    api.record(&user, &path, &shouted).await?.is(201, &ok())?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(1, 2, 3))?;
    let session = id_of(&body).to_uppercase();
    api.session(&user, &path, &session).await?.is(200, &body)
}

async fn ids_of_any_version_are_taken(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    for id in [
        "00000000-0000-0000-0000-000000000000",
        "9c5b94b1-35ad-11f0-9fd2-0242ac120002",
        "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ] {
        let body = with(sample(1, 2, 3), "sessionId", id);
        api.store(&learner, &course, &[body]).await?;
    }
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(4, 2, 12))
}

async fn an_older_record_is_superseded_and_changes_nothing(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let newer = sample_at("2024-05-01T10:00:00.001Z", 5, 50, 500);
    let older = with(newer.clone(), "occurredAt", "2024-05-01T10:00:00Z");
    let older = with(older, "totalModulesStudied", 9);
    api.store(&learner, &course, &[newer]).await?;
    let late = api.record(&learner, &course, &older).await?;
    late.is(200, &superseded())?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(5, 50, 500))
}

async fn an_equally_old_record_replaces(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let first = sample_at("2024-05-01T10:00:00Z", 5, 50, 500);
    let second = with(first.clone(), "totalModulesStudied", 6);
    api.store(&learner, &course, &[first, second]).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(6, 50, 500))
}

async fn one_instant_may_be_written_in_any_offset(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 1, 1));
    for (modules, (time, status)) in (1..).zip([
        ("2024-05-01T10:00:00Z", 201),
        ("2024-05-01T12:00:00+02:00", 201),
        ("2024-05-01T04:30:00.000-05:30", 201),
        ("2024-05-01T11:59:59.999+02:00", 200),
        ("2024-05-01T10:00:00.001Z", 201),
        ("2026-01-15T09:30:00+01:00", 201),
        ("2026-01-15T08:30:00.000Z", 201),
        ("2026-01-15T10:29:59.999+02:00", 200),
        ("2026-01-15T08:30:00.001Z", 201),
    ]) {
        let body = with(body.clone(), "occurredAt", time);
        let body = with(body, "totalModulesStudied", modules);
        let response = api.record(&learner, &course, &body).await?;
        let expected = if status == 201 { ok() } else { superseded() };
        response.is(status, &expected)?;
    }
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(9, 1, 1))
}

async fn a_time_of_null_is_none(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let body = with(sample(1, 2, 3), "occurredAt", Value::Null);
    api.store(&learner, &course, &[body]).await
}

async fn a_time_of_less_than_a_day_ahead_is_taken(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let soon = with(sample(1, 2, 3), "occurredAt", from_now(80_000));
    let request = recording(&course).of(&learner).json(&soon);
    api.send(request).await?.is(201, &ok())
}
