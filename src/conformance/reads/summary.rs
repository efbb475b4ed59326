//! `GET /courses/{courseId}/summary`: totals over all learners of a course.

use futures_util::future::try_join_all;
use serde_json::Value;

use crate::conformance::harness::{
    CheckResult, Instance, Request, checks, id_of, new_id, sample, totals, with,
};

checks!("summary":
    a_summary_is_over_all_learners_with_exactly_its_members,
    a_summary_counts_many_learners_of_one_course,
    a_summary_needs_no_learner,
    its_mean_is_over_sessions_and_not_over_learners,
    its_sums_are_exact,
    a_course_that_nobody_studied_has_none,
    it_follows_a_replaced_session,
    it_follows_what_is_forgotten,
    learners_at_once_all_count,
    a_wrong_course_is_invalid,
);

/// Expected summary.
fn summary(learners: u64, sessions: u64, stats: Value) -> Value {
    with(with(stats, "learners", learners), "sessions", sessions)
}

async fn a_summary_is_over_all_learners_with_exactly_its_members(api: &Instance) -> CheckResult {
    let course = new_id();
    for number in 1..=3 {
        let body = sample(number, 10 * number, 100 * number);
        api.store(&api.learner(), &course, &[body]).await?;
    }
    let found = api.summary(&course).await?;
    found.is(200, &summary(3, 3, totals(6, 20, 600)))
}

async fn its_mean_is_over_sessions_and_not_over_learners(api: &Instance) -> CheckResult {
    let course = new_id();
    // The mean over learners is 25.
    let bodies = [sample(1, 10, 1), sample(1, 10, 1), sample(1, 10, 1)];
    api.store(&api.learner(), &course, &bodies).await?;
    let body = sample(1, 40, 1);
    api.store(&api.learner(), &course, &[body]).await?;
    let found = api.summary(&course).await?;
    found.is(200, &summary(2, 4, totals(4, 17.5, 4)))
}

async fn its_sums_are_exact(api: &Instance) -> CheckResult {
    let course = new_id();
    for _ in 0..10 {
        let body = sample(0.1, 0.1, 0.1);
        api.store(&api.learner(), &course, &[body]).await?;
    }
    let found = api.summary(&course).await?;
    found.is(200, &summary(10, 10, totals(1, 0.1, 1)))
}

async fn a_course_that_nobody_studied_has_none(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    api.summary(&course).await?.is_not_found()?;
    api.store(&learner, &course, &[sample(1, 2, 3)]).await?;
    api.summary(&course).await?.has_status(200)?;
    api.delete_course(&learner, &course).await?.is_deleted()?;
    api.summary(&course).await?.is_not_found()
}

async fn it_follows_a_replaced_session(api: &Instance) -> CheckResult {
    let (learner, course, first) = (api.learner(), new_id(), sample(7, 70, 700));
    let second = with(totals(1, 10, 100), "sessionId", id_of(&first));
    api.store(&learner, &course, &[first, second]).await?;
    let found = api.summary(&course).await?;
    found.is(200, &summary(1, 1, totals(1, 10, 100)))
}

async fn it_follows_what_is_forgotten(api: &Instance) -> CheckResult {
    let (one, two, course) = (api.learner(), api.learner(), new_id());
    let three = api.learner();
    let bodies = [sample(1, 10, 100), sample(2, 20, 200)];
    for learner in [&one, &two, &three] {
        api.store(learner, &course, &bodies).await?;
    }
    let deleted = api.delete_session(&one, &course, id_of(&bodies[0]));
    deleted.await?.is_deleted()?;
    let found = api.summary(&course).await?;
    found.is(200, &summary(3, 5, totals(8, 16, 800)))?;
    api.delete_course(&two, &course).await?.is_deleted()?;
    let found = api.summary(&course).await?;
    found.is(200, &summary(2, 3, totals(5, 50.0 / 3.0, 500)))?;
    for learner in [&one, &three] {
        api.erase_learner(learner).await?.is_deleted()?;
    }
    api.summary(&course).await?.is_not_found()
}

async fn learners_at_once_all_count(api: &Instance) -> CheckResult {
    let course = new_id();
    let learners: Vec<_> = (0..20).map(|_| api.learner()).collect();
    let body = sample(1, 2, 3);
    let records = learners
        .iter()
        .map(|learner| api.record(learner, &course, &body));
    for response in try_join_all(records).await? {
        response.has_status(201)?;
    }
    let found = api.summary(&course).await?;
    found.is(200, &summary(20, 20, totals(20, 2, 60)))
}

async fn a_summary_counts_many_learners_of_one_course(api: &Instance) -> CheckResult {
    let (learner, course, first) = (api.learner(), new_id(), sample(100, 100, 100));
    let replaced = with(totals(4.0, 9.0, 6.0), "sessionId", id_of(&first));
    let bodies = [sample(3, 7.5, 2), sample(8, 8, 3), first, replaced];
    api.store(&learner, &course, &bodies).await?;
    let found = api.summary(&course).await?;
    found.is(200, &summary(1, 3, totals(15, 8.166_666_666_666_666, 11)))?;

    for _ in 0..40 {
        let body = sample(0.1, -5, 0.25);
        api.store(&api.learner(), &course, &[body]).await?;
    }
    // A session in another course does not count.
    api.store(&learner, &new_id(), &[sample(1, 1, 1)]).await?;
    let found = api.summary(&course).await?;
    let mean = (24.5 - 200.0) / 43.0;
    found.is(200, &summary(41, 43, totals(19, mean, 21)))
}

async fn a_summary_needs_no_learner(api: &Instance) -> CheckResult {
    let course = new_id();
    api.store(&api.learner(), &course, &[sample(1, 2, 3)])
        .await?;
    let path = format!("/courses/{course}/summary");
    for learner in ["", "7", &new_id()] {
        let request = Request::get(&path).of(learner);
        api.send(request).await?.has_status(200)?;
    }
    Ok(())
}

async fn a_wrong_course_is_invalid(api: &Instance) -> CheckResult {
    for course in ["7", "%FF", "%20", &new_id().replace('-', "")] {
        let refused = api.summary(course).await?;
        refused.is_invalid("invalid courseId", &["courseId"])?;
    }
    Ok(())
}
