//! `GET /courses/{courseId}/activity`: days by the written date, their totals, streaks.

use serde_json::{Value, json};

use crate::conformance::harness::{CheckResult, Instance, checks, new_id, sample_at, totals, with};

checks!("activity":
    days_are_listed_oldest_first_with_exactly_their_members,
    a_day_is_the_one_that_was_written,
    days_with_nothing_are_left_out,
    where_nothing_was_done_there_are_no_days,
    days_are_of_one_learner_in_one_course,
    the_current_streak_lasts_until_the_last_day_or_the_one_before,
    a_streak_that_ended_is_not_current,
    streaks_are_counted_within_the_range,
);

/// A day as the response lists it.
pub(super) fn day_of(day: &str, sessions: u64, totals: Value) -> Value {
    with(with(totals, "day", day), "sessions", sessions)
}

/// Expected activity.
pub(super) fn report(days: &[Value], current: u64, longest: u64) -> Value {
    json!({"days": days, "currentStreak": current, "longestStreak": longest})
}

/// Records a session of ones at noon of days of May 2024.
pub(super) async fn study_on(
    api: &Instance,
    learner: &str,
    course: &str,
    days: &[u64],
) -> CheckResult {
    for day in days {
        let body = sample_at(&format!("2024-05-{day:02}T12:00:00Z"), 1, 1, 1);
        api.store(learner, course, &[body]).await?;
    }
    Ok(())
}

/// The days of [`study_on`] as the response lists them.
pub(super) fn days_of_may(days: &[u64]) -> Vec<Value> {
    let days = days.iter();
    days.map(|day| day_of(&format!("2024-05-{day:02}"), 1, totals(1, 1, 1)))
        .collect()
}

async fn days_are_listed_oldest_first_with_exactly_their_members(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let bodies = [
        sample_at("2024-05-02T08:00:00Z", 9, 20, 80),
        sample_at("2024-05-01T23:00:00Z", 4, 5, 6),
        sample_at("2024-05-02T21:00:00Z", 1, 10, 20),
    ];
    api.store(&learner, &course, &bodies).await?;
    let expected = [
        day_of("2024-05-01", 1, totals(4, 5, 6)),
        day_of("2024-05-02", 2, totals(10, 15, 100)),
    ];
    let query = "?from=2024-05-01&to=2024-05-02";
    let found = api.activity(&learner, &course, query).await?;
    found.is(200, &report(&expected, 2, 2))
}

async fn a_day_is_the_one_that_was_written(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let bodies = [
        sample_at("2024-05-10T23:30:00-12:00", 1, 1, 1),
        sample_at("2024-05-10T00:30:00+14:00", 1, 1, 1),
        sample_at("2024-05-11T00:00:00Z", 1, 1, 1),
    ];
    api.store(&learner, &course, &bodies).await?;
    let expected = [day_of("2024-05-10", 2, totals(2, 1, 2))];
    let query = "?from=2024-05-10&to=2024-05-10";
    let found = api.activity(&learner, &course, query).await?;
    found.is(200, &report(&expected, 1, 1))
}

async fn days_with_nothing_are_left_out(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let days = [1, 2, 3, 7, 8, 20];
    study_on(api, &learner, &course, &days).await?;
    let query = "?from=2024-05-01&to=2024-05-31";
    let found = api.activity(&learner, &course, query).await?;
    found.is(200, &report(&days_of_may(&days), 0, 3))
}

async fn where_nothing_was_done_there_are_no_days(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let found = api.activity(&learner, &course, "").await?;
    found.is(200, &report(&[], 0, 0))
}

async fn days_are_of_one_learner_in_one_course(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let body = sample_at("2026-01-15T12:00:00Z", 1, 2, 3);
    api.store(&learner, &course, &[body]).await?;
    for (learner, course, query) in [
        (&learner, &new_id(), ""),
        (&new_id(), &course, ""),
        (&new_id(), &course, "?to=2026-01-15"),
        (&learner, &course, "?to=2026-01-14"),
    ] {
        let found = api.activity(learner, course, query).await?;
        found.is(200, &report(&[], 0, 0))?;
    }
    Ok(())
}

async fn the_current_streak_lasts_until_the_last_day_or_the_one_before(
    api: &Instance,
) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let days = [1, 2, 3, 8, 9];
    study_on(api, &learner, &course, &days).await?;
    for last in ["09", "10"] {
        let query = format!("?from=2024-05-01&to=2024-05-{last}");
        let found = api.activity(&learner, &course, &query).await?;
        found.is(200, &report(&days_of_may(&days), 2, 3))?;
    }
    Ok(())
}

async fn a_streak_that_ended_is_not_current(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let days = [8, 9];
    study_on(api, &learner, &course, &days).await?;
    let query = "?from=2024-05-01&to=2024-05-11";
    let found = api.activity(&learner, &course, query).await?;
    found.is(200, &report(&days_of_may(&days), 0, 2))
}

async fn streaks_are_counted_within_the_range(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let days = ["01", "02", "03", "05", "06", "06"];
    let bodies = days.map(|day| sample_at(&format!("2026-01-{day}T12:00:00+05:30"), 1, 2, 3));
    api.store(&learner, &course, &bodies).await?;
    for (query, current, longest) in [
        ("?to=2026-01-06", 2, 3),
        // The last day of the range may not be over.
        ("?to=2026-01-07", 2, 3),
        ("?to=2026-01-08", 0, 3),
        ("?to=2026-01-03", 3, 3),
        ("?from=2026-01-02&to=2026-01-06", 2, 2),
        ("?from=2026-01-06&to=2026-01-06", 1, 1),
        ("?from=2026-01-04&to=2026-01-04", 0, 0),
    ] {
        let found = api.activity(&learner, &course, query).await?;
        found.has_status(200)?;
        let activity = found.json()?;
        found.expect(
            activity["currentStreak"] == current && activity["longestStreak"] == longest,
            format_args!("a current streak of {current} days, a longest streak of {longest} days"),
        )?;
    }
    Ok(())
}
