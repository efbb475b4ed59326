//! Model of a store, as simple as possible: a map of the sessions. Aggregates and lists are recounted
//! on each read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use futures_util::future::join_all;
use study_stats::domain::{
    Activity, CourseId, DeleteOutcome, Enrolment, LearnerId, ListedCourse, ListedSession, Outcome,
    Record, Session, SessionId, Span, Summary, Totals,
};
use study_stats::store::StatsStore;

use crate::support::now;
use crate::support::stores::history::recount;
use crate::support::stores::walk::{courses, sessions};

/// Number of sessions of a page: small, so that a list has several pages.
const PAGE: usize = 7;

/// Operation on a store.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Record(Vec<Record>),
    DeleteSession(Enrolment, SessionId),
    DeleteCourse(Enrolment),
    Erase(LearnerId),
}

/// Outcome of an operation.
#[derive(Debug, PartialEq)]
pub(crate) enum OperationOutcome {
    Outcomes(Vec<Outcome>),
    DeleteOutcome(DeleteOutcome),
}

impl Operation {
    /// Performs the operation on a store.
    pub(crate) async fn perform(&self, store: &dyn StatsStore) -> OperationOutcome {
        let deleted = match self {
            Self::Record(records) => {
                let outcomes = store.record_many(records).await.into_iter();
                return OperationOutcome::Outcomes(outcomes.map(Result::unwrap).collect());
            }
            Self::DeleteSession(enrolment, session) => {
                store.delete_session(*enrolment, *session).await
            }
            Self::DeleteCourse(enrolment) => store.delete_course(*enrolment).await,
            Self::Erase(learner) => store.erase(*learner).await,
        };
        OperationOutcome::DeleteOutcome(deleted.unwrap())
    }
}

/// Expected sessions of a store.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) sessions: BTreeMap<(LearnerId, CourseId, SessionId), Session>,
    /// Time of each erasure. Approximate where the clock decides: tests record no session near then.
    erased: HashMap<LearnerId, i64>,
}

impl Model {
    /// Plays an operation on the model and the store, and asserts equal outcomes and contents.
    pub(crate) async fn play(&mut self, store: &dyn StatsStore, operation: &Operation) {
        let touched = self.touched_by(operation);
        let expected = self.apply(operation);
        assert_eq!(operation.perform(store).await, expected, "{operation:?}");
        self.assert_equal(store, &touched).await;
    }

    /// Plays an operation on the model.
    pub(crate) fn apply(&mut self, operation: &Operation) -> OperationOutcome {
        let before = self.sessions.len();
        match operation {
            Operation::Record(records) => {
                return OperationOutcome::Outcomes(
                    records.iter().map(|record| self.record(record)).collect(),
                );
            }
            Operation::DeleteSession(enrolment, session) => {
                self.sessions
                    .remove(&(enrolment.learner, enrolment.course, *session));
            }
            Operation::DeleteCourse(enrolment) => {
                let is_kept = |key: &(_, _, _)| Enrolment::new(key.0, key.1) != *enrolment;
                self.sessions.retain(|key, _| is_kept(key));
            }
            Operation::Erase(learner) => {
                let sessions = self.sessions.iter().filter(|((l, ..), _)| l == learner);
                let latest = sessions
                    .map(|(_, session)| session.occurred_at.millis)
                    .max();
                let erased_at = self.erased.entry(*learner).or_insert(i64::MIN);
                *erased_at = latest.into_iter().fold(now().max(*erased_at), i64::max);
                self.sessions.retain(|(l, ..), _| l != learner);
                return OperationOutcome::DeleteOutcome(DeleteOutcome::Deleted);
            }
        }
        OperationOutcome::DeleteOutcome(if self.sessions.len() < before {
            DeleteOutcome::Deleted
        } else {
            DeleteOutcome::Missing
        })
    }

    fn record(&mut self, record: &Record) -> Outcome {
        let occurred_at = record.occurred_at.expect("a model has no clock");
        let erased_at = self.erased.get(&record.enrolment.learner);
        if erased_at.is_some_and(|erased_at| occurred_at.millis <= *erased_at) {
            return Outcome::Erased;
        }
        let Enrolment { learner, course } = record.enrolment;
        let key = (learner, course, record.session);
        let former = self.sessions.get(&key);
        if former.is_some_and(|former| former.occurred_at.millis > occurred_at.millis) {
            return Outcome::Superseded;
        }
        let session = Session {
            stats: record.stats,
            occurred_at,
        };
        match self.sessions.insert(key, session) {
            None => Outcome::Created,
            Some(_) => Outcome::Replaced,
        }
    }

    pub(crate) fn is_erased(&self, learner: LearnerId) -> bool {
        self.erased.contains_key(&learner)
    }

