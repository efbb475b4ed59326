//! Verify and repair of corrupt keys, in every topology.

use std::collections::BTreeSet;

use study_stats::domain::{Enrolment, LearnerId, OccurredAt, Record};
use study_stats::store::maintenance::{Difference, Maintenance, VerifyReport};
use study_stats::store::redis::Bounds;
use study_stats::store::{StatsStore, StoreError};
use tokio::sync::mpsc;

use crate::support::faults::corrupt_keys::{
    OTHER_TYPE, corrupt_aggregates, corrupt_course_indexes, corrupt_timelines, difference, enrol,
};
use crate::support::id;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::tls::PERMISSIONS;
use crate::support::stores::fixture::redis_settings;
use crate::support::stores::history::{record, stats};
use crate::support::stores::redis_fixture::{self, RedisFixture, TINY};
use crate::support::stores::redis_keys::RedisKeys;
use crate::support::stores::topology::Topology;

/// Differences as verify reports them: sorted by key, repaired or not.
fn reported(differences: &[Difference], repaired: bool) -> Vec<Difference> {
    let mut all = differences.to_vec();
    all.sort_by_key(|difference| difference.key.clone());
    for difference in &mut all {
        difference.repaired = repaired;
    }
    all
}

async fn each_corruption_is_reported_once_and_repaired(fixture: &RedisFixture) {
    for _ in 0..5 {
        enrol(fixture).await;
    }
    let sessions = fixture.sessions().await;
    let sound = VerifyReport {
        sessions,
        ..VerifyReport::default()
    };
    assert_eq!(fixture.verify(false).await, (sound, Vec::new()));

    let mut expected = corrupt_aggregates(fixture).await;
    expected.extend(corrupt_timelines(fixture).await);
    expected.extend(corrupt_course_indexes(fixture).await);
    let differences = expected.len() as u64;
    let found = VerifyReport {
        sessions: fixture.sessions().await,
        differences,
        ..VerifyReport::default()
    };
    // Twice, as verify without repair changes no key.
    for _ in 0..2 {
        let (verified, differences) = fixture.verify(false).await;
        assert_eq!(differences, reported(&expected, false));
        assert_eq!(verified, found);
    }

    let (verified, differences) = fixture.verify(true).await;
    assert_eq!(differences, reported(&expected, true));
    let repaired = VerifyReport {
        repaired: found.differences,
        ..found
    };
    assert_eq!(verified, repaired);
    assert!(verified.is_consistent());

    let sound = VerifyReport {
        sessions: found.sessions,
        ..VerifyReport::default()
    };
    assert_eq!(fixture.verify(false).await, (sound, Vec::new()));
    assert_eq!(fixture.audit().await as u64, found.sessions);
}

macro_rules! on {
    ($name:ident: $topology:ident, $bounds:expr) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            each_corruption_is_reported_once_and_repaired(
                &RedisFixture::start(Topology::$topology().await, $bounds).await,
            )
            .await;
        }
    };
}

on!(each_corruption_is_reported_once_and_repaired_on_a_single_redis: redis, Bounds::default());
on!(each_corruption_is_reported_once_and_repaired_in_many_passes: redis, TINY);
on!(each_corruption_is_reported_once_and_repaired_in_a_cluster: cluster, Bounds::default());
on!(each_corruption_is_reported_once_and_repaired_in_a_cluster_in_many_passes: cluster, TINY);
on!(each_corruption_is_reported_once_and_repaired_with_least_permissions: secured, Bounds::default());
on!(each_corruption_is_reported_once_and_repaired_with_sentinels: sentinel, Bounds::default());
on!(each_corruption_is_reported_once_and_repaired_with_replicas: replicated, Bounds::default());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unrepairable_keys_are_reported_and_left_unchanged() {
    for bounds in [Bounds::default(), TINY] {
        let fixture = RedisFixture::redis(bounds).await;
        let mut expected = Vec::new();
        for (field, value) in [("m", "many"), ("s", "1e3"), ("o", ""), ("d", "1.5")] {
            let (enrolment, [first, ..]) = enrol(&fixture).await;
            let key = enrolment.session_key(first);
            fixture.command::<()>("HSET", &key, &[field, value]).await;
            let mut fields = [
                ("m", "2.5"),
                ("s", "-0.25"),
                ("t", "1000"),
                ("o", "1000"),
                ("d", "0"),
            ];
            fields
                .iter_mut()
                .find(|(name, _)| *name == field)
                .unwrap()
                .1 = value;
            let found = fields
                .map(|(name, value)| format!("{name}={value}"))
                .join(" ");
            expected.push(difference(key, "a session", &found));
        }
        let (enrolment, [first, ..]) = enrol(&fixture).await;
        fixture
            .command::<()>("SET", &enrolment.session_key(first), &["x"])
            .await;
        expected.push(difference(
            enrolment.session_key(first),
            "a session",
            OTHER_TYPE,
        ));
        // Key in the bucket of another learner, and keys of unknown kinds.
        for key in [
            "ss:{3}:t:AZPU8XorfD2eT1prfI2eDw:-_-__wAAQACAAAAAAAAAAQ",
            "ss:{1}:q",
            "ss:{1}:r",
        ] {
            fixture.command::<()>("HSET", key, &["n", "1"]).await;
            expected.push(difference(key, "nothing", "a key that nobody reads"));
        }
        let before = snapshot(&fixture).await;
        for repair in [false, true] {
            let (verified, differences) = fixture.verify(repair).await;
            assert_eq!(differences, reported(&expected, false));
            assert_eq!((verified.repaired, verified.unsettled), (0, 0));
            assert!(!verified.is_consistent());
        }
        assert_eq!(snapshot(&fixture).await, before);
    }
}

