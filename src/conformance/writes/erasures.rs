//! Erasure of a learner: all courses, and late records.

use serde_json::json;

use crate::conformance::harness::{
    CheckResult, Instance, checks, from_now, id_of, new_id, sample, sample_at, totals, with,
    without,
};

checks!("deletes":
    an_erased_learner_is_gone_everywhere_and_the_others_are_not,
    an_erasure_may_be_repeated,
    what_occurred_before_an_erasure_is_gone,
    what_was_stamped_ahead_and_erased_is_gone,
    what_occurs_after_an_erasure_begins_anew,
    a_repeated_erasure_refuses_older_records_and_takes_newer_records,
);

async fn an_erased_learner_is_gone_everywhere_and_the_others_are_not(
    api: &Instance,
) -> CheckResult {
    let (one, other) = (api.learner(), api.learner());
    let courses = [new_id(), new_id(), new_id()];
    for course in &courses {
        for learner in [&one, &other] {
            let bodies = [sample(1, 2, 3), sample(1, 2, 3)];
            api.store(learner, course, &bodies).await?;
        }
    }
    api.erase_learner(&one).await?.is_deleted()?;
    for course in &courses {
        api.totals(&one, course).await?.is_not_found()?;
        let found = api.totals(&other, course).await?;
        found.is(200, &totals(2, 2, 6))?;
    }
    let found = api.get(&one, "/courses").await?;
    found.is(200, &json!({"courses": []}))
}

async fn an_erasure_may_be_repeated(api: &Instance) -> CheckResult {
    let learner = api.learner();
    for _ in 0..2 {
        api.erase_learner(&learner).await?.is_deleted()?;
    }
    api.store(&learner, &new_id(), &[sample(1, 2, 3)]).await?;
    api.erase_learner(&learner).await?.is_deleted()
}

async fn what_occurred_before_an_erasure_is_gone(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let body = sample_at(&from_now(-3_600), 1, 2, 3);
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    api.erase_learner(&learner).await?.is_deleted()?;
    let another = sample_at("2024-05-01T10:00:00Z", 1, 2, 3);
    for body in [&body, &another] {
        let late = api.record(&learner, &course, body).await?;
        late.is_refused(410, "learner erased", "learner_erased")?;
    }
    api.totals(&learner, &course).await?.is_not_found()
}

async fn what_was_stamped_ahead_and_erased_is_gone(api: &Instance) -> CheckResult {
    let (learner, courses) = (api.learner(), [new_id(), new_id()]);
    for seconds in [3, 23 * 3_600] {
        let body = sample_at(&from_now(seconds), 1, 2, 3);
        let earlier = sample_at(&from_now(seconds - 2), 1, 2, 3);
        api.store(&learner, &courses[0], std::slice::from_ref(&body))
            .await?;
        api.erase_learner(&learner).await?.is_deleted()?;
        for (course, body) in [
            (&courses[0], &body),
            (&courses[1], &body),
            (&courses[1], &earlier),
        ] {
            let late = api.record(&learner, course, body).await?;
            late.is_refused(410, "learner erased", "learner_erased")?;
        }
        let found = api.get(&learner, "/courses").await?;
        found.is(200, &json!({"courses": []}))?;
    }
    // Without a time, a record is later than the erasure.
    api.store(&learner, &courses[0], &[sample(1, 2, 3)]).await
}

async fn what_occurs_after_an_erasure_begins_anew(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    api.store(&learner, &course, &[sample(9, 9, 9)]).await?;
    api.erase_learner(&learner).await?.is_deleted()?;
    let later = with(sample(3, 6, 9), "occurredAt", from_now(3_600));
    let bodies = [sample(1, 2, 3), later];
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(4, 4, 12))
}

async fn a_repeated_erasure_refuses_older_records_and_takes_newer_records(
    api: &Instance,
) -> CheckResult {
    let (learner, other, courses) = (api.learner(), api.learner(), [new_id(), new_id()]);
    let body = sample_at("2020-01-01T00:00:00Z", 1, 2, 3);
    for course in &courses {
        for learner in [&learner, &other] {
            api.store(learner, course, std::slice::from_ref(&body))
                .await?;
        }
    }
    for _ in 0..2 {
        api.erase_learner(&learner).await?.is_deleted()?;
        for course in &courses {
            api.totals(&learner, course).await?.is_not_found()?;
            let found = api.session(&learner, course, id_of(&body)).await?;
            found.is_not_found()?;
            api.totals(&other, course).await?.has_status(200)?;
            let late = api.record(&learner, course, &body).await?;
            late.is_refused(410, "learner erased", "learner_erased")?;
            api.store(&other, course, std::slice::from_ref(&body))
                .await?;
        }
    }
    let now = without(body.clone(), "occurredAt");
    let later = with(body.clone(), "occurredAt", from_now(3_600));
    for (course, body) in courses.iter().zip([now, later]) {
        api.store(&learner, course, &[body]).await?;
        api.totals(&learner, course).await?.has_status(200)?;
    }
    let late = api.record(&learner, &courses[0], &body).await?;
    late.is_refused(410, "learner erased", "learner_erased")
}
