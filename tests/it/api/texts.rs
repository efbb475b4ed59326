//! The exact text of response bodies, on both stores: the order of the members, the shortest form of each
//! number, no white space.

use crate::for_both_stores;
use crate::support::api::{Answer, Api, body, body_at, new_id, post_text, session_path};
use crate::support::stores::fixture::Fixture;

for_both_stores!(
    text_of_records,
    text_of_a_session,
    text_of_totals,
    text_of_sessions,
    text_of_courses,
    text_of_activity,
    text_of_a_summary,
    text_of_a_roster,
    text_of_empty_lists,
);

fn assert_text(answer: &Answer, status: u16, text: &str) {
    assert_eq!((answer.status, answer.text.as_str()), (status, text));
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8")
    );
}

async fn text_of_records(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course, mut body) = (new_id(), new_id(), body(5, 80, 120_000));
    for modules in [5, 6] {
        body["totalModulesStudied"] = modules.into();
        let answer = api.client.post(&learner, &course, &body).await;
        assert_text(&answer, 201, r#"{"message":"OK"}"#);
    }
    body["updatedAt"] = "2026-01-15T09:30:00+01:00".into();
    let answer = api.client.post(&learner, &course, &body).await;
    assert_text(&answer, 201, r#"{"message":"OK"}"#);
    body["updatedAt"] = "2026-01-15T09:29:59+01:00".into();
    let answer = api.client.post(&learner, &course, &body).await;
    assert_text(&answer, 200, r#"{"message":"superseded"}"#);
}

async fn text_of_a_session(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course, session) = (new_id(), new_id(), new_id());
    let path = format!("/courses/{course}/sessions/{session}");
    for (sent, [score, time, modules]) in [
        (
            r#""totalModulesStudied":5,"averageScore":80,"timeStudied":120000"#,
            ["80", "120000", "5"],
        ),
        (
            r#""totalModulesStudied":5.0,"averageScore":-80.50,"timeStudied":1.2e5"#,
            ["-80.5", "120000", "5"],
        ),
        (
            r#""totalModulesStudied":0.5,"averageScore":1e-7,"timeStudied":0.25"#,
            ["1e-7", "0.25", "0.5"],
        ),
    ] {
        let sent = format!(r#"{{"sessionId":"{session}",{sent}}}"#);
        let stored = post_text(&api.client, &learner, &course, "application/json", sent).await;
        assert_eq!(stored.status, 201);
        let expected = format!(
            r#"{{"averageScore":{score},"sessionId":"{session}","timeStudied":{time},"totalModulesStudied":{modules}}}"#
        );
        assert_text(&api.client.get(&learner, &path).await, 200, &expected);
    }
}

async fn text_of_totals(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    for zero in [0.0, -0.0] {
        let zeros = body(zero, zero, zero);
        assert_eq!(api.client.post(&learner, &course, &zeros).await.status, 201);
    }
    let zeros = body(0, 0, 0);
    assert_eq!(api.client.post(&learner, &course, &zeros).await.status, 201);
    let expected = r#"{"averageScore":0,"timeStudied":0,"totalModulesStudied":0}"#;
    assert_text(&api.client.totals(&learner, &course).await, 200, expected);

    let course = new_id();
    for body in [body(3, 7.5, 2), body(8, 8.0, 3), body(4, 9.0, 6)] {
        assert_eq!(api.client.post(&learner, &course, &body).await.status, 201);
    }
    let expected =
        r#"{"averageScore":8.166666666666666,"timeStudied":11,"totalModulesStudied":15}"#;
    assert_text(&api.client.totals(&learner, &course).await, 200, expected);
}

async fn text_of_sessions(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    let mut expected = Vec::new();
    for (modules, (occurred_at, answered)) in [
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
        ("2026-01-15T09:30:00.50+01:00", "2026-01-15T08:30:00.5Z"),
        ("2026-01-15T00:30:01.000-08:00", "2026-01-15T08:30:01Z"),
        ("2026-01-16T00:10:00.007+14:00", "2026-01-15T10:10:00.007Z"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = body_at(occurred_at, modules, 0.5, 1e-7);
        assert_eq!(api.client.post(&learner, &course, &body).await.status, 201);
        let session = &body["sessionId"];
        expected.push(format!(
            r#"{{"averageScore":0.5,"occurredAt":"{answered}","sessionId":{session},"timeStudied":1e-7,"totalModulesStudied":{modules}}}"#
        ));
    }
    expected.reverse();
    let expected = format!(r#"{{"sessions":[{}]}}"#, expected.join(","));
    let path = format!("/courses/{course}/sessions");
    assert_text(&api.client.get(&learner, &path).await, 200, &expected);
}

async fn text_of_courses(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, one, other) = (new_id(), new_id(), new_id());
    for (course, body) in [
        (&one, body_at("2026-01-15T09:30:00+01:00", 1, 10, 0.25)),
        (&other, body_at("2026-01-15T09:00:00.125Z", 3, 7.5, 2)),
        (&other, body_at("2026-01-14T09:00:00Z", 8, 8, 3)),
        (&other, body_at("2026-01-13T09:00:00Z", 4, 9, 6)),
    ] {
        assert_eq!(api.client.post(&learner, course, &body).await.status, 201);
    }
    let listed = format!(
        r#"{{"averageScore":8.166666666666666,"courseId":"{other}","lastOccurredAt":"2026-01-15T09:00:00.125Z","sessions":3,"timeStudied":11,"totalModulesStudied":15}}"#
    );
    let expected = format!(
        r#"{{"courses":[{listed},{{"averageScore":10,"courseId":"{one}","lastOccurredAt":"2026-01-15T08:30:00Z","sessions":1,"timeStudied":0.25,"totalModulesStudied":1}}]}}"#
    );
    assert_text(&api.client.get(&learner, "/courses").await, 200, &expected);

    let body = body_at("2026-01-15T09:00:00.126Z", 2, 20, 0.5);
    assert_eq!(api.client.post(&learner, &one, &body).await.status, 201);
    let expected = format!(
        r#"{{"courses":[{{"averageScore":15,"courseId":"{one}","lastOccurredAt":"2026-01-15T09:00:00.126Z","sessions":2,"timeStudied":0.75,"totalModulesStudied":3}},{listed}]}}"#
    );
    assert_text(&api.client.get(&learner, "/courses").await, 200, &expected);
}

async fn text_of_activity(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    for (occurred_at, modules, score, time) in [
        // In UTC, the 16th.
        ("2026-01-15T23:59:59.999-11:00", 3, 7.5, 2.0),
        // In UTC, the 14th.
        ("2026-01-15T00:00:00+14:00", 8, 8.0, 3.0),
        ("2026-01-15T12:00:00Z", 4, 9.0, 6.0),
        // In UTC, between the first two sessions of the 15th.
        ("2026-01-16T00:00:00+14:00", 1, -0.5, 0.25),
        ("2026-01-14T23:59:59-11:00", 2, 1.0, 1.0),
    ] {
        let body = body_at(occurred_at, modules, score, time);
        assert_eq!(api.client.post(&learner, &course, &body).await.status, 201);
    }
    let path = format!("/courses/{course}/activity?to=2026-01-20");
    let expected = concat!(
        r#"{"currentStreak":0,"days":["#,
        r#"{"averageScore":1,"day":"2026-01-14","sessions":1,"timeStudied":1,"totalModulesStudied":2},"#,
        r#"{"averageScore":8.166666666666666,"day":"2026-01-15","sessions":3,"timeStudied":11,"totalModulesStudied":15},"#,
        r#"{"averageScore":-0.5,"day":"2026-01-16","sessions":1,"timeStudied":0.25,"totalModulesStudied":1}"#,
        r#"],"longestStreak":3}"#
    );
    assert_text(&api.client.get(&learner, &path).await, 200, expected);
}

async fn text_of_a_summary(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (course, learner) = (new_id(), new_id());
    for body in [body(3, 7.5, 2), body(8, 8, 3), body(4.0, 9.0, 6.0)] {
        assert_eq!(api.client.post(&learner, &course, &body).await.status, 201);
    }
    let path = format!("/courses/{course}/summary");
    let expected = r#"{"averageScore":8.166666666666666,"learners":1,"sessions":3,"timeStudied":11,"totalModulesStudied":15}"#;
    assert_text(&api.client.get("", &path).await, 200, expected);

    for _ in 0..40 {
        let body = body(0.1, -5, 0.25);
        assert_eq!(api.client.post(&new_id(), &course, &body).await.status, 201);
    }
    let mean = (24.5 - 200.0) / 43.0;
    let expected = format!(
        r#"{{"averageScore":{mean},"learners":41,"sessions":43,"timeStudied":21,"totalModulesStudied":19}}"#
    );
    assert_text(&api.client.get("", &path).await, 200, &expected);
}

async fn text_of_a_roster(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (course, learner) = (new_id(), "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e01");
    let (bucket_before, cursor) = (
        "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e02",
        "cgGT1PF6K3w9nk9aa3yNngLs9qwj",
    );
    for (learner, body) in [
        (learner, body_at("2026-01-15T09:30:00+01:00", 3, 7.5, 2)),
        (learner, body_at("2026-01-14T09:30:00.125Z", 8, 8, 3)),
        (
            bucket_before,
            body_at("2026-01-14T12:00:00.5Z", 0, -0.5, 0.25),
        ),
    ] {
        assert_eq!(api.client.post(learner, &course, &body).await.status, 201);
    }
    let path = format!("/courses/{course}/learners?limit=1");
    let expected = format!(
        r#"{{"learners":[{{"averageScore":-0.5,"lastOccurredAt":"2026-01-14T12:00:00.5Z","sessions":1,"timeStudied":0.25,"totalModulesStudied":0,"userId":"{bucket_before}"}}],"nextCursor":"{cursor}"}}"#
    );
    assert_text(&api.client.get("", &path).await, 200, &expected);
    let expected = format!(
        r#"{{"learners":[{{"averageScore":7.75,"lastOccurredAt":"2026-01-15T08:30:00Z","sessions":2,"timeStudied":5,"totalModulesStudied":11,"userId":"{learner}"}}]}}"#
    );
    let rest = format!("{path}&cursor={cursor}");
    assert_text(&api.client.get("", &rest).await, 200, &expected);
}

async fn text_of_empty_lists(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    let body = body_at("2026-01-15T12:00:00Z", 1, 2, 3);
    assert_eq!(api.client.post(&learner, &course, &body).await.status, 201);
    let (sessions, activity) = (
        format!("/courses/{course}/sessions"),
        format!("/courses/{course}/activity"),
    );
    let (no_sessions, no_days) = (
        r#"{"sessions":[]}"#,
        r#"{"currentStreak":0,"days":[],"longestStreak":0}"#,
    );
    for (learner, path, text) in [
        (&new_id(), "/courses", r#"{"courses":[]}"#),
        (&new_id(), &*sessions, no_sessions),
        (
            &learner,
            &format!("/courses/{}/sessions", new_id()),
            no_sessions,
        ),
        (
            &learner,
            &format!("/courses/{}/activity", new_id()),
            no_days,
        ),
        (&new_id(), &format!("{activity}?to=2026-01-15"), no_days),
        (
            &learner,
            &format!("{sessions}?from=2026-01-16T00:00:00Z"),
            no_sessions,
        ),
        (&new_id(), &activity, no_days),
        (&learner, &format!("{activity}?to=2026-01-14"), no_days),
    ] {
        assert_text(&api.client.get(learner, path).await, 200, text);
    }
    let path = session_path(&course, &body);
    assert_eq!(api.client.get(&learner, &path).await.status, 200);
}
