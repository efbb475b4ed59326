//! `GET /courses/{courseId}/summary`: all learners of a course.

use futures_util::future::try_join_all;
use serde_json::Value;

use super::answer::Verdict;
use super::api::{Api, id_of, new_id, stats, totals, with};
use super::checks;

checks!("summary":
    a_summary_is_over_all_learners_with_exactly_its_members,
    its_mean_is_over_sessions_and_not_over_learners,
    its_sums_are_exact,
    a_course_that_nobody_studied_has_none,
    it_follows_a_replaced_session,
    it_follows_what_is_forgotten,
    learners_at_once_all_count,
);

/// The summary that is expected.
fn summary(learners: u64, sessions: u64, stats: Value) -> Value {
    with(with(stats, "learners", learners), "sessions", sessions)
}

async fn a_summary_is_over_all_learners_with_exactly_its_members(api: &Api) -> Verdict {
    let course = new_id();
    for number in 1..=3 {
        let body = stats(number, 10 * number, 100 * number);
        api.store(&api.learner(), &course, &[body]).await?;
    }
    let found = api.summary(&course).await?;
    found.is(200, &summary(3, 3, totals(6, 20, 600)))
}

async fn its_mean_is_over_sessions_and_not_over_learners(api: &Api) -> Verdict {
    let course = new_id();
    // Over learners it would be 25.
    let bodies = [stats(1, 10, 1), stats(1, 10, 1), stats(1, 10, 1)];
    api.store(&api.learner(), &course, &bodies).await?;
    let body = stats(1, 40, 1);
    api.store(&api.learner(), &course, &[body]).await?;
    let found = api.summary(&course).await?;
    found.is(200, &summary(2, 4, totals(4, 17.5, 4)))
}

async fn its_sums_are_exact(api: &Api) -> Verdict {
    let course = new_id();
    for _ in 0..10 {
        let body = stats(0.1, 0.1, 0.1);
        api.store(&api.learner(), &course, &[body]).await?;
    }
    let found = api.summary(&course).await?;
    found.is(200, &summary(10, 10, totals(1, 0.1, 1)))
}

async fn a_course_that_nobody_studied_has_none(api: &Api) -> Verdict {
    api.summary(&new_id()).await?.finds_nothing()
}

async fn it_follows_a_replaced_session(api: &Api) -> Verdict {
    let (learner, course, first) = (api.learner(), new_id(), stats(7, 70, 700));
    let second = with(totals(1, 10, 100), "sessionId", id_of(&first));
    api.store(&learner, &course, &[first, second]).await?;
    let found = api.summary(&course).await?;
    found.is(200, &summary(1, 1, totals(1, 10, 100)))
}

async fn it_follows_what_is_forgotten(api: &Api) -> Verdict {
    let (one, two, course) = (api.learner(), api.learner(), new_id());
    let three = api.learner();
    let bodies = [stats(1, 10, 100), stats(2, 20, 200)];
    for learner in [&one, &two, &three] {
        api.store(learner, &course, &bodies).await?;
    }
    let gone = api.forget_session(&one, &course, id_of(&bodies[0]));
    gone.await?.is_empty(204)?;
    let found = api.summary(&course).await?;
    found.is(200, &summary(3, 5, totals(8, 16, 800)))?;
    api.forget_course(&two, &course).await?.is_empty(204)?;
    let found = api.summary(&course).await?;
    found.is(200, &summary(2, 3, totals(5, 50.0 / 3.0, 500)))?;
    for learner in [&one, &three] {
        api.erase_learner(learner).await?.is_empty(204)?;
    }
    api.summary(&course).await?.finds_nothing()
}

async fn learners_at_once_all_count(api: &Api) -> Verdict {
    let course = new_id();
    let learners: Vec<_> = (0..20).map(|_| api.learner()).collect();
    let body = stats(1, 2, 3);
    let records = learners
        .iter()
        .map(|learner| api.record(learner, &course, &body));
    for answer in try_join_all(records).await? {
        answer.has(201)?;
    }
    let found = api.summary(&course).await?;
    found.is(200, &summary(20, 20, totals(20, 2, 60)))
}
