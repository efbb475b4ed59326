//! Deletes longer than the request timeout, on both stores: a delete runs in steps, the totals equal a
//! recount after every step, and a repeated request resumes the delete.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use study_stats::domain::{CourseId, Enrolment, LearnerId, Stats};
use study_stats::store::StatsStore;

use crate::for_both_stores;
use crate::support::api::{Api, Settings, assert_error, at, body};
use crate::support::stores::fixture::Fixture;
use crate::support::stores::history::{record, recount, stats};
use crate::support::stores::walk::all_sessions;
use crate::support::{TIMEOUT, id};

for_both_stores!(
    a_large_course_is_deleted_in_steps,
    a_learner_with_large_courses_is_erased_in_steps,
);

/// The numbers of each of thousands of sessions: the number of sessions determines the totals.
fn each() -> Stats {
    stats(1.0, 7.5, 0.1)
}

async fn fill(store: &Arc<dyn StatsStore>, learner: LearnerId, course: CourseId, sessions: usize) {
    let records: Vec<_> = (0..sessions)
        .map(|_| record(learner, course, each()))
        .collect();
    for batch in records.chunks(1_000) {
        for outcome in store.record_many(batch).await {
            outcome.unwrap();
        }
    }
}

/// Repeats a DELETE until a request ends before its timeout, with `check` after each timeout. Returns the
/// number of timeouts and the last status.
async fn delete_in_steps(
    store: &Arc<dyn StatsStore>,
    learner: LearnerId,
    path: &str,
    check: impl AsyncFn(),
) -> (u32, u16) {
    let settings = Settings {
        request_timeout: Duration::from_millis(20),
        ..Settings::default()
    };
    let api = Api::serve_with(store.clone(), settings).await;
    let start = Instant::now();
    let mut repeats = 0;
    loop {
        let answer = api.client.delete(&learner.to_string(), path).await;
        if answer.status != 503 {
            return (repeats, answer.status);
        }
        assert_error(&answer, 503, "request timeout", "request_timeout");
        assert_eq!(answer.header("retry-after"), Some("1"));
        check().await;
        repeats += 1;
        assert!(start.elapsed() < TIMEOUT, "{repeats} times in vain");
    }
}

/// Asserts that totals and summary equal a recount of the sessions, between two steps of the delete. Returns
/// the number of sessions.
async fn assert_consistent(store: &dyn StatsStore, learner: LearnerId, course: CourseId) -> usize {
    let start = Instant::now();
    loop {
        let before = store.totals(Enrolment::new(learner, course)).await.unwrap();
        let left = all_sessions(store, learner, course).await;
        let summary = store.summary(course).await.unwrap();
        if store.totals(Enrolment::new(learner, course)).await.unwrap() == before {
            let expected = Some(recount(left.iter().map(|listed| &listed.session.stats)))
                .filter(|totals| totals.sessions > 0);
            assert_eq!(before, expected);
            assert_eq!(summary.map(|summary| summary.totals), expected);
            assert_eq!(summary.map(|summary| summary.learners), expected.map(|_| 1));
            return left.len();
        }
        assert!(start.elapsed() < TIMEOUT);
    }
}

/// Asserts until `stop` that the totals are the totals of a number of sessions which never increases.
async fn watch(
    store: Arc<dyn StatsStore>,
    learner: LearnerId,
    course: CourseId,
    stop: Arc<AtomicBool>,
) {
    let (each, mut last) = (each(), u64::MAX);
    while !stop.load(Ordering::Relaxed) {
        let totals = store
            .totals(Enrolment::new(learner, course))
            .await
            .unwrap()
            .unwrap_or_default();
        let expected = recount((0..totals.sessions).map(|_| &each));
        assert_eq!(totals, expected);
        assert!(totals.sessions <= last);
        last = totals.sessions;
    }
}

async fn a_large_course_is_deleted_in_steps(fixture: &Fixture) {
    const SESSIONS: usize = 10_000;
    let (store, learner, course) = (&fixture.store, id(), id());
    fill(store, learner, course, SESSIONS).await;
    let stop = Arc::default();
    let watcher = tokio::spawn(watch(store.clone(), learner, course, Arc::clone(&stop)));
    let path = format!("/courses/{course}");
    let (repeats, status) = delete_in_steps(store, learner, &path, async || {
        assert_consistent(&**store, learner, course).await;
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    watcher.await.unwrap();
    assert!(repeats > 0, "{SESSIONS} sessions are deleted at once");
    // 404 after a last step that ended together with the timeout of its request.
    assert!(status == 204 || status == 404, "{status}");
    assert_eq!(assert_consistent(&**store, learner, course).await, 0);
}

async fn a_learner_with_large_courses_is_erased_in_steps(fixture: &Fixture) {
    let (store, learner, courses) = (&fixture.store, id(), [id(), id()]);
    for course in courses {
        fill(store, learner, course, 4_000).await;
    }
    let late = at(&body(1, 2, 3), "2020-01-01T00:00:00Z");
    let Api { client, .. } = &Api::serve(store.clone()).await;
    let (repeats, status) = delete_in_steps(store, learner, "/learner", async || {
        for course in courses {
            assert_consistent(&**store, learner, course).await;
            let answer = client
                .post(&learner.to_string(), &course.to_string(), &late)
                .await;
            assert_eq!(answer.status, 410);
        }
    })
    .await;
    assert!(repeats > 0);
    assert_eq!(status, 204);
    for course in courses {
        assert_eq!(assert_consistent(&**store, learner, course).await, 0);
    }
}
