//! Every field that can be wrong, over real sockets, on both stores: told in order, all at once,
//! and nothing changed.

use std::time::Duration;

use poem::http::Method;
use serde_json::{Value, json};

use crate::for_both_stores;
use crate::support::api::{
    Api, assert_error, assert_nothing_stored, body, fields, new_id, post_text, send,
};
use crate::support::fixture::Fixture;
use crate::support::id;

for_both_stores!(
    each_field_that_is_missing_is_required,
    each_field_that_is_wrong_is_invalid,
    the_first_failing_check_decides_and_all_are_listed,
    a_learner_must_be_beyond_doubt,
    wrong_ids_in_a_path_are_invalid,
    a_body_that_is_no_json_object_is_invalid_json,
    a_field_that_stands_twice_is_invalid_json,
    a_record_past_the_limit_of_a_sum_is_refused,
);

const BODY_FIELDS: [&str; 4] = [
    "sessionId",
    "totalModulesStudied",
    "averageScore",
    "timeStudied",
];

async fn each_field_that_is_missing_is_required(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    for field in BODY_FIELDS {
        for missing in [None, Some(Value::Null), Some("".into())] {
            let mut body = body(1, 2, 3);
            body.as_object_mut().unwrap().remove(field);
            if let Some(missing) = missing {
                body[field] = missing;
            }
            let answer = api.client.post(&learner, &course, &body).await;
            assert_error(
                &answer,
                400,
                &format!("{field} required"),
                "invalid_request",
            );
            assert_eq!(fields(&answer), [field]);
        }
    }
    for answer in [
        api.client.post("", &course, &body(1, 2, 3)).await,
        send(
            api.client
                .request(Method::POST, &format!("/courses/{course}"))
                .json(&body(1, 2, 3)),
        )
        .await
        .unwrap(),
        api.client.totals("", &course).await,
        api.client
            .get("", &format!("/courses/{course}/sessions/{}", new_id()))
            .await,
    ] {
        assert_error(&answer, 400, "userId required", "invalid_request");
    }
    assert_nothing_stored(&api.client, &learner, &course).await;
}

