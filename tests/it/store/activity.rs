//! Aggregates of many sessions: activity by day, and the summary over learners.

use study_stats::domain::{CourseId, Enrolment, LearnerId, OccurredAt, Record};

use crate::for_every_store;
use crate::support::id;
use crate::support::stores::fixture::Fixture;
use crate::support::stores::history::record_at;
use crate::support::stores::model::{Model, Operation};

for_every_store!(
    activity_is_by_the_recorded_local_day,
    activity_counts_all_of_many_sessions,
    a_summary_follows_records_and_deletes_of_all_learners,
);

const HOUR: i64 = 3_600_000;

/// Record with a local time at an offset of a number of hours.
fn written(learner: LearnerId, course: CourseId, hour: i64, offset: i64) -> Record {
    let local = OccurredAt::from_utc_millis((hour + offset) * HOUR);
    let mut record = record_at(learner, course, hour * HOUR);
    record.occurred_at = record.occurred_at.map(|at| OccurredAt {
        local_day: local.local_day,
        ..at
    });
    record
}

async fn activity_is_by_the_recorded_local_day(fixture: &Fixture) {
    let store = &*fixture.store;
    let (learner, course) = (id(), id());
    // At every hour from three days before 1970 to three days after the start of 1970, at the most
    // distant offsets.
    let hours = (-72..72).flat_map(|hour| [-23, -8, 0, 14, 23].map(|offset| (hour, offset)));
    let records = hours.map(|(hour, offset)| written(learner, course, hour, offset));
    let mut model = Model::default();
    let record = Operation::Record(records.collect());
    model.play(store, &record).await;

    for first in -5..5 {
        for last in first - 1..5 {
            let days = first..=last;
            let activity = store.activity(learner, Some(course), days.clone()).await;
            let expected = model.activity(learner, course, &days);
            assert_eq!(activity.unwrap(), expected, "{days:?}");
        }
    }
    let elsewhere = store.activity(learner, Some(id()), -5..=5).await.unwrap();
    assert!(elsewhere.days.is_empty());
}

async fn activity_counts_all_of_many_sessions(fixture: &Fixture) {
    let store = &*fixture.store;
    let (learner, course) = (id(), id());
    let mut model = Model::default();
    // A few thousand sessions, at few times of three days.
    for count in [999, 1, 1, 998, 1, 1] {
        let records = (0..count).map(|turn| {
            let day = record_at(learner, course, turn % 3 * 24 * HOUR).occurred_at;
            Record {
                occurred_at: day,
                ..record_at(learner, course, turn)
            }
        });
        let record = Operation::Record(records.collect());
        model.apply(&record);
        record.perform(store).await;
        let activity = store.activity(learner, Some(course), 0..=2).await.unwrap();
        assert_eq!(activity, model.activity(learner, course, &(0..=2)));
    }
    assert_eq!(model.sessions.len(), 2_001);
}

async fn a_summary_follows_records_and_deletes_of_all_learners(fixture: &Fixture) {
    let store = &*fixture.store;
    let course = id();
    // Learners on every node of a Cluster, most in a separate bucket; some share a bucket.
    let learners: Vec<LearnerId> = (0..60).map(|_| id()).collect();
    let mut model = Model::default();
    assert_eq!(store.summary(course).await.unwrap(), None);

    let record = |millis: i64| {
        let records = learners.iter().zip(0..);
        let records =
            records.map(move |(&learner, turn)| record_at(learner, course, millis + turn));
        records.collect::<Vec<_>>()
    };
    let first = record(1_000);
    let second = record(-1_000);
    let replaced = first.iter().map(|first| Record {
        session: first.session,
        ..record_at(first.enrolment.learner, course, 5_555)
    });
    let elsewhere = learners.iter().map(|&learner| record_at(learner, id(), 0));
    let mut steps = vec![
        Operation::Record(first.clone()),
        Operation::Record(second),
        Operation::Record(replaced.collect()),
        Operation::Record(elsewhere.collect()),
    ];
    for (turn, recorded) in first.iter().enumerate() {
        let learner = recorded.enrolment.learner;
        steps.push(match turn % 3 {
            0 => Operation::DeleteSession(Enrolment::new(learner, course), recorded.session),
            1 => Operation::DeleteCourse(Enrolment::new(learner, course)),
            _ => Operation::Erase(learner),
        });
    }
    for step in &steps {
        model.apply(step);
        step.perform(store).await;
        assert_eq!(store.summary(course).await.unwrap(), model.summary(course));
    }
    assert_eq!(model.summary(course).unwrap().learners, 20);
    for recorded in &first {
        let step = Operation::DeleteCourse(Enrolment::new(recorded.enrolment.learner, course));
        assert_eq!(step.perform(store).await, model.apply(&step));
    }
    assert_eq!(store.summary(course).await.unwrap(), None);
}
