//! The upkeep of the embedded store: what a test breaks in its tables is found, and mended under load.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rand::Rng;
use study_stats::domain::{Enrolment, LearnerId, OccurredAt, Record, SessionId, Stats};
use study_stats::store::StatsStore;
use study_stats::store::embedded::EmbeddedStore;
use study_stats::store::maintenance::{Difference, Maintenance, VerifyEvent, VerifyReport};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::support::faults::broken::{BROKEN, Student, TIMES, directory_of, open, plant};
use crate::support::faults::tables::change;
use crate::support::stores::history::stats;
use crate::support::stores::model::is_stored;
use crate::support::{eventually, id};

/// What a verification tells: its differences by their keys, and what it came to.
async fn verify(
    store: &dyn Maintenance,
    repair: bool,
) -> (BTreeMap<String, Difference>, VerifyReport) {
    let (events, mut told) = mpsc::channel(1);
    let (verified, differences) = tokio::join!(store.verify(repair, events), async {
        let mut differences = BTreeMap::new();
        while let Some(event) = told.recv().await {
            if let VerifyEvent::Difference(difference) = event {
                let former = differences.insert(difference.key.clone(), difference);
                assert!(former.is_none(), "{former:?} is told twice");
            }
        }
        differences
    });
    let verified = verified.unwrap();
    assert_eq!(verified.differences, differences.len() as u64);
    let mended = differences.values().filter(|difference| difference.mended);
    assert_eq!(verified.mended, mended.count() as u64);
    (differences, verified)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verification_finds_exactly_what_is_broken_and_a_repair_mends_it() {
    let (directory, students) = directory_of(BROKEN + 5).await;
    assert_eq!(
        verify(&open(directory.path()), false).await.0,
        BTreeMap::new()
    );
    let planted = change(directory.path(), |tables| plant(tables, &students));
    let store = open(directory.path());
    for repair in [false, true] {
        let (found, verified) = verify(&store, repair).await;
        let told = found
            .iter()
            .map(|(key, one)| (key.clone(), [one.expected.clone(), one.found.clone()]));
        assert_eq!(told.collect::<BTreeMap<_, _>>(), planted);
        assert!(found.values().all(|one| one.mended == repair));
        assert_eq!(verified.sessions, students.len() as u64 * 3);
        assert_eq!(verified.is_well(), repair);
    }
    assert_eq!(verify(&store, false).await.0, BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_cannot_be_read_is_told_and_nothing_of_it_is_touched() {
    let (directory, students) = directory_of(2).await;
    let student = students[0];
    let (learner, course, session) = (student.learner, student.course, student.sessions[2]);
    let key = (learner.as_u128(), course.as_u128(), session.as_u128());
    change(directory.path(), |tables| {
        let row = (f64::NAN, -2.25, 1e12, TIMES[2], 0);
        tables.sessions.insert(key, row).unwrap();
    });
    let store = open(directory.path());
    for repair in [false, true, false] {
        let (found, verified) = verify(&store, repair).await;
        let expected = Difference {
            key: format!("sessions[{learner}, {course}, {session}]"),
            expected: "numbers in range".into(),
            found: "modules NaN, score -2.25, time 1000000000000, o 3000, d 0".into(),
            mended: false,
        };
        assert_eq!(found.into_values().collect::<Vec<_>>(), [expected]);
        assert!(!verified.is_well());
    }
    let totals = store
        .totals(Enrolment::new(learner, course))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(totals.sessions, 3);
}

/// Writers that record, replace and forget sessions of one student each, until they are stopped.
struct Writers {
    tasks: JoinSet<(Student, HashMap<SessionId, Option<Stats>>)>,
    writes: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Writers {
    fn start(store: &Arc<EmbeddedStore>, students: &[Student]) -> Self {
        let (writes, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let tasks = students
            .iter()
            .map(|student| {
                write(
                    Arc::clone(store),
                    *student,
                    Arc::clone(&writes),
                    Arc::clone(&stop),
                )
            })
            .collect();
        Self {
            tasks,
            writes,
            stop,
        }
    }

    fn count(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    async fn go_on(&self, writes: u64) {
        let goal = self.count() + writes;
        eventually("writes go on", || async {
            (self.count() >= goal).then_some(())
        })
        .await;
    }

    /// Ends them, and asserts that no write was lost.
    async fn stop(mut self, store: &EmbeddedStore) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(written) = self.tasks.join_next().await {
            let (student, sessions) = written.unwrap();
            for (session, stats) in sessions {
                let stored = store
                    .session(Enrolment::new(student.learner, student.course), session)
                    .await;
                assert_eq!(stored.unwrap().map(|stored| stored.stats), stats);
            }
        }
    }
}

async fn write(
    store: Arc<EmbeddedStore>,
    student: Student,
    writes: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
) -> (Student, HashMap<SessionId, Option<Stats>>) {
    let mut written: HashMap<_, _> = student
        .records()
        .map(|record| (record.session, Some(record.stats)))
        .collect();
    let mut time = 10_000;
    while !stop.load(Ordering::Relaxed) {
        let (is_new, forgets, number) = {
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
        if forgets && !is_new {
            let forgotten =
                store.delete_session(Enrolment::new(student.learner, student.course), session);
            forgotten.await.unwrap();
            written.insert(session, None);
        } else {
            time += 1;
            let stats = stats(number, -number, 1e3 * number);
            let record = Record {
                enrolment: Enrolment::new(student.learner, student.course),
                session,
                stats,
                // Some before all others, some after.
                occurred_at: Some(OccurredAt::from_utc_millis(if is_new && time % 2 == 0 {
                    -time
                } else {
                    time
                })),
            };
            let outcome = store.record(&record).await.unwrap();
            assert!(is_stored(outcome));
            written.insert(session, Some(stats));
        }
        writes.fetch_add(1, Ordering::Relaxed);
    }
    (student, written)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_happen_meanwhile_are_no_differences() {
    let (directory, students) = directory_of(16).await;
    let store = Arc::new(open(directory.path()));
    let writers = Writers::start(&store, &students);
    for repair in [false, true].repeat(5) {
        let before = writers.count();
        while writers.count() < before + 100 {
            assert_eq!(verify(&*store, repair).await.0, BTreeMap::new());
        }
    }
    writers.stop(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_under_load_mends_everything_and_loses_no_write() {
    for _ in 0..5 {
        let (directory, students) = directory_of(BROKEN + 5).await;
        let planted = change(directory.path(), |tables| plant(tables, &students));
        let store = Arc::new(open(directory.path()));
        let writers = Writers::start(&store, &students);
        writers.go_on(20).await;
        let (found, verified) = verify(&*store, true).await;
        assert!(verified.is_well(), "{found:#?}");
        // A write may have mended what is of its own course, or moved what is wrong with it.
        assert!(found.len() >= planted.len() / 2);
        writers.go_on(20).await;
        assert_eq!(verify(&*store, false).await.0, BTreeMap::new());
        writers.stop(&store).await;
        assert_eq!(verify(&*store, false).await.0, BTreeMap::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verification_ends_where_nobody_listens() {
    let (directory, students) = directory_of(BROKEN + 5).await;
    change(directory.path(), |tables| plant(tables, &students));
    let store = open(directory.path());
    let (events, told) = mpsc::channel(1);
    drop(told);
    let verified = store.verify(true, events).await.unwrap();
    assert!(verified.differences <= 1, "{verified:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_learners_are_walked_through_in_order() {
    let (directory, students) = directory_of(2_100).await;
    let store = open(directory.path());
    let mut walked: Vec<LearnerId> = Vec::new();
    loop {
        let some = store.learners(walked.last().copied()).await.unwrap();
        if some.is_empty() {
            break;
        }
        walked.extend(some);
    }
    let learners: BTreeSet<_> = students.iter().map(|student| student.learner).collect();
    assert_eq!(walked, learners.into_iter().collect::<Vec<_>>());
    let last = LearnerId::parse("ffffffff-ffff-ffff-ffff-ffffffffffff").unwrap();
    assert_eq!(store.learners(Some(last)).await.unwrap(), []);
}
