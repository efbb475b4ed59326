//! Store errors, panics, timeouts, draining: the response that the client gets.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use study_stats::store::StoreError;

use crate::support::api::{Answer, Api, Settings, assert_error, body, new_id};
use crate::support::http::batch::{batch, new_record};
use crate::support::stores::fixture::Fixture;
use crate::support::stores::hooked::Hooked;

/// The paths of all reads.
fn reads() -> [String; 8] {
    let course = format!("/courses/{}", new_id());
    [
        format!("{course}/sessions/{}", new_id()),
        format!("{course}/sessions"),
        format!("{course}/activity"),
        format!("{course}/summary"),
        format!("{course}/learners"),
        course,
        "/courses".to_owned(),
        "/activity".to_owned(),
    ]
}

/// The responses to requests of all operations on a store that returns an error or panics.
async fn answers_of(failure: fn() -> StoreError) -> Vec<Answer> {
    let fixture = Fixture::embedded().await;
    let store = Hooked {
        store: fixture.store.clone(),
        hook: Box::new(move || Box::pin(async move { Err(failure()) })),
        pings: true,
    };
    let api = Api::serve(Arc::new(store)).await;
    let (learner, course) = (new_id(), new_id());
    assert_eq!(api.client.get("", "/health/live").await.status, 200);
    let ready = api.client.ready().await;
    assert!(ready.status == 503 || ready.status == 500, "{ready:?}");
    let course_path = format!("/courses/{course}");
    let session_path = format!("{course_path}/sessions/{}", new_id());
    let mut answers = vec![
        api.client.post(&learner, &course, &body(1, 2, 3)).await,
        api.client.batch(batch([new_record()])).await,
        api.client.delete(&learner, &session_path).await,
        api.client.delete(&learner, &course_path).await,
        api.client.delete(&learner, "/learner").await,
    ];
    for path in reads() {
        answers.push(api.client.get(&learner, &path).await);
    }
    answers
}

#[tokio::test]
async fn an_unavailable_store_is_503_with_retry_after() {
    for answer in answers_of(|| StoreError::Unavailable("secret".into())).await {
        assert_error(&answer, 503, "store unavailable", "store_unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(!answer.text.contains("secret"));
    }
}

#[tokio::test]
async fn an_unexpected_store_error_is_500() {
    for answer in answers_of(|| StoreError::Unexpected("secret".into())).await {
        assert_error(&answer, 500, "internal server error", "internal_error");
        assert!(!answer.text.contains("secret"));
    }
}

#[tokio::test]
async fn a_panic_is_500_and_the_connection_stays_open() {
    for answer in answers_of(|| panic!("a test's own")).await {
        assert_error(&answer, 500, "internal server error", "internal_error");
    }
}

#[tokio::test]
async fn a_body_that_never_ends_is_503_after_the_timeout() {
    let fixture = Fixture::embedded().await;
    let settings = Settings {
        request_timeout: Duration::from_millis(100),
        ..Settings::default()
    };
    let api = Api::serve_with(fixture.store.clone(), settings).await;
    // The body has one byte of 100.
    let head = format!(
        "POST /courses/{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-user-id: {}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{",
        new_id(),
        new_id()
    );
    let answer = api.client.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        answer.contains("retry-after: 1\r\n") && answer.contains(r#""code":"request_timeout""#),
        "{answer}"
    );
}

#[tokio::test]
async fn a_read_without_end_is_503_after_the_timeout() {
    let store = Hooked {
        store: Fixture::embedded().await.store.clone(),
        hook: Box::new(|| Box::pin(std::future::pending())),
        pings: true,
    };
    let settings = Settings {
        request_timeout: Duration::from_millis(100),
        ..Settings::default()
    };
    let api = Api::serve_with(Arc::new(store), settings).await;
    for path in reads() {
        let answer = api.client.get(&new_id(), &path).await;
        assert_error(&answer, 503, "request timeout", "request_timeout");
    }
}

#[tokio::test]
async fn a_draining_service_is_not_ready_and_still_serves() {
    let fixture = Fixture::embedded().await;
    let api = Api::serve(fixture.store.clone()).await;
    assert_eq!(
        api.client.ready().await.json(),
        json!({"status": "ready", "store": "embedded"})
    );
    api.state.start_draining();
    assert_error(&api.client.ready().await, 503, "draining", "draining");
    assert_eq!(
        api.client.get("", "/health/live").await.json(),
        json!({"status": "live"})
    );
    assert_eq!(
        api.client
            .post(&new_id(), &new_id(), &body(1, 2, 3))
            .await
            .status,
        201
    );
}
