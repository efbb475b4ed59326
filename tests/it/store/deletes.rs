//! Deletes of every store: sessions, enrolments, learners.

use study_stats::domain::{
    CourseId, DeleteOutcome, Enrolment, LearnerId, MAX_MAGNITUDE, OccurredAt, Outcome, Record,
    Slice,
};
use study_stats::store::StatsStore;

use crate::for_every_store;
use crate::support::stores::fixture::Fixture;
use crate::support::stores::history::{LATER, neighbour, record, record_at, recount, stats};
use crate::support::stores::model::{Model, Operation};
use crate::support::{id, now};

for_every_store!(
    a_deleted_session_is_missing_the_next_time,
    a_course_is_deleted_in_any_number_of_steps,
    an_erasure_deletes_the_sessions_of_all_courses,
    records_from_before_an_erasure_are_refused_and_later_records_stored,
    a_delete_past_the_limit_of_a_sum_is_not_refused,
    no_other_learner_prevents_an_erasure,
);

async fn a_deleted_session_is_missing_the_next_time(fixture: &Fixture) {
    let store = &*fixture.store;
    let (learner, course) = (id(), id());
    let mut model = Model::default();
    let sessions = [1_000, -1_000, 1_001].map(|millis| record_at(learner, course, millis));
    let play = Operation::Record(sessions.to_vec());
    model.play(store, &play).await;
    for (learner, course, session) in [
        (id(), course, sessions[0].session),
        (learner, id(), sessions[0].session),
        (learner, course, id()),
    ] {
        let nothing = Operation::DeleteSession(Enrolment::new(learner, course), session);
        model.play(store, &nothing).await;
    }
    for recorded in sessions {
        let delete = Operation::DeleteSession(Enrolment::new(learner, course), recorded.session);
        for expected in [DeleteOutcome::Deleted, DeleteOutcome::Missing] {
            let answer = store
                .delete_session(Enrolment::new(learner, course), recorded.session)
                .await;
            assert_eq!(answer.unwrap(), expected);
            model.apply(&delete);
            let pairs = [(learner, course)].into();
            model.assert_equal(store, &pairs).await;
            let read = store
                .session(Enrolment::new(learner, course), recorded.session)
                .await
                .unwrap();
            assert_eq!(read, None);
        }
    }
    assert_eq!(fixture.audit().await, 0);
    // A deleted session may be recorded again, with an older time.
    let again = Record {
        session: sessions[0].session,
        ..record_at(learner, course, -9)
    };
    let again = Operation::Record(vec![again]);
    model.play(store, &again).await;
}

/// Records a number of sessions, at few times.
async fn record_many(store: &dyn StatsStore, learner: LearnerId, course: CourseId, count: i64) {
    let records: Vec<_> = (0..count)
        .map(|turn| record_at(learner, course, turn % 50 - 25))
        .collect();
    for outcome in store.record_many(&records).await {
        assert_eq!(outcome.unwrap(), Outcome::Created);
    }
}

async fn a_course_is_deleted_in_any_number_of_steps(fixture: &Fixture) {
    let store = &*fixture.store;
    let (learner, course) = (id(), id());
    let neighbours = [(learner, id()), (id(), course)];
    for (learner, course) in neighbours {
        record_many(store, learner, course, 3).await;
    }
    for count in [1, 199, 200, 201, 400, 401] {
        record_many(store, learner, course, count).await;
        for expected in [DeleteOutcome::Deleted, DeleteOutcome::Missing] {
            let answer = store
                .delete_course(Enrolment::new(learner, course))
                .await
                .unwrap();
            assert_eq!(answer, expected, "{count} sessions");
            assert_eq!(fixture.audit().await, 6, "only the neighbours' are left");
        }
    }
    for (learner, course) in neighbours {
        let totals = store
            .totals(Enrolment::new(learner, course))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(totals.sessions, 3);
    }
}

async fn an_erasure_deletes_the_sessions_of_all_courses(fixture: &Fixture) {
    let store = &*fixture.store;
    let (learner, other) = (id(), id());
    let courses: Vec<CourseId> = (0..12).map(|_| id()).collect();
    for (&course, count) in courses.iter().zip([1, 5, 200, 201, 450, 1].iter().cycle()) {
        record_many(store, learner, course, *count).await;
    }
    record_many(store, other, courses[0], 4).await;
    // An erasure deletes sessions of the future too.
    let ahead = record_at(learner, courses[1], LATER);
    store.record(&ahead).await.unwrap();

    // Also without sessions, and for an unknown learner.
    for learner in [learner, learner, id()] {
        store.erase(learner).await.unwrap();
        assert_eq!(fixture.audit().await, 4);
        let left = store.courses(learner, Slice::first(1)).await.unwrap();
        assert_eq!((left.items, left.next), (vec![], None));
    }
    let summary = store.summary(courses[0]).await.unwrap().unwrap();
    assert_eq!((summary.learners, summary.totals.sessions), (1, 4));
    assert_eq!(store.summary(courses[1]).await.unwrap(), None);
}

