//! The range of `GET /courses/{courseId}/activity`: default, limits, days by the written date.

use std::time::SystemTime;

use super::activity::{day_of, days_of_may, report, study_on};
use crate::conformance::harness::{
    CheckResult, Instance, Response, checks, days_ago, members, new_id, sample, sample_at,
    seconds_after, totals,
};

checks!("activity":
    both_ends_of_a_range_belong_to_it,
    a_range_is_of_written_dates_in_every_offset,
    the_last_thirty_days_are_told_unless_asked_otherwise,
    the_default_range_ends_today_and_not_with_the_newest_session,
    a_day_that_has_begun_in_the_east_is_today,
    a_range_may_have_366_days_and_no_more,
    a_range_in_a_leap_year_has_366_days,
    a_range_far_from_today_needs_its_last_day,
    ranges_that_are_none_are_refused,
);

/// Records a session at each of some times.
async fn study_at(api: &Instance, learner: &str, course: &str, times: &[String]) -> CheckResult {
    let bodies: Vec<_> = times.iter().map(|time| sample_at(time, 1, 2, 3)).collect();
    api.store(learner, course, &bodies).await
}

/// Expects activity on those days.
fn has_days(found: &Response, expected: &[impl AsRef<str>]) -> CheckResult {
    found.has_status(200)?;
    found.expect(found.json()?["days"].is_array(), "a list of days")?;
    let expected: Vec<_> = expected.iter().map(AsRef::as_ref).collect();
    found.expect(
        members(&found.json()?, "days", "day") == expected,
        format_args!("the days {expected:?}"),
    )
}

async fn both_ends_of_a_range_belong_to_it(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    study_on(api, &learner, &course, &[1, 2, 3, 4, 5]).await?;
    let query = "?from=2024-05-02&to=2024-05-04";
    let found = api.activity(&learner, &course, query).await?;
    found.is(200, &report(&days_of_may(&[2, 3, 4]), 3, 3))
}

async fn a_range_is_of_written_dates_in_every_offset(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    // The offsets furthest from UTC, before midnight and after midnight.
    let times = [
        "2026-01-13T23:59:59.999-23:59",
        "2026-01-14T00:00:00+23:59",
        "2026-01-16T23:59:59.999-23:59",
        "2026-01-17T00:00:00+23:59",
    ];
    study_at(api, &learner, &course, &times.map(str::to_owned)).await?;
    for (query, expected) in [
        (
            "?from=2026-01-14&to=2026-01-16",
            &["2026-01-14", "2026-01-16"][..],
        ),
        ("?from=2026-01-13&to=2026-01-13", &["2026-01-13"]),
        ("?from=2026-01-14&to=2026-01-14", &["2026-01-14"]),
        ("?from=2026-01-15&to=2026-01-15", &[]),
        (
            "?from=2026-01-16&to=2026-01-17",
            &["2026-01-16", "2026-01-17"],
        ),
        // Without a first day, 30 days.
        (
            "?to=2026-02-11",
            &["2026-01-13", "2026-01-14", "2026-01-16", "2026-01-17"],
        ),
        (
            "?to=2026-02-12",
            &["2026-01-14", "2026-01-16", "2026-01-17"],
        ),
        ("?to=2026-01-13", &["2026-01-13"]),
    ] {
        let found = api.activity(&learner, &course, query).await?;
        has_days(&found, expected)?;
    }
    Ok(())
}

async fn the_last_thirty_days_are_told_unless_asked_otherwise(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    // Not at the ends of the range: midnight may pass meanwhile.
    let (recent, old) = (days_ago(27), days_ago(32));
    for day in [&recent, &old] {
        let body = sample_at(&format!("{day}T12:00:00Z"), 1, 1, 1);
        api.store(&learner, &course, &[body]).await?;
    }
    let expected = [day_of(&recent, 1, totals(1, 1, 1))];
    let found = api.activity(&learner, &course, "").await?;
    found.is(200, &report(&expected, 0, 1))?;
    // A session of now: a day of the range.
    api.store(&learner, &course, &[sample(1, 1, 1)]).await?;
    let found = api.activity(&learner, &course, "").await?;
    let days = found.json()?["days"].as_array().map(Vec::len);
    found.expect(days == Some(2), "two days, today among them")
}

