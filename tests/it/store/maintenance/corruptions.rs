//! Each corruption of the table is reported once and repaired, on every store and topology.

use std::sync::Arc;

use study_stats::store::maintenance::{Difference, VerifyReport};
use study_stats::store::redis::Bounds;

use crate::support::faults::corruptions::{
    Corruption, Place, SESSIONS, Sample, of_every_store, of_redis,
};
use crate::support::faults::{corrupt_keys, corrupt_rows};
use crate::support::stores::fixture::open_embedded;
use crate::support::stores::maintenance;
use crate::support::stores::redis_fixture::{RedisFixture, TINY};
use crate::support::stores::tables::change;
use crate::support::stores::topology::Topology;

/// Number of enrolments without corruptions.
const SOUND: usize = 5;

/// Differences of corruptions as verify reports them: sorted by key, repaired or not.
fn reported(
    corrupted: &[(Corruption, Sample)],
    name: fn(&Sample, Place) -> String,
    repaired: bool,
) -> Vec<Difference> {
    let differences = corrupted.iter().flat_map(|(corruption, sample)| {
        let differences = corruption.differences.iter();
        differences.map(|(place, expected, found)| Difference {
            key: name(sample, *place),
            expected: (*expected).into(),
            found: (*found).into(),
            repaired,
        })
    });
    let mut differences: Vec<_> = differences.collect();
    differences.sort_by_key(|difference| difference.key.clone());
    differences
}

/// Report of a verification of all samples with a number of differences.
fn report(samples: usize, differences: usize, repaired: bool) -> VerifyReport {
    let differences = differences as u64;
    VerifyReport {
        sessions: samples as u64 * SESSIONS,
        differences,
        repaired: if repaired { differences } else { 0 },
        unsettled: 0,
    }
}

/// Gives each corruption a sample of its own; `enrolled` are the samples with sessions.
fn assigned(corruptions: Vec<Corruption>, enrolled: Vec<Sample>) -> Vec<(Corruption, Sample)> {
    let mut enrolled = enrolled.into_iter();
    let corruptions = corruptions.into_iter().map(|corruption| {
        let sample = match corruption.is_enrolled {
            true => enrolled.next().unwrap(),
            false => Sample::new(),
        };
        (corruption, sample)
    });
    corruptions.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_corruption_is_reported_once_and_repaired_in_the_embedded_store() {
    let directory = tempfile::tempdir().unwrap();
    let corruptions = of_every_store();
    let count = corruptions.len() + SOUND;
    let store = open_embedded(directory.path());
    let samples = Sample::store(&store, count).await;
    let sound = maintenance::verify(&store, false).await.unwrap();
    assert_eq!(sound, (report(count, 0, false), vec![]));
    drop(store);

    let corrupted = assigned(corruptions, samples);
    change(directory.path(), |tables| {
        for (corruption, sample) in &corrupted {
            corrupt_rows::corrupt(tables, sample, corruption.place, corruption.action);
        }
    });
    let store = open_embedded(directory.path());
    for repair in [false, false, true] {
        let expected = reported(&corrupted, corrupt_rows::name, repair);
        let (found, differences) = maintenance::verify(&store, repair).await.unwrap();
        assert_eq!(differences, expected);
        assert_eq!(found, report(count, expected.len(), repair));
    }
    let repaired = maintenance::verify(&store, false).await.unwrap();
    assert_eq!(repaired, (report(count, 0, false), vec![]));
    crate::support::audit::embedded::audit(directory.path());
}

async fn each_corruption_is_reported_once_and_repaired(fixture: &RedisFixture) {
    let corruptions = [of_every_store(), of_redis()].concat();
    let count = corruptions.len() + SOUND;
    let samples = Sample::store(&*Arc::clone(&fixture.store), count).await;
    assert_eq!(
        fixture.verify(false).await,
        (report(count, 0, false), vec![])
    );

    let corrupted = assigned(corruptions, samples);
    for (corruption, sample) in &corrupted {
        corrupt_keys::corrupt(fixture, sample, corruption.place, corruption.action).await;
    }
    for repair in [false, false, true] {
        let expected = reported(&corrupted, corrupt_keys::name, repair);
        let (found, differences) = fixture.verify(repair).await;
        assert_eq!(differences, expected);
        assert_eq!(found, report(count, expected.len(), repair));
    }
    assert_eq!(
        fixture.verify(false).await,
        (report(count, 0, false), vec![])
    );
    assert_eq!(fixture.audit().await as u64, count as u64 * SESSIONS);
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
on!(each_corruption_is_reported_once_and_repaired_in_small_pages: redis, TINY);
on!(each_corruption_is_reported_once_and_repaired_in_a_cluster: cluster, Bounds::default());
on!(each_corruption_is_reported_once_and_repaired_in_a_cluster_in_small_pages: cluster, TINY);
on!(each_corruption_is_reported_once_and_repaired_with_least_permissions: secured, Bounds::default());
on!(each_corruption_is_reported_once_and_repaired_with_sentinels: sentinel, Bounds::default());
on!(each_corruption_is_reported_once_and_repaired_with_replicas: replicated, Bounds::default());
