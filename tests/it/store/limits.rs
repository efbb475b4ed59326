//! Maximum numbers of sessions and courses, on stores with small limits.

use std::sync::Arc;

use futures_util::future::join_all;
use rand::random_range;
use study_stats::domain::{CourseId, DeleteOutcome, Enrolment, LearnerId, Limit, Outcome, Record};
use study_stats::store::StatsStore;

use crate::for_limited_stores;
use crate::support::id;
use crate::support::load::background::{Background, Progress};
use crate::support::stores::fixture::{Fixture, LIMITS};
use crate::support::stores::history::{History, record, record_at, stats};
use crate::support::stores::model::{Model, Operation};
use crate::support::stores::walk::courses;

for_limited_stores!(
    a_new_session_past_a_limit_is_refused_without_a_change,
    a_batch_has_an_outcome_for_each_record_past_a_limit,
    a_delete_makes_room_for_new_sessions_and_courses,
    concurrent_writers_never_pass_a_limit,
    writers_and_deletes_never_pass_a_limit,
    a_random_history_past_the_limits_equals_the_model,
);

const PAST_SESSIONS: Outcome = Outcome::LimitExceeded(Limit::Sessions(LIMITS.sessions));
const PAST_COURSES: Outcome = Outcome::LimitExceeded(Limit::Courses(LIMITS.courses));

/// Model of a store with the limits.
fn model() -> Model {
    let mut model = Model::default();
    model.limits = LIMITS;
    model
}

/// Records sessions up to both limits of a learner: three in each of two courses.
async fn fill(store: &dyn StatsStore, model: &mut Model, learner: LearnerId) -> Vec<Record> {
    let courses: [CourseId; 2] = [id(), id()];
    let records = courses
        .into_iter()
        .flat_map(|course| (0..3).map(move |turn| record_at(learner, course, 1_000 * turn)));
    let records: Vec<_> = records.collect();
    model.play(store, &Operation::Record(records.clone())).await;
    records
}

async fn a_new_session_past_a_limit_is_refused_without_a_change(fixture: &Fixture) {
    let (store, mut model) = (&*fixture.store, model());
    let (learner, other) = (id(), id());
    let stored = fill(store, &mut model, learner).await;
    let course = stored[0].enrolment.course;
    let update = Record {
        stats: stats(9.0, 9.0, 9.0),
        ..stored[0]
    };
    for (record, outcome) in [
        (record_at(learner, course, 5_000), PAST_SESSIONS),
        // Earlier and without a time, too.
        (record_at(learner, course, -5_000), PAST_SESSIONS),
        (record(learner, course, stats(1.0, 2.0, 3.0)), PAST_SESSIONS),
        (record_at(learner, id(), 5_000), PAST_COURSES),
        (record(learner, id(), stats(0.0, 0.0, 0.0)), PAST_COURSES),
        (update, Outcome::Replaced),
        (update.at(stored[2].occurred_at.unwrap()), Outcome::Replaced),
        (stored[0], Outcome::Superseded),
        (record_at(other, course, 0), Outcome::Created),
    ] {
        assert_eq!(store.record(&record).await.unwrap(), outcome, "{record:?}");
        let operation = Operation::Record(vec![record]);
        if outcome != PAST_SESSIONS && outcome != PAST_COURSES {
            model.apply(&operation);
        }
        let touched = stored
            .iter()
            .chain([&record])
            .map(|record| record.enrolment);
        let touched = touched.map(|enrolment| (enrolment.learner, enrolment.course));
        model.assert_equal(store, &touched.collect()).await;
        let found = store.session(record.enrolment, record.session).await;
        assert_eq!(found.unwrap().is_some(), model.has(&record));
    }
}

async fn a_batch_has_an_outcome_for_each_record_past_a_limit(fixture: &Fixture) {
    let (store, mut model) = (&*fixture.store, model());
    let (learner, other) = (id(), id());
    let (one, two, three): (CourseId, CourseId, CourseId) = (id(), id(), id());
    let first = record_at(learner, one, 0);
    let batch = [
        (first, Outcome::Created),
        (record_at(learner, one, 1), Outcome::Created),
        (record_at(learner, one, 2), Outcome::Created),
        (record_at(learner, one, 3), PAST_SESSIONS),
        (first, Outcome::Replaced),
        (record_at(learner, two, 0), Outcome::Created),
        (record_at(learner, three, 0), PAST_COURSES),
        (record_at(other, three, 0), Outcome::Created),
        (record_at(learner, one, 4), PAST_SESSIONS),
        (record_at(learner, two, 1), Outcome::Created),
    ];
    let records = batch.map(|(record, _)| record);
    let outcomes = store.record_many(&records).await.into_iter();
    let outcomes: Vec<_> = outcomes.map(Result::unwrap).collect();
    assert_eq!(outcomes, batch.map(|(_, outcome)| outcome));
    model.apply(&Operation::Record(records.to_vec()));
    let touched = records.map(|record| (record.enrolment.learner, record.enrolment.course));
    model.assert_equal(store, &touched.into()).await;
}

