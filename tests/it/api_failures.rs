//! A store that fails, a panic, a request that takes too long: what the client is told.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redb::{Database, TableDefinition};
use serde_json::json;
use study_stats::domain::{CourseId, LearnerId, Outcome, Record, Session, SessionId, Totals};
use study_stats::store::embedded::EmbeddedStore;
use study_stats::store::{StatsStore, StoreError};

use crate::support::api::{Answer, Api, Settings, assert_error, body, new_id};
use crate::support::fixture::Fixture;
use crate::support::id;

/// A store that fails in a way of its own.
struct Failing(fn() -> StoreError);

#[async_trait]
impl StatsStore for Failing {
    fn name(&self) -> &'static str {
        "failing"
    }

    async fn record_many(&self, records: &[Record]) -> Vec<Result<Outcome, StoreError>> {
        records.iter().map(|_| Err(self.0())).collect()
    }

    async fn session(
        &self,
        _: LearnerId,
        _: CourseId,
        _: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        Err(self.0())
    }

    async fn totals(&self, _: LearnerId, _: CourseId) -> Result<Option<Totals>, StoreError> {
        Err(self.0())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Err(self.0())
    }
}

/// The answers to a record, a session and totals of a store that fails.
async fn answers_of(store: Failing) -> [Answer; 3] {
    let api = Api::serve(Arc::new(store)).await;
    let (learner, course) = (new_id(), new_id());
    assert_eq!(api.client.get("", "/health/live").await.status, 200);
    let ready = api.client.ready().await;
    assert!(ready.status == 503 || ready.status == 500, "{ready:?}");
    [
        api.client.post(&learner, &course, &body(1, 2, 3)).await,
        api.client
            .get(
                &learner,
                &format!("/courses/{course}/sessions/{}", new_id()),
            )
            .await,
        api.client.totals(&learner, &course).await,
    ]
}

#[tokio::test]
async fn a_store_that_is_away_is_503_with_a_time_to_retry() {
    for answer in answers_of(Failing(|| StoreError::Unavailable("secret".into()))).await {
        assert_error(&answer, 503, "store unavailable", "store_unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(!answer.text.contains("secret"));
    }
}

#[tokio::test]
async fn a_store_that_answers_wrongly_is_500() {
    for answer in answers_of(Failing(|| StoreError::Unexpected("secret".into()))).await {
        assert_error(&answer, 500, "internal server error", "internal_error");
        assert!(!answer.text.contains("secret"));
    }
}

#[tokio::test]
async fn a_panic_is_500_and_the_connection_goes_on() {
    for answer in answers_of(Failing(|| panic!("a test's own"))).await {
        assert_error(&answer, 500, "internal server error", "internal_error");
    }
}

#[tokio::test]
async fn a_request_that_is_not_done_in_time_is_503() {
    let fixture = Fixture::embedded().await;
    let settings = Settings {
        request_timeout: Duration::from_millis(100),
        ..Settings::default()
    };
    let api = Api::serve_with(fixture.store.clone(), settings).await;
    // The body never comes.
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
async fn a_draining_service_is_not_ready_and_still_serves() {
    let fixture = Fixture::embedded().await;
    let api = Api::serve(fixture.store.clone()).await;
    assert_eq!(
        api.client.ready().await.json(),
        json!({"status": "ready", "store": "embedded"})
    );
    api.context.start_draining();
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

#[tokio::test]
async fn what_occurred_before_its_learner_was_erased_is_gone() {
    const ERASED: TableDefinition<'_, u128, i64> = TableDefinition::new("erased");
    let directory = tempfile::tempdir().unwrap();
    let learner: LearnerId = id();
    let database = Database::create(directory.path().join("study-stats.redb")).unwrap();
    let write = database.begin_write().unwrap();
    write
        .open_table(ERASED)
        .unwrap()
        .insert(learner.as_u128(), 1_000)
        .unwrap();
    write.commit().unwrap();
    drop(database);

    let store = EmbeddedStore::open(directory.path(), Duration::from_secs(60)).unwrap();
    let api = Api::serve(Arc::new(store)).await;
    let (learner, course, mut body) = (learner.to_string(), new_id(), body(1, 2, 3));
    body["occurredAt"] = "1970-01-01T00:00:00.999Z".into();
    let answer = api.client.post(&learner, &course, &body).await;
    assert_error(&answer, 410, "learner erased", "learner_erased");
    body["occurredAt"] = "1970-01-01T00:00:01Z".into();
    assert_eq!(api.client.post(&learner, &course, &body).await.status, 201);
}
