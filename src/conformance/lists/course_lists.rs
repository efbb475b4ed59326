//! `GET /courses`: the courses of a learner, the course of the latest session first.

use serde_json::json;

use crate::conformance::harness::{
    CheckResult, Instance, checks, course_listed, minute, new_id, sample_at, totals,
};

checks!("lists":
    courses_are_listed_latest_first_with_exactly_their_members,
    a_late_record_of_an_old_session_leaves_the_latest,
    a_later_session_moves_its_course_to_the_front,
);

async fn courses_are_listed_latest_first_with_exactly_their_members(api: &Instance) -> CheckResult {
    let learner = api.learner();
    let (first, second) = (new_id(), new_id());
    let bodies = [
        sample_at(&minute(1), 1, 10, 20),
        sample_at(&minute(3), 9, 20, 80),
    ];
    api.store(&learner, &first, &bodies).await?;
    let body = sample_at(&minute(2), 4, 5, 6);
    api.store(&learner, &second, &[body]).await?;
    let expected = json!({"courses": [
        course_listed(&first, 2, totals(10, 15, 100), &minute(3)),
        course_listed(&second, 1, totals(4, 5, 6), &minute(2)),
    ]});
    let found = api.get(&learner, "/courses").await?;
    found.is(200, &expected)
}

async fn a_late_record_of_an_old_session_leaves_the_latest(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let bodies = [
        sample_at(&minute(5), 1, 1, 1),
        sample_at(&minute(1), 1, 1, 1),
    ];
    api.store(&learner, &course, &bodies).await?;
    let expected = course_listed(&course, 2, totals(2, 1, 2), &minute(5));
    let found = api.get(&learner, "/courses").await?;
    found.is(200, &json!({"courses": [expected]}))
}

async fn a_later_session_moves_its_course_to_the_front(api: &Instance) -> CheckResult {
    let (learner, one, other) = (api.learner(), new_id(), new_id());
    let bodies = [sample_at("2026-01-15T09:30:00+01:00", 1, 10, 0.25)];
    api.store(&learner, &one, &bodies).await?;
    let bodies = [
        sample_at("2026-01-15T09:00:00.125Z", 3, 7.5, 2),
        sample_at("2026-01-14T09:00:00Z", 8, 8, 3),
        sample_at("2026-01-13T09:00:00Z", 4, 9, 6),
    ];
    api.store(&learner, &other, &bodies).await?;
    // The sessions of another learner do not count.
    let bodies = [sample_at("2026-01-16T09:00:00Z", 9, 9, 9)];
    api.store(&api.learner(), &one, &bodies).await?;
    let second = totals(15, 8.166_666_666_666_666, 11);
    let second = course_listed(&other, 3, second, "2026-01-15T09:00:00.125Z");
    let first = course_listed(&one, 1, totals(1, 10, 0.25), "2026-01-15T08:30:00Z");
    let found = api.get(&learner, "/courses").await?;
    found.is(200, &json!({"courses": [second, first]}))?;

    let bodies = [sample_at("2026-01-15T09:00:00.126Z", 2, 20, 0.5)];
    api.store(&learner, &one, &bodies).await?;
    let first = course_listed(&one, 2, totals(3, 15, 0.75), "2026-01-15T09:00:00.126Z");
    let found = api.get(&learner, "/courses").await?;
    found.is(200, &json!({"courses": [first, second]}))
}
