//! Concurrent readers and writers of every store: lists during writes, deletes and erasures.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rand::random_range;
use study_stats::domain::{
    CourseId, DeleteOutcome, Enrolment, LearnerId, ListedSession, Outcome, Record, Slice, Span,
    Totals,
};
use study_stats::store::StatsStore;
use tokio::time::timeout;

use crate::for_every_store;
use crate::support::load::background::{Background, Progress};
use crate::support::stores::fixture::Fixture;
use crate::support::stores::history::{LATER, record, record_at, recount, stats};
use crate::support::stores::model::is_stored;
use crate::support::stores::walk;
use crate::support::{TIMEOUT, id, now};

for_every_store!(
    a_walk_sees_no_session_twice_and_misses_no_unmoved_session,
    a_walk_sees_no_course_twice_and_misses_no_unmoved_course,
    an_erasure_among_writers_ends_and_leaves_only_later_sessions,
    a_reader_sees_a_large_course_shrink_in_whole_steps,
);

/// Times of the listed sessions are between 0 and this value, in ms.
const WIDTH: i64 = 1_000;
/// Maximum number of sessions of a writer, so that the lists stay short.
const OWN: usize = 20;

async fn a_walk_sees_no_session_twice_and_misses_no_unmoved_session(fixture: &Fixture) {
    let store = &*fixture.store;
    let (learner, course) = (id(), id());
    let unmoved = (0..100).map(|_| record_at(learner, course, random_range(0..WIDTH)));
    let unmoved: Vec<_> = unmoved.collect();
    store.record_many(&unmoved).await;
    let writers = Background::start([(); 4], |(), progress| {
        change_sessions(Arc::clone(&fixture.store), progress, learner, course)
    });
    let narrow = Span {
        from: 100,
        last: 800,
    };
    // Small pages, with many writes between two pages, and large pages, with many moves within a page.
    for (span, limit) in [(Span::ALL, 7), (narrow, 60)].repeat(15) {
        let pages = walk::sessions(store, learner, course, span, limit).await;
        // A session that moved forward during the read of a page has the new time.
        let order =
            |listed: &ListedSession| (listed.session.occurred_at.millis, listed.id.as_u128());
        for page in &pages {
            assert!(page.is_sorted_by(|former, next| order(former) > order(next)));
        }
        let seen = pages.concat();
        let at = |millis: i64| (span.from..=span.last).contains(&millis);
        assert!(
            seen.iter()
                .all(|listed| at(listed.session.occurred_at.millis))
        );
        let ids: HashSet<_> = seen.iter().map(|listed| listed.id).collect();
        assert_eq!(ids.len(), seen.len(), "one was seen twice");
        let unmoved_in_span = unmoved
            .iter()
            .filter(|recorded| at(recorded.occurred_at.unwrap().millis));
        assert!(unmoved_in_span.clone().count() > 0);
        assert!(
            unmoved_in_span
                .clone()
                .all(|recorded| ids.contains(&recorded.session))
        );
    }
    writers.stop().await;
}

/// Records sessions at any time, moves sessions forward, and deletes sessions.
async fn change_sessions(
    store: Arc<dyn StatsStore>,
    progress: Arc<Progress>,
    learner: LearnerId,
    course: CourseId,
) {
    let mut own: Vec<Record> = Vec::new();
    while !progress.is_stopped() {
        if own.len() < OWN {
            own.push(record_at(learner, course, random_range(0..WIDTH)));
        } else if random_range(0..3) == 0 {
            let deleted = own.swap_remove(random_range(0..OWN));
            let delete = store
                .delete_session(Enrolment::new(learner, course), deleted.session)
                .await;
            assert_eq!(delete.unwrap(), DeleteOutcome::Deleted);
            continue;
        } else {
            let moved = own.swap_remove(random_range(0..OWN));
            let millis = moved.occurred_at.unwrap().millis + random_range(0..WIDTH / 5);
            own.push(Record {
                session: moved.session,
                ..record_at(learner, course, millis)
            });
        }
        let outcome = store.record(own.last().unwrap()).await;
        assert!(is_stored(outcome.unwrap()));
    }
}

async fn a_walk_sees_no_course_twice_and_misses_no_unmoved_course(fixture: &Fixture) {
    let store = &*fixture.store;
    let learner = id();
    let unmoved = (0..50).map(|_| record_at(learner, id(), random_range(0..WIDTH)));
    let unmoved: Vec<_> = unmoved.collect();
    store.record_many(&unmoved).await;
    let writers = Background::start([(); 4], |(), progress| {
        change_courses(Arc::clone(&fixture.store), progress, learner)
    });
    for _ in 0..12 {
        let seen = walk::courses(store, learner, 7).await.concat();
        let ids: HashSet<_> = seen.iter().map(|listed| listed.id).collect();
        assert_eq!(ids.len(), seen.len(), "one was seen twice");
        assert!(
            unmoved
                .iter()
                .all(|recorded| ids.contains(&recorded.enrolment.course))
        );
    }
    writers.stop().await;
}

/// Records first and later sessions of courses, so that courses move forward, and deletes courses.
async fn change_courses(store: Arc<dyn StatsStore>, progress: Arc<Progress>, learner: LearnerId) {
    let mut own: Vec<Record> = Vec::new();
    while !progress.is_stopped() {
        if own.len() < OWN {
            own.push(record_at(learner, id(), random_range(0..WIDTH)));
        } else if random_range(0..3) == 0 {
            let deleted = own.swap_remove(random_range(0..OWN));
            let delete = store
                .delete_course(Enrolment::new(learner, deleted.enrolment.course))
                .await;
            assert_eq!(delete.unwrap(), DeleteOutcome::Deleted);
            continue;
        } else {
            let latest = own.swap_remove(random_range(0..OWN));
            let millis = latest.occurred_at.unwrap().millis + random_range(0..WIDTH / 5);
            own.push(record_at(learner, latest.enrolment.course, millis));
        }
        let outcome = store.record(own.last().unwrap()).await;
        assert!(is_stored(outcome.unwrap()));
    }
}

