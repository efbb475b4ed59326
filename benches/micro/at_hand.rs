//! A store that has every answer at hand.

use async_trait::async_trait;
use study_stats::domain::{
    Amount, CourseId, Decimal, DeleteOutcome, Enrolment, LearnerId, ListedCourse, ListedSession,
    Measures, OccurredAt, Outcome, Page, Record, Score, Session, SessionId, Slice, Span, Stats,
    Summary, Totals,
};
use study_stats::store::{StatsStore, StoreError};

/// Keeps nothing: every record is recorded, and every session and total is the same.
pub(crate) struct AtHand;

#[async_trait]
impl StatsStore for AtHand {
    fn name(&self) -> &'static str {
        "at hand"
    }

    async fn record_many(&self, records: &[Record]) -> Vec<Result<Outcome, StoreError>> {
        vec![Ok(Outcome::Created); records.len()]
    }

    async fn session(&self, _: Enrolment, _: SessionId) -> Result<Option<Session>, StoreError> {
        let stats = Stats {
            modules: Amount::new(5.0).map_err(wrong)?,
            score: Score::new(82.5).map_err(wrong)?,
            time: Amount::new(120_000.0).map_err(wrong)?,
        };
        let occurred_at = OccurredAt::from_utc_millis(1_768_465_800_000);
        Ok(Some(Session { stats, occurred_at }))
    }

    async fn totals(&self, _: Enrolment) -> Result<Option<Totals>, StoreError> {
        Ok(Some(Totals {
            sessions: 3,
            sums: Measures {
                modules: Decimal::from_parts(15, 0),
                score: Decimal::from_parts(245, 500_000_000_000_000),
                time: Decimal::from_parts(360_000, 0),
            },
        }))
    }

    async fn sessions(
        &self,
        _: Enrolment,
        _: Span,
        _: Slice,
    ) -> Result<Page<ListedSession>, StoreError> {
        Err(unasked())
    }

    async fn courses(&self, _: LearnerId, _: Slice) -> Result<Page<ListedCourse>, StoreError> {
        Err(unasked())
    }

    async fn summary(&self, _: CourseId) -> Result<Option<Summary>, StoreError> {
        Err(unasked())
    }

    async fn delete_session(
        &self,
        _: Enrolment,
        _: SessionId,
    ) -> Result<DeleteOutcome, StoreError> {
        Err(unasked())
    }

    async fn delete_course(&self, _: Enrolment) -> Result<DeleteOutcome, StoreError> {
        Err(unasked())
    }

    async fn erase(&self, _: LearnerId) -> Result<DeleteOutcome, StoreError> {
        Err(unasked())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn wrong(error: impl ToString) -> StoreError {
    StoreError::Unexpected(error.to_string())
}

fn unasked() -> StoreError {
    StoreError::Unavailable("no benchmark asks for it".into())
}
