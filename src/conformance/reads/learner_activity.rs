//! `GET /activity`: a learner's days and streaks over all courses.

use super::activity::{day_of, days_of_may, report, study_on};
use crate::conformance::harness::{
    CheckResult, Instance, checks, days_ago, new_id, sample_at, totals,
};

checks!("learner_activity":
    a_learners_activity_is_over_all_courses,
    a_streak_goes_on_in_another_course,
    a_learner_without_sessions_has_no_activity,
    a_learners_activity_follows_deletes_and_an_erasure,
    a_streak_that_reaches_the_day_before_today_is_current,
);

const MAY: &str = "?from=2024-05-01&to=2024-05-31";

async fn a_learners_activity_is_over_all_courses(api: &Instance) -> CheckResult {
    let (learner, other) = (api.learner(), api.learner());
    for (learner, day, modules) in [
        (&learner, 2, 1),
        (&learner, 2, 2),
        (&other, 2, 3),
        (&learner, 9, 4),
    ] {
        let body = sample_at(&format!("2024-05-{day:02}T12:00:00Z"), modules, 10, 1);
        api.store(learner, &new_id(), &[body]).await?;
    }
    let days = [
        day_of("2024-05-02", 2, totals(3, 10, 2)),
        day_of("2024-05-09", 1, totals(4, 10, 1)),
    ];
    let found = api.whole_activity(&learner, MAY).await?;
    found.is(200, &report(&days, 0, 1))
}

async fn a_streak_goes_on_in_another_course(api: &Instance) -> CheckResult {
    let (learner, courses) = (api.learner(), [new_id(), new_id()]);
    study_on(api, &learner, &courses[0], &[28, 30]).await?;
    study_on(api, &learner, &courses[1], &[29, 31]).await?;
    let found = api.whole_activity(&learner, MAY).await?;
    found.is(200, &report(&days_of_may(&[28, 29, 30, 31]), 4, 4))?;
    let found = api.activity(&learner, &courses[0], MAY).await?;
    found.is(200, &report(&days_of_may(&[28, 30]), 1, 1))
}

async fn a_learner_without_sessions_has_no_activity(api: &Instance) -> CheckResult {
    let found = api.whole_activity(&new_id(), "").await?;
    found.is(200, &report(&[], 0, 0))
}

async fn a_learners_activity_follows_deletes_and_an_erasure(api: &Instance) -> CheckResult {
    let (learner, courses) = (api.learner(), [new_id(), new_id()]);
    for (course, day) in courses.iter().zip([1, 2]) {
        study_on(api, &learner, course, &[day]).await?;
    }
    api.delete_course(&learner, &courses[0])
        .await?
        .is_empty(204)?;
    let found = api.whole_activity(&learner, MAY).await?;
    found.is(200, &report(&days_of_may(&[2]), 0, 1))?;
    api.erase_learner(&learner).await?.is_empty(204)?;
    let found = api.whole_activity(&learner, MAY).await?;
    found.is(200, &report(&[], 0, 0))
}

async fn a_streak_that_reaches_the_day_before_today_is_current(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    // Yesterday in UTC is today or the day before at some offset, at any time of the day.
    let bodies = [1, 2, 3].map(|days| sample_at(&format!("{}T12:00:00Z", days_ago(days)), 1, 1, 1));
    api.store(&learner, &course, &bodies).await?;
    let found = api.whole_activity(&learner, "").await?;
    found.has_status(200)?;
    found.expect(
        found.json()?["currentStreak"] == 3,
        "a current streak of 3 days",
    )
}
