//! Recording and reading back over real sockets, on both stores: the wire that clients know.

use futures_util::future::join_all;
use poem::http::Method;
use serde_json::{Value, json};

use crate::for_both_stores;
use crate::support::api::{Api, body, new_id, send};
use crate::support::fixture::Fixture;

for_both_stores!(
    a_new_session_and_an_update_answer_alike,
    a_session_comes_back_as_it_was_posted,
    zero_is_a_value,
    the_totals_are_two_sums_and_a_mean,
    the_mean_is_not_weighted_by_modules,
    twenty_identical_posts_at_once_count_once,
    ids_are_taken_in_either_case_and_given_in_lower_case,
    unknown_fields_are_ignored,
    what_is_not_there_is_not_found,
    head_works_where_get_does,
    the_number_that_was_posted_comes_back,
);

async fn a_new_session_and_an_update_answer_alike(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course, mut body) = (new_id(), new_id(), body(5, 80, 120_000));
    for modules in [5, 6] {
        body["totalModulesStudied"] = modules.into();
        let answer = api.client.post(&learner, &course, &body).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (201, r#"{"message":"OK"}"#)
        );
        assert_eq!(
            answer.header("content-type"),
            Some("application/json; charset=utf-8")
        );
    }
    let totals = api.client.totals(&learner, &course).await;
    assert_eq!(
        totals.json(),
        json!({"totalModulesStudied": 6, "averageScore": 80, "timeStudied": 120_000})
    );
}

async fn a_session_comes_back_as_it_was_posted(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course, session) = (new_id(), new_id(), new_id());
    let path = format!("/courses/{course}/sessions/{session}");
    for (sent, text) in [
        (
            r#""totalModulesStudied":5,"averageScore":80,"timeStudied":120000"#,
            ("80", "120000", "5"),
        ),
        (
            r#""totalModulesStudied":5.0,"averageScore":-80.50,"timeStudied":1.2e5"#,
            ("-80.5", "120000", "5"),
        ),
        (
            r#""totalModulesStudied":0.5,"averageScore":1e-7,"timeStudied":0.25"#,
            ("1e-7", "0.25", "0.5"),
        ),
    ] {
        let sent = format!(r#"{{"sessionId":"{session}",{sent}}}"#);
        let request = api
            .client
            .posting(&learner, &course)
            .header("content-type", "application/json")
            .body(sent);
        assert_eq!(send(request).await.unwrap().status, 201);
        let answer = api.client.get(&learner, &path).await;
        let (score, time, modules) = text;
        let expected = format!(
            r#"{{"averageScore":{score},"sessionId":"{session}","timeStudied":{time},"totalModulesStudied":{modules}}}"#
        );
        assert_eq!((answer.status, answer.text), (200, expected));
        assert_eq!(
            answer.headers["content-type"],
            "application/json; charset=utf-8"
        );
    }
}

async fn zero_is_a_value(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    for zero in [json!(0), json!(0.0), json!(-0.0)] {
        let answer = api
            .client
            .post(&learner, &course, &body(zero.clone(), zero.clone(), zero))
            .await;
        assert_eq!(answer.status, 201);
    }
    let totals = api.client.totals(&learner, &course).await;
    assert_eq!(
        totals.text,
        r#"{"averageScore":0,"timeStudied":0,"totalModulesStudied":0}"#
    );
}

async fn the_totals_are_two_sums_and_a_mean(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    for (modules, score, time) in [(3, 7.5, 2), (8, 8.0, 3), (4, 9.0, 6)] {
        api.client
            .post(&learner, &course, &body(modules, score, time))
            .await;
    }
    let totals = api.client.totals(&learner, &course).await;
    let expected =
        r#"{"averageScore":8.166666666666666,"timeStudied":11,"totalModulesStudied":15}"#;
    assert_eq!((totals.status, totals.text.as_str()), (200, expected));
    assert_eq!(
        totals.header("content-type"),
        Some("application/json; charset=utf-8")
    );
}

async fn the_mean_is_not_weighted_by_modules(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    // Weighted by modules it would be 19, by time 18.
    for (modules, score, time) in [(1, 10, 20), (9, 20, 80)] {
        api.client
            .post(&learner, &course, &body(modules, score, time))
            .await;
    }
    assert_eq!(
        api.client.totals(&learner, &course).await.json()["averageScore"],
        json!(15)
    );
}

