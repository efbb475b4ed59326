//! A store with fixed results.

use async_trait::async_trait;
use study_stats::domain::{
    Amount, CourseId, Decimal, DeleteOutcome, Enrolment, LearnerId, ListedCourse, ListedSession,
    Measures, OccurredAt, Outcome, Page, Record, Roster, Score, Session, SessionId, Slice, Span,
    Stats, Summary, Totals,
};
use study_stats::store::{StatsStore, StoreError};

/// Store without data: every record is `Created`; all sessions, and all totals, are equal.
pub(crate) struct FixedStore;

#[async_trait]
impl StatsStore for FixedStore {
    fn name(&self) -> &'static str {
        "fixed"
    }

    async fn record(&self, _: &Record) -> Result<Outcome, StoreError> {
        Ok(Outcome::Created)
    }

    async fn record_many(&self, records: &[Record]) -> Vec<Result<Outcome, StoreError>> {
        vec![Ok(Outcome::Created); records.len()]
    }

    async fn session(&self, _: Enrolment, _: SessionId) -> Result<Option<Session>, StoreError> {
        let stats = Stats {
            modules: Amount::new(5.0).map_err(invalid)?,
            score: Score::new(82.5).map_err(invalid)?,
            time: Amount::new(120_000.0).map_err(invalid)?,
        };
        let occurred_at = OccurredAt::from_utc_millis(1_768_465_800_000);
        Ok(Some(Session {
            stats,
            occurred_at,
            version: None,
        }))
    }

    async fn totals(&self, _: Enrolment) -> Result<Option<Totals>, StoreError> {
        Ok(Some(Totals {
            sessions: 3,
            sums: Measures {
                modules: Decimal::contribution_of(15.0),
                score: Decimal::contribution_of(245.5),
                time: Decimal::contribution_of(360_000.0),
            },
        }))
    }

    async fn sessions(
        &self,
        _: Enrolment,
        _: Span,
        _: Slice,
    ) -> Result<Page<ListedSession>, StoreError> {
        Err(unsupported())
    }

    async fn courses(&self, _: LearnerId, _: Slice) -> Result<Page<ListedCourse>, StoreError> {
        Err(unsupported())
    }

    async fn summary(&self, _: CourseId) -> Result<Option<Summary>, StoreError> {
        Err(unsupported())
    }

    async fn roster(
        &self,
        _: CourseId,
        _: Option<LearnerId>,
        _: usize,
    ) -> Result<Roster, StoreError> {
        Err(unsupported())
    }

    async fn delete_session(
        &self,
        _: Enrolment,
        _: SessionId,
    ) -> Result<DeleteOutcome, StoreError> {
        Err(unsupported())
    }

    async fn delete_course(&self, _: Enrolment) -> Result<DeleteOutcome, StoreError> {
        Err(unsupported())
    }

    async fn erase(&self, _: LearnerId) -> Result<(), StoreError> {
        Err(unsupported())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn invalid(error: impl ToString) -> StoreError {
    StoreError::Unexpected(error.to_string())
}

/// Returns the error of operations without a benchmark.
fn unsupported() -> StoreError {
    StoreError::Unavailable("no benchmark of the operation".into())
}