/// All keys with their values, but for the key with the time of the last verification.
async fn snapshot(fixture: &RedisFixture) -> BTreeSet<(String, Vec<u8>)> {
    let keys: Vec<String> = fixture.masters()[0].ask("KEYS *").await;
    let mut all = BTreeSet::new();
    for key in keys.into_iter().filter(|key| key != "ss:verified") {
        let dump: Vec<u8> = fixture.command("DUMP", &key, &[""; 0]).await;
        all.insert((key, dump));
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_course_of_many_pages_is_recounted_and_repaired() {
    let fixture = RedisFixture::redis(Bounds::default()).await;
    let enrolment = Enrolment::new(id(), id());
    let records: Vec<_> = (0..1_700)
        .map(|number| {
            // Several sessions at the same time, so that a page ends between two of them.
            let at = OccurredAt::from_utc_millis(number / 7);
            let Enrolment { learner, course } = enrolment;
            record(learner, course, stats(0.1, 0.0, number as f64)).at(at)
        })
        .collect();
    for records in records.chunks(500) {
        for outcome in fixture.store.record_many(records).await {
            outcome.unwrap();
        }
    }
    let (lost, moved) = (records[700].session, records[1_650].session);
    fixture
        .command::<()>("ZREM", &enrolment.timeline_key(), &[lost.as_bytes()])
        .await;
    let entry = [b"-5", &moved.as_bytes()[..]];
    fixture
        .command::<()>("ZADD", &enrolment.timeline_key(), &entry)
        .await;
    fixture
        .command::<()>("HINCRBY", &enrolment.totals_key(), &["t", "5"])
        .await;
    let expected = [
        difference(
            format!("{} {lost}", enrolment.timeline_key()),
            "100",
            "nothing",
        ),
        difference(format!("{} {moved}", enrolment.timeline_key()), "235", "-5"),
        difference(
            enrolment.totals_key(),
            "n=1700 m=170 t=1444150",
            "n=1700 m=170 t=1444155",
        ),
    ];
    for repair in [false, true] {
        let (verified, differences) = fixture.verify(repair).await;
        assert_eq!(differences, reported(&expected, repair));
        assert_eq!((verified.sessions, verified.unsettled), (1_700, 0));
    }
    assert_eq!(fixture.audit().await, 1_700);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn learners_are_listed_in_order_page_by_page() {
    for fixture in [
        RedisFixture::redis(TINY).await,
        RedisFixture::cluster(TINY).await,
    ] {
        let mut learners: Vec<LearnerId> = Vec::new();
        for _ in 0..8 {
            learners.push(enrol(&fixture).await.0.learner);
        }
        let erased = enrol(&fixture).await.0.learner;
        fixture.store.erase(erased).await.unwrap();
        learners.sort();
        let (mut after, mut pages) = (None, Vec::new());
        loop {
            let page = fixture.store.learners(after).await.unwrap();
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= 3, "{page:?}");
            after = page.last().copied();
            pages.extend(page);
        }
        assert_eq!(pages, learners);
        let last = uuid::Uuid::max().into();
        assert_eq!(fixture.store.learners(Some(last)).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission_is_named() {
    let redis = Redis::start(IN_MEMORY).await;
    for lacking in ["scan", "zscore"] {
        let user = format!("ACL SETUSER app reset on nopass {PERMISSIONS} -{lacking}");
        redis.ask::<()>(&user).await;
        let url = redis.url().replace("//", "//app:x@");
        let store = RedisFixture::connect(&url, &redis_settings(&[]), Bounds::default()).await;
        let (learner, course) = (id(), id());
        for _ in 0..3 {
            let session = record(learner, course, stats(2.5, -0.25, 1_000.0));
            store.record(&session).await.unwrap();
        }
        let verified = redis_fixture::verify(&store, false).await;
        let Err(StoreError::Unexpected(error)) = verified else {
            panic!("it may not {lacking}")
        };
        let named = format!("'{lacking}' command");
        assert!(
            error.contains(&named) && error.contains("ACL SETUSER"),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verification_without_a_receiver_is_cancelled() {
    let fixture = RedisFixture::redis(TINY).await;
    for _ in 0..5 {
        enrol(&fixture).await;
    }
    let (events, receiver) = mpsc::channel(1);
    drop(receiver);
    let verified = fixture.store.verify(true, events).await.unwrap();
    assert_eq!(verified, VerifyReport::default());
}
