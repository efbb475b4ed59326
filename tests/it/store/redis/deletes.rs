//! Keys in Redis after deletes and erasures, and the size of each script call.

use redis::AsyncCommands;
use study_stats::domain::{CourseId, DeleteOutcome, Enrolment, Record};
use uuid::Uuid;

use crate::support::stores::fixture::Fixture;
use crate::support::stores::golden::{
    COURSE, COURSES_KEY, ERASED_KEY, KEYS, SCHEMA_KEY, SESSION_KEY, SUMMARY_KEY, TIMELINE_KEY,
    TOTALS_KEY, golden,
};
use crate::support::stores::history::{record, stats};
use crate::support::{id, now};

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn a_deletion_leaves_neither_zeros_nor_empty_keys() {
    let fixture = Fixture::redis().await;
    let mut redis = fixture.server().connection().await;
    let first = golden(stats(2.5, -0.25, 0.0), 1_000);
    let second = Record {
        session: Uuid::max().into(),
        ..golden(stats(0.5, 0.25, 7.0), 2_000)
    };
    fixture.store.record_many(&[first, second]).await;
    let totals: String = redis.get(TOTALS_KEY).await.unwrap();
    assert_eq!(totals, "2 3 0 7 2");

    let delete = async |recorded: Record| {
        let deleted = fixture
            .store
            .delete_session(recorded.enrolment, recorded.session);
        assert_eq!(deleted.await.unwrap(), DeleteOutcome::Deleted);
    };
    delete(second).await;
    let mut keys: Vec<String> = redis.keys("*").await.unwrap();
    keys.sort();
    assert_eq!(keys, KEYS);
    let aggregates: [String; 2] = redis.mget(&[TOTALS_KEY, SUMMARY_KEY]).await.unwrap();
    assert_eq!(aggregates, ["1 2.5 -0.25 0 3", "1 1 2.5 -0.25 0 3"]);
    let timeline: Vec<(Vec<u8>, i64)> = redis.zrange_withscores(TIMELINE_KEY, 0, -1).await.unwrap();
    assert_eq!(timeline, [(vec![0; 16], 1_000)]);
    let courses: Vec<(Vec<u8>, i64)> = redis.zrange_withscores(COURSES_KEY, 0, -1).await.unwrap();
    let course = CourseId::parse(COURSE).unwrap().as_bytes().to_vec();
    assert_eq!(courses, [(course, 1_000)]);

    delete(first).await;
    let keys: Vec<String> = redis.keys("*").await.unwrap();
    assert_eq!(keys, [SCHEMA_KEY]);
}

#[tokio::test]
async fn a_tombstone_lasts_thirty_days_and_never_moves_back() {
    let fixture = Fixture::redis().await;
    let mut redis = fixture.server().connection().await;
    let recorded = golden(stats(1.0, 1.0, 1.0), 1_000);
    fixture.store.record(&recorded).await.unwrap();
    let before = now();
    fixture
        .store
        .erase(recorded.enrolment.learner)
        .await
        .unwrap();
    let mut keys: Vec<String> = redis.keys("*").await.unwrap();
    keys.sort();
    assert_eq!(keys, [SCHEMA_KEY, ERASED_KEY]);
    let erased_at: i64 = redis.get(ERASED_KEY).await.unwrap();
    assert!((before..=now()).contains(&erased_at));

    // Tombstone of a clock that was set back since, and near the expiry.
    let ahead = before + HOUR;
    redis
        .pset_ex::<_, _, ()>(ERASED_KEY, ahead, 60_000)
        .await
        .unwrap();
    fixture
        .store
        .erase(recorded.enrolment.learner)
        .await
        .unwrap();
    assert_eq!(redis.get::<_, i64>(ERASED_KEY).await.unwrap(), ahead);
    let days = 30 * 24 * HOUR;
    let left: i64 = redis.pttl(ERASED_KEY).await.unwrap();
    assert!((days - HOUR..=days).contains(&left), "{left} ms");

    let current = Record {
        occurred_at: None,
        version: None,
        ..recorded
    };
    fixture.store.record(&current).await.unwrap();
    let occurred: i64 = redis.hget(SESSION_KEY, "o").await.unwrap();
    assert_eq!(occurred, ahead + 1);
}

#[tokio::test]
async fn a_listed_course_without_sessions_is_deleted() {
    let fixture = Fixture::redis().await;
    let mut redis = fixture.server().connection().await;
    let recorded = golden(stats(1.0, 1.0, 1.0), 1_000);
    for is_erasure in [false, true] {
        // Left by a manual repair, never by a write.
        let course = recorded.enrolment.course.as_bytes().as_slice();
        redis
            .zadd::<_, _, _, ()>(COURSES_KEY, course, 1)
            .await
            .unwrap();
        let listed = [0; 16].as_slice();
        redis
            .zadd::<_, _, _, ()>(TIMELINE_KEY, listed, 1)
            .await
            .unwrap();
        if is_erasure {
            fixture
                .store
                .erase(recorded.enrolment.learner)
                .await
                .unwrap();
        } else {
            let deleted = fixture.store.delete_course(recorded.enrolment).await;
            assert_eq!(deleted.unwrap(), DeleteOutcome::Missing);
        }
        assert!(!redis.exists::<_, bool>(COURSES_KEY).await.unwrap());
        assert!(!redis.exists::<_, bool>(TIMELINE_KEY).await.unwrap());
    }
}

/// Commands of a large delete: Redis serves no other client during a script call.
#[tokio::test]
async fn a_script_call_deletes_at_most_two_hundred_sessions() {
    let fixture = Fixture::redis().await;
    let (learner, course) = (id(), id());
    let recorded = record(learner, course, stats(1.0, 1.0, 1.0));
    // A first record and delete load the scripts into the cache of Redis.
    fixture.store.record(&recorded).await.unwrap();
    fixture
        .store
        .delete_course(Enrolment::new(learner, course))
        .await
        .unwrap();
    let records: Vec<_> = (0..1_001)
        .map(|_| record(learner, course, recorded.stats))
        .collect();
    fixture.store.record_many(&records).await;

    let deleting = fixture.store.delete_course(Enrolment::new(learner, course));
    let (outcome, seen) = fixture.server().monitored(deleting).await;
    assert_eq!(outcome.unwrap(), DeleteOutcome::Deleted);

    let (mut read, mut deleted) = (Vec::new(), Vec::new());
    for line in &seen {
        // time [database client] "COMMAND" "argument"…
        let words: Vec<_> = line.split("\" \"").collect();
        if !words[0].ends_with("EVALSHA") {
            // Other commands: the heartbeat, and commands from within scripts.
            assert!(!words[0].ends_with("\"EVAL"), "{line}");
            continue;
        }
        match words[2].parse::<usize>().unwrap() {
            1 => read.push(words[words.len() - 1].trim_end_matches('"').to_owned()),
            keys => deleted.push(keys - 5),
        }
    }
    assert_eq!(deleted, [200, 200, 200, 200, 200, 1]);
    assert_eq!(read, ["201"; 6]);
}
