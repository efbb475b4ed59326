//! Records past the numbers of sessions and courses: texts, and the service's options.

use serde_json::Value;

use crate::for_limited_stores;
use crate::support::api::{Answer, Api, Client, assert_error, body, new_id, session_path};
use crate::support::http::batch::{assert_invalid, batch_record, post_batch, stored};
use crate::support::load::service::becomes_ready;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::service::{Service, embedded, on_redis};
use crate::support::stores::fixture::Fixture;

for_limited_stores!(
    a_new_session_past_a_limit_is_422_and_changes_nothing,
    a_record_past_a_limit_is_invalid_in_a_batch,
);

const PAST_SESSIONS: &str = "sessionId is invalid: it must be that of a stored session, as a learner has at most 3 sessions in a course.";
const PAST_COURSES: &str =
    "courseId is invalid: it must be one of the learner's courses, as a learner has at most 2.";

/// Records three sessions in the first course and one in the second. Returns a stored session of the first.
async fn fill(client: &Client, learner: &str, courses: [&str; 2]) -> Value {
    let session = body(1, 2, 3);
    for (course, body) in [
        (courses[0], &session),
        (courses[0], &body(1, 2, 3)),
        (courses[0], &body(1, 2, 3)),
        (courses[1], &body(1, 2, 3)),
    ] {
        assert_eq!(client.post(learner, course, body).await.status, 201);
    }
    session
}

/// Asserts the error of a limit, with exactly one problem.
fn assert_past(answer: &Answer, field: &str, message: &str) {
    assert_error(answer, 422, "limit exceeded", "limit_exceeded");
    let error = serde_json::json!([{"field": field, "message": message}]);
    assert_eq!(answer.json()["errors"], error);
}

/// Texts of all reads of a learner and of two courses.
async fn reads(client: &Client, learner: &str, courses: [&str; 2]) -> Vec<String> {
    let mut texts = vec![client.get(learner, "/courses").await.text];
    for course in courses {
        for resource in ["", "/sessions", "/activity", "/summary", "/learners"] {
            let path = format!("/courses/{course}{resource}");
            let answer = client.get(learner, &path).await;
            assert_eq!(answer.status, 200, "{path}");
            texts.push(answer.text);
        }
    }
    texts
}

async fn a_new_session_past_a_limit_is_422_and_changes_nothing(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let (learner, one, other, third) = (&new_id(), &new_id(), &new_id(), &new_id());
    let session = fill(client, learner, [one, other]).await;
    let before = reads(client, learner, [one, other]).await;
    let refused = client.post(learner, one, &body(1, 2, 3)).await;
    assert_past(&refused, "sessionId", PAST_SESSIONS);
    let refused = client.post(learner, third, &body(1, 2, 3)).await;
    assert_past(&refused, "courseId", PAST_COURSES);
    assert_eq!(client.totals(learner, third).await.status, 404);
    assert_eq!(reads(client, learner, [one, other]).await, before);

    // An update of a stored session, another learner, and what has room after a delete.
    let mut update = session.clone();
    update["totalModulesStudied"] = 9.into();
    for (learner, course, body) in [
        (learner, one, &update),
        (&new_id(), one, &body(1, 2, 3)),
        (learner, other, &body(1, 2, 3)),
    ] {
        assert_eq!(client.post(learner, course, body).await.status, 201);
    }
    let deleted = client.delete(learner, &session_path(one, &session)).await;
    assert_eq!(deleted.status, 204);
    let answer = client.post(learner, one, &body(1, 2, 3)).await;
    assert_eq!(answer.status, 201);
    let deleted = client.delete(learner, &format!("/courses/{other}")).await;
    assert_eq!(deleted.status, 204);
    let answer = client.post(learner, third, &body(1, 2, 3)).await;
    assert_eq!(answer.status, 201);
}

async fn a_record_past_a_limit_is_invalid_in_a_batch(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let (learner, one, other) = (&new_id(), &new_id(), &new_id());
    fill(client, learner, [one, other]).await;
    let records = [
        batch_record(learner, one),
        batch_record(learner, &new_id()),
        batch_record(learner, other),
        batch_record(&new_id(), one),
    ];
    let results = post_batch(client, &records).await;
    for (result, field, message) in [
        (&results[0], "sessionId", PAST_SESSIONS),
        (&results[1], "courseId", PAST_COURSES),
    ] {
        assert_invalid(result, &[field]);
        assert_eq!(result["errors"][0]["message"], message);
    }
    assert_eq!(results[2..], [stored(), stored()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_has_the_limits_of_its_options() {
    let directory = tempfile::tempdir().unwrap();
    let redis = Redis::start(IN_MEMORY).await;
    for mut command in [embedded(directory.path()), on_redis(&redis.url())] {
        command.env("MAX_COURSES", "2");
        let service = Service::start(command.args(["--max-sessions", "3"]));
        let client = service.client();
        becomes_ready(&client).await;
        let (learner, one, other) = (&new_id(), &new_id(), &new_id());
        fill(&client, learner, [one, other]).await;
        let refused = client.post(learner, one, &body(1, 2, 3)).await;
        assert_past(&refused, "sessionId", PAST_SESSIONS);
        let refused = client.post(learner, &new_id(), &body(1, 2, 3)).await;
        assert_past(&refused, "courseId", PAST_COURSES);
    }
}
