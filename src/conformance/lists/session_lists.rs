//! `GET /courses/{courseId}/sessions`: newest first, within a range of times.

use serde_json::{Value, json};

use crate::conformance::harness::{
    CheckResult, Instance, Mismatch, checks, members, minute, minutes, new_id, sample, sample_at,
    text_of, with,
};

checks!("lists":
    sessions_are_listed_newest_first_with_exactly_their_members,
    times_are_given_in_utc,
    times_of_any_year_are_given_to_the_millisecond,
    a_list_of_nothing_is_empty,
    a_list_is_of_one_learner_and_one_course,
    from_belongs_to_a_range_and_to_does_not,
    a_range_is_exact_to_the_millisecond,
    an_empty_range_has_nothing_in_it,
    a_replaced_session_moves_in_the_list,
    ranges_that_are_none_are_refused,
);

async fn sessions_are_listed_newest_first_with_exactly_their_members(
    api: &Instance,
) -> CheckResult {
    let (learner, course, mut bodies) = (api.learner(), new_id(), minutes(3));
    bodies.swap(0, 2);
    bodies.swap(0, 1);
    api.store(&learner, &course, &bodies).await?;
    bodies.sort_by(|a, b| text_of(b, "occurredAt").cmp(text_of(a, "occurredAt")));
    let found = api.sessions(&learner, &course, "").await?;
    found.is(200, &json!({"sessions": bodies}))
}

async fn times_are_given_in_utc(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3));
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

async fn times_of_any_year_are_given_to_the_millisecond(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let mut expected: Vec<Value> = Vec::new();
    for (modules, (sent, given)) in [
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
        ("2026-01-15T09:30:00.50+01:00", "2026-01-15T08:30:00.5Z"),
        ("2026-01-15T00:30:01.000-08:00", "2026-01-15T08:30:01Z"),
        ("2026-01-16T00:10:00.007+14:00", "2026-01-15T10:10:00.007Z"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = sample_at(sent, modules, 0.5, 1e-7);
        api.store(&learner, &course, std::slice::from_ref(&body))
            .await?;
        expected.insert(0, with(body, "occurredAt", given));
    }
    let found = api.sessions(&learner, &course, "").await?;
    found.is(200, &json!({"sessions": expected}))
}

async fn a_list_of_nothing_is_empty(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let found = api.sessions(&learner, &course, "").await?;
    found.is(200, &json!({"sessions": []}))?;
    let found = api.get(&learner, "/courses").await?;
    found.is(200, &json!({"courses": []}))
}

async fn a_list_is_of_one_learner_and_one_course(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let body = sample_at("2026-01-15T09:30:00Z", 1, 2, 3);
    api.store(&learner, &course, &[body]).await?;
    let nothing = json!({"sessions": []});
    for (learner, course, query) in [
        (&new_id(), &course, ""),
        (&learner, &new_id(), ""),
        (&learner, &course, "?from=2026-01-16T00:00:00Z"),
    ] {
        let found = api.sessions(learner, course, query).await?;
        found.is(200, &nothing)?;
    }
    let found = api.get(&new_id(), "/courses").await?;
    found.is(200, &json!({"courses": []}))
}

async fn from_belongs_to_a_range_and_to_does_not(api: &Instance) -> CheckResult {
    let (learner, course, bodies) = (api.learner(), new_id(), minutes(4));
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

async fn a_range_is_exact_to_the_millisecond(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    // The number of modules identifies a session.
    let bodies = [
        sample_at("2026-01-15T08:29:59.999Z", 1, 0, 0),
        sample_at("2026-01-15T08:30:00Z", 2, 0, 0),
        sample_at("2026-01-15T08:30:00.001Z", 3, 0, 0),
        sample_at("2026-01-15T08:30:00.002Z", 4, 0, 0),
    ];
    api.store(&learner, &course, &bodies).await?;
    for (query, expected) in [
        ("", &[4, 3, 2, 1][..]),
        ("from=2026-01-15T08:30:00Z", &[4, 3, 2]),
        ("to=2026-01-15T08:30:00Z", &[1]),
        (
            "from=2026-01-15T08:30:00Z&to=2026-01-15T08:30:00.002Z",
            &[3, 2],
        ),
        (
            "from=2026-01-15T09:30:00%2B01:00&to=2026-01-15T00:30:00.001-08:00",
            &[2],
        ),
        // Finer than a millisecond: a session at .001 is before .0011.
        ("from=2026-01-15T08:30:00.0011Z", &[4]),
        ("to=2026-01-15T08:30:00.0011Z", &[3, 2, 1]),
        ("from=2026-01-15T08:30:00Z&to=2026-01-15T08:30:00Z", &[]),
        ("from=2026-01-15T08:30:00.002001Z", &[]),
        ("to=2026-01-15T08:29:59.999Z", &[]),
        ("from=2026-01-15T08:30:00Z&limit=2", &[4, 3]),
        (
            "from=0000-01-01T00:00:00%2B23:59&to=9999-12-31T23:59:59-23:59",
            &[4, 3, 2, 1],
        ),
    ] {
        let found = api
            .sessions(&learner, &course, &format!("?{query}"))
            .await?;
        let body = found.json()?;
        let modules = members(&body, "sessions", "totalModulesStudied");
        let is_list = found.status == 200 && body["sessions"].is_array();
        found.expect(
            is_list && modules == expected,
            format_args!("the sessions {expected:?} for {query}"),
        )?;
    }
    Ok(())
}

async fn an_empty_range_has_nothing_in_it(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    api.store(&learner, &course, &minutes(2)).await?;
    for query in [
        "?from=2024-05-01T10:00:00Z&to=2024-05-01T10:00:00Z",
        "?from=2024-05-01T10:00:00.001Z&to=2024-05-01T10:01:00Z",
    ] {
        let found = api.sessions(&learner, &course, query).await?;
        found.is(200, &json!({"sessions": []}))?;
    }
    Ok(())
}

async fn a_replaced_session_moves_in_the_list(api: &Instance) -> CheckResult {
    let (learner, course, bodies) = (api.learner(), new_id(), minutes(2));
    api.store(&learner, &course, &bodies).await?;
    let moved = with(bodies[0].clone(), "occurredAt", minute(9));
    api.store(&learner, &course, std::slice::from_ref(&moved))
        .await?;
    let found = api.sessions(&learner, &course, "").await?;
    found.is(200, &json!({"sessions": [moved, bodies[1]]}))
}

async fn ranges_that_are_none_are_refused(api: &Instance) -> CheckResult {
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
        let response = api.sessions(&learner, &course, query).await?;
        response.is_invalid(message, &[field])?;
    }
    let response = api.sessions(&learner, &course, "?from=x&to=x&limit=0&cursor=x");
    let fields = response
        .await?
        .is_error(400, "invalid from", "invalid_request")?;
    let expected = ["from", "to", "limit", "cursor"];
    if fields == expected {
        return Ok(());
    }
    let text = format!("expected errors of {expected:?}, got {fields:?}");
    Err(Mismatch::new(text))
}
