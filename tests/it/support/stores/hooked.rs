//! Store with a hook before each call, which waits or returns an error.

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use study_stats::domain::{
    CourseId, DeleteOutcome, Enrolment, LearnerId, ListedCourse, ListedSession, Outcome, Page,
    Record, Roster, Session, SessionId, Slice, Span, Summary, Totals,
};
use study_stats::store::{StatsStore, StoreError};

/// Hook before a call.
pub(crate) type Hook =
    Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>> + Send + Sync>;

/// Store behind a hook. A ping passes the hook only with `pings`.
pub(crate) struct Hooked {
    pub(crate) store: Arc<dyn StatsStore>,
    pub(crate) hook: Hook,
    pub(crate) pings: bool,
}

#[async_trait]
impl StatsStore for Hooked {
    fn name(&self) -> &'static str {
        "hooked"
    }

    async fn record(&self, record: &Record) -> Result<Outcome, StoreError> {
        (self.hook)().await?;
        self.store.record(record).await
    }

    async fn record_many(&self, records: &[Record]) -> Vec<Result<Outcome, StoreError>> {
        match (self.hook)().await {
            Ok(()) => self.store.record_many(records).await,
            Err(error) => vec![Err(error); records.len()],
        }
    }

    async fn session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        (self.hook)().await?;
        self.store.session(enrolment, session).await
    }

    async fn totals(&self, enrolment: Enrolment) -> Result<Option<Totals>, StoreError> {
        (self.hook)().await?;
        self.store.totals(enrolment).await
    }

    async fn sessions(
        &self,
        enrolment: Enrolment,
        span: Span,
        slice: Slice,
    ) -> Result<Page<ListedSession>, StoreError> {
        (self.hook)().await?;
        self.store.sessions(enrolment, span, slice).await
    }

    async fn courses(
        &self,
        learner: LearnerId,
        slice: Slice,
    ) -> Result<Page<ListedCourse>, StoreError> {
        (self.hook)().await?;
        self.store.courses(learner, slice).await
    }

    async fn summary(&self, course: CourseId) -> Result<Option<Summary>, StoreError> {
        (self.hook)().await?;
        self.store.summary(course).await
    }

    async fn roster(
        &self,
        course: CourseId,
        after: Option<LearnerId>,
        limit: usize,
    ) -> Result<Roster, StoreError> {
        (self.hook)().await?;
        self.store.roster(course, after, limit).await
    }

    async fn delete_session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<DeleteOutcome, StoreError> {
        (self.hook)().await?;
        self.store.delete_session(enrolment, session).await
    }

    async fn delete_course(&self, enrolment: Enrolment) -> Result<DeleteOutcome, StoreError> {
        (self.hook)().await?;
        self.store.delete_course(enrolment).await
    }

    async fn erase(&self, learner: LearnerId) -> Result<(), StoreError> {
        (self.hook)().await?;
        self.store.erase(learner).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        if self.pings {
            (self.hook)().await?;
        }
        self.store.ping().await
    }
}