async fn each_field_that_is_wrong_is_invalid(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    let not_numbers = [json!("5"), json!(true), json!([]), json!({}), json!(" ")];
    let past = json!(1e12_f64.next_up());
    let wrong_numbers = |more: &[Value]| [&not_numbers, more].concat();
    for (field, wrong) in [
        (
            "sessionId",
            vec![
                json!(5),
                json!("x"),
                json!(true),
                json!([]),
                json!({}),
                json!(new_id().replace('-', "")),
            ],
        ),
        (
            "totalModulesStudied",
            wrong_numbers(&[json!(-1), json!(-1e-9), past.clone(), json!(1e300)]),
        ),
        ("averageScore", wrong_numbers(&[past.clone(), json!(-1e13)])),
        ("timeStudied", wrong_numbers(&[json!(-0.5), past])),
        (
            "occurredAt",
            vec![
                json!(""),
                json!("x"),
                json!(0),
                json!("2026-01-15"),
                json!("2026-01-15T09:30:00"),
            ],
        ),
        (
            "occurredAt",
            vec![
                json!("2026-02-30T00:00:00Z"),
                json!("2026-01-15 09:30"),
                json!([]),
                json!(in_two_days()),
                // Before year 0 in UTC, where RFC 3339 has no years.
                json!("0000-01-01T00:00:00+00:01"),
                json!("0000-01-01T13:59:59.999+14:00"),
            ],
        ),
    ] {
        for wrong in wrong {
            let mut body = body(1, 2, 3);
            body[field] = wrong;
            let answer = api.client.post(&learner, &course, &body).await;
            assert_error(&answer, 400, &format!("invalid {field}"), "invalid_request");
            assert_eq!(fields(&answer), [field], "{body}");
        }
    }
    // Numbers that JSON can write and no f64 can hold.
    let text = body(1, 2, 3)
        .to_string()
        .replace(r#""averageScore":2"#, r#""averageScore":1e400"#);
    let request = api
        .client
        .posting(&learner, &course)
        .header("content-type", "application/json")
        .body(text);
    assert_error(
        &send(request).await.unwrap(),
        400,
        "invalid averageScore",
        "invalid_request",
    );
    assert_nothing_stored(&api.client, &learner, &course).await;
}

fn in_two_days() -> String {
    humantime::format_rfc3339(std::time::SystemTime::now() + Duration::from_secs(2 * 86_400))
        .to_string()
}

async fn the_first_failing_check_decides_and_all_are_listed(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let checks = [
        ("userId", "userId required"),
        ("courseId", "invalid courseId"),
        ("sessionId", "invalid sessionId"),
        ("totalModulesStudied", "invalid totalModulesStudied"),
        ("averageScore", "averageScore required"),
        ("timeStudied", "invalid timeStudied"),
        ("occurredAt", "invalid occurredAt"),
    ];
    for first in 0..checks.len() {
        // All checks from the first on fail.
        let learner = if first == 0 { String::new() } else { new_id() };
        let course = if first <= 1 { "7".into() } else { new_id() };
        let mut body = body(1, 2, 3);
        let wrong = [
            ("sessionId", json!(1)),
            ("totalModulesStudied", json!(-1)),
            ("averageScore", json!(null)),
        ];
        let wrong = wrong
            .into_iter()
            .chain([("timeStudied", json!("x")), ("occurredAt", json!("x"))]);
        for (field, value) in wrong.skip(first.saturating_sub(2)) {
            body[field] = value;
        }
        let answer = api.client.post(&learner, &course, &body).await;
        assert_error(&answer, 400, checks[first].1, "invalid_request");
        assert_eq!(
            fields(&answer),
            checks[first..]
                .iter()
                .map(|(field, _)| *field)
                .collect::<Vec<_>>()
        );
    }
}

async fn a_learner_must_be_beyond_doubt(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let course = format!("/courses/{}", new_id());
    let get = |values: &[&[u8]]| {
        values.iter().fold(
            api.client.request(Method::GET, &course),
            |request, value| {
                request.header(
                    "X-User-Id",
                    reqwest::header::HeaderValue::from_bytes(value).unwrap(),
                )
            },
        )
    };
    let (one, other) = (new_id(), new_id());
    let braced = format!("{{{one}}}");
    for request in [
        get(&[b"7"]),
        get(&[b"\xff\xfe"]),
        get(&[braced.as_bytes()]),
        get(&[one.as_bytes(), other.as_bytes()]),
        get(&[b"", one.as_bytes()]),
    ] {
        let answer = send(request).await.unwrap();
        assert_error(&answer, 400, "invalid userId", "invalid_request");
    }
    assert_eq!(send(get(&[one.as_bytes()])).await.unwrap().status, 404);
}

async fn wrong_ids_in_a_path_are_invalid(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    for path in [
        "/courses/7",
        "/courses/%00",
        "/courses/%FF",
        "/courses/a%2Fb",
        "/courses/%20",
    ] {
        let answer = api.client.get(&new_id(), path).await;
        assert_error(&answer, 400, "invalid courseId", "invalid_request");
    }
    let answer = api
        .client
        .get(&new_id(), &format!("/courses/{}/sessions/7", new_id()))
        .await;
    assert_error(&answer, 400, "invalid sessionId", "invalid_request");
    let answer = api.client.get(&new_id(), "/courses/7/sessions/7").await;
    assert_error(&answer, 400, "invalid courseId", "invalid_request");
    assert_eq!(fields(&answer), ["courseId", "sessionId"]);
}

async fn a_body_that_is_no_json_object_is_invalid_json(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    let good = body(1, 2, 3).to_string();
    let array = json!([new_id(), 1, 2, 3, null]).to_string();
    let latin = good.replace("sessionId", "session\u{e9}").into_bytes();
    let latin: Vec<u8> = latin.into_iter().filter(|byte| *byte != 0xc3).collect();
    let texts: [Vec<u8>; 11] = [
        b"".into(),
        b" ".into(),
        b"null".into(),
        b"5".into(),
        b"\"x\"".into(),
        array.into(),
        b"{".into(),
        b"{\"sessionId\":}".into(),
        good[..good.len() - 1].into(),
        format!("{good}{good}").into(),
        latin,
    ];
    for text in texts {
        let shown = String::from_utf8_lossy(&text).into_owned();
        let answer = post_text(&api.client, &learner, &course, "application/json", text).await;
        assert_eq!(answer.message(), "invalid JSON", "{shown}");
        assert_error(&answer, 400, "invalid JSON", "invalid_json");
    }
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    let answer = post_text(&api.client, &learner, &course, "application/json", deep).await;
    assert_eq!(answer.status, 400);
    assert_nothing_stored(&api.client, &learner, &course).await;
}

async fn a_field_that_stands_twice_is_invalid_json(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    let twice = body(1, 2, 3)
        .to_string()
        .replace('}', r#","averageScore":9}"#);
    let answer = post_text(&api.client, &learner, &course, "application/json", twice).await;
    assert_error(&answer, 400, "invalid JSON", "invalid_json");
    assert_nothing_stored(&api.client, &learner, &course).await;
}

async fn a_record_past_the_limit_of_a_sum_is_refused(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (id(), id());
    fixture.fill(learner, course).await;
    let (learner, course) = (learner.to_string(), course.to_string());
    let full = api.client.totals(&learner, &course).await.text;
    assert!(
        full.contains(r#""timeStudied":9000000000000000,"#),
        "{full}"
    );
    let answer = api.client.post(&learner, &course, &body(0, 0, 1e-15)).await;
    assert_error(&answer, 422, "limit exceeded", "limit_exceeded");
    assert_eq!(api.client.totals(&learner, &course).await.text, full);
}
