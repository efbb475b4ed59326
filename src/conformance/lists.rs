//! `GET /courses/{courseId}/sessions` and `GET /courses`: newest first.

use serde_json::{Value, json};

use super::answer::{Failure, Verdict};
use super::api::{Api, new_id, stats, stats_at, text_of, totals, with};
use super::checks;

checks!("lists":
    sessions_are_listed_newest_first_with_exactly_their_members,
    times_are_given_in_utc,
    a_list_of_nothing_is_empty,
    from_belongs_to_a_range_and_to_does_not,
    an_empty_range_has_nothing_in_it,
    a_replaced_session_moves_in_the_list,
    courses_are_listed_latest_first_with_exactly_their_members,
    a_late_record_of_an_old_session_leaves_the_latest,
    ranges_that_are_none_are_refused,
);

/// The time of the first of May 2024 that many minutes after ten.
pub(super) fn minute(minute: u64) -> String {
    format!("2024-05-01T10:{minute:02}:00Z")
}

/// Sessions, each a minute after the former.
pub(super) fn sessions(count: u64) -> Vec<Value> {
    let sessions = (0..count).map(|number| stats_at(&minute(number), number, number, number));
    sessions.collect()
}

async fn sessions_are_listed_newest_first_with_exactly_their_members(api: &Api) -> Verdict {
    let (learner, course, mut bodies) = (api.learner(), new_id(), sessions(3));
    bodies.swap(0, 2);
    bodies.swap(0, 1);
    api.store(&learner, &course, &bodies).await?;
    bodies.sort_by(|a, b| text_of(b, "occurredAt").cmp(text_of(a, "occurredAt")));
    let found = api.sessions(&learner, &course, "").await?;
    found.is(200, &json!({"sessions": bodies}))
}

async fn times_are_given_in_utc(api: &Api) -> Verdict {
    let (learner, course, body) = (api.learner(), new_id(), stats(1, 2, 3));
    for (sent, given) in [
        ("2024-05-01T23:30:00-08:00", "2024-05-02T07:30:00Z"),
        ("2024-05-03T00:30:00.123+14:00", "2024-05-02T10:30:00.123Z"),
    ] {
        let sent = with(body.clone(), "occurredAt", sent);
        api.store(&learner, &course, &[sent]).await?;
        let given = with(body.clone(), "occurredAt", given);
        let found = api.sessions(&learner, &course, "").await?;
        found.is(200, &json!({"sessions": [given]}))?;
    }
    Ok(())
}

async fn a_list_of_nothing_is_empty(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let found = api.sessions(&learner, &course, "").await?;
    found.is(200, &json!({"sessions": []}))?;
    let found = api.get(&learner, "/courses").await?;
    found.is(200, &json!({"courses": []}))
}

async fn from_belongs_to_a_range_and_to_does_not(api: &Api) -> Verdict {
    let (learner, course, bodies) = (api.learner(), new_id(), sessions(4));
    api.store(&learner, &course, &bodies).await?;
    for (query, expected) in [
        ("from=2024-05-01T10:01:00Z", vec![3, 2, 1]),
        ("to=2024-05-01T10:02:00Z", vec![1, 0]),
        (
            "from=2024-05-01T10:01:00Z&to=2024-05-01T10:03:00Z",
            vec![2, 1],
        ),
        (
            "from=2024-05-01T12:00:59.999%2B02:00&to=2024-05-01T10:01:00.001Z",
            vec![1],
        ),
    ] {
        let expected: Vec<_> = expected.into_iter().map(|index| &bodies[index]).collect();
        let found = api
            .sessions(&learner, &course, &format!("?{query}"))
            .await?;
        found.is(200, &json!({"sessions": expected}))?;
    }
    Ok(())
}

async fn an_empty_range_has_nothing_in_it(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    api.store(&learner, &course, &sessions(2)).await?;
    for query in [
        "?from=2024-05-01T10:00:00Z&to=2024-05-01T10:00:00Z",
        "?from=2024-05-01T10:00:00.001Z&to=2024-05-01T10:01:00Z",
    ] {
        let found = api.sessions(&learner, &course, query).await?;
        found.is(200, &json!({"sessions": []}))?;
    }
    Ok(())
}

async fn a_replaced_session_moves_in_the_list(api: &Api) -> Verdict {
    let (learner, course, bodies) = (api.learner(), new_id(), sessions(2));
    api.store(&learner, &course, &bodies).await?;
    let moved = with(bodies[0].clone(), "occurredAt", minute(9));
    api.store(&learner, &course, std::slice::from_ref(&moved))
        .await?;
    let found = api.sessions(&learner, &course, "").await?;
    found.is(200, &json!({"sessions": [moved, bodies[1]]}))
}

/// A course as it is listed.
pub(super) fn course_of(course: &str, sessions: u64, stats: Value, last: &str) -> Value {
    let listed = with(with(stats, "courseId", course), "sessions", sessions);
    with(listed, "lastOccurredAt", last)
}

async fn courses_are_listed_latest_first_with_exactly_their_members(api: &Api) -> Verdict {
    let learner = api.learner();
    let (first, second) = (new_id(), new_id());
    let bodies = [
        stats_at(&minute(1), 1, 10, 20),
        stats_at(&minute(3), 9, 20, 80),
    ];
    api.store(&learner, &first, &bodies).await?;
    let body = stats_at(&minute(2), 4, 5, 6);
    api.store(&learner, &second, &[body]).await?;
    let expected = json!({"courses": [
        course_of(&first, 2, totals(10, 15, 100), &minute(3)),
        course_of(&second, 1, totals(4, 5, 6), &minute(2)),
    ]});
    let found = api.get(&learner, "/courses").await?;
    found.is(200, &expected)
}

async fn a_late_record_of_an_old_session_leaves_the_latest(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let bodies = [stats_at(&minute(5), 1, 1, 1), stats_at(&minute(1), 1, 1, 1)];
    api.store(&learner, &course, &bodies).await?;
    let expected = course_of(&course, 2, totals(2, 1, 2), &minute(5));
    let found = api.get(&learner, "/courses").await?;
    found.is(200, &json!({"courses": [expected]}))
}

async fn ranges_that_are_none_are_refused(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    for (query, message, field) in [
        ("?from=x", "invalid from", "from"),
        ("?to=2024-05-01", "invalid to", "to"),
        ("?to=2024-05-01T10:00:00", "invalid to", "to"),
        (
            "?from=2024-05-01T10:00:01Z&to=2024-05-01T10:00:00Z",
            "invalid to",
            "to",
        ),
    ] {
        let answer = api.sessions(&learner, &course, query).await?;
        answer.is_invalid(message, &[field])?;
    }
    let answer = api.sessions(&learner, &course, "?from=x&to=x&limit=0&cursor=x");
    let fields = answer
        .await?
        .is_error(400, "invalid from", "invalid_request")?;
    let expected = ["from", "to", "limit", "cursor"];
    if fields == expected {
        return Ok(());
    }
    let text = format!("expected errors of {expected:?}, got {fields:?}");
    Err(Failure::new(text))
}
