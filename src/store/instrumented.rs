//! A store whose calls are counted, timed and traced.

use std::future::Future;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use super::{StatsStore, StoreError};
use crate::domain::{
    Activity, CourseId, DeleteOutcome, Enrolment, LearnerId, ListedCourse, ListedSession, Outcome,
    Page, Record, Session, SessionId, Slice, Span, Summary, Totals,
};
use crate::telemetry::metrics::{self, OpOutcome, StoreOp};
use crate::telemetry::trace::{self, StoreOpSpan};

/// The store itself, or where there are metrics or traces, the store with its calls in them.
#[must_use]
pub(super) fn instrumented(store: Arc<dyn StatsStore>) -> Arc<dyn StatsStore> {
    if metrics::get().is_some() || trace::is_on() {
        Arc::new(Instrumented(store))
    } else {
        store
    }
}

struct Instrumented(Arc<dyn StatsStore>);

/// A call under way. It is counted when it is dropped, also where nobody waits for it any more.
struct UnderWay {
    call: StoreOp,
    start: Instant,
    span: Option<StoreOpSpan>,
    ended: OpOutcome,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(metrics) = metrics::get() {
            let took = self.start.elapsed();
            metrics.store_ops.observe(self.call, self.ended, took);
        }
        if let Some(span) = self.span.take() {
            span.end(self.ended);
        }
    }
}

impl Instrumented {
    fn begin(&self, call: StoreOp) -> UnderWay {
        UnderWay {
            call,
            start: Instant::now(),
            span: StoreOpSpan::begin(call, self.0.name()),
            ended: OpOutcome::Abandoned,
        }
    }

    async fn call<T>(
        &self,
        call: StoreOp,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut under_way = self.begin(call);
        let answer = answer.await;
        under_way.ended = answer.as_ref().map_or_else(ended_by, |_| OpOutcome::Ok);
        answer
    }
}

fn ended_by(error: &StoreError) -> OpOutcome {
    if error.is_transient() {
        OpOutcome::Unavailable
    } else {
        OpOutcome::Wrong
    }
}

/// Counts what became of a record.
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
        Ok(Outcome::LimitExceeded) => &records.refused,
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
        let outcome = self.call(StoreOp::Record, self.0.record(record)).await;
        count(&outcome);
        outcome
    }

    async fn record_many(&self, records: &[Record]) -> Vec<Result<Outcome, StoreError>> {
        let mut under_way = self.begin(StoreOp::RecordMany);
        let outcomes = self.0.record_many(records).await;
        let failed = outcomes.iter().find_map(|outcome| outcome.as_ref().err());
        under_way.ended = failed.map_or(OpOutcome::Ok, ended_by);
        outcomes.iter().for_each(count);
        outcomes
    }

    async fn session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        let answer = self.0.session(enrolment, session);
        self.call(StoreOp::Session, answer).await
    }

    async fn totals(&self, enrolment: Enrolment) -> Result<Option<Totals>, StoreError> {
        let answer = self.0.totals(enrolment);
        self.call(StoreOp::Totals, answer).await
    }

    async fn sessions(
        &self,
        enrolment: Enrolment,
        span: Span,
        slice: Slice,
    ) -> Result<Page<ListedSession>, StoreError> {
        let answer = self.0.sessions(enrolment, span, slice);
        self.call(StoreOp::Sessions, answer).await
    }

    async fn courses(
        &self,
        learner: LearnerId,
        slice: Slice,
    ) -> Result<Page<ListedCourse>, StoreError> {
        let answer = self.0.courses(learner, slice);
        self.call(StoreOp::Courses, answer).await
    }

    async fn activity(
        &self,
        enrolment: Enrolment,
        days: RangeInclusive<i32>,
    ) -> Result<Activity, StoreError> {
        let answer = self.0.activity(enrolment, days);
        self.call(StoreOp::Activity, answer).await
    }

    async fn summary(&self, course: CourseId) -> Result<Option<Summary>, StoreError> {
        self.call(StoreOp::Summary, self.0.summary(course)).await
    }

    async fn delete_session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<DeleteOutcome, StoreError> {
        let answer = self.0.delete_session(enrolment, session);
        self.call(StoreOp::DeleteSession, answer).await
    }

    async fn delete_course(&self, enrolment: Enrolment) -> Result<DeleteOutcome, StoreError> {
        let answer = self.0.delete_course(enrolment);
        self.call(StoreOp::DeleteCourse, answer).await
    }

    async fn erase(&self, learner: LearnerId) -> Result<DeleteOutcome, StoreError> {
        self.call(StoreOp::Erase, self.0.erase(learner)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.call(StoreOp::Ping, self.0.ping()).await
    }
}
