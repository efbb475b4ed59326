//! The limit of a learner's sums in a course. The limits on numbers of sessions and courses depend on the
//! configuration of the instance.

use serde_json::Value;

use crate::conformance::harness::{
    CheckResult, Instance, Response, checks, id_of, new_id, sample, totals, with,
};

checks!("limits":
    a_sum_past_its_limit_is_refused_and_changes_nothing,
    an_update_may_lead_to_the_limit_of_a_sum,
    a_delete_may_leave_a_sum_past_its_limit,
);

/// Maximum magnitude of a score.
const LARGEST: i64 = 1_000_000_000_000;
/// Limit of a sum.
const LIMIT: i64 = 9_000 * LARGEST;

/// Expects the error of a record that would pass the limit of a sum.
fn is_past_limit(response: &Response) -> CheckResult {
    let fields = response.is_error(422, "limit exceeded", "limit_exceeded")?;
    let has_limit = response.text().contains("9e15");
    response.expect(
        fields == ["sessions"] && has_limit,
        "an error of sessions with the limit 9e15",
    )
}

/// Totals of a learner by [`Instance::fill`].
fn full() -> Value {
    totals(0, -LARGEST, LIMIT)
}

async fn a_sum_past_its_limit_is_refused_and_changes_nothing(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    api.fill(&learner, &course).await?;
    api.totals(&learner, &course).await?.is(200, &full())?;
    for beyond in [sample(0, 0, 1e-15), sample(0, -1e-15, 0)] {
        is_past_limit(&api.record(&learner, &course, &beyond).await?)?;
        let found = api.session(&learner, &course, id_of(&beyond)).await?;
        found.is_not_found()?;
        api.totals(&learner, &course).await?.is(200, &full())?;
    }
    // The limit is the learner's own.
    let other = api.learner();
    for body in [sample(0, 0, 1e-15), sample(0, -LARGEST, LARGEST)] {
        api.store(&other, &course, &[body]).await?;
    }
    Ok(())
}

async fn an_update_may_lead_to_the_limit_of_a_sum(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let body = sample(0, 0, 0);
    let update = |score: i64| with(body.clone(), "averageScore", score);
    api.store(&learner, &course, &[update(1)]).await?;
    api.fill(&learner, &course).await?;
    api.store(&learner, &course, &[update(0)]).await?;
    is_past_limit(&api.record(&learner, &course, &update(-1)).await?)?;
    let found = api.session(&learner, &course, id_of(&body)).await?;
    found.is(200, &body)
}

async fn a_delete_may_leave_a_sum_past_its_limit(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    // The sum of the score is at its lower limit, and again after these two sessions.
    api.fill(&learner, &course).await?;
    let bodies = [sample(0, LARGEST, 0), sample(0, -LARGEST, 0)];
    api.store(&learner, &course, &bodies).await?;
    let [high, low] = bodies.each_ref().map(id_of);
    let deleted = api.delete_session(&learner, &course, high).await?;
    deleted.is_deleted()?;
    api.totals(&learner, &course).await?.is(200, &full())?;
    // Past the limit, a record that leads back to the limit is stored.
    is_past_limit(&api.record(&learner, &course, &sample(0, 0, 0)).await?)?;
    api.store(
        &learner,
        &course,
        &[with(bodies[1].clone(), "averageScore", 0)],
    )
    .await?;
    let deleted = api.delete_session(&learner, &course, low).await?;
    deleted.is_deleted()?;
    api.delete_course(&learner, &course).await?.is_deleted()?;
    let found = api.summary(&course).await?;
    found.is_not_found()
}
