//! A store whose calls are counted, timed and traced.

use std::future::Future;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::upkeep::{Check, Entry, LastVerified, Subject, Upkeep, Verified, Verifying, Vitals};
use super::{StatsStore, StoreError};
use crate::domain::{
    Activity, CourseId, Deletion, LearnerId, ListedCourse, ListedSession, Outcome, Page, Record,
    Session, SessionId, Slice, Span, Summary, Totals,
};
use crate::telemetry::metrics::{self, Call, Ended};
use crate::telemetry::trace::{self, CallSpan};

/// The store itself, or where there are metrics or traces, the store with its calls in them.
#[must_use]
pub fn measured(store: Arc<dyn Upkeep>) -> Arc<dyn Upkeep> {
    if metrics::get().is_some() || trace::is_on() {
        Arc::new(Measured(store))
    } else {
        store
    }
}

struct Measured(Arc<dyn Upkeep>);

/// A call under way. It is counted when it is dropped, also where nobody waits for it any more.
struct UnderWay {
    call: Call,
    start: Instant,
    span: Option<CallSpan>,
    ended: Ended,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(metrics) = metrics::get() {
            let took = self.start.elapsed();
            metrics.calls.observe(self.call, self.ended, took);
        }
        if let Some(span) = self.span.take() {
            span.end(self.ended);
        }
    }
}

impl Measured {
    fn begin(&self, call: Call) -> UnderWay {
        UnderWay {
            call,
            start: Instant::now(),
            span: CallSpan::begin(call, self.0.name()),
            ended: Ended::Abandoned,
        }
    }

    async fn call<T>(
        &self,
        call: Call,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut under_way = self.begin(call);
        let answer = answer.await;
        under_way.ended = answer.as_ref().map_or_else(ended_by, |_| Ended::Ok);
        answer
    }
}

fn ended_by(error: &StoreError) -> Ended {
    if error.is_transient() {
        Ended::Unavailable
    } else {
        Ended::Wrong
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
impl StatsStore for Measured {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    async fn record(&self, record: &Record) -> Result<Outcome, StoreError> {
        let outcome = self.call(Call::Record, self.0.record(record)).await;
        count(&outcome);
        outcome
    }

    async fn record_many(&self, records: &[Record]) -> Vec<Result<Outcome, StoreError>> {
        let mut under_way = self.begin(Call::RecordMany);
        let outcomes = self.0.record_many(records).await;
        let failed = outcomes.iter().find_map(|outcome| outcome.as_ref().err());
        under_way.ended = failed.map_or(Ended::Ok, ended_by);
        outcomes.iter().for_each(count);
        outcomes
    }

    async fn session(
        &self,
        learner: LearnerId,
        course: CourseId,
        session: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        let answer = self.0.session(learner, course, session);
        self.call(Call::Session, answer).await
    }

    async fn totals(
        &self,
        learner: LearnerId,
        course: CourseId,
    ) -> Result<Option<Totals>, StoreError> {
        let answer = self.0.totals(learner, course);
        self.call(Call::Totals, answer).await
    }

    async fn sessions(
        &self,
        learner: LearnerId,
        course: CourseId,
        span: Span,
        slice: Slice,
    ) -> Result<Page<ListedSession>, StoreError> {
        let answer = self.0.sessions(learner, course, span, slice);
        self.call(Call::Sessions, answer).await
    }

    async fn courses(
        &self,
        learner: LearnerId,
        slice: Slice,
    ) -> Result<Page<ListedCourse>, StoreError> {
        let answer = self.0.courses(learner, slice);
        self.call(Call::Courses, answer).await
    }

    async fn activity(
        &self,
        learner: LearnerId,
        course: CourseId,
        days: RangeInclusive<i32>,
    ) -> Result<Activity, StoreError> {
        let answer = self.0.activity(learner, course, days);
        self.call(Call::Activity, answer).await
    }

    async fn summary(&self, course: CourseId) -> Result<Option<Summary>, StoreError> {
        self.call(Call::Summary, self.0.summary(course)).await
    }

    async fn forget_session(
        &self,
        learner: LearnerId,
        course: CourseId,
        session: SessionId,
    ) -> Result<Deletion, StoreError> {
        let answer = self.0.forget_session(learner, course, session);
        self.call(Call::ForgetSession, answer).await
    }

    async fn forget_course(
        &self,
        learner: LearnerId,
        course: CourseId,
    ) -> Result<Deletion, StoreError> {
        let answer = self.0.forget_course(learner, course);
        self.call(Call::ForgetCourse, answer).await
    }

    async fn erase(&self, learner: LearnerId) -> Result<Deletion, StoreError> {
        self.call(Call::Erase, self.0.erase(learner)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.call(Call::Ping, self.0.ping()).await
    }
}

#[async_trait]
impl Upkeep for Measured {
    async fn learners(&self, after: Option<LearnerId>) -> Result<Vec<LearnerId>, StoreError> {
        self.0.learners(after).await
    }

    async fn verify(
        &self,
        repair: bool,
        events: mpsc::Sender<Verifying>,
    ) -> Result<Verified, StoreError> {
        self.0.verify(repair, events).await
    }

    async fn inspect(
        &self,
        subject: Subject,
        entries: mpsc::Sender<Entry>,
    ) -> Result<(), StoreError> {
        self.0.inspect(subject, entries).await
    }

    async fn examine(&self) -> Vec<Check> {
        self.0.examine().await
    }

    async fn last_verified(&self) -> Result<Option<LastVerified>, StoreError> {
        self.0.last_verified().await
    }

    async fn vitals(&self) -> Vitals {
        self.0.vitals().await
    }
}
