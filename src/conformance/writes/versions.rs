//! `occurredAt` and `updatedAt`: where a session is, and which of two records is newer.

use serde_json::{Value, json};

use crate::conformance::harness::{
    CheckResult, Instance, checks, from_now, id_of, new_id, record_of, sample, sample_at, totals,
    with,
};

checks!("versions":
    a_record_without_times_replaces_and_leaves_the_session_on_its_day,
    an_update_after_midnight_leaves_the_session_on_its_day,
    an_older_update_is_superseded_whatever_its_start,
    a_record_with_a_start_moves_the_session,
    a_session_without_a_version_is_put_right,
    a_fast_clock_delays_later_records_by_a_minute_at_most,
    a_version_no_later_than_the_erasure_is_gone,
    a_misspelt_time_in_a_batch_is_invalid,
);

/// Record of a session with a start and a version.
fn timed(body: &Value, occurred: &str, updated: &str, modules: u64) -> Value {
    let body = with(body.clone(), "occurredAt", occurred);
    let body = with(body, "updatedAt", updated);
    with(body, "totalModulesStudied", modules)
}

/// Asserts that a session is the only one, and occurred at a time.
async fn is_at(api: &Instance, learner: &str, course: &str, occurred: &str) -> CheckResult {
    let found = api.sessions(learner, course, "").await?;
    let sessions = &found.json()?["sessions"];
    let is_there = sessions.as_array().map(Vec::len) == Some(1)
        && sessions[0]["occurredAt"].as_str() == Some(occurred);
    found.expect(is_there, format_args!("a session at {occurred}"))
}

async fn a_record_without_times_replaces_and_leaves_the_session_on_its_day(
    api: &Instance,
) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let body = sample_at("2024-05-01T23:30:00-02:00", 1, 2, 3);
    let bare = with(totals(7, 8, 9), "sessionId", id_of(&body));
    api.store(&learner, &course, &[body, bare]).await?;
    api.totals(&learner, &course)
        .await?
        .is(200, &totals(7, 8, 9))?;
    is_at(api, &learner, &course, "2024-05-02T01:30:00Z").await?;
    let found = api
        .activity(&learner, &course, "?from=2024-05-01&to=2024-05-01")
        .await?;
    let days = found.json()?["days"].as_array().map(Vec::len);
    found.expect(days == Some(1), "a session on the local day of its start")
}

async fn an_update_after_midnight_leaves_the_session_on_its_day(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(0, 2, 3));
    let start = "2024-05-21T23:41:00+01:00";
    let first = timed(&body, start, start, 1);
    let last = timed(&body, start, "2024-05-22T00:19:00+01:00", 2);
    api.store(&learner, &course, &[first, last]).await?;
    is_at(api, &learner, &course, "2024-05-21T22:41:00Z").await?;
    let query = "?from=2024-05-21&to=2024-05-22";
    let found = api.activity(&learner, &course, query).await?;
    let days = found.json()?["days"].clone();
    let is_on_the_day =
        days.as_array().map(Vec::len) == Some(1) && days[0]["day"].as_str() == Some("2024-05-21");
    found.expect(is_on_the_day, "the session on 2024-05-21")
}

async fn an_older_update_is_superseded_whatever_its_start(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(0, 2, 3));
    let start = "2024-05-01T10:00:00Z";
    let update = |minute: u64| timed(&body, start, &format!("2024-05-01T10:{minute}:00Z"), minute);
    api.store(&learner, &course, &[update(38)]).await?;
    let moved = timed(&body, "2024-05-02T10:00:00Z", "2024-05-01T10:20:00Z", 99);
    for late in [update(12), update(25), moved] {
        let late = api.record(&learner, &course, &late).await?;
        late.is(200, &json!({"message": "superseded"}))?;
    }
    api.totals(&learner, &course)
        .await?
        .is(200, &totals(38, 2, 3))?;
    is_at(api, &learner, &course, start).await
}

async fn a_record_with_a_start_moves_the_session(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3));
    for start in [
        "2024-05-03T10:00:00Z",
        "2024-05-01T10:00:00Z",
        "2024-05-02T10:00:00Z",
    ] {
        let moved = timed(&body, start, "2024-05-04T10:00:00Z", 1);
        api.store(&learner, &course, &[moved]).await?;
        is_at(api, &learner, &course, start).await?;
    }
    Ok(())
}

async fn a_session_without_a_version_is_put_right(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3));
    // As if the time had been misspelt: the session occurs when the record arrives.
    let misspelt = with(body.clone(), "occuredAt", "2024-05-01T10:00:00Z");
    let right = with(body, "occurredAt", "2024-05-01T10:00:00Z");
    api.store(&learner, &course, &[misspelt, right]).await?;
    is_at(api, &learner, &course, "2024-05-01T10:00:00Z").await
}

async fn a_fast_clock_delays_later_records_by_a_minute_at_most(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(0, 2, 3));
    let (now, later) = (from_now(0), from_now(3 * 3_600));
    let ahead = timed(&body, &now, &later, 1);
    // Both versions count as of a minute after their arrival.
    let less_ahead = timed(&body, &now, &from_now(3_600), 2);
    api.store(&learner, &course, &[ahead, less_ahead]).await?;
    let bare = with(totals(3, 2, 3), "sessionId", id_of(&body));
    api.store(&learner, &course, &[bare]).await?;
    api.totals(&learner, &course)
        .await?
        .is(200, &totals(3, 2, 3))
}

async fn a_version_no_later_than_the_erasure_is_gone(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    api.erase_learner(&learner).await?.is_deleted()?;
    let old = with(sample(1, 2, 3), "updatedAt", from_now(-60));
    let late = api.record(&learner, &course, &old).await?;
    late.is_refused(410, "learner erased", "learner_erased")?;
    let new = with(sample(1, 2, 3), "updatedAt", from_now(3_600));
    api.store(&learner, &course, &[new]).await
}

async fn a_misspelt_time_in_a_batch_is_invalid(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let misspelt = with(sample(1, 2, 3), "occuredAt", "2024-05-01T10:00:00Z");
    let records = [misspelt, sample(4, 5, 6)].map(|body| record_of(&learner, &course, body));
    let found = api.batch(&records).await?;
    let results = found.json()?["results"].clone();
    let is_named = results[0]["outcome"] == "invalid"
        && results[0]["errors"][0]["field"] == "occuredAt"
        && results[1]["outcome"] == "stored";
    found.expect(is_named, "the misspelt field, and the other record stored")?;
    api.totals(&learner, &course)
        .await?
        .is(200, &totals(4, 5, 6))
}
