//! The tables, and how domain types are laid out in them.
//!
//! UUIDs are stored as `u128`, which sort as their bytes do, and sums as whole 1e-15 in an `i128`.

use redb::TableDefinition;

use crate::domain::{
    Amount, CourseId, Decimal, LearnerId, OccurredAt, Record, Score, Session, Stats, Totals,
};
use crate::store::{StoreError, bucket};

/// (learner, course, session).
pub(super) type SessionKey = (u128, u128, u128);
/// (modules, score, time, occurred at in ms, local day).
pub(super) type SessionRow = (f64, f64, f64, i64, i32);
/// (learner, course).
pub(super) type TotalsKey = (u128, u128);
/// (sessions, modules, score, time).
pub(super) type TotalsRow = (u64, i128, i128, i128);
/// (learner, course, occurred at in ms, session).
pub(super) type TimelineKey = (u128, u128, i64, u128);
/// (learner, latest occurred at in ms, course).
pub(super) type CoursesKey = (u128, i64, u128);
/// (course, bucket).
pub(super) type SummaryKey = (u128, u16);
/// (learners, their totals).
pub(super) type SummaryRow = (u64, TotalsRow);

/// Every session.
pub(super) const SESSIONS: TableDefinition<'_, SessionKey, SessionRow> =
    TableDefinition::new("sessions");
/// A learner's totals in a course.
pub(super) const TOTALS: TableDefinition<'_, TotalsKey, TotalsRow> = TableDefinition::new("totals");
/// A learner's sessions in a course by the time they occurred.
pub(super) const TIMELINE: TableDefinition<'_, TimelineKey, ()> = TableDefinition::new("timeline");
/// A learner's courses by the time of their latest session.
pub(super) const COURSES: TableDefinition<'_, CoursesKey, ()> = TableDefinition::new("courses");
/// The summary of a course over one bucket's learners.
pub(super) const SUMMARY: TableDefinition<'_, SummaryKey, SummaryRow> =
    TableDefinition::new("summary");
/// When a learner was erased, in ms: records that occurred before are refused.
pub(super) const ERASED: TableDefinition<'_, u128, i64> = TableDefinition::new("erased");

pub(super) fn totals_key(learner: LearnerId, course: CourseId) -> TotalsKey {
    (learner.as_u128(), course.as_u128())
}

pub(super) fn session_key(record: &Record) -> SessionKey {
    (
        record.learner.as_u128(),
        record.course.as_u128(),
        record.session.as_u128(),
    )
}

pub(super) fn summary_key(record: &Record) -> SummaryKey {
    (record.course.as_u128(), bucket::of(record.learner))
}

pub(super) fn session_row(session: &Session) -> SessionRow {
    let Session { stats, occurred_at } = session;
    (
        stats.modules.get(),
        stats.score.get(),
        stats.time.get(),
        occurred_at.millis,
        occurred_at.local_day,
    )
}

/// The session of a row.
///
/// # Errors
///
/// A row that holds numbers which were never accepted is [`StoreError::Unexpected`].
pub(super) fn session(
    (modules, score, time, millis, local_day): SessionRow,
) -> Result<Session, StoreError> {
    let wrong = |_| StoreError::Unexpected("a stored session has a number out of range".into());
    let stats = Stats {
        modules: Amount::new(modules).map_err(wrong)?,
        score: Score::new(score).map_err(wrong)?,
        time: Amount::new(time).map_err(wrong)?,
    };
    Ok(Session {
        stats,
        occurred_at: OccurredAt { millis, local_day },
    })
}

pub(super) fn totals_row(totals: &Totals) -> TotalsRow {
    (
        totals.sessions,
        totals.modules.scaled(),
        totals.score.scaled(),
        totals.time.scaled(),
    )
}

pub(super) fn totals((sessions, modules, score, time): TotalsRow) -> Totals {
    Totals {
        sessions,
        modules: Decimal::from_scaled(modules),
        score: Decimal::from_scaled(score),
        time: Decimal::from_scaled(time),
    }
}
