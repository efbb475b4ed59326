//! Every parameter that can be wrong, over real sockets, on both stores: told in order, all at once.

use crate::for_both_stores;
use crate::support::api::{Api, assert_error, body_at, fields, new_id};
use crate::support::fixture::Fixture;

for_both_stores!(
    each_parameter_that_is_wrong_is_invalid,
    a_span_that_ends_before_it_begins_is_invalid,
    a_parameter_that_is_given_twice_or_empty_is_invalid,
    all_that_is_wrong_is_listed_in_order,
    cursors_that_are_not_ours_are_invalid,
    other_parameters_are_ignored,
);

async fn each_parameter_that_is_wrong_is_invalid(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let course = format!("/courses/{}", new_id());
    let limits = [
        "0",
        "501",
        "-1",
        "%2B5",
        "5.0",
        "5e1",
        "x",
        "1,2",
        "null",
        "99999999999999999999",
        "%FF",
    ];
    let times = [
        "2026-01-15",
        "2026-01-15T09:30:00",
        // Its + is a space.
        "2026-01-15T09:30:00+01:00",
        "2026-02-30T00:00:00Z",
        "1768465800",
        "now",
        "%00",
    ];
    let dates = [
        "2026-01-15T00:00:00Z",
        "2026-02-29",
        "2026-1-15",
        "20260115",
        "today",
        "+2026-01-15",
        "-2026-01-15",
    ];
    let sessions = format!("{course}/sessions");
    let activity = format!("{course}/activity");
    for (path, field, values) in [
        ("/courses", "limit", &limits[..]),
        (&sessions, "limit", &limits),
        (&sessions, "from", &times),
        (&sessions, "to", &times),
        (&activity, "from", &dates),
        (&activity, "to", &dates),
    ] {
        for value in values {
            let path = format!("{path}?{field}={value}");
            let answer = api.client.get(&new_id(), &path).await;
            assert_eq!(fields(&answer), [field], "{path}");
            assert_error(&answer, 400, &format!("invalid {field}"), "invalid_request");
        }
    }
}

async fn a_span_that_ends_before_it_begins_is_invalid(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let course = format!("/courses/{}", new_id());
    for path in [
        "sessions?from=2026-01-15T08:30:00Z&to=2026-01-15T08:29:59Z",
        // Both within one millisecond.
        "sessions?from=2026-01-15T08:30:00.0002Z&to=2026-01-15T08:30:00.0001Z",
        // Though it is written as later.
        "sessions?from=2026-01-15T08:30:00Z&to=2026-01-15T09:00:00%2B01:00",
        "activity?from=2026-01-15&to=2026-01-14",
    ] {
        let answer = api.client.get(&new_id(), &format!("{course}/{path}")).await;
        assert_error(&answer, 400, "invalid to", "invalid_request");
        assert_eq!(fields(&answer), ["to"], "{path}");
    }
}

async fn a_parameter_that_is_given_twice_or_empty_is_invalid(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let course = format!("/courses/{}", new_id());
    let time = "2026-01-15T08:30:00Z";
    for (path, field, value) in [
        ("/courses".to_owned(), "limit", "5"),
        ("/courses".to_owned(), "cursor", ""),
        (format!("{course}/sessions"), "limit", "5"),
        (format!("{course}/sessions"), "cursor", ""),
        (format!("{course}/sessions"), "from", time),
        (format!("{course}/sessions"), "to", time),
        (format!("{course}/activity"), "from", "2026-01-15"),
        (format!("{course}/activity"), "to", "2026-01-15"),
    ] {
        for query in [
            format!("{field}={value}&{field}={value}"),
            format!("{field}={value}&x=1&{field}="),
            format!("{field}="),
            field.to_owned(),
        ] {
            let answer = api.client.get(&new_id(), &format!("{path}?{query}")).await;
            assert_error(&answer, 400, &format!("invalid {field}"), "invalid_request");
            assert_eq!(fields(&answer), [field], "{query}");
        }
    }
}

async fn all_that_is_wrong_is_listed_in_order(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    for (learner, path, message, wrong) in [
        (
            "",
            "/courses/7/sessions?cursor=x&limit=x&to=x&from=x",
            "userId required",
            &["userId", "courseId", "from", "to", "limit", "cursor"][..],
        ),
        (
            "7",
            "/courses/7/sessions?cursor=x&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
            "invalid userId",
            &["userId", "courseId", "to", "cursor"],
        ),
        (
            "7",
            "/courses?cursor=x&limit=x",
            "invalid userId",
            &["userId", "limit", "cursor"],
        ),
        (
            "7",
            "/courses/7/activity?to=x&from=x",
            "invalid userId",
            &["userId", "courseId", "from", "to"],
        ),
        (
            "7",
            "/courses/7/activity?from=2026-01-02&to=2026-01-01",
            "invalid userId",
            &["userId", "courseId", "to"],
        ),
    ] {
        let answer = api.client.get(learner, path).await;
        assert_error(&answer, 400, message, "invalid_request");
        assert_eq!(fields(&answer), wrong, "{path}");
    }
}

async fn cursors_that_are_not_ours_are_invalid(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course, other) = (new_id(), new_id(), new_id());
    for course in [&course, &course, &other] {
        let body = body_at("2026-01-15T09:30:00Z", 1, 2, 3);
        assert_eq!(api.client.post(&learner, course, &body).await.status, 201);
    }
    let paths = ["/courses".to_owned(), format!("/courses/{course}/sessions")];
    let mut cursors = Vec::new();
    for path in &paths {
        let page = api
            .client
            .get(&learner, &format!("{path}?limit=1"))
            .await
            .json();
        cursors.push(page["nextCursor"].as_str().unwrap().to_owned());
    }
    for (path, ours, others) in [
        (&paths[0], &cursors[0], &cursors[1]),
        (&paths[1], &cursors[1], &cursors[0]),
    ] {
        let answer = api
            .client
            .get(&learner, &format!("{path}?cursor={ours}"))
            .await;
        assert_eq!(answer.status, 200);
        let mut flipped = ours.clone().into_bytes();
        flipped[10] = if flipped[10] == b'A' { b'B' } else { b'A' };
        for cursor in [
            "x",
            "AAAA",
            &"A".repeat(ours.len()),
            "%00",
            &ours[1..],
            &ours[..ours.len() - 1],
            &format!("{ours}A"),
            &format!("{ours}%3D"),
            &String::from_utf8(flipped).unwrap(),
            others,
        ] {
            let answer = api
                .client
                .get(&learner, &format!("{path}?cursor={cursor}"))
                .await;
            assert_error(&answer, 400, "invalid cursor", "invalid_request");
            assert_eq!(fields(&answer), ["cursor"], "{cursor}");
        }
    }
}

async fn other_parameters_are_ignored(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    for _ in 0..2 {
        api.client
            .post(&learner, &course, &body_at("2026-01-15T09:30:00Z", 1, 2, 3))
            .await;
    }
    let path = format!("/courses/{course}/sessions");
    let count = async |query: &str| {
        let page = api
            .client
            .get(&learner, &format!("{path}?{query}"))
            .await
            .json();
        page["sessions"].as_array().unwrap().len()
    };
    assert_eq!(count("x=1&x=2&Limit=1&=&&from%20=x&%FF=%FF").await, 2);
    // A name is what it is, however it is written.
    assert_eq!(count("%6Cimit=1").await, 1);
    assert_eq!(
        api.client
            .get(&learner, &format!("/courses/{course}?limit=x"))
            .await
            .status,
        200
    );
}
