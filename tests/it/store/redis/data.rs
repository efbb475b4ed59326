//! Keys and values of the Redis store.

use redis::{AsyncCommands, cmd};
use study_stats::domain::{CourseId, DeleteOutcome, LearnerId, Outcome, Record, Slice};
use study_stats::store::redis::{Bounds, RedisStore};
use study_stats::store::{StatsStore, StoreError};

use crate::support::api::{Api, assert_error, body};
use crate::support::http::batch::{batch, modules, new_record, post_batch, stored};
use crate::support::stores::fixture::{Fixture, redis_settings};
use crate::support::stores::golden::{
    COURSE, COURSES_KEY, ERASED_KEY, KEYS, LEARNER, ROSTER_KEY, SCHEMA_KEY, SESSION_KEY,
    SUMMARY_KEY, TIMELINE_KEY, TOTALS_KEY, fields, golden, hash,
};
use crate::support::stores::history::{record, recount, stats};
use crate::support::stores::model::is_stored;
use crate::support::stores::redis_fixture::RedisFixture;
use crate::support::{eventually, id};

#[tokio::test]
async fn a_record_fills_the_keys_of_the_data_model() {
    let fixture = Fixture::redis().await;
    let mut redis = fixture.server().connection().await;
    fixture
        .store
        .record(&golden(stats(2.5, -0.25, 0.0), 1_000))
        .await
        .unwrap();

    let mut keys: Vec<String> = redis.keys("*").await.unwrap();
    keys.sort();
    assert_eq!(keys, KEYS);
    let session = [
        ("d", "7"),
        ("m", "2.5"),
        ("o", "1000"),
        ("s", "-0.25"),
        ("t", "0"),
        ("v", ""),
    ];
    assert_eq!(hash(&mut redis, SESSION_KEY).await, fields(&session));
    let aggregates: [String; 2] = redis.mget(&[TOTALS_KEY, SUMMARY_KEY]).await.unwrap();
    assert_eq!(aggregates, ["1 2.5 -0.25 0 1", "1 1 2.5 -0.25 0 1"]);
    let roster: Vec<(Vec<u8>, i64)> = redis.zrange_withscores(ROSTER_KEY, 0, -1).await.unwrap();
    let learner = LearnerId::parse(LEARNER).unwrap().as_bytes().to_vec();
    assert_eq!(roster, [(learner, 0)]);
    let timeline: Vec<(Vec<u8>, i64)> = redis.zrange_withscores(TIMELINE_KEY, 0, -1).await.unwrap();
    assert_eq!(timeline, [(vec![0; 16], 1_000)]);
    let courses: Vec<(Vec<u8>, i64)> = redis.zrange_withscores(COURSES_KEY, 0, -1).await.unwrap();
    assert_eq!(
        courses,
        [(CourseId::parse(COURSE).unwrap().as_bytes().to_vec(), 1_000)]
    );

    fixture
        .store
        .record(&golden(stats(0.0, -1e12, 1e12), 2_000))
        .await
        .unwrap();
    let aggregates: [String; 2] = redis.mget(&[TOTALS_KEY, SUMMARY_KEY]).await.unwrap();
    let sums = "1 0 -1000000000000 1000000000000 2";
    assert_eq!(aggregates, [sums.to_owned(), format!("1 {sums}")]);
    assert_eq!(redis.get::<_, i64>(SCHEMA_KEY).await.unwrap(), 2);
    let timeline: Vec<(Vec<u8>, i64)> = redis.zrange_withscores(TIMELINE_KEY, 0, -1).await.unwrap();
    assert_eq!(timeline, [(vec![0; 16], 2_000)]);
}

#[tokio::test]
async fn an_older_session_does_not_move_the_course_back() {
    let fixture = Fixture::redis().await;
    let mut redis = fixture.server().connection().await;
    let newer = golden(stats(1.0, 1.0, 1.0), 2_000);
    let older = Record {
        session: id(),
        ..golden(stats(1.0, 1.0, 1.0), 1_000)
    };
    for record in [newer, older] {
        fixture.store.record(&record).await.unwrap();
    }
    let courses: Vec<(Vec<u8>, i64)> = redis.zrange_withscores(COURSES_KEY, 0, -1).await.unwrap();
    assert_eq!(courses[0].1, 2_000);
    assert_eq!(redis.zcard::<_, usize>(TIMELINE_KEY).await.unwrap(), 2);
}

