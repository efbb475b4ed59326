//! An erasure beside concurrent records, on both stores.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use study_stats::domain::{CourseId, Enrolment, LearnerId, SessionId};
use tokio::task::JoinSet;

use crate::for_both_stores;
use crate::support::api::{Api, Client, at, body};
use crate::support::stores::fixture::Fixture;
use crate::support::stores::history::recount;
use crate::support::stores::walk::all_sessions;
use crate::support::{eventually, id};

for_both_stores!(an_erasure_deletes_all_earlier_records_and_no_later_record,);

/// A point in time, by the monotonic clock and by the wall clock.
#[derive(Clone, Copy)]
struct Moment {
    instant: Instant,
    millis: u128,
}

impl Moment {
    fn now() -> Self {
        let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        Self {
            instant: Instant::now(),
            millis: since_epoch.as_millis(),
        }
    }
}

/// A record that a client posted, and its status.
struct Attempt {
    course: CourseId,
    session: SessionId,
    /// `occurredAt` in ms since 1970; `None` for a record without a time.
    occurred: Option<u128>,
    begun: Instant,
    done: Instant,
    status: u16,
}

/// Posts records until `stop`: of now, without a time, of long ago, in turns.
async fn write(
    client: Client,
    learner: LearnerId,
    courses: [CourseId; 2],
    stored: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for turn in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let (course, mut body) = (courses[turn % 2], body(turn, 0.1, 0.7));
        let begun = Moment::now();
        let occurred = [Some(begun.millis), None, Some(1_000)][turn % 3];
        if let Some(millis) = occurred {
            let time = SystemTime::UNIX_EPOCH + Duration::from_millis(millis.try_into().unwrap());
            body = at(&body, &humantime::format_rfc3339_millis(time).to_string());
        }
        let answer = client
            .post(&learner.to_string(), &course.to_string(), &body)
            .await;
        if answer.status == 201 {
            stored.fetch_add(1, Ordering::Relaxed);
        }
        attempts.push(Attempt {
            course,
            session: SessionId::parse(body["sessionId"].as_str().unwrap()).unwrap(),
            occurred,
            begun: begun.instant,
            done: Instant::now(),
            status: answer.status,
        });
    }
    attempts
}

async fn an_erasure_deletes_all_earlier_records_and_no_later_record(fixture: &Fixture) {
    const WRITERS: usize = 8;
    const ENOUGH: usize = 200;
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let (learner, courses, stop) = (id(), [id(), id()], Arc::new(AtomicBool::default()));
    let stored = Arc::new(AtomicUsize::default());
    let mut writers: JoinSet<_> = (0..WRITERS)
        .map(|_| {
            write(
                client.clone(),
                learner,
                courses,
                stored.clone(),
                stop.clone(),
            )
        })
        .collect();
    let reached = async |count| {
        let is_reached = || async { (stored.load(Ordering::Relaxed) >= count).then_some(()) };
        eventually("records are stored", is_reached).await;
    };
    reached(ENOUGH).await;
    let before = Moment::now();
    let erased = client.delete(&learner.to_string(), "/learner").await;
    let after = Moment::now();
    assert_eq!(erased.status, 204);
    reached(stored.load(Ordering::Relaxed) + ENOUGH).await;
    stop.store(true, Ordering::Relaxed);
    let mut attempts = Vec::new();
    while let Some(of_writer) = writers.join_next().await {
        attempts.extend(of_writer.unwrap());
    }

    let left = left(fixture, learner, courses).await;
    let (mut removed, mut kept) = (0, 0);
    for attempt in &attempts {
        let is_left = left.contains(&(attempt.course, attempt.session));
        let is_old = match attempt.occurred {
            Some(millis) => millis <= before.millis,
            None => attempt.done <= before.instant,
        };
        let is_new = attempt.begun >= after.instant
            && attempt.occurred.is_none_or(|millis| millis > after.millis);
        if is_old {
            assert!(!is_left, "a record from before the erasure is left");
            removed += 1;
            if attempt.begun >= after.instant {
                assert_eq!(attempt.status, 410);
            }
        } else if is_new {
            assert_eq!(attempt.status, 201);
            assert!(is_left, "a record from after the erasure is deleted");
            kept += 1;
        }
    }
    assert!(removed >= ENOUGH && kept > 0, "{removed}, {kept}");
}

/// The sessions left after the erasure. Asserts that the totals equal their recount.
async fn left(
    fixture: &Fixture,
    learner: LearnerId,
    courses: [CourseId; 2],
) -> HashSet<(CourseId, SessionId)> {
    let mut left = HashSet::new();
    for course in courses {
        let listed = all_sessions(&*fixture.store, learner, course).await;
        let totals = fixture
            .store
            .totals(Enrolment::new(learner, course))
            .await
            .unwrap();
        let stats = listed.iter().map(|listed| &listed.session.stats);
        assert_eq!(totals, Some(recount(stats)));
        left.extend(listed.iter().map(|listed| (course, listed.id)));
    }
    left
}
