//! Decorator of a store: metrics and spans of each operation.

use std::future::Future;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use super::{StatsStore, StoreError};
use crate::domain::{
    Activity, CourseId, DeleteOutcome, Enrolment, LearnerId, ListedCourse, ListedSession, Outcome,
    Page, Record, Roster, Session, SessionId, Slice, Span, Summary, Totals,
};
use crate::telemetry::metrics::{self, OpOutcome, StoreOp};
use crate::telemetry::trace::{self, StoreOpSpan};

/// Wraps a store where metrics or traces are on; else returns the store unchanged.
#[must_use]
pub(super) fn instrumented(store: Arc<dyn StatsStore>) -> Arc<dyn StatsStore> {
    if metrics::get().is_some() || trace::is_on() {
        Arc::new(Instrumented(store))
    } else {
        store
    }
}

/// Store that measures each operation of another store.
struct Instrumented(Arc<dyn StatsStore>);

/// Running operation. Its drop records the metric and ends the span, also when the request was cancelled.
struct RunningOp {
    op: StoreOp,
    start: Instant,
    span: Option<StoreOpSpan>,
    outcome: OpOutcome,
}

impl Drop for RunningOp {
    fn drop(&mut self) {
        if let Some(metrics) = metrics::get() {
            let took = self.start.elapsed();
            metrics.store_ops.observe(self.op, self.outcome, took);
        }
        if let Some(span) = self.span.take() {
            span.end(self.outcome);
        }
    }
}

impl Instrumented {
    fn begin(&self, op: StoreOp) -> RunningOp {
        RunningOp {
            op,
            start: Instant::now(),
            span: StoreOpSpan::begin(op, self.0.name()),
            outcome: OpOutcome::Abandoned,
        }
    }

    async fn measure<T>(
        &self,
        op: StoreOp,
        result: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut running = self.begin(op);
        let result = result.await;
        running.outcome = result.as_ref().map_or_else(failed, |_| OpOutcome::Ok);
        result
    }
}

/// Returns the outcome of an operation with an error.
fn failed(error: &StoreError) -> OpOutcome {
    match error {
        StoreError::Overloaded => OpOutcome::Shed,
        StoreError::Unavailable(_) => OpOutcome::Unavailable,
        StoreError::Unexpected(_) => OpOutcome::Wrong,
    }
}

/// Counts the outcome of a record.
fn count(outcome: &Result<Outcome, StoreError>) {
    let Some(metrics) = metrics::get() else {
        return;
    };
    let records = &metrics.records;
    let counter = match outcome {
        Ok(Outcome::Created) => &records.created,
        Ok(Outcome::Replaced) => &records.replaced,
        Ok(Outcome::Superseded) => &records.superseded,
        Ok(Outcome::Erased) => &records.gone,
        Ok(Outcome::LimitExceeded(_)) => &records.refused,
        Err(_) => &records.failed,
    };
    counter.inc();
}

#[async_trait]
impl StatsStore for Instrumented {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    async fn record(&self, record: &Record) -> Result<Outcome, StoreError> {
        let outcome = self.measure(StoreOp::Record, self.0.record(record)).await;
        count(&outcome);
        outcome
    }

    async fn record_many(&self, records: &[Record]) -> Vec<Result<Outcome, StoreError>> {
        let mut running = self.begin(StoreOp::RecordMany);
        let outcomes = self.0.record_many(records).await;
        let error = outcomes.iter().find_map(|outcome| outcome.as_ref().err());
        running.outcome = error.map_or(OpOutcome::Ok, failed);
        outcomes.iter().for_each(count);
        outcomes
    }

    async fn session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        let result = self.0.session(enrolment, session);
        self.measure(StoreOp::Session, result).await
    }

    async fn totals(&self, enrolment: Enrolment) -> Result<Option<Totals>, StoreError> {
        let result = self.0.totals(enrolment);
        self.measure(StoreOp::Totals, result).await
    }

    async fn sessions(
        &self,
        enrolment: Enrolment,
        span: Span,
        slice: Slice,
    ) -> Result<Page<ListedSession>, StoreError> {
        let result = self.0.sessions(enrolment, span, slice);
        self.measure(StoreOp::Sessions, result).await
    }

    async fn courses(
        &self,
        learner: LearnerId,
        slice: Slice,
    ) -> Result<Page<ListedCourse>, StoreError> {
        let result = self.0.courses(learner, slice);
        self.measure(StoreOp::Courses, result).await
    }

    async fn activity(
        &self,
        learner: LearnerId,
        course: Option<CourseId>,
        days: RangeInclusive<i32>,
    ) -> Result<Activity, StoreError> {
        let result = self.0.activity(learner, course, days);
        self.measure(StoreOp::Activity, result).await
    }

    async fn summary(&self, course: CourseId) -> Result<Option<Summary>, StoreError> {
        self.measure(StoreOp::Summary, self.0.summary(course)).await
    }

    async fn roster(
        &self,
        course: CourseId,
        after: Option<LearnerId>,
        limit: usize,
    ) -> Result<Roster, StoreError> {
        let result = self.0.roster(course, after, limit);
        self.measure(StoreOp::Roster, result).await
    }

    async fn delete_session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<DeleteOutcome, StoreError> {
        let result = self.0.delete_session(enrolment, session);
        self.measure(StoreOp::DeleteSession, result).await
    }

    async fn delete_course(&self, enrolment: Enrolment) -> Result<DeleteOutcome, StoreError> {
        let result = self.0.delete_course(enrolment);
        self.measure(StoreOp::DeleteCourse, result).await
    }

    async fn erase(&self, learner: LearnerId) -> Result<(), StoreError> {
        self.measure(StoreOp::Erase, self.0.erase(learner)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.measure(StoreOp::Ping, self.0.ping()).await
    }
}
