//! Verify and repair of the embedded store: unreadable sessions, and under load.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use rand::Rng;
use study_stats::domain::{LearnerId, OccurredAt, Record, SessionId, Stats};
use study_stats::store::StatsStore;
use study_stats::store::embedded::EmbeddedStore;
use study_stats::store::maintenance::{Difference, Maintenance};
use tokio::sync::mpsc;

use crate::support::faults::corrupt_rows::corrupt;
use crate::support::faults::corruptions::{Action, Sample, of_every_store};
use crate::support::id;
use crate::support::load::background::{Background, Progress};
use crate::support::stores::fixture::open_embedded;
use crate::support::stores::history::stats;
use crate::support::stores::maintenance::verify;
use crate::support::stores::model::is_stored;
use crate::support::stores::tables::change;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_session_is_reported_and_left_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let samples = Sample::store(&open_embedded(directory.path()), 2).await;
    let (enrolment, session) = (samples[0].enrolment, samples[0].sessions[2]);
    let (learner, course) = (enrolment.learner, enrolment.course);
    let key = (learner.as_u128(), course.as_u128(), session.as_u128());
    change(directory.path(), |tables| {
        let row = (f64::NAN, -2.25, 1e12, 3_000, 0, &[][..]);
        tables.sessions.insert(key, row).unwrap();
    });
    let store = open_embedded(directory.path());
    for repair in [false, true, false] {
        let (verified, found) = verify(&store, repair).await.unwrap();
        let expected = Difference {
            key: format!("sessions[{learner}, {course}, {session}]"),
            expected: "a session".into(),
            found: "m=NaN s=-2.25 t=1000000000000 o=3000 d=0".into(),
            repaired: false,
        };
        assert_eq!(found, [expected]);
        assert!(!verified.is_consistent());
    }
    let totals = store.totals(enrolment).await.unwrap().unwrap();
    assert_eq!(totals.sessions, 3);
}

/// Creates a store with a corruption in each of some enrolments, which writers can write to. Returns the
/// enrolments, and the number of corruptions.
async fn corrupted(directory: &Path) -> (Vec<Sample>, usize) {
    let corruptions = of_every_store().into_iter();
    let corruptions: Vec<_> = corruptions
        .filter(|corruption| {
            corruption.is_enrolled && !matches!(corruption.action, Action::Text(_))
        })
        .collect();
    let samples = Sample::store(&open_embedded(directory), corruptions.len() + 5).await;
    change(directory, |tables| {
        for (corruption, sample) in corruptions.iter().zip(&samples) {
            corrupt(tables, sample, corruption.place, corruption.action);
        }
    });
    (samples, corruptions.len())
}

/// Sessions of a writer, with `None` for a deleted session.
type Written = HashMap<SessionId, Option<Stats>>;

/// Background writers that record, replace and delete sessions, each of one enrolment.
type Writers = Background<(Sample, Written)>;

fn start_writers(store: &Arc<EmbeddedStore>, samples: &[Sample]) -> Writers {
    Background::start(samples.to_vec(), |sample, progress| {
        write(Arc::clone(store), sample, progress)
    })
}

/// Stops the writers, and asserts that no write was lost.
async fn stop_writers(writers: Writers, store: &EmbeddedStore) {
    for (sample, sessions) in writers.stop().await {
        for (session, stats) in sessions {
            let stored = store.session(sample.enrolment, session).await;
            assert_eq!(stored.unwrap().map(|stored| stored.stats), stats);
        }
    }
}

async fn write(
    store: Arc<EmbeddedStore>,
    sample: Sample,
    progress: Arc<Progress>,
) -> (Sample, Written) {
    let mut written: Written = sample
        .records()
        .map(|record| (record.session, Some(record.stats)))
        .collect();
    let mut time = 10_000;
    while !progress.is_stopped() {
        let (is_new, is_deletion, number) = {
            let random = &mut rand::rng();
            (
                random.random_bool(0.5),
                random.random_bool(0.4),
                random.random(),
            )
        };
        let session = if is_new {
            id()
        } else {
            *written.keys().next().unwrap()
        };
        if is_deletion && !is_new {
            let delete = store.delete_session(sample.enrolment, session);
            delete.await.unwrap();
            written.insert(session, None);
        } else {
            time += 1;
            let stats = stats(number, -number, 1e3 * number);
            // Some before all other sessions, some after.
            let millis = if is_new && time % 2 == 0 { -time } else { time };
            let at = OccurredAt::from_utc_millis(millis);
            let record = Record::new(sample.enrolment, session, stats, Some(at));
            let outcome = store.record(&record).await.unwrap();
            assert!(is_stored(outcome));
            written.insert(session, Some(stats));
        }
        progress.step();
    }
    (sample, written)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writes_are_no_differences() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(open_embedded(directory.path()));
    let samples = Sample::store(&*store, 16).await;
    let writers = start_writers(&store, &samples);
    for repair in [false, true].repeat(5) {
        let before = writers.steps();
        while writers.steps() < before + 100 {
            assert_eq!(verify(&*store, repair).await.unwrap().1, []);
        }
    }
    stop_writers(writers, &store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_under_load_corrects_every_difference_and_loses_no_write() {
    for _ in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let (samples, corrupted) = corrupted(directory.path()).await;
        let store = Arc::new(open_embedded(directory.path()));
        let writers = start_writers(&store, &samples);
        writers.wait_for_steps(20).await;
        let (verified, found) = verify(&*store, true).await.unwrap();
        assert!(verified.is_consistent(), "{found:#?}");
        // A write may have repaired a row of the course, or changed the difference.
        assert!(found.len() >= corrupted / 2);
        writers.wait_for_steps(20).await;
        assert_eq!(verify(&*store, false).await.unwrap().1, []);
        stop_writers(writers, &store).await;
        assert_eq!(verify(&*store, false).await.unwrap().1, []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verification_without_a_receiver_is_cancelled() {
    let directory = tempfile::tempdir().unwrap();
    corrupted(directory.path()).await;
    let store = open_embedded(directory.path());
    let (events, reported) = mpsc::channel(1);
    drop(reported);
    let verified = store.verify(true, events).await.unwrap();
    assert!(verified.differences <= 1, "{verified:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_learners_are_listed_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_embedded(directory.path());
    let samples = Sample::store(&store, 2_100).await;
    let mut walked: Vec<LearnerId> = Vec::new();
    loop {
        let some = store.learners(walked.last().copied()).await.unwrap();
        if some.is_empty() {
            break;
        }
        walked.extend(some);
    }
    let learners: BTreeSet<_> = samples
        .iter()
        .map(|sample| sample.enrolment.learner)
        .collect();
    assert_eq!(walked, learners.into_iter().collect::<Vec<_>>());
    let last = LearnerId::parse("ffffffff-ffff-ffff-ffff-ffffffffffff").unwrap();
    assert_eq!(store.learners(Some(last)).await.unwrap(), []);
}
