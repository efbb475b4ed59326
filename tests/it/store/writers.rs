//! Concurrent writers to a session, a course or many courses: every write counts, to the last digit.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use study_stats::domain::{CourseId, Enrolment, LearnerId, Outcome, Record, Stats};

use crate::for_every_store;
use crate::support::id;
use crate::support::stores::fixture::Fixture;
use crate::support::stores::history::{record, recount, stats};
use crate::support::stores::model::is_stored;

for_every_store!(
    twenty_identical_concurrent_records_count_once,
    sixty_four_writers_on_one_session,
    sixty_four_writers_on_one_course,
    sixty_four_writers_on_many_courses,
    a_reader_never_sees_a_replacement_half_done,
);

async fn twenty_identical_concurrent_records_count_once(fixture: &Fixture) {
    let store = &fixture.store;
    let record = record(id(), id(), stats(3.0, 7.5, 2.0));
    let outcomes = join_all((0..20).map(|_| store.record(&record))).await;
    let outcomes: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    let count = |of| outcomes.iter().filter(|outcome| **outcome == of).count();
    assert_eq!((count(Outcome::Created), count(Outcome::Replaced)), (1, 19));
    let totals = store.totals(record.enrolment).await.unwrap();
    assert_eq!(totals, Some(recount([&record.stats])));
}

/// 64 writers with 20 records each, from `make`. Returns all records.
async fn sixty_four_writers(
    fixture: &Fixture,
    make: impl Fn(usize, usize) -> Record,
) -> Vec<Record> {
    let tasks = (0..64).map(|writer| {
        let records: Vec<_> = (0..20).map(|turn| make(writer, turn)).collect();
        let store = Arc::clone(&fixture.store);
        tokio::spawn(async move {
            for record in &records {
                assert!(is_stored(store.record(record).await.unwrap()));
            }
            records
        })
    });
    join_all(tasks)
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect()
}

fn numbered(writer: usize, turn: usize) -> Stats {
    let number = writer as f64 + turn as f64 / 10.0;
    stats(number, -number, 1_000.0 * number)
}

async fn sixty_four_writers_on_one_session(fixture: &Fixture) {
    let recorded = record(id(), id(), stats(0.0, 0.0, 0.0));
    let records = sixty_four_writers(fixture, |writer, turn| Record {
        stats: numbered(writer, turn),
        ..recorded
    })
    .await;
    // The last record wins: the stored session is a record of a writer, and the totals equal the stored
    // session.
    let stored = fixture
        .store
        .session(recorded.enrolment, recorded.session)
        .await
        .unwrap()
        .unwrap();
    assert!(records.iter().any(|record| record.stats == stored.stats));
    let totals = fixture.store.totals(recorded.enrolment).await.unwrap();
    assert_eq!(totals, Some(recount([&stored.stats])));
}

async fn sixty_four_writers_on_one_course(fixture: &Fixture) {
    let (learner, course) = (id(), id());
    let records = sixty_four_writers(fixture, |writer, turn| {
        record(learner, course, numbered(writer, turn))
    })
    .await;
    let totals = fixture
        .store
        .totals(Enrolment::new(learner, course))
        .await
        .unwrap();
    assert_eq!(
        totals,
        Some(recount(records.iter().map(|record| &record.stats)))
    );
}

async fn sixty_four_writers_on_many_courses(fixture: &Fixture) {
    let learners: Vec<LearnerId> = (0..8).map(|_| id()).collect();
    let courses: Vec<CourseId> = (0..5).map(|_| id()).collect();
    let records = sixty_four_writers(fixture, |writer, turn| {
        record(
            learners[writer % 8],
            courses[turn % 5],
            numbered(writer, turn),
        )
    })
    .await;
    let pairs: HashSet<_> = records.iter().map(|record| record.enrolment).collect();
    assert_eq!(pairs.len(), 40);
    for enrolment in pairs {
        let of_enrolment = records
            .iter()
            .filter(|record| record.enrolment == enrolment);
        let totals = fixture.store.totals(enrolment).await.unwrap();
        assert_eq!(
            totals,
            Some(recount(of_enrolment.map(|record| &record.stats)))
        );
    }
}

async fn a_reader_never_sees_a_replacement_half_done(fixture: &Fixture) {
    let recorded = record(id(), id(), stats(0.0, 0.0, 0.0));
    fixture.store.record(&recorded).await.unwrap();
    let writer = {
        let store = Arc::clone(&fixture.store);
        tokio::spawn(async move {
            for turn in 0..300 {
                // All three sums are equal at any time.
                let number = f64::from(turn) + 0.3;
                store
                    .record(&Record {
                        stats: stats(number, number, number),
                        ..recorded
                    })
                    .await
                    .unwrap();
            }
        })
    };
    let mut seen = HashSet::new();
    while !writer.is_finished() {
        let totals = fixture
            .store
            .totals(recorded.enrolment)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (totals.sessions, totals.sums.modules, totals.sums.modules),
            (1, totals.sums.score, totals.sums.time)
        );
        seen.insert(totals.sums.modules);
    }
    writer.await.unwrap();
    assert!(seen.len() > 1, "the reader saw no replacement at all");
}
