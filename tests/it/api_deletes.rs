//! Sessions, courses and learners are forgotten, over real sockets, on both stores.

use std::time::{Duration, SystemTime};

use poem::http::Method;
use serde_json::json;
use study_stats::domain::MAX_MAGNITUDE;

use crate::for_both_stores;
use crate::support::api::{
    Answer, Api, assert_error, at, body, fields, new_id, send, session_path,
};
use crate::support::fixture::Fixture;
use crate::support::id;

for_both_stores!(
    a_session_is_forgotten_and_the_totals_follow,
    a_course_is_forgotten_and_no_other,
    a_learner_is_erased_everywhere_and_nobody_else,
    what_is_not_there_is_not_found_but_a_learner,
    ids_that_are_missing_or_wrong_are_told,
    a_session_without_which_a_sum_would_pass_its_limit_stays,
);

fn assert_forgotten(answer: &Answer) {
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(answer.header("content-type"), None);
    assert!(answer.header("x-request-id").is_some());
}

async fn a_session_is_forgotten_and_the_totals_follow(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    let (first, second) = (body(0.1, -7.5, 3), body(2, 8, 4));
    for body in [&first, &second] {
        assert_eq!(client.post(&learner, &course, body).await.status, 201);
    }
    let path = session_path(&course, &first);
    assert_forgotten(&client.delete(&learner.to_uppercase(), &path).await);
    assert_eq!(client.get(&learner, &path).await.status, 404);
    assert_eq!(
        client.totals(&learner, &course).await.json(),
        json!({"totalModulesStudied": 2, "averageScore": 8, "timeStudied": 4})
    );
    assert_forgotten(
        &client
            .delete(&learner, &session_path(&course, &second))
            .await,
    );
    assert_eq!(client.totals(&learner, &course).await.status, 404);

    assert_eq!(client.post(&learner, &course, &first).await.status, 201);
    assert_eq!(client.get(&learner, &path).await.status, 200);
}

async fn a_course_is_forgotten_and_no_other(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let (learner, other, course, second) = (new_id(), new_id(), new_id(), new_id());
    let bodies: [_; 3] = std::array::from_fn(|_| body(1, 2, 3));
    for body in &bodies {
        client.post(&learner, &course, body).await;
        client.post(&learner, &second, body).await;
        client.post(&other, &course, body).await;
    }
    assert_forgotten(&client.delete(&learner, &format!("/courses/{course}")).await);
    assert_eq!(client.totals(&learner, &course).await.status, 404);
    for body in &bodies {
        let path = session_path(&course, body);
        assert_eq!(client.get(&learner, &path).await.status, 404);
    }
    for (learner, course) in [(&learner, &second), (&other, &course)] {
        let totals = client.totals(learner, course).await.json();
        assert_eq!(totals["totalModulesStudied"], 3);
    }
    let old = at(&bodies[0], "2020-01-01T00:00:00Z");
    assert_eq!(client.post(&learner, &course, &old).await.status, 201);
}

async fn a_learner_is_erased_everywhere_and_nobody_else(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let (learner, other, courses) = (new_id(), new_id(), [new_id(), new_id()]);
    let body = at(&body(1, 2, 3), "2020-01-01T00:00:00Z");
    for course in &courses {
        for learner in [&learner, &other] {
            assert_eq!(client.post(learner, course, &body).await.status, 201);
        }
    }
    for _ in 0..2 {
        assert_forgotten(&client.delete(&learner, "/courses").await);
        for course in &courses {
            assert_eq!(client.totals(&learner, course).await.status, 404);
            let path = session_path(course, &body);
            assert_eq!(client.get(&learner, &path).await.status, 404);
            assert_eq!(client.totals(&other, course).await.status, 200);
            let gone = client.post(&learner, course, &body).await;
            assert_error(&gone, 410, "learner erased", "learner_erased");
            assert_eq!(client.post(&other, course, &body).await.status, 201);
        }
    }
    let mut now = body.clone();
    now.as_object_mut().unwrap().remove("occurredAt");
    assert_eq!(client.post(&learner, &courses[0], &now).await.status, 201);
    let later = SystemTime::now() + Duration::from_secs(3_600);
    let later = at(&body, &humantime::format_rfc3339(later).to_string());
    assert_eq!(client.post(&learner, &courses[1], &later).await.status, 201);
    for course in &courses {
        assert_eq!(client.totals(&learner, course).await.status, 200);
    }
    let gone = client.post(&learner, &courses[0], &body).await;
    assert_eq!(gone.status, 410);
}

async fn what_is_not_there_is_not_found_but_a_learner(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let (learner, course, body) = (new_id(), new_id(), body(1, 2, 3));
    client.post(&learner, &course, &body).await;
    let session = session_path(&course, &body);
    for (learner, path) in [
        (&learner, format!("/courses/{}", new_id())),
        (&new_id(), format!("/courses/{course}")),
        (&learner, format!("/courses/{course}/sessions/{}", new_id())),
        (&learner, session_path(&new_id(), &body)),
        (&new_id(), session.clone()),
    ] {
        let answer = client.delete(learner, &path).await;
        assert_error(&answer, 404, "no stats found", "no_stats_found");
    }
    assert_forgotten(&client.delete(&new_id(), "/courses").await);
    assert_eq!(client.get(&learner, &session).await.status, 200);

    assert_forgotten(&client.delete(&learner, &session).await);
    for path in [session, format!("/courses/{course}")] {
        let answer = client.delete(&learner, &path).await;
        assert_error(&answer, 404, "no stats found", "no_stats_found");
    }
}

async fn ids_that_are_missing_or_wrong_are_told(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let course = format!("/courses/{}", new_id());
    let session = format!("{course}/sessions/{}", new_id());
    for path in ["/courses", &course, &session] {
        let nobody = send(client.request(Method::DELETE, path)).await.unwrap();
        assert_error(&nobody, 400, "userId required", "invalid_request");
        let wrong = client.delete("7", path).await;
        assert_error(&wrong, 400, "invalid userId", "invalid_request");
    }
    let wrong = client.delete("", "/courses/7/sessions/7").await;
    assert_error(&wrong, 400, "userId required", "invalid_request");
    assert_eq!(fields(&wrong), ["userId", "courseId", "sessionId"]);
    let wrong = client
        .delete(&new_id(), &format!("{course}/sessions/7"))
        .await;
    assert_error(&wrong, 400, "invalid sessionId", "invalid_request");
}

async fn a_session_without_which_a_sum_would_pass_its_limit_stays(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let (learner, course) = (id(), id());
    // The scores' sum is at its lower limit, once more after these two.
    fixture.fill(learner, course).await;
    let (learner, course) = (learner.to_string(), course.to_string());
    let (high, low) = (body(0, MAX_MAGNITUDE, 0), body(0, -MAX_MAGNITUDE, 0));
    for body in [&high, &low] {
        assert_eq!(client.post(&learner, &course, body).await.status, 201);
    }
    let totals = client.totals(&learner, &course).await.text;
    let refused = client.delete(&learner, &session_path(&course, &high)).await;
    assert_error(&refused, 422, "limit exceeded", "limit_exceeded");
    assert_eq!(client.totals(&learner, &course).await.text, totals);
    for body in [&low, &high] {
        assert_forgotten(&client.delete(&learner, &session_path(&course, body)).await);
    }
}
