//! `GET /courses/{courseId}/activity`: what was done on each calendar day, as it was written.

use serde_json::{Value, json};

use super::answer::Verdict;
use super::api::{Api, Sent, days_ago, new_id, stats, stats_at, totals, with};
use super::checks;

checks!("activity":
    days_are_listed_oldest_first_with_exactly_their_members,
    a_day_is_the_one_that_was_written,
    days_with_nothing_are_left_out,
    where_nothing_was_done_there_are_no_days,
    both_ends_of_a_range_belong_to_it,
    the_current_streak_lasts_until_the_last_day_or_the_one_before,
    a_streak_that_ended_is_not_current,
    the_last_thirty_days_are_told_unless_asked_otherwise,
    a_range_may_have_366_days_and_no_more,
    ranges_that_are_none_are_refused,
);

fn activity<'a>(api: &'a Api, learner: &str, course: &str, query: &str) -> Sent<'a> {
    let path = format!("/courses/{course}/activity{query}");
    api.get(learner, &path)
}

/// A day as it is listed.
fn day_of(day: &str, sessions: u64, stats: Value) -> Value {
    with(with(stats, "day", day), "sessions", sessions)
}

/// What is answered.
fn report(days: &[Value], current: u64, longest: u64) -> Value {
    json!({"days": days, "currentStreak": current, "longestStreak": longest})
}

/// Records a session of ones at noon of each of these days of May 2024.
async fn study_on(api: &Api, learner: &str, course: &str, days: &[u64]) -> Verdict {
    for day in days {
        let body = stats_at(&format!("2024-05-{day:02}T12:00:00Z"), 1, 1, 1);
        api.store(learner, course, &[body]).await?;
    }
    Ok(())
}

/// Those days as they are listed.
fn days_of_may(days: &[u64]) -> Vec<Value> {
    let days = days.iter();
    days.map(|day| day_of(&format!("2024-05-{day:02}"), 1, totals(1, 1, 1)))
        .collect()
}

async fn days_are_listed_oldest_first_with_exactly_their_members(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let bodies = [
        stats_at("2024-05-02T08:00:00Z", 9, 20, 80),
        stats_at("2024-05-01T23:00:00Z", 4, 5, 6),
        stats_at("2024-05-02T21:00:00Z", 1, 10, 20),
    ];
    api.store(&learner, &course, &bodies).await?;
    let expected = [
        day_of("2024-05-01", 1, totals(4, 5, 6)),
        day_of("2024-05-02", 2, totals(10, 15, 100)),
    ];
    let query = "?from=2024-05-01&to=2024-05-02";
    let found = activity(api, &learner, &course, query).await?;
    found.is(200, &report(&expected, 2, 2))
}

async fn a_day_is_the_one_that_was_written(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let bodies = [
        stats_at("2024-05-10T23:30:00-12:00", 1, 1, 1),
        stats_at("2024-05-10T00:30:00+14:00", 1, 1, 1),
        stats_at("2024-05-11T00:00:00Z", 1, 1, 1),
    ];
    api.store(&learner, &course, &bodies).await?;
    let expected = [day_of("2024-05-10", 2, totals(2, 1, 2))];
    let query = "?from=2024-05-10&to=2024-05-10";
    let found = activity(api, &learner, &course, query).await?;
    found.is(200, &report(&expected, 1, 1))
}

async fn days_with_nothing_are_left_out(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let days = [1, 2, 3, 7, 8, 20];
    study_on(api, &learner, &course, &days).await?;
    let query = "?from=2024-05-01&to=2024-05-31";
    let found = activity(api, &learner, &course, query).await?;
    found.is(200, &report(&days_of_may(&days), 0, 3))
}

async fn where_nothing_was_done_there_are_no_days(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let found = activity(api, &learner, &course, "").await?;
    found.is(200, &report(&[], 0, 0))
}

async fn both_ends_of_a_range_belong_to_it(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    study_on(api, &learner, &course, &[1, 2, 3, 4, 5]).await?;
    let query = "?from=2024-05-02&to=2024-05-04";
    let found = activity(api, &learner, &course, query).await?;
    found.is(200, &report(&days_of_may(&[2, 3, 4]), 3, 3))
}

async fn the_current_streak_lasts_until_the_last_day_or_the_one_before(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let days = [1, 2, 3, 8, 9];
    study_on(api, &learner, &course, &days).await?;
    for last in ["09", "10"] {
        let query = format!("?from=2024-05-01&to=2024-05-{last}");
        let found = activity(api, &learner, &course, &query).await?;
        found.is(200, &report(&days_of_may(&days), 2, 3))?;
    }
    Ok(())
}

async fn a_streak_that_ended_is_not_current(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let days = [8, 9];
    study_on(api, &learner, &course, &days).await?;
    let query = "?from=2024-05-01&to=2024-05-11";
    let found = activity(api, &learner, &course, query).await?;
    found.is(200, &report(&days_of_may(&days), 0, 2))
}

async fn the_last_thirty_days_are_told_unless_asked_otherwise(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    // Not at the ends of the range: midnight may be over meanwhile.
    let (recent, old) = (days_ago(27), days_ago(32));
    for day in [&recent, &old] {
        let body = stats_at(&format!("{day}T12:00:00Z"), 1, 1, 1);
        api.store(&learner, &course, &[body]).await?;
    }
    let expected = [day_of(&recent, 1, totals(1, 1, 1))];
    let found = activity(api, &learner, &course, "").await?;
    found.is(200, &report(&expected, 0, 1))?;
    // As of now, which is a day that the range has.
    api.store(&learner, &course, &[stats(1, 1, 1)]).await?;
    let found = activity(api, &learner, &course, "").await?;
    let days = found.json()?["days"].as_array().map(Vec::len);
    found.holds(days == Some(2), "two days, today among them")
}

async fn a_range_may_have_366_days_and_no_more(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    study_on(api, &learner, &course, &[31]).await?;
    let query = "?from=2023-06-01&to=2024-05-31";
    let found = activity(api, &learner, &course, query).await?;
    found.is(200, &report(&days_of_may(&[31]), 1, 1))?;
    let query = "?from=2023-05-31&to=2024-05-31";
    let refused = activity(api, &learner, &course, query).await?;
    refused.is_invalid("invalid to", &["to"])
}

async fn ranges_that_are_none_are_refused(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    for (query, message, field) in [
        ("?from=x", "invalid from", "from"),
        ("?from=2024-02-30&to=2024-03-01", "invalid from", "from"),
        (
            "?from=2024-05-01&to=2024-05-01T00:00:00Z",
            "invalid to",
            "to",
        ),
        ("?from=2024-05-02&to=2024-05-01", "invalid to", "to"),
    ] {
        let answer = activity(api, &learner, &course, query).await?;
        answer.is_invalid(message, &[field])?;
    }
    Ok(())
}