async fn an_erasure_among_writers_ends_and_leaves_only_later_sessions(fixture: &Fixture) {
    let store = &*fixture.store;
    let learner = id();
    let courses: Vec<CourseId> = (0..3).map(|_| id()).collect();
    let of_all_courses = |millis: i64| {
        courses
            .iter()
            .map(move |&course| record_at(learner, course, millis))
    };
    let before: Vec<_> = (0..300).flat_map(of_all_courses).collect();
    let ahead: Vec<_> = (0..150)
        .flat_map(|turn| of_all_courses(LATER + turn))
        .collect();
    for outcome in store.record_many(&[&before[..], &ahead].concat()).await {
        assert_eq!(outcome.unwrap(), Outcome::Created);
    }
    let shares = before.chunks(before.len() / 9);
    let writers = Background::start(shares, |share, progress| {
        write_on(Arc::clone(&fixture.store), progress, share.to_vec())
    });

    let start = now();
    let erasure = timeout(TIMEOUT, store.erase(learner)).await;
    erasure.unwrap().unwrap();
    for record in writers.stop().await.into_iter().flatten() {
        let session = store
            .session(
                Enrolment::new(learner, record.enrolment.course),
                record.session,
            )
            .await;
        assert_eq!(session.unwrap().unwrap().stats, record.stats);
    }
    let ahead: HashSet<_> = ahead.into_iter().map(|recorded| recorded.session).collect();
    for &course in &courses {
        let left = walk::sessions(store, learner, course, Span::ALL, 500).await;
        for listed in left.concat() {
            assert!(listed.session.occurred_at.millis > start);
            assert!(!ahead.contains(&listed.id), "it was there before");
        }
    }
}

/// Number of records ahead, so that each is later than those before.
static TURN: AtomicI64 = AtomicI64::new(0);

/// Records sessions of all kinds until the stop, and 20 more. Returns the acknowledged records after
/// the stop, one per session.
async fn write_on(
    store: Arc<dyn StatsStore>,
    progress: Arc<Progress>,
    before: Vec<Record>,
) -> Vec<Record> {
    let (mut acknowledged, mut left) = (Vec::new(), 20);
    while left > 0 {
        let former = before[random_range(0..before.len())];
        let (learner, course) = (former.enrolment.learner, former.enrolment.course);
        let number = f64::from(random_range(0..1_000_u32)) / 7.0;
        let current = record(learner, course, stats(number, -number, number));
        let early = record_at(learner, course, random_range(0..WIDTH));
        let record = match random_range(0..4) {
            0 => current,
            1 => record_at(
                learner,
                course,
                LATER + WIDTH + TURN.fetch_add(1, Ordering::Relaxed),
            ),
            2 => early,
            // A former session, with the current time.
            _ => Record {
                session: former.session,
                ..current
            },
        };
        let is_over = progress.is_stopped();
        left -= usize::from(is_over);
        let outcome = store.record(&record).await.unwrap();
        if record == early {
            assert!(!is_over || outcome == Outcome::Erased);
            continue;
        }
        // The erasure covers every session of the learner, those ahead too: an earlier turn may arrive late.
        if !is_over && outcome == Outcome::Erased && record.occurred_at.is_some() {
            continue;
        }
        assert!(is_stored(outcome));
        if is_over {
            acknowledged.retain(|acknowledged: &Record| acknowledged.session != record.session);
            acknowledged.push(record);
        }
    }
    acknowledged
}

async fn a_reader_sees_a_large_course_shrink_in_whole_steps(fixture: &Fixture) {
    const SESSIONS: usize = 2_500;
    let store = &*fixture.store;
    let (learner, course) = (id(), id());
    // As many digits as the store counts: sums of a step have more digits than a double.
    let number = 0.987_654_321_098_765;
    let recorded = stats(number, -number, number);
    let records = (0..SESSIONS).map(|_| record(learner, course, recorded));
    let records: Vec<_> = records.collect();
    store.record_many(&records).await;
    // Totals by number of sessions.
    let mut sums = vec![Totals::default()];
    for count in 0..SESSIONS {
        sums.push(sums[count] + recount([&recorded]));
    }
    let sums_of = |totals: Totals| sums[usize::try_from(totals.sessions).unwrap()];

    let reading = async {
        let mut seen = Vec::new();
        loop {
            let (totals, summary, courses) = tokio::join!(
                store.totals(Enrolment::new(learner, course)),
                store.summary(course),
                store.courses(learner, Slice::first(1)),
            );
            if let Some(summary) = summary.unwrap() {
                assert_eq!(summary.learners, 1);
                assert_eq!(summary.totals, sums_of(summary.totals));
            }
            for listed in courses.unwrap().items {
                assert_eq!(listed.totals, sums_of(listed.totals));
            }
            let Some(totals) = totals.unwrap() else {
                return seen;
            };
            assert_eq!(totals, sums_of(totals));
            seen.push(totals.sessions);
        }
    };
    let (delete, seen) = tokio::join!(
        store.delete_course(Enrolment::new(learner, course)),
        reading
    );
    assert_eq!(delete.unwrap(), DeleteOutcome::Deleted);
    assert!(seen.is_sorted_by(|former, next| former >= next));
    let part = 1..SESSIONS as u64;
    assert!(seen.iter().any(|sessions| part.contains(sessions)));
}
