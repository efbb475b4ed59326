//! Stores of sessions and their aggregates: a trait for requests, a trait for operators, and two stores that
//! implement both.
//!
//! - [`StatsStore`] has the operations for requests, [`maintenance::Maintenance`] the operations for
//!   operators. [`Store`] holds a handle for each to the store that the configuration selects.
//! - [`embedded`] stores sessions in a file of the process, [`redis`] in Redis or Valkey. Neither knows the
//!   other.

mod admission;
mod aggregate_text;
mod bucket;
mod cached_ping;
pub mod doctor;
pub mod embedded;
mod flights;
mod instrumented;
pub mod maintenance;
mod open;
pub mod redis;

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::{
    Activity, CourseId, DeleteOutcome, Enrolment, LearnerId, ListedCourse, ListedSession,
    OccurredAt, Outcome, Page, Record, Roster, Session, SessionId, Slice, Span, Summary, Totals,
};
pub use admission::Admission;
use admission::Admitted;
pub use cached_ping::CachedPing;
pub use open::Store;

/// Lifetime of the tombstone of an erased learner: far longer than any record is on its way.
const TOMBSTONE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Maximum number of sessions that [`StatsStore::activity`] reads in a page.
const ACTIVITY_PAGE: usize = 1_000;
/// Maximum number of courses that [`StatsStore::all_courses`] reads in a page.
const COURSES_PAGE: usize = 1_000;

/// Store of sessions, and of aggregates that equal a recount of the sessions to the last digit.
///
/// Writes are atomic, and durable once an operation returns. An operation returns within the store timeout
/// of the configuration, or twice the timeout with the one retry; otherwise
/// [`StoreError::Unavailable`]: the write may be done or not, and a retry is safe.
///
/// [`activity`](Self::activity), [`delete_course`](Self::delete_course) and [`erase`](Self::erase) run in
/// steps, and each step has the timeout; only the caller limits the whole. Between two steps the aggregates
/// agree with the remaining sessions.
#[async_trait]
pub trait StatsStore: Send + Sync {
    /// Name of the store in readiness and in the log.
    fn name(&self) -> &'static str;

    /// Stores a new session or replaces the stats of a stored session, and updates all aggregates.
    async fn record(&self, record: &Record) -> Result<Outcome, StoreError>;

    /// [`record`](Self::record)s a batch, in the order of the slice, as two records may have the same
    /// session. Returns the outcomes in the same order; an error of a record undoes no other record.
    async fn record_many(&self, records: &[Record]) -> Vec<Result<Outcome, StoreError>>;

    /// Returns a session; `None` where no session is stored.
    async fn session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<Option<Session>, StoreError>;

    /// Returns the totals of an enrolment; `None` without sessions.
    async fn totals(&self, enrolment: Enrolment) -> Result<Option<Totals>, StoreError>;

    /// Returns a page of the enrolment's sessions within `span`, in descending order of time and then of
    /// id.
    async fn sessions(
        &self,
        enrolment: Enrolment,
        span: Span,
        slice: Slice,
    ) -> Result<Page<ListedSession>, StoreError>;

    /// Returns a page of the learner's courses, in descending order of the time of the latest session and
    /// then of id.
    async fn courses(
        &self,
        learner: LearnerId,
        slice: Slice,
    ) -> Result<Page<ListedCourse>, StoreError>;

    /// Returns all courses of a learner.
    ///
    /// A session recorded during the reads moves a course to the front of the list, before the position of
    /// the next page. A list of several pages is therefore read again until a pass finds no new course.
    async fn all_courses(&self, learner: LearnerId) -> Result<Vec<ListedCourse>, StoreError> {
        let (mut courses, mut known) = (Vec::new(), HashSet::new());
        loop {
            let (mut slice, mut pages, before) = (Slice::first(COURSES_PAGE), 0, courses.len());
            loop {
                let page = self.courses(learner, slice).await?;
                courses.extend(page.items.into_iter().filter(|item| known.insert(item.id)));
                (slice.after, pages) = (page.next, pages + 1);
                if slice.after.is_none() {
                    break;
                }
            }
            if pages == 1 || courses.len() == before {
                return Ok(courses);
            }
        }
    }

    /// Returns the activity of a learner in a course, or in all courses, on a range of local calendar days.
    /// Reads the sessions page by page; concurrent writes are in the activity or not.
    async fn activity(
        &self,
        learner: LearnerId,
        course: Option<CourseId>,
        days: RangeInclusive<i32>,
    ) -> Result<Activity, StoreError> {
        let span = OccurredAt::span_of_days(&days);
        let courses = match course {
            Some(course) => vec![course],
            None => {
                let courses = self.all_courses(learner).await?.into_iter();
                // Without reads of courses that end before the days.
                let recent = courses.filter(|course| course.last_occurred >= span.from);
                recent.map(|course| course.id).collect()
            }
        };
        let mut activity = Activity::default();
        for course in courses {
            let enrolment = Enrolment::new(learner, course);
            let mut slice = Slice::first(ACTIVITY_PAGE);
            loop {
                let page = self.sessions(enrolment, span, slice).await?;
                let sessions = page.items.iter().map(|listed| &listed.session);
                sessions
                    .filter(|session| days.contains(&session.occurred_at.local_day))
                    .for_each(|session| activity.count(session));
                if page.next.is_none() {
                    break;
                }
                slice.after = page.next;
            }
        }
        Ok(activity)
    }

    /// Returns the summary of a course over all learners; `None` without sessions.
    async fn summary(&self, course: CourseId) -> Result<Option<Summary>, StoreError>;

    /// Returns a page of the learners with sessions in a course, after a learner or from the start, in a
    /// stable order of the store: a learner who has sessions during the whole walk through the pages is on
    /// exactly one page. A page has `limit` learners, except for the last page.
    async fn roster(
        &self,
        course: CourseId,
        after: Option<LearnerId>,
        limit: usize,
    ) -> Result<Roster, StoreError>;

    /// Deletes a session, and updates all aggregates.
    async fn delete_session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<DeleteOutcome, StoreError>;

    /// Deletes all sessions of an enrolment, in steps. Sessions recorded meanwhile are deleted or not.
    async fn delete_course(&self, enrolment: Enrolment) -> Result<DeleteOutcome, StoreError>;

    /// Erases a learner as of the latest of now, an erasure before, and the latest time of a stored session:
    /// deletes all sessions, in steps, and for thirty days refuses records with a time up to the erasure.
    /// Later sessions recorded meanwhile are deleted or not.
    async fn erase(&self, learner: LearnerId) -> Result<(), StoreError>;

    /// Returns `Ok` where the store is reachable.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Error of a store. The text is for the log, not for clients.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Other operations use the store; a later retry can succeed.
    #[error("store overloaded")]
    Overloaded,
    /// The store is unreachable, too slow or out of room; a later retry can succeed.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// The store returned an invalid value; a retry does not help.
    #[error("store answered wrongly: {0}")]
    Unexpected(String),
}

impl StoreError {
    /// Returns whether a retry can succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::Unexpected(_))
    }
}

/// Returns the store with admission by cost, and with metrics and traces where either is on.
#[must_use]
pub fn admitted(store: Arc<dyn StatsStore>, admission: &Arc<Admission>) -> Arc<dyn StatsStore> {
    let admission = Arc::clone(admission);
    instrumented::instrumented(Arc::new(Admitted { store, admission }))
}
