//! What a record changes and a read looks up, within one transaction.

use redb::{ReadTransaction, ReadableTable, Table, TableError, WriteTransaction};

use super::schema::{self, COURSES, ERASED, SESSIONS, SUMMARY, TIMELINE, TOTALS};
use crate::domain::{CourseId, LearnerId, OccurredAt, Outcome, Record, Session, SessionId, Totals};
use crate::store::StoreError;

/// All tables, open in a write transaction.
pub(super) struct Tables<'txn> {
    sessions: Table<'txn, schema::SessionKey, schema::SessionRow>,
    totals: Table<'txn, schema::TotalsKey, schema::TotalsRow>,
    timeline: Table<'txn, schema::TimelineKey, ()>,
    courses: Table<'txn, schema::CoursesKey, ()>,
    summary: Table<'txn, schema::SummaryKey, schema::SummaryRow>,
    erased: Table<'txn, u128, i64>,
}

impl<'txn> Tables<'txn> {
    /// Opens the tables; those that are missing are created.
    pub(super) fn open(write: &'txn WriteTransaction) -> Result<Self, TableError> {
        Ok(Self {
            sessions: write.open_table(SESSIONS)?,
            totals: write.open_table(TOTALS)?,
            timeline: write.open_table(TIMELINE)?,
            courses: write.open_table(COURSES)?,
            summary: write.open_table(SUMMARY)?,
            erased: write.open_table(ERASED)?,
        })
    }

    /// Stores `record` as of its own time of occurrence or `now`, and moves the aggregates.
    ///
    /// All that can refuse it is looked at before the first change.
    pub(super) fn record(
        &mut self,
        record: &Record,
        now: OccurredAt,
    ) -> Result<Outcome, StoreError> {
        let occurred_at = record.occurred_at.unwrap_or(now);
        if self.is_erased(record.learner, occurred_at)? {
            return Ok(Outcome::Erased);
        }
        let session_key = schema::session_key(record);
        let former = self
            .sessions
            .get(session_key)?
            .map(|row| schema::session(row.value()))
            .transpose()?;
        if former.is_some_and(|former| former.occurred_at.millis > occurred_at.millis) {
            return Ok(Outcome::Superseded);
        }
        let session = Session {
            stats: record.stats,
            occurred_at,
        };
        if !self.move_aggregates(record, former.as_ref())? {
            return Ok(Outcome::LimitExceeded);
        }
        self.move_in_time(record, former.as_ref(), occurred_at)?;
        self.sessions
            .insert(session_key, schema::session_row(&session))?;
        Ok(Outcome::Recorded)
    }

    fn is_erased(&self, learner: LearnerId, occurred_at: OccurredAt) -> Result<bool, StoreError> {
        let erased = self.erased.get(learner.as_u128())?;
        Ok(erased.is_some_and(|erased_at| occurred_at.millis < erased_at.value()))
    }

    /// Moves the learner's totals and the course's summary by the difference that the record
    /// makes. Where a sum would pass its limit, nothing is changed and the answer is `false`.
    fn move_aggregates(
        &mut self,
        record: &Record,
        former: Option<&Session>,
    ) -> Result<bool, StoreError> {
        let former = former.map(|session| &session.stats);
        let totals_key = schema::totals_key(record.learner, record.course);
        let totals = self
            .totals
            .get(totals_key)?
            .map(|row| schema::totals(row.value()));
        let summary_key = schema::summary_key(record);
        let (learners, summary) = match self.summary.get(summary_key)? {
            Some(row) => (row.value().0, schema::totals(row.value().1)),
            None => (0, Totals::default()),
        };
        let (Some(new_totals), Some(new_summary)) = (
            totals.unwrap_or_default().replaced(former, &record.stats),
            summary.replaced(former, &record.stats),
        ) else {
            return Ok(false);
        };
        let learners = learners + u64::from(totals.is_none());
        self.totals
            .insert(totals_key, schema::totals_row(&new_totals))?;
        self.summary
            .insert(summary_key, (learners, schema::totals_row(&new_summary)))?;
        Ok(true)
    }

    /// Moves the session in the course's timeline, and the course among the learner's courses.
    fn move_in_time(
        &mut self,
        record: &Record,
        former: Option<&Session>,
        occurred_at: OccurredAt,
    ) -> Result<(), StoreError> {
        let (learner, course) = schema::totals_key(record.learner, record.course);
        let session = record.session.as_u128();
        let latest = self.latest(learner, course)?;
        if let Some(former) = former {
            self.timeline
                .remove((learner, course, former.occurred_at.millis, session))?;
        }
        self.timeline
            .insert((learner, course, occurred_at.millis, session), ())?;
        if latest.is_none_or(|latest| latest < occurred_at.millis) {
            if let Some(latest) = latest {
                self.courses.remove((learner, latest, course))?;
            }
            self.courses
                .insert((learner, occurred_at.millis, course), ())?;
        }
        Ok(())
    }

    /// When the learner's latest session in the course occurred, in ms.
    fn latest(&self, learner: u128, course: u128) -> Result<Option<i64>, StoreError> {
        let range = (learner, course, i64::MIN, u128::MIN)..=(learner, course, i64::MAX, u128::MAX);
        let latest = self.timeline.range(range)?.next_back().transpose()?;
        Ok(latest.map(|(key, _)| key.value().2))
    }
}

/// A session, as of the last commit.
pub(super) fn session(
    snapshot: &ReadTransaction,
    learner: LearnerId,
    course: CourseId,
    session: SessionId,
) -> Result<Option<Session>, StoreError> {
    let key = (learner.as_u128(), course.as_u128(), session.as_u128());
    let row = snapshot.open_table(SESSIONS)?.get(key)?;
    row.map(|row| schema::session(row.value())).transpose()
}

/// A learner's totals in a course, as of the last commit.
pub(super) fn totals(
    snapshot: &ReadTransaction,
    learner: LearnerId,
    course: CourseId,
) -> Result<Option<Totals>, StoreError> {
    let row = snapshot
        .open_table(TOTALS)?
        .get(schema::totals_key(learner, course))?;
    Ok(row.map(|row| schema::totals(row.value())))
}
