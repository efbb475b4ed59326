//! Activity over real sockets, on both stores: local calendar days, their totals, their streaks.

use serde_json::{Value, json};
use study_stats::domain::{OccurredAt, Record};
use time::format_description::well_known::Rfc3339;
use time::{Date, Duration, OffsetDateTime, UtcOffset};

use crate::for_both_stores;
use crate::support::api::{Api, assert_error, body_at, fields, new_id};
use crate::support::fixture::Fixture;
use crate::support::history::{record, stats};
use crate::support::id;

for_both_stores!(
    a_day_is_the_date_that_was_written,
    the_first_and_the_last_day_belong_to_the_range,
    a_range_has_at_most_366_days,
    without_a_range_it_is_of_the_last_30_days,
    a_learner_in_the_east_is_a_day_ahead,
    streaks_are_runs_of_consecutive_days,
    thousands_of_sessions_are_counted_to_the_last,
    activity_of_nothing_is_empty,
);

/// The days of an answer, without what was done on them.
fn days(activity: &Value) -> Vec<&str> {
    let days = activity["days"].as_array().unwrap();
    days.iter()
        .map(|day| day["day"].as_str().unwrap())
        .collect()
}

/// A learner's course with a session at each of some times.
async fn course_with(api: &Api, times: &[&str]) -> (String, String) {
    let (learner, course) = (new_id(), new_id());
    for time in times {
        let body = body_at(time, 1, 2, 3);
        assert_eq!(
            api.client.post(&learner, &course, &body).await.status,
            201,
            "{time}"
        );
    }
    (learner, format!("/courses/{course}/activity"))
}

async fn a_day_is_the_date_that_was_written(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    for (occurred_at, modules, score, time) in [
        // In UTC it is the 16th.
        ("2026-01-15T23:59:59.999-11:00", 3, 7.5, 2.0),
        // In UTC it is the 14th.
        ("2026-01-15T00:00:00+14:00", 8, 8.0, 3.0),
        ("2026-01-15T12:00:00Z", 4, 9.0, 6.0),
        // The instant between the two others of the 15th in UTC.
        ("2026-01-16T00:00:00+14:00", 1, -0.5, 0.25),
        ("2026-01-14T23:59:59-11:00", 2, 1.0, 1.0),
    ] {
        let body = body_at(occurred_at, modules, score, time);
        assert_eq!(api.client.post(&learner, &course, &body).await.status, 201);
    }
    let path = format!("/courses/{course}/activity?to=2026-01-20");
    let answer = api.client.get(&learner, &path).await;
    let expected = concat!(
        r#"{"currentStreak":0,"days":["#,
        r#"{"averageScore":1,"day":"2026-01-14","sessions":1,"timeStudied":1,"totalModulesStudied":2},"#,
        r#"{"averageScore":8.166666666666666,"day":"2026-01-15","sessions":3,"timeStudied":11,"totalModulesStudied":15},"#,
        r#"{"averageScore":-0.5,"day":"2026-01-16","sessions":1,"timeStudied":0.25,"totalModulesStudied":1}"#,
        r#"],"longestStreak":3}"#
    );
    assert_eq!((answer.status, answer.text.as_str()), (200, expected));
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8")
    );
}

async fn the_first_and_the_last_day_belong_to_the_range(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    // The furthest from their days in UTC that there can be, before midnight and after it.
    let (learner, path) = course_with(
        &api,
        &[
            "2026-01-13T23:59:59.999-23:59",
            "2026-01-14T00:00:00+23:59",
            "2026-01-16T23:59:59.999-23:59",
            "2026-01-17T00:00:00+23:59",
        ],
    )
    .await;
    for (query, expected) in [
        (
            "from=2026-01-14&to=2026-01-16",
            &["2026-01-14", "2026-01-16"][..],
        ),
        ("from=2026-01-13&to=2026-01-13", &["2026-01-13"]),
        ("from=2026-01-14&to=2026-01-14", &["2026-01-14"]),
        ("from=2026-01-15&to=2026-01-15", &[]),
        (
            "from=2026-01-16&to=2026-01-17",
            &["2026-01-16", "2026-01-17"],
        ),
        // 30 days, where the first is not told.
        (
            "to=2026-02-11",
            &["2026-01-13", "2026-01-14", "2026-01-16", "2026-01-17"],
        ),
        ("to=2026-02-12", &["2026-01-14", "2026-01-16", "2026-01-17"]),
        ("to=2026-01-13", &["2026-01-13"]),
    ] {
        let activity = api
            .client
            .get(&learner, &format!("{path}?{query}"))
            .await
            .json();
        assert_eq!(days(&activity), expected, "{query}");
    }
}

async fn a_range_has_at_most_366_days(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, path) =
        course_with(&api, &["2024-01-01T12:00:00Z", "2024-12-31T12:00:00Z"]).await;
    let path = format!("{path}?from=2024-01-01");
    // 2024 has a 29th of February.
    let activity = api
        .client
        .get(&learner, &format!("{path}&to=2024-12-31"))
        .await;
    assert_eq!(days(&activity.json()), ["2024-01-01", "2024-12-31"]);
    for to in ["2025-01-01", "9999-12-31"] {
        let answer = api.client.get(&learner, &format!("{path}&to={to}")).await;
        assert_error(&answer, 400, "invalid to", "invalid_request");
        assert_eq!(fields(&answer), ["to"]);
        assert!(answer.text.contains("365 days"), "{answer:?}");
    }
    // Too long ago to end today, or not begun yet: whoever asks has to say where it ends.
    for from in ["0000-01-01", "2024-01-01", "9999-12-31"] {
        let path = path.replace("2024-01-01", from);
        let answer = api.client.get(&learner, &path).await;
        assert_error(&answer, 400, "to required", "invalid_request");
        assert_eq!(fields(&answer), ["to"]);
    }
    for range in ["to=0000-01-01", "from=9999-12-31&to=9999-12-31"] {
        let path = path.replace("from=2024-01-01", range);
        assert_eq!(days(&api.client.get(&learner, &path).await.json()), [""; 0]);
    }
}