async fn records_from_before_an_erasure_are_refused_and_later_records_stored(fixture: &Fixture) {
    let store = &*fixture.store;
    let recorded = record(id(), id(), stats(1.0, 2.0, 3.0));
    let at = |millis| {
        let session = id();
        Record {
            session,
            ..recorded
        }
        .at(OccurredAt::from_utc_millis(millis))
    };
    assert_eq!(store.record(&recorded).await.unwrap(), Outcome::Created);
    for round in 1..=2 {
        let before = now();
        store.erase(recorded.enrolment.learner).await.unwrap();
        let after = now();
        // Also for a deleted and recorded session.
        // Later than the session of the round before, which the erasure covers too.
        let later = after + round * 60_000;
        let records = [at(before), at(i64::MIN), at(later), recorded, recorded];
        let outcomes = store.record_many(&records).await.into_iter();
        let outcomes: Vec<_> = outcomes.map(Result::unwrap).collect();
        let (erased, created, replaced) = (Outcome::Erased, Outcome::Created, Outcome::Replaced);
        assert_eq!(outcomes, [erased, erased, created, created, replaced]);

        let stored = store.session(recorded.enrolment, recorded.session).await;
        let millis = stored.unwrap().unwrap().occurred_at.millis;
        assert!(millis > before, "{millis} is not after {before}");
        let totals = store.totals(recorded.enrolment).await.unwrap();
        assert_eq!(totals, Some(recount([&recorded.stats, &recorded.stats])));
    }
    let other = Record {
        enrolment: Enrolment::new(id(), recorded.enrolment.course),
        ..at(0)
    };
    assert_eq!(store.record(&other).await.unwrap(), Outcome::Created);
}

/// Fills the sum of scores to the limit with sessions of the first learner, and keeps the sum there with
/// the 300 latest sessions of the second learner and 300 sessions of the third learner with opposite
/// scores: without the sessions of the second learner the sum would exceed the limit. Returns a session
/// of the second learner.
async fn fill_around(fixture: &Fixture, learners: [LearnerId; 3], course: CourseId) -> Record {
    fixture.fill(learners[0], course).await;
    let extreme = |learner, millis, score| Record {
        stats: stats(0.0, score, 0.0),
        ..record_at(learner, course, millis)
    };
    let records = |learner, millis, score| {
        let records = (0..300).map(move |turn| extreme(learner, millis + turn, score));
        records.collect::<Vec<_>>()
    };
    let latest = records(learners[1], LATER, MAX_MAGNITUDE);
    let others = records(learners[2], 0, -MAX_MAGNITUDE);
    for records in [&latest, &others] {
        for outcome in fixture.store.record_many(records).await {
            assert_eq!(outcome.unwrap(), Outcome::Created);
        }
    }
    latest[0]
}

async fn a_delete_past_the_limit_of_a_sum_is_not_refused(fixture: &Fixture) {
    let store = &*fixture.store;
    let (learner, course) = (id(), id());
    let enrolment = Enrolment::new(learner, course);
    let recorded = fill_around(fixture, [learner; 3], course).await;
    let deleted = store.delete_session(enrolment, recorded.session).await;
    assert_eq!(deleted.unwrap(), DeleteOutcome::Deleted);
    let totals = store.totals(enrolment).await.unwrap().unwrap();
    assert!(!totals.is_within_limit());
    assert_eq!(fixture.audit().await, 9_599);

    let deleted = store.delete_course(enrolment).await;
    assert_eq!(deleted.unwrap(), DeleteOutcome::Deleted);
    assert_eq!(fixture.audit().await, 0);
}

async fn no_other_learner_prevents_an_erasure(fixture: &Fixture) {
    let store = &*fixture.store;
    let (learner, course) = (id(), id());
    let neighbours = [neighbour(learner), learner, neighbour(learner)];
    fill_around(fixture, neighbours, course).await;
    store.erase(learner).await.unwrap();
    let left = store.courses(learner, Slice::first(3)).await.unwrap();
    assert_eq!(left.items, []);
    assert_eq!(fixture.audit().await, 9_300);
}