async fn the_default_range_ends_today_and_not_with_the_newest_session(
    api: &Instance,
) -> CheckResult {
    // Two days from either side of the limit of 30 days: midnight may pass meanwhile.
    let (now, learner, course) = (SystemTime::now(), api.learner(), new_id());
    let ago = |days: i64| seconds_after(now, -days * 86_400);
    let date = |days| ago(days)[..10].to_owned();
    study_at(api, &learner, &course, &[0, 28, 31].map(ago)).await?;
    let found = api.activity(&learner, &course, "").await?;
    has_days(&found, &[date(28), date(0)])?;
    found.expect(
        found.json()?["currentStreak"] == 1,
        "a current streak of 1 day",
    )?;
    let query = format!("?from={}", date(31));
    let found = api.activity(&learner, &course, &query).await?;
    has_days(&found, &[date(31), date(28), date(0)])?;

    let (learner, course) = (api.learner(), new_id());
    study_at(api, &learner, &course, &[20, 40].map(ago)).await?;
    let found = api.activity(&learner, &course, "").await?;
    has_days(&found, &[date(20)])?;
    found.expect(found.json()?["currentStreak"] == 0, "no current streak")
}

async fn a_day_that_has_begun_in_the_east_is_today(api: &Instance) -> CheckResult {
    /// Hours from now to the newest session, and of the offset: together always another day than in UTC.
    const AHEAD: i64 = 13 + 14;
    let (now, learner, course) = (SystemTime::now(), api.learner(), new_id());
    let ago = |days: i64| {
        let local = seconds_after(now, AHEAD * 3_600 - days * 86_400);
        local.replace('Z', "+14:00")
    };
    let date = |days| ago(days)[..10].to_owned();
    study_at(api, &learner, &course, &[0, 1, 29, 30].map(ago)).await?;
    let found = api.activity(&learner, &course, "").await?;
    has_days(&found, &[29, 1, 0].map(date))?;
    found.expect(
        found.json()?["currentStreak"] == 2,
        "a current streak of 2 days",
    )?;
    // A day that has begun nowhere is not in the range.
    let query = format!("?from={}", &seconds_after(now, 3 * 86_400)[..10]);
    let refused = api.activity(&learner, &new_id(), &query).await?;
    refused.is_invalid("to required", &["to"])?;
    // An explicit last day has precedence.
    let query = format!("?to={}", date(1));
    let found = api.activity(&learner, &course, &query).await?;
    has_days(&found, &[30, 29, 1].map(date))
}

async fn a_range_may_have_366_days_and_no_more(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    study_on(api, &learner, &course, &[31]).await?;
    let query = "?from=2023-06-01&to=2024-05-31";
    let found = api.activity(&learner, &course, query).await?;
    found.is(200, &report(&days_of_may(&[31]), 1, 1))?;
    let query = "?from=2023-05-31&to=2024-05-31";
    let refused = api.activity(&learner, &course, query).await?;
    refused.is_invalid("invalid to", &["to"])
}

async fn a_range_in_a_leap_year_has_366_days(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let times = ["2024-01-01T12:00:00Z", "2024-12-31T12:00:00Z"];
    study_at(api, &learner, &course, &times.map(str::to_owned)).await?;
    let query = "?from=2024-01-01&to=2024-12-31";
    let found = api.activity(&learner, &course, query).await?;
    has_days(&found, &["2024-01-01", "2024-12-31"])?;
    for to in ["2025-01-01", "9999-12-31"] {
        let query = format!("?from=2024-01-01&to={to}");
        let refused = api.activity(&learner, &course, &query).await?;
        refused.is_invalid("invalid to", &["to"])?;
        refused.expect(
            refused.text().contains("365 days"),
            "a message about 365 days",
        )?;
    }
    Ok(())
}

async fn a_range_far_from_today_needs_its_last_day(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let times = ["2024-01-01T12:00:00Z", "2024-12-31T12:00:00Z"];
    study_at(api, &learner, &course, &times.map(str::to_owned)).await?;
    for from in ["0000-01-01", "2024-01-01", "9999-12-31"] {
        let query = format!("?from={from}");
        let refused = api.activity(&learner, &course, &query).await?;
        refused.is_invalid("to required", &["to"])?;
    }
    for query in ["?to=0000-01-01", "?from=9999-12-31&to=9999-12-31"] {
        let found = api.activity(&learner, &course, query).await?;
        has_days(&found, &[""; 0])?;
    }
    Ok(())
}

async fn ranges_that_are_none_are_refused(api: &Instance) -> CheckResult {
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
        let response = api.activity(&learner, &course, query).await?;
        response.is_invalid(message, &[field])?;
    }
    Ok(())
}