    /// Enrolments whose totals an operation may change.
    fn touched_by(&self, operation: &Operation) -> BTreeSet<(LearnerId, CourseId)> {
        match operation {
            Operation::Record(records) => records
                .iter()
                .map(|r| (r.enrolment.learner, r.enrolment.course))
                .collect(),
            Operation::DeleteSession(enrolment, _) | Operation::DeleteCourse(enrolment) => {
                BTreeSet::from([(enrolment.learner, enrolment.course)])
            }
            Operation::Erase(learner) => {
                let sessions_of = self.courses(*learner).into_iter();
                sessions_of.map(|course| (*learner, course.id)).collect()
            }
        }
    }

    /// Asserts that the store equals the model for the given enrolments.
    pub(crate) async fn assert_equal(
        &self,
        store: &dyn StatsStore,
        pairs: &BTreeSet<(LearnerId, CourseId)>,
    ) {
        let learners: BTreeSet<_> = pairs.iter().map(|(learner, _)| *learner).collect();
        let courses_of = learners.into_iter().map(async |learner| {
            let courses = courses(store, learner, PAGE).await;
            assert_eq!(courses.concat(), self.courses(learner));
            let days = i32::MIN..=i32::MAX;
            let activity = store.activity(learner, None, days.clone()).await.unwrap();
            assert_eq!(activity, self.whole_activity(learner, &days));
        });
        let courses: BTreeSet<_> = pairs.iter().map(|(_, course)| *course).collect();
        let summaries = courses.into_iter().map(async |course| {
            let summary = store.summary(course).await;
            assert_eq!(summary.unwrap(), self.summary(course));
        });
        let pairs = pairs.iter().map(async |&(learner, course)| {
            let days = i32::MIN..=i32::MAX;
            let (totals, sessions, activity) = tokio::join!(
                store.totals(Enrolment::new(learner, course)),
                sessions(store, learner, course, Span::ALL, PAGE),
                store.activity(learner, Some(course), days.clone()),
            );
            assert_eq!(totals.unwrap(), self.totals(learner, course));
            assert_eq!(sessions.concat(), self.sessions(learner, course));
            let counted = self.activity(learner, course, &days);
            assert_eq!(activity.unwrap(), counted);
        });
        tokio::join!(join_all(courses_of), join_all(summaries), join_all(pairs));
    }

    pub(crate) fn totals(&self, learner: LearnerId, course: CourseId) -> Option<Totals> {
        let sessions = self.sessions(learner, course);
        let totals = recount(sessions.iter().map(|listed| &listed.session.stats));
        Some(totals).filter(|totals| totals.sessions > 0)
    }

    pub(crate) fn sessions(&self, learner: LearnerId, course: CourseId) -> Vec<ListedSession> {
        let sessions_of = self.sessions.iter();
        let sessions_of = sessions_of.filter(|((l, c, _), _)| (*l, *c) == (learner, course));
        let mut listed: Vec<_> = sessions_of
            .map(|(&(_, _, id), &session)| ListedSession { id, session })
            .collect();
        listed.sort_by_key(|listed| (listed.session.occurred_at.millis, *listed.id.as_bytes()));
        listed.reverse();
        listed
    }

    pub(crate) fn courses(&self, learner: LearnerId) -> Vec<ListedCourse> {
        let sessions_of = self.sessions.keys().filter(|(l, ..)| *l == learner);
        let ids: BTreeSet<_> = sessions_of.map(|(_, course, _)| *course).collect();
        let courses = ids.into_iter().map(|id| {
            let latest = self.sessions(learner, id)[0].session;
            ListedCourse {
                id,
                totals: self.totals(learner, id).unwrap(),
                last_occurred: latest.occurred_at.millis,
            }
        });
        let mut listed: Vec<_> = courses.collect();
        listed.sort_by_key(|listed| (listed.last_occurred, *listed.id.as_bytes()));
        listed.reverse();
        listed
    }

    /// Activity of a learner in all courses.
    fn whole_activity(&self, learner: LearnerId, days: &RangeInclusive<i32>) -> Activity {
        let mut activity = Activity::default();
        for ((other, ..), session) in &self.sessions {
            if *other == learner && days.contains(&session.occurred_at.local_day) {
                activity.count(session);
            }
        }
        activity
    }

    pub(crate) fn activity(
        &self,
        learner: LearnerId,
        course: CourseId,
        days: &RangeInclusive<i32>,
    ) -> Activity {
        let mut activity = Activity::default();
        for listed in self.sessions(learner, course) {
            if days.contains(&listed.session.occurred_at.local_day) {
                activity.count(&listed.session);
            }
        }
        activity
    }

    pub(crate) fn summary(&self, course: CourseId) -> Option<Summary> {
        let sessions_of = self.sessions.iter().filter(|((_, c, _), _)| *c == course);
        let sessions_of: Vec<_> = sessions_of.collect();
        let learners: BTreeSet<_> = sessions_of
            .iter()
            .map(|((learner, ..), _)| learner)
            .collect();
        let summary = Summary {
            learners: learners.len() as u64,
            totals: recount(sessions_of.iter().map(|(_, session)| &session.stats)),
        };
        Some(summary).filter(|summary| summary.learners > 0)
    }
}

/// True for a created or replaced session.
pub(crate) fn is_stored(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Created | Outcome::Replaced)
}
