//! What is wrong in Redis is found, is told and is mended; what is stored is shown.

use std::collections::BTreeSet;

use study_stats::domain::{LearnerId, OccurredAt, Record};
use study_stats::store::maintenance::{Difference, Maintenance, VerifyReport};
use study_stats::store::redis::Bounds;
use study_stats::store::{StatsStore, StoreError};
use tokio::sync::mpsc;

use crate::support::faults::corruption::{
    OTHER, Told, corrupt_aggregates, corrupt_lists, corrupt_timelines, studied, told,
};
use crate::support::id;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::tls::PERMISSIONS;
use crate::support::stores::fixture::redis_settings;
use crate::support::stores::history::{record, stats};
use crate::support::stores::upkeep::{Kept, Studied, TINY};

/// As told, and whether mended.
fn expected(told: &[Told], mended: bool) -> Vec<Difference> {
    let told = told.iter().cloned();
    let mut all: Vec<_> = told
        .map(|(key, expected, found)| Difference {
            key,
            expected,
            found,
            mended,
        })
        .collect();
    all.sort_by_key(|difference| difference.key.clone());
    all
}

async fn each_corruption_is_found_once_and_mended(kept: &Kept) {
    for _ in 0..5 {
        studied(kept).await;
    }
    let sessions = kept.sessions().await;
    let well = VerifyReport {
        sessions,
        ..VerifyReport::default()
    };
    assert_eq!(kept.verify(false).await, (well, Vec::new()));

    let mut told = corrupt_aggregates(kept).await;
    told.extend(corrupt_timelines(kept).await);
    told.extend(corrupt_lists(kept).await);
    let differences = told.len() as u64;
    let found = VerifyReport {
        sessions: kept.sessions().await,
        differences,
        ..VerifyReport::default()
    };
    // Twice, as looking changes nothing.
    for _ in 0..2 {
        let (verified, differences) = kept.verify(false).await;
        assert_eq!(differences, expected(&told, false));
        assert_eq!(verified, found);
    }

    let (verified, differences) = kept.verify(true).await;
    assert_eq!(differences, expected(&told, true));
    let mended = VerifyReport {
        mended: found.differences,
        ..found
    };
    assert_eq!(verified, mended);
    assert!(verified.is_well());

    let well = VerifyReport {
        sessions: found.sessions,
        ..VerifyReport::default()
    };
    assert_eq!(kept.verify(false).await, (well, Vec::new()));
    assert_eq!(kept.audit().await as u64, found.sessions);
}

macro_rules! on {
    ($name:ident: $topology:ident, $bounds:expr) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            each_corruption_is_found_once_and_mended(&Kept::$topology($bounds).await).await;
        }
    };
}

on!(each_corruption_is_found_once_and_mended_on_one_redis: redis, Bounds::default());
on!(each_corruption_is_found_once_and_mended_in_many_passes: redis, TINY);
on!(each_corruption_is_found_once_and_mended_in_a_cluster: cluster, Bounds::default());
on!(each_corruption_is_found_once_and_mended_in_a_cluster_in_many_passes: cluster, TINY);
on!(each_corruption_is_found_once_and_mended_with_least_rights: secured, Bounds::default());
on!(each_corruption_is_found_once_and_mended_on_the_master_that_sentinels_name: sentinel, Bounds::default());
on!(each_corruption_is_found_once_and_mended_with_replicas: replicated, Bounds::default());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_mended_is_told_and_left_as_it_is() {
    for bounds in [Bounds::default(), TINY] {
        let kept = Kept::redis(bounds).await;
        let mut told = Vec::new();
        for (field, value) in [("m", "many"), ("s", "1e3"), ("o", ""), ("d", "1.5")] {
            let (at, [first, ..]) = studied(&kept).await;
            let key = at.session(first);
            kept.command::<()>("HSET", &key, &[field, value]).await;
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
            told.push((key, "a session".to_owned(), found));
        }
        let (at, [first, ..]) = studied(&kept).await;
        kept.command::<()>("SET", &at.session(first), &["x"]).await;
        told.push((at.session(first), "a session".into(), OTHER.into()));
        // In a bucket that is not the learner's, and no key of ours at all.
        for key in [
            "ss:{3}:t:AZPU8XorfD2eT1prfI2eDw:-_-__wAAQACAAAAAAAAAAQ",
            "ss:{1}:q",
            "ss:{1}:r",
        ] {
            kept.command::<()>("HSET", key, &["n", "1"]).await;
            told.push((
                key.into(),
                "nothing".into(),
                "a key that nobody reads".into(),
            ));
        }
        let before = snapshot(&kept).await;
        for repair in [false, true] {
            let (verified, differences) = kept.verify(repair).await;
            assert_eq!(differences, expected(&told, false));
            assert_eq!((verified.mended, verified.unsettled), (0, 0));
            assert!(!verified.is_well());
        }
        assert_eq!(snapshot(&kept).await, before);
    }
}