async fn twenty_identical_posts_at_once_count_once(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course, body) = (new_id(), new_id(), body(3, 7.5, 2));
    let answers = join_all((0..20).map(|_| api.client.post(&learner, &course, &body))).await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    let totals = api.client.totals(&learner, &course).await;
    assert_eq!(
        totals.json(),
        json!({"totalModulesStudied": 3, "averageScore": 7.5, "timeStudied": 2})
    );
}

async fn ids_are_taken_in_either_case_and_given_in_lower_case(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course, mut body) = (new_id(), new_id(), body(1, 2, 3));
    let session = body["sessionId"].as_str().unwrap().to_owned();
    body["sessionId"] = session.to_uppercase().into();
    let answer = api
        .client
        .post(&learner.to_uppercase(), &course.to_uppercase(), &body)
        .await;
    assert_eq!(answer.status, 201);
    let path = format!("/courses/{course}/sessions/{}", session.to_uppercase());
    assert_eq!(
        api.client.get(&learner, &path).await.json()["sessionId"],
        json!(session)
    );
}

async fn unknown_fields_are_ignored(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course, mut body) = (new_id(), new_id(), body(1, 2, 3));
    body["comment"] = json!({"deep": [1, 2, {"er": "x"}]});
    body["occurredAt"] = Value::Null;
    assert_eq!(api.client.post(&learner, &course, &body).await.status, 201);
}

async fn what_is_not_there_is_not_found(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course, body) = (new_id(), new_id(), body(1, 2, 3));
    let session = body["sessionId"].as_str().unwrap();
    api.client.post(&learner, &course, &body).await;
    for (learner, path) in [
        (&learner, format!("/courses/{}", new_id())),
        (&new_id(), format!("/courses/{course}")),
        (&learner, format!("/courses/{course}/sessions/{}", new_id())),
        (
            &learner,
            format!("/courses/{}/sessions/{session}", new_id()),
        ),
        (&new_id(), format!("/courses/{course}/sessions/{session}")),
    ] {
        let answer = api.client.get(learner, &path).await;
        assert_eq!(
            (answer.status, answer.message().as_str()),
            (404, "no stats found"),
            "{path}"
        );
        assert_eq!(answer.json()["code"], "no_stats_found");
        assert_eq!(
            answer.header("content-type"),
            Some("application/json; charset=utf-8")
        );
    }
}

async fn head_works_where_get_does(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course, body) = (new_id(), new_id(), body(1, 2, 3));
    api.client.post(&learner, &course, &body).await;
    let session = format!(
        "/courses/{course}/sessions/{}",
        body["sessionId"].as_str().unwrap()
    );
    let missing = format!("/courses/{}", new_id());
    let course = format!("/courses/{course}");
    let [sessions, activity, summary] =
        ["sessions", "activity", "summary"].map(|below| format!("{course}/{below}"));
    for path in [
        &course,
        &session,
        &missing,
        &sessions,
        &activity,
        &summary,
        "/courses",
        "/courses?limit=0",
        "/health/live",
        "/health/ready",
        "/openapi.json",
        "/docs",
        "/",
    ] {
        let get = api.client.get(&learner, path).await;
        let request = api
            .client
            .request(Method::HEAD, path)
            .header("X-User-Id", &learner);
        let head = send(request).await.unwrap();
        assert_eq!(
            (head.status, head.text.as_str()),
            (get.status, ""),
            "{path}"
        );
        assert_eq!(
            head.header("content-type"),
            get.header("content-type"),
            "{path}"
        );
        // An empty body's length is left out, as it may be.
        if !get.text.is_empty() {
            assert_eq!(
                head.header("content-length"),
                get.header("content-length"),
                "{path}"
            );
        }
    }
}

async fn the_number_that_was_posted_comes_back(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    // 0.8401365565378639 is one that an inexact reader takes for its neighbour.
    let mut numbers = vec![
        0.840_136_556_537_863_9,
        5e-324,
        1e12,
        999_999_999_999.999_9,
        0.1 + 0.2,
    ];
    numbers
        .extend((0..50).map(|_| rand::random::<f64>() * 10_f64.powi(rand::random_range(-20..12))));
    for number in numbers {
        let body = body(number, -number, number);
        assert_eq!(api.client.post(&learner, &course, &body).await.status, 201);
        let path = format!(
            "/courses/{course}/sessions/{}",
            body["sessionId"].as_str().unwrap()
        );
        let session = api.client.get(&learner, &path).await.json();
        for (field, expected) in [
            ("totalModulesStudied", number),
            ("averageScore", -number),
            ("timeStudied", number),
        ] {
            assert_eq!(session[field].as_f64(), Some(expected), "{field}");
        }
    }
}