async fn without_a_range_it_is_of_the_last_30_days(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    // Whether or not the day ends meanwhile: two days from either side of the limit.
    let now = OffsetDateTime::now_utc();
    let ago = |days| (now - Duration::days(days)).format(&Rfc3339).unwrap();
    let (learner, path) = course_with(&api, &[&ago(0), &ago(28), &ago(31)]).await;
    let date = |days| (now - Duration::days(days)).date().to_string();
    let activity = api.client.get(&learner, &path).await.json();
    assert_eq!(days(&activity), [date(28), date(0)]);
    assert_eq!(activity["currentStreak"], 1);
    let from = format!("{path}?from={}", date(31));
    let activity = api.client.get(&learner, &from).await.json();
    assert_eq!(days(&activity), [date(31), date(28), date(0)]);

    // It ends today, and not with the newest session.
    let (learner, path) = course_with(&api, &[&ago(20), &ago(40)]).await;
    let activity = api.client.get(&learner, &path).await.json();
    assert_eq!(days(&activity), [date(20)]);
    assert_eq!(activity["currentStreak"], 0);
}

async fn a_learner_in_the_east_is_a_day_ahead(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    // At least a whole day ahead of today in UTC, wherever in the day the test runs.
    let east = UtcOffset::from_hms(14, 0, 0).unwrap();
    let newest = (OffsetDateTime::now_utc() + Duration::hours(13)).to_offset(east);
    let today = newest.date();
    let at = |day: Date| newest.replace_date(day).format(&Rfc3339).unwrap();
    let ago = |days| today - Duration::days(days);
    let (learner, path) =
        course_with(&api, &[&at(today), &at(ago(1)), &at(ago(29)), &at(ago(30))]).await;
    let activity = api.client.get(&learner, &path).await.json();
    assert_eq!(
        days(&activity),
        [ago(29), ago(1), today].map(|day| day.to_string())
    );
    assert_eq!(activity["currentStreak"], 2);
    // Only in this course: in another one it may be yesterday for the same learner.
    let elsewhere = format!("/courses/{}/activity?from={today}", new_id());
    let answer = api.client.get(&learner, &elsewhere).await;
    assert_error(&answer, 400, "to required", "invalid_request");
    // What is asked for goes before what is known.
    let activity = api
        .client
        .get(&learner, &format!("{path}?to={}", ago(1)))
        .await
        .json();
    assert_eq!(
        days(&activity),
        [ago(30), ago(29), ago(1)].map(|day| day.to_string())
    );
}

async fn streaks_are_runs_of_consecutive_days(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let times: Vec<_> = ["01", "02", "03", "05", "06", "06"]
        .map(|day| format!("2026-01-{day}T12:00:00+05:30"))
        .into();
    let times: Vec<_> = times.iter().map(String::as_str).collect();
    let (learner, path) = course_with(&api, &times).await;
    for (query, current, longest) in [
        ("to=2026-01-06", 2, 3),
        // The last day is not over yet.
        ("to=2026-01-07", 2, 3),
        ("to=2026-01-08", 0, 3),
        ("to=2026-01-03", 3, 3),
        // Only as far as they are in the range.
        ("from=2026-01-02&to=2026-01-06", 2, 2),
        ("from=2026-01-06&to=2026-01-06", 1, 1),
        ("from=2026-01-04&to=2026-01-04", 0, 0),
    ] {
        let activity = api
            .client
            .get(&learner, &format!("{path}?{query}"))
            .await
            .json();
        let streaks = (&activity["currentStreak"], &activity["longestStreak"]);
        assert_eq!(streaks, (&json!(current), &json!(longest)), "{query}");
    }
}

async fn thousands_of_sessions_are_counted_to_the_last(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (id(), id());
    // The local days take turns, while the instants pass within one day of UTC.
    let records: Vec<_> = (0..2_500)
        .map(|number| Record {
            occurred_at: Some(OccurredAt {
                millis: number / 4,
                local_day: i32::from(number % 2 == 1),
            }),
            ..record(learner, course, stats(0.1, 5.0, 1.0))
        })
        .collect();
    for batch in records.chunks(1_000) {
        for outcome in fixture.store.record_many(batch).await {
            outcome.unwrap();
        }
    }
    let path = format!("/courses/{course}/activity?from=1970-01-01&to=1970-01-02");
    let activity = api.client.get(&learner.to_string(), &path).await.json();
    let day = |day| json!({"day": day, "sessions": 1_250, "totalModulesStudied": 125, "averageScore": 5, "timeStudied": 1_250});
    assert_eq!(
        activity["days"],
        json!([day("1970-01-01"), day("1970-01-02")])
    );
}

async fn activity_of_nothing_is_empty(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, path) = course_with(&api, &["2026-01-15T12:00:00Z"]).await;
    let elsewhere = format!("/courses/{}/activity", new_id());
    for (learner, path) in [
        (&learner, &elsewhere),
        (&new_id(), &path),
        (&new_id(), &format!("{path}?to=2026-01-15")),
        (&learner, &format!("{path}?to=2026-01-14")),
    ] {
        let answer = api.client.get(learner, path).await;
        let expected = r#"{"currentStreak":0,"days":[],"longestStreak":0}"#;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (200, expected),
            "{path}"
        );
    }
}