async fn a_delete_makes_room_for_new_sessions_and_courses(fixture: &Fixture) {
    let (store, mut model) = (&*fixture.store, model());
    let learner = id();
    let stored = fill(store, &mut model, learner).await;
    let (one, other) = (stored[0].enrolment, stored[5].enrolment);
    let new = |course| Operation::Record(vec![record_at(learner, course, 7_000)]);
    for operation in [
        Operation::DeleteSession(one, stored[1].session),
        // A deleted session leaves room for one more.
        new(one.course),
        new(one.course),
        new(id()),
        Operation::DeleteCourse(other),
        // A deleted course leaves room for another.
        new(id()),
        new(other.course),
    ] {
        model.play(store, &operation).await;
    }
    // The last session takes the course along.
    let course = record_at(learner, model.courses(learner)[0].id, 0).enrolment;
    for listed in model.sessions(learner, course.course) {
        let delete = Operation::DeleteSession(course, listed.id);
        model.play(store, &delete).await;
    }
    model.play(store, &new(id())).await;
    assert_eq!(model.courses(learner).len(), 2);
}

async fn concurrent_writers_never_pass_a_limit(fixture: &Fixture) {
    let store = &*fixture.store;
    let learner = id();
    let courses_of: [CourseId; 5] = std::array::from_fn(|_| id());
    let records: Vec<_> = (0..60)
        .map(|turn| record_at(learner, courses_of[turn % 5], 0))
        .collect();
    let singles = records[..30].iter().map(|record| store.record(record));
    let batches = records[30..]
        .chunks(5)
        .map(|batch| store.record_many(batch));
    let (singles, batches) = tokio::join!(join_all(singles), join_all(batches));
    let outcomes = singles.into_iter().chain(batches.into_iter().flatten());
    let outcomes: Vec<_> = outcomes.map(Result::unwrap).collect();
    let listed = courses(store, learner, 10).await.concat();
    let sessions: Vec<_> = listed.iter().map(|course| course.totals.sessions).collect();
    assert_eq!(sessions, [3, 3]);
    let count = |of| outcomes.iter().filter(|outcome| **outcome == of).count();
    // 12 records for each of five courses: two courses have room for three.
    let refused = (count(PAST_SESSIONS), count(PAST_COURSES));
    assert_eq!((count(Outcome::Created), refused), (6, (18, 36)));
}

async fn writers_and_deletes_never_pass_a_limit(fixture: &Fixture) {
    let store = &*fixture.store;
    let learner = id();
    let courses_of: [CourseId; 3] = std::array::from_fn(|_| id());
    let writers = Background::start([(); 4], |(), progress| {
        record_and_delete(Arc::clone(&fixture.store), progress, learner, courses_of)
    });
    let progress = writers.progress();
    while progress.steps() < 400 {
        let listed = courses(store, learner, 10).await.concat();
        assert!(listed.len() <= 2, "{listed:?}");
        let most = listed.iter().map(|course| course.totals.sessions).max();
        assert!(most.unwrap_or_default() <= 3, "{listed:?}");
    }
    let refused: usize = writers.stop().await.into_iter().sum();
    assert!(refused > 0, "no writer met a limit");
}

/// Records new sessions in some courses, and deletes sessions and courses. Returns the number of refused
/// records.
async fn record_and_delete(
    store: Arc<dyn StatsStore>,
    progress: Arc<Progress>,
    learner: LearnerId,
    courses: [CourseId; 3],
) -> usize {
    let (mut refused, mut own) = (0, Vec::new());
    while !progress.is_stopped() {
        let new = record_at(learner, courses[random_range(0..3)], random_range(0..1_000));
        match store.record(&new).await.unwrap() {
            Outcome::Created => own.push(new),
            PAST_SESSIONS | PAST_COURSES => refused += 1,
            outcome => panic!("{outcome:?}"),
        }
        if random_range(0..3) == 0
            && let Some(Record {
                enrolment, session, ..
            }) = own.pop()
        {
            // Another writer may have deleted the course.
            store.delete_session(enrolment, session).await.unwrap();
        }
        if random_range(0..10) == 0 {
            let enrolment = Enrolment::new(learner, courses[random_range(0..3)]);
            let deleted = store.delete_course(enrolment).await.unwrap();
            assert!(matches!(
                deleted,
                DeleteOutcome::Deleted | DeleteOutcome::Missing
            ));
        }
        progress.step();
    }
    refused
}

async fn a_random_history_past_the_limits_equals_the_model(fixture: &Fixture) {
    let seed = rand::random();
    println!("the history's seed is {seed}");
    let mut history = History::new(seed).with_limits(LIMITS);
    for _ in 0..40 {
        history.step(&*fixture.store).await;
    }
    assert_eq!(fixture.audit().await, history.model.sessions.len());
}
