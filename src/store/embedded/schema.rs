//! The tables, and how domain types are laid out in them.
//!
//! UUIDs are stored as `u128`, which sort as their bytes do, and sums as whole 1e-15 in an `i128`.

use std::ops::RangeInclusive;

use redb::TableDefinition;
use uuid::Uuid;

use crate::domain::{
    Amount, CourseId, Decimal, LearnerId, OccurredAt, Score, Session, SessionId, Span, Stats,
    Summary, Totals,
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

pub(super) fn session_key(learner: LearnerId, course: CourseId, session: SessionId) -> SessionKey {
    (learner.as_u128(), course.as_u128(), session.as_u128())
}

pub(super) fn summary_key(learner: LearnerId, course: CourseId) -> SummaryKey {
    (course.as_u128(), bucket::of(learner))
}

/// All of the learner's sessions in the course within the span, by the time they occurred.
pub(super) fn timeline_range(
    learner: LearnerId,
    course: CourseId,
    span: Span,
) -> RangeInclusive<TimelineKey> {
    let (learner, course) = totals_key(learner, course);
    (learner, course, span.from, u128::MIN)..=(learner, course, span.last, u128::MAX)
}

/// All of the learner's courses, by the time of their latest session.
pub(super) fn courses_range(learner: LearnerId) -> RangeInclusive<CoursesKey> {
    let learner = learner.as_u128();
    (learner, i64::MIN, u128::MIN)..=(learner, i64::MAX, u128::MAX)
}

/// A course's summary in all buckets.
pub(super) fn summary_range(course: CourseId) -> RangeInclusive<SummaryKey> {
    let course = course.as_u128();
    (course, u16::MIN)..=(course, u16::MAX)
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

pub(super) fn summary_row(summary: &Summary) -> SummaryRow {
    (summary.learners, totals_row(&summary.totals))
}

pub(super) fn summary((learners, totals_row): SummaryRow) -> Summary {
    let totals = totals(totals_row);
    Summary { learners, totals }
}

/// An id as it is stored.
pub(super) fn id<T: From<Uuid>>(id: u128) -> T {
    Uuid::from_u128(id).into()
}
