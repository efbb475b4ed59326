//! The tables, and how domain types are laid out in them.
//!
//! UUIDs are stored as `u128`, which sort as their bytes do, and sums as whole 1e-15 in an `i128`.

use std::ops::RangeInclusive;

use redb::TableDefinition;
use uuid::Uuid;

use crate::domain::{
    CourseId, Decimal, Enrolment, LearnerId, Measures, OccurredAt, Session, SessionId, Span, Stats,
    Summary, Totals,
};
use crate::store::{StoreError, bucket};

/// (enrolment, session).
pub(super) type SessionKey = (u128, u128, u128);
/// (modules, score, time, occurred at in ms, local day).
pub(super) type SessionRow = (f64, f64, f64, i64, i32);
/// (enrolment).
pub(super) type TotalsKey = (u128, u128);
/// (sessions, modules, score, time).
pub(super) type TotalsRow = (u64, i128, i128, i128);
/// (enrolment, occurred at in ms, session).
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

pub(super) fn totals_key(enrolment: Enrolment) -> TotalsKey {
    (enrolment.learner.as_u128(), enrolment.course.as_u128())
}

pub(super) fn session_key(enrolment: Enrolment, session: SessionId) -> SessionKey {
    let (learner, course) = totals_key(enrolment);
    (learner, course, session.as_u128())
}

pub(super) fn summary_key(enrolment: Enrolment) -> SummaryKey {
    (enrolment.course.as_u128(), bucket::of(enrolment.learner))
}

/// The enrolment of a key.
pub(super) fn enrolment((learner, course): TotalsKey) -> Enrolment {
    Enrolment::new(id(learner), id(course))
}

/// All sessions of the enrolment within the span, by the time they occurred.
pub(super) fn timeline_range(enrolment: Enrolment, span: Span) -> RangeInclusive<TimelineKey> {
    let (learner, course) = totals_key(enrolment);
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
    let Measures {
        modules,
        score,
        time,
    } = session.stats.measures();
    let OccurredAt { millis, local_day } = session.occurred_at;
    (modules, score, time, millis, local_day)
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
    Ok(Session {
        stats: Stats::new(Measures::from([modules, score, time])).map_err(wrong)?,
        occurred_at: OccurredAt { millis, local_day },
    })
}

pub(super) fn totals_row(totals: &Totals) -> TotalsRow {
    let [modules, score, time] = totals.sums.map(Decimal::scaled).into_array();
    (totals.sessions, modules, score, time)
}

pub(super) fn totals((sessions, modules, score, time): TotalsRow) -> Totals {
    let sums = Measures::from([modules, score, time]).map(Decimal::from_scaled);
    Totals { sessions, sums }
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