#[tokio::test]
async fn a_record_no_later_than_the_erasure_of_the_learner_is_erased() {
    let fixture = Fixture::redis().await;
    let mut redis = fixture.server().connection().await;
    redis.set::<_, _, ()>(ERASED_KEY, 1_000).await.unwrap();
    let before = golden(stats(1.0, 1.0, 1.0), 1_000);
    assert_eq!(
        fixture.store.record(&before).await.unwrap(),
        Outcome::Erased
    );
    assert_eq!(fixture.store.totals(before.enrolment).await.unwrap(), None);

    let api = Api::serve(fixture.store.clone()).await;
    let mut body = body(1, 2, 3);
    body["occurredAt"] = "1970-01-01T00:00:01Z".into();
    let answer = api.client.post(LEARNER, COURSE, &body).await;
    assert_eq!(
        (answer.status, answer.message().as_str()),
        (410, "learner erased")
    );
    body["occurredAt"] = "1970-01-01T00:00:01.001Z".into();
    assert_eq!(api.client.post(LEARNER, COURSE, &body).await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_optional_field_of_a_later_program_is_kept() {
    let fixture = RedisFixture::redis(Bounds::default()).await;
    let record = golden(stats(1.0, 1.0, 1.0), 1_000);
    fixture.store.record(&record).await.unwrap();
    let field = ["device", "tablet"];
    fixture.command::<()>("HSET", SESSION_KEY, &field).await;
    let replacement = golden(stats(2.0, 2.0, 2.0), 2_000);
    fixture.store.record(&replacement).await.unwrap();
    let session = fixture.store.session(record.enrolment, record.session);
    assert_eq!(session.await.unwrap().unwrap().stats, replacement.stats);
    let kept: String = fixture.command("HGET", SESSION_KEY, &["device"]).await;
    assert_eq!(kept, "tablet");
    assert_eq!(fixture.verify(true).await.1, []);
    let deleted = fixture
        .store
        .delete_session(record.enrolment, record.session);
    assert_eq!(deleted.await.unwrap(), DeleteOutcome::Deleted);
    assert_eq!(fixture.audit().await, 0);
}

#[tokio::test]
async fn flushed_scripts_are_loaded_again() {
    let fixture = Fixture::redis().await;
    let mut redis = fixture.server().connection().await;
    let recorded = record(id(), id(), stats(1.0, 1.0, 1.0));
    for _ in 0..3 {
        cmd("SCRIPT")
            .arg("FLUSH")
            .exec_async(&mut redis)
            .await
            .unwrap();
        let outcomes = fixture
            .store
            .record_many(&[recorded, record(id(), id(), stats(1.0, 1.0, 1.0))])
            .await;
        let outcomes = outcomes.into_iter().map(Result::unwrap);
        assert!(outcomes.into_iter().all(is_stored));
    }
    assert_eq!(
        fixture.store.totals(recorded.enrolment).await.unwrap(),
        Some(recount([&recorded.stats]))
    );
}

#[tokio::test]
async fn invalid_data_is_distinguished_from_an_absent_redis() {
    let fixture = Fixture::redis().await;
    let mut redis = fixture.server().connection().await;
    let record = golden(stats(1.0, 1.0, 1.0), 0);
    fixture.store.record(&record).await.unwrap();
    redis
        .hset::<_, _, _, ()>(SESSION_KEY, "m", "many")
        .await
        .unwrap();
    let answer = fixture
        .store
        .session(record.enrolment, record.session)
        .await;
    assert!(
        matches!(answer, Err(StoreError::Unexpected(_))),
        "{answer:?}"
    );
    redis.set::<_, _, ()>(TOTALS_KEY, "x").await.unwrap();
    let answer = fixture.store.totals(record.enrolment).await;
    assert!(
        matches!(answer, Err(StoreError::Unexpected(_))),
        "{answer:?}"
    );
    let answer = fixture
        .store
        .courses(record.enrolment.learner, Slice::first(1))
        .await;
    assert!(
        matches!(answer, Err(StoreError::Unexpected(_))),
        "{answer:?}"
    );
    let answer = fixture.store.record(&record).await;
    assert!(
        matches!(answer, Err(StoreError::Unexpected(_))),
        "{answer:?}"
    );
    for poisoned in [
        "-1024 1 1 1 1 1",
        "18446744073709550592 1 1 1 1 1",
        "1 -1 1 1 1 1",
        "1e9 1 1 1 1 1",
    ] {
        redis.set::<_, _, ()>(SUMMARY_KEY, poisoned).await.unwrap();
        let answer = fixture.store.summary(record.enrolment.course).await;
        assert!(
            matches!(answer, Err(StoreError::Unexpected(_))),
            "{poisoned}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_batch_with_a_failed_record_returns_the_failure_and_may_be_repeated() {
    let fixture = Fixture::redis().await;
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let redis = fixture.server();
    let broken = new_record();
    post_batch(client, std::slice::from_ref(&broken)).await;
    let keys: Vec<String> = redis.ask("KEYS ss:*:a:*").await;
    redis.ask::<()>(&format!("SET {} text", keys[0])).await;

    let records = [new_record(), broken, new_record()];
    let answer = client.batch(batch(records.clone())).await;
    assert_error(&answer, 500, "internal server error", "internal_error");
    redis.ask::<()>(&format!("DEL {}", keys[0])).await;
    assert_eq!(
        post_batch(client, &records).await,
        [stored(), stored(), stored()]
    );
    for record in [&records[0], &records[2]] {
        assert_eq!(modules(client, record).await, 1);
    }
}

#[tokio::test]
async fn stores_with_different_prefixes_are_separate() {
    let fixture = Fixture::redis().await;
    let settings = redis_settings(&["--redis-key-prefix", "other"]);
    let other = RedisStore::open(&fixture.server().url(), &settings).unwrap();
    eventually("the other store is connected", || async {
        other.ping().await.ok()
    })
    .await;
    let record = record(id(), id(), stats(1.0, 1.0, 1.0));
    other.record(&record).await.unwrap();
    assert_eq!(fixture.store.totals(record.enrolment).await.unwrap(), None);
    assert!(other.totals(record.enrolment).await.unwrap().is_some());
}
