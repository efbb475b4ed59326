//! Model of a store, as simple as possible: a map of the sessions. Aggregates and lists are recounted
//! on each read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use futures_util::future::join_all;
use study_stats::domain::{
    Activity, CourseId, DeleteOutcome, Enrolment, LearnerId, Limit, Limits, ListedCourse,
    ListedLearner, ListedSession, Outcome, Record, Session, SessionId, Source, Span, Summary,
    Totals,
};
use study_stats::store::StatsStore;

use crate::support::audit::bucket;
use crate::support::now;
use crate::support::stores::history::{LATER, recount};
use crate::support::stores::walk::{courses, roster, sessions};

/// Number of sessions of a page: small, so that a list has several pages.
const PAGE: usize = 7;
/// Number of learners of a page of a roster.
const ROSTER_PAGE: usize = 2;

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
    Erased,
}

impl Operation {
    /// Performs the operation on a store.
    pub(crate) async fn perform(&self, store: &dyn StatsStore) -> OperationOutcome {
        let outcome = match self {
            Self::Record(records) => {
                let outcomes = store.record_many(records).await.into_iter();
                return OperationOutcome::Outcomes(outcomes.map(Result::unwrap).collect());
            }
            Self::DeleteSession(enrolment, session) => {
                store.delete_session(*enrolment, *session).await
            }
            Self::DeleteCourse(enrolment) => store.delete_course(*enrolment).await,
            Self::Erase(learner) => {
                store.erase(*learner).await.unwrap();
                return OperationOutcome::Erased;
            }
        };
        OperationOutcome::DeleteOutcome(outcome.unwrap())
    }
}

/// Expected sessions of a store.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) sessions: BTreeMap<(LearnerId, CourseId, SessionId), Session>,
    pub(crate) limits: Limits,
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
                *erased_at = (*erased_at).max(now()).max(latest.unwrap_or(i64::MIN));
                self.sessions.retain(|(l, ..), _| l != learner);
                return OperationOutcome::Erased;
            }
        }
        OperationOutcome::DeleteOutcome(if self.sessions.len() < before {
            DeleteOutcome::Deleted
        } else {
            DeleteOutcome::Missing
        })
    }

    fn record(&mut self, record: &Record) -> Outcome {
        let erased_at = self.erased.get(&record.enrolment.learner);
        let decisive = record.occurred_at.map(|at| at.millis).or(record.version);
        if decisive.is_some_and(|at| erased_at.is_some_and(|erased_at| at <= *erased_at)) {
            return Outcome::Erased;
        }
        let Enrolment { learner, course } = record.enrolment;
        let key = (learner, course, record.session);
        let former = self.sessions.get(&key).copied();
        let version = record.version.map(counted_version);
        if let Some(former) = former {
            let is_superseded = match (former.version, version) {
                (Some(former), Some(version)) => version < former,
                _ => record.source == Source::Import,
            };
            if is_superseded {
                return Outcome::Superseded;
            }
        }
        if let Some(limit) = self.limit_of(record).filter(|_| former.is_none()) {
            return Outcome::LimitExceeded(limit);
        }
        let former_time = former.map(|former| former.occurred_at);
        let session = Session {
            stats: record.stats,
            occurred_at: record
                .occurred_at
                .or(former_time)
                .expect("a model has no clock"),
            version: version.or(former.and_then(|former| former.version)),
        };
        match self.sessions.insert(key, session) {
            None => Outcome::Created,
            Some(_) => Outcome::Replaced,
        }
    }

    /// Limit that a new session would pass; no sum of a history is near its limit.
    fn limit_of(&self, record: &Record) -> Option<Limit> {
        let Enrolment { learner, course } = record.enrolment;
        let sessions = self.sessions(learner, course).len() as u64;
        let courses = self.courses(learner).len() as u64;
        let most = self.limits.sessions;
        if sessions >= most {
            return Some(Limit::Sessions(most));
        }
        let most = self.limits.courses;
        (sessions == 0 && courses >= most).then_some(Limit::Courses(most))
    }

    /// Whether the session of a record is stored.
    pub(crate) fn has(&self, record: &Record) -> bool {
        let Enrolment { learner, course } = record.enrolment;
        self.sessions
            .contains_key(&(learner, course, record.session))
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
            assert_eq!(
                roster(store, course, ROSTER_PAGE).await.concat(),
                self.roster(course)
            );
        });
        let pairs = pairs.iter().map(async |&(learner, course)| {
            let days = i32::MIN..=i32::MAX;
            let (totals, sessions, activity) = tokio::join!(
                store.totals(Enrolment::new(learner, course)),
                sessions(store, learner, course, Span::ALL, PAGE),
                store.activity(learner, Some(course), days.clone()),
            );
            assert_eq!(totals.unwrap(), self.totals(learner, course));
            let mut sessions = sessions.concat();
            for listed in &mut sessions {
                listed.session.version = listed.session.version.map(counted_version);
            }
            assert_eq!(sessions, self.sessions(learner, course));
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

    /// Learners of a course, by bucket and then by id.
    fn roster(&self, course: CourseId) -> Vec<ListedLearner> {
        let sessions_of = self.sessions.keys().filter(|(_, c, _)| *c == course);
        let learners: BTreeSet<_> = sessions_of.map(|(learner, ..)| *learner).collect();
        let listed = learners.into_iter().map(|learner| ListedLearner {
            id: learner,
            totals: self.totals(learner, course).unwrap(),
            last_occurred: self.sessions(learner, course)[0].session.occurred_at.millis,
        });
        let mut listed: Vec<_> = listed.collect();
        listed.sort_by_key(|listed| (bucket(listed.id.as_u128()), listed.id));
        listed
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

/// Version as it counts: every version far in the future counts as the store's clock and a minute, and so
/// never as older than another.
fn counted_version(version: i64) -> i64 {
    if version > LATER / 4 { LATER } else { version }
}

/// True for a created or replaced session.
pub(crate) fn is_stored(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Created | Outcome::Replaced)
}
