//! Records that share a script call: each has its own outcome, and an error of one is no harm to the others.

use std::sync::Arc;

use futures_util::future::join_all;
use study_stats::domain::{OccurredAt, Outcome, Record};
use study_stats::store::redis::{Bounds, RedisStore};
use study_stats::store::{StatsStore, StoreError};

use crate::support::faults::corrupt_keys::{self, key};
use crate::support::faults::corruptions::{Action, Place, Sample};
use crate::support::id;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::stores::fixture::{connected, redis_settings};
use crate::support::stores::history::{neighbour, record, stats};
use crate::support::stores::redis_fixture::RedisFixture;
use crate::support::stores::redis_keys::RedisKeys;

/// Totals and summary of a sample as stored; nothing for a key of another type.
async fn aggregates(fixture: &RedisFixture, sample: &Sample) -> [Option<String>; 2] {
    let mut texts = [None, None];
    let keys = [
        sample.enrolment.totals_key(),
        sample.enrolment.summary_key(),
    ];
    for (text, key) in texts.iter_mut().zip(keys) {
        let kind: String = fixture.command("TYPE", &key, &[""; 0]).await;
        if kind == "string" {
            *text = fixture.command("GET", &key, &[""; 0]).await;
        }
    }
    texts
}

async fn a_damaged_key_fails_its_record_only(fixture: &RedisFixture) {
    for place in [
        Place::SessionValue,
        Place::Totals,
        Place::SessionIndex,
        Place::CourseIndex,
        Place::Summary,
        Place::Erasure,
        Place::Roster,
    ] {
        let sample = Sample::store(&*Arc::clone(&fixture.store), 1).await[0];
        corrupt_keys::corrupt(fixture, &sample, place, Action::OtherType).await;
        let before = aggregates(fixture, &sample).await;
        let at = OccurredAt::from_utc_millis(9_000);
        let damaged = Record::new(
            sample.enrolment,
            sample.sessions[0],
            stats(9.0, 9.0, 9.0),
            Some(at),
        );
        // A new learner of the course writes the roster.
        let damaged = match place {
            Place::Roster => record(
                neighbour(sample.enrolment.learner),
                sample.enrolment.course,
                damaged.stats,
            ),
            _ => damaged,
        };
        let others = [0, 1].map(|_| {
            record(
                neighbour(damaged.enrolment.learner),
                id(),
                stats(1.0, 2.0, 3.0),
            )
        });
        let batch = [others[0], damaged, others[1]];
        let outcomes = fixture.store.record_many(&batch).await;
        assert!(
            matches!(
                outcomes[..],
                [
                    Ok(Outcome::Created),
                    Err(StoreError::Unexpected(_)),
                    Ok(Outcome::Created)
                ]
            ),
            "{place:?}: {outcomes:?}"
        );
        assert_eq!(aggregates(fixture, &sample).await, before, "{place:?}");
        let (report, differences) = fixture.verify(true).await;
        assert!(report.differences > 0, "{place:?}");
        if place == Place::SessionValue {
            // The numbers are lost: the operator decides.
            assert_eq!(report.repaired, 0, "{differences:?}");
            let key = key(&sample, place);
            fixture.command::<()>("DEL", &key, &[""; 0]).await;
            fixture.verify(true).await;
        } else {
            assert!(report.is_consistent(), "{place:?}: {differences:?}");
        }
        assert_eq!(fixture.verify(false).await.1, [], "{place:?}");
        fixture.audit().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_key_fails_its_record_only_on_a_single_redis() {
    let fixture = RedisFixture::redis(Bounds::default()).await;
    a_damaged_key_fails_its_record_only(&fixture).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_key_fails_its_record_only_in_a_cluster() {
    let fixture = RedisFixture::cluster(Bounds::default()).await;
    a_damaged_key_fails_its_record_only(&fixture).await;
}

/// Number of script calls that Redis gets while a future runs.
async fn calls<T>(redis: &Redis, running: impl Future<Output = T>) -> (T, usize) {
    let (result, lines) = redis.monitored(running).await;
    let calls = lines.iter().filter(|line| line.contains("] \"EVALSHA\""));
    (result, calls.count())
}

/// New records of different learners.
fn records(count: usize) -> Vec<Record> {
    (0..count)
        .map(|_| record(id(), id(), stats(1.0, 2.0, 3.0)))
        .collect()
}

// On one thread, all records are ready before the first pipeline leaves.
#[tokio::test]
async fn records_share_calls_of_sixteen_on_a_single_redis() {
    let redis = Redis::start(IN_MEMORY).await;
    let settings = redis_settings(&["--redis-lanes", "1"]);
    let store = connected(RedisStore::open(&redis.url(), &settings).unwrap()).await;
    // A first record makes the script known.
    store.record(&records(1)[0]).await.unwrap();
    let batch = records(100);
    let (outcomes, made) = calls(&redis, store.record_many(&batch)).await;
    assert!(
        outcomes
            .into_iter()
            .all(|outcome| outcome.unwrap() == Outcome::Created)
    );
    assert_eq!(made, 7);

    let single = records(64);
    let (outcomes, made) = calls(
        &redis,
        join_all(single.iter().map(|record| store.record(record))),
    )
    .await;
    assert!(
        outcomes
            .into_iter()
            .all(|outcome| outcome.unwrap() == Outcome::Created)
    );
    // The first record is alone.
    assert_eq!(made, 1 + 63_usize.div_ceil(16));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_a_cluster_gets_calls_with_a_single_bucket() {
    let fixture = RedisFixture::cluster(Bounds::default()).await;
    let learner = id();
    let mut batch = records(20);
    batch.extend((0..20).map(|_| record(learner, id(), stats(1.0, 2.0, 3.0))));
    for outcome in fixture.store.record_many(&batch).await {
        assert_eq!(outcome.unwrap(), Outcome::Created);
    }
    let each = join_all(batch.iter().map(|record| fixture.store.record(record)));
    for outcome in each.await {
        assert_eq!(outcome.unwrap(), Outcome::Replaced);
    }
    assert_eq!(fixture.audit().await, 40);
}
