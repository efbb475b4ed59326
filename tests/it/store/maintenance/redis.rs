//! Verify and repair of the Redis store: unrepairable keys, large enrolments, permissions; lists of learners.

use std::collections::BTreeSet;
use std::sync::Arc;

use study_stats::domain::{Enrolment, LearnerId, OccurredAt};
use study_stats::store::maintenance::{Difference, Maintenance, VerifyReport};
use study_stats::store::redis::Bounds;
use study_stats::store::{StatsStore, StoreError};
use tokio::sync::mpsc;

use crate::support::faults::corruptions::Sample;
use crate::support::id;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::tls::PERMISSIONS;
use crate::support::stores::fixture::redis_settings;
use crate::support::stores::history::{record, stats};
use crate::support::stores::redis_fixture::{self, RedisFixture, TINY};
use crate::support::stores::redis_keys::RedisKeys;

/// Difference that is not repaired.
fn difference(key: impl Into<String>, expected: &str, found: &str) -> Difference {
    Difference {
        key: key.into(),
        expected: expected.into(),
        found: found.into(),
        repaired: false,
    }
}

/// Differences as verify reports them: sorted by key, repaired or not.
fn reported(differences: &[Difference], repaired: bool) -> Vec<Difference> {
    let mut all = differences.to_vec();
    all.sort_by_key(|difference| difference.key.clone());
    for difference in &mut all {
        difference.repaired = repaired;
    }
    all
}

async fn enrol(fixture: &RedisFixture) -> Sample {
    Sample::store(&*Arc::clone(&fixture.store), 1).await[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unrepairable_keys_are_reported_and_left_unchanged() {
    for bounds in [Bounds::default(), TINY] {
        let fixture = RedisFixture::redis(bounds).await;
        let mut expected = Vec::new();
        for (field, value) in [
            ("m", "many"),
            ("s", "1e3"),
            ("o", ""),
            ("d", "1.5"),
            ("v", "x"),
        ] {
            let sample = enrol(&fixture).await;
            let key = sample.enrolment.session_key(sample.sessions[0]);
            fixture.command::<()>("HSET", &key, &[field, value]).await;
            let mut fields = [
                ("m", "2.5"),
                ("s", "-0.25"),
                ("t", "1000"),
                ("o", "1000"),
                ("d", "0"),
                ("v", ""),
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
        let sample = enrol(&fixture).await;
        let key = sample.enrolment.session_key(sample.sessions[0]);
        fixture.command::<()>("SET", &key, &["x"]).await;
        expected.push(difference(key, "a session", "another type"));
        // Key in the bucket of another learner, and keys of unknown kinds.
        for key in [
            "ss:{1}:\u{1b}[31m",
            "ss:{3}:a:AZPU8XorfD2eT1prfI2eDw:-_-__wAAQACAAAAAAAAAAQ",
            "ss:{1}:q",
            "ss:{1}:r",
        ] {
            fixture.command::<()>("HSET", key, &["n", "1"]).await;
            // Without control sequences of terminals.
            let shown = key.replace('\u{1b}', "\\x1b");
            expected.push(difference(&shown, "nothing", "a key that nobody reads"));
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
    for key in keys
        .into_iter()
        .filter(|key| !["ss:verified", "ss:schema"].contains(&&**key))
    {
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
    let wrong = "1700 170 0 1444155 1700";
    fixture
        .command::<()>("SET", &enrolment.totals_key(), &[wrong])
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
            "1700 170 0 1444150",
            "1700 170 0 1444155",
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
            learners.push(enrol(&fixture).await.enrolment.learner);
        }
        let erased = enrol(&fixture).await.enrolment.learner;
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
    // Without the version, the service itself needs to scan.
    redis.ask::<()>("SET ss:schema 2").await;
    for lacking in ["scan", "zscan"] {
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
