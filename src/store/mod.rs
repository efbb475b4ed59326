//! Where sessions and their aggregates are kept: one trait, two stores.

mod bucket;
pub mod doctor;
pub mod embedded;
mod instrumented;
pub mod maintenance;
mod open;
pub mod redis;

use std::ops::RangeInclusive;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::{
    Activity, CourseId, DeleteOutcome, Enrolment, LearnerId, ListedCourse, ListedSession,
    OccurredAt, Outcome, Page, Record, Session, SessionId, Slice, Span, Summary, Totals,
};
pub use open::Store;

/// How long it is remembered that a learner was erased: far longer than a record may be under way.
const TOMBSTONE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Sessions that [`StatsStore::activity`] reads at once.
const ACTIVITY_PAGE: usize = 1_000;

/// Keeps sessions, and their aggregates exactly equal to a recount of them.
///
/// Writes are atomic and, once answered, kept. Every call returns within the store timeout of the
/// configuration, its one retry included twice that, or fails as [`StoreError::Unavailable`]; then
/// the write may or may not have happened, and repeating it is safe.
///
/// Those that read or forget any number of sessions do so in steps, each of which is such a call, and
/// are done when they are: whoever asks sets the limit. Between two steps the aggregates are those of
/// the sessions that are left.
#[async_trait]
pub trait StatsStore: Send + Sync {
    /// The store's name as readiness and the log tell it.
    fn name(&self) -> &'static str;

    /// Creates the record's session or replaces its stats; all aggregates follow.
    async fn record(&self, record: &Record) -> Result<Outcome, StoreError> {
        let mut outcomes = self.record_many(std::slice::from_ref(record)).await;
        outcomes
            .pop()
            .unwrap_or_else(|| Err(StoreError::Unexpected("a record has no outcome".into())))
    }

    /// [`record`](Self::record)s each in the order given, which matters where two name the same
    /// session. Each has an outcome of its own, in the same order: one that fails does not undo
    /// another.
    async fn record_many(&self, records: &[Record]) -> Vec<Result<Outcome, StoreError>>;

    /// A session, where it is stored.
    async fn session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<Option<Session>, StoreError>;

    /// The totals of a learner's sessions in a course, where there are any.
    async fn totals(&self, enrolment: Enrolment) -> Result<Option<Totals>, StoreError>;

    /// The learner's sessions in a course that occurred within `span`, by the time they occurred and
    /// then by id, newest first.
    async fn sessions(
        &self,
        enrolment: Enrolment,
        span: Span,
        slice: Slice,
    ) -> Result<Page<ListedSession>, StoreError>;

    /// The learner's courses, by the time of the latest session of each and then by id, latest first.
    async fn courses(
        &self,
        learner: LearnerId,
        slice: Slice,
    ) -> Result<Page<ListedCourse>, StoreError>;

    /// What the learner did in a course on each of the local calendar days from one to another.
    async fn activity(
        &self,
        enrolment: Enrolment,
        days: RangeInclusive<i32>,
    ) -> Result<Activity, StoreError> {
        let span = OccurredAt::span_of_days(&days);
        let mut slice = Slice::first(ACTIVITY_PAGE);
        let mut activity = Activity::default();
        loop {
            let page = self.sessions(enrolment, span, slice).await?;
            let sessions = page.items.iter().map(|listed| &listed.session);
            sessions
                .filter(|session| days.contains(&session.occurred_at.local_day))
                .for_each(|session| activity.count(session));
            if page.next.is_none() {
                return Ok(activity);
            }
            slice.after = page.next;
        }
    }

    /// What all learners did in a course, where there are any.
    async fn summary(&self, course: CourseId) -> Result<Option<Summary>, StoreError>;

    /// Forgets a session; all aggregates follow.
    async fn delete_session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<DeleteOutcome, StoreError>;

    /// Forgets all sessions of a learner in a course, in steps. What is recorded meanwhile may go with
    /// them or stay.
    async fn delete_course(&self, enrolment: Enrolment) -> Result<DeleteOutcome, StoreError>;

    /// Erases a learner: forgets all sessions, in steps, and for thirty days refuses records that
    /// occurred no later than now. What is recorded meanwhile, and occurred later, may go with them or
    /// stay. It is never [`DeleteOutcome::Missing`].
    async fn erase(&self, learner: LearnerId) -> Result<DeleteOutcome, StoreError>;

    /// Answers when the store can be reached.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Why a store did not do what it was asked to. The texts are for the log, not for clients.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store is away, too slow or out of room; trying again later can help.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// The store answered what it never should; trying again does not help.
    #[error("store answered wrongly: {0}")]
    Unexpected(String),
}

impl StoreError {
    /// Whether trying again can help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