/// All keys with what they hold, but for the one that says when that was verified.
async fn snapshot(kept: &Kept) -> BTreeSet<(String, Vec<u8>)> {
    let keys: Vec<String> = kept.masters[0].ask("KEYS *").await;
    let mut all = BTreeSet::new();
    for key in keys.into_iter().filter(|key| key != "ss:verified") {
        let dump: Vec<u8> = kept.command("DUMP", &key, &[""; 0]).await;
        all.insert((key, dump));
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_course_of_many_pages_is_counted_and_mended() {
    let kept = Kept::redis(Bounds::default()).await;
    let at = Studied {
        learner: id(),
        course: id(),
    };
    let records: Vec<_> = (0..1_700)
        .map(|number| Record {
            // Several at the same time, so that pages end among such.
            occurred_at: Some(OccurredAt::from_utc_millis(number / 7)),
            ..record(at.learner, at.course, stats(0.1, 0.0, number as f64))
        })
        .collect();
    for records in records.chunks(500) {
        for outcome in kept.store.record_many(records).await {
            outcome.unwrap();
        }
    }
    let (lost, moved) = (records[700].session, records[1_650].session);
    kept.command::<()>("ZREM", &at.timeline(), &[lost.as_bytes()])
        .await;
    let entry = [b"-5", &moved.as_bytes()[..]];
    kept.command::<()>("ZADD", &at.timeline(), &entry).await;
    kept.command::<()>("HINCRBY", &at.totals(), &["t", "5"])
        .await;
    let told = [
        told(format!("{} {lost}", at.timeline()), "100", "nothing"),
        told(format!("{} {moved}", at.timeline()), "235", "-5"),
        told(
            at.totals(),
            "n=1700 m=170 t=1444150",
            "n=1700 m=170 t=1444155",
        ),
    ];
    for repair in [false, true] {
        let (verified, differences) = kept.verify(repair).await;
        assert_eq!(differences, expected(&told, repair));
        assert_eq!((verified.sessions, verified.unsettled), (1_700, 0));
    }
    assert_eq!(kept.audit().await, 1_700);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn learners_are_listed_in_order_page_by_page() {
    for kept in [Kept::redis(TINY).await, Kept::cluster(TINY).await] {
        let mut learners: Vec<LearnerId> = Vec::new();
        for _ in 0..8 {
            learners.push(studied(&kept).await.0.learner);
        }
        let erased = studied(&kept).await.0.learner;
        kept.store.erase(erased).await.unwrap();
        learners.sort();
        let (mut after, mut pages) = (None, Vec::new());
        loop {
            let page = kept.store.learners(after).await.unwrap();
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= 3, "{page:?}");
            after = page.last().copied();
            pages.extend(page);
        }
        assert_eq!(pages, learners);
        let last = uuid::Uuid::max().into();
        assert_eq!(kept.store.learners(Some(last)).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_user_may_not_do_is_named() {
    let redis = Redis::start(IN_MEMORY).await;
    for lacking in ["scan", "zscore"] {
        let user = format!("ACL SETUSER app reset on nopass {PERMISSIONS} -{lacking}");
        redis.ask::<()>(&user).await;
        let url = redis.url().replace("//", "//app:x@");
        let kept = Kept::on(
            &url,
            &redis_settings(&[]),
            Bounds::default(),
            Vec::new(),
            Box::new(()),
        )
        .await;
        studied(&kept).await;
        let Err(StoreError::Unexpected(error)) = kept.try_verify(false).await else {
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
async fn a_verification_that_nobody_listens_to_ends() {
    let kept = Kept::redis(TINY).await;
    for _ in 0..5 {
        studied(&kept).await;
    }
    let (events, told) = mpsc::channel(1);
    drop(told);
    let verified = kept.store.verify(true, events).await.unwrap();
    assert_eq!(verified, VerifyReport::default());
}
