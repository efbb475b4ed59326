//! What a read looks up, as of the last commit.

use std::ops::Bound;

use redb::ReadTransaction;

use super::schema::{self, COURSES, SESSIONS, SUMMARY, TIMELINE, TOTALS};
use crate::domain::{
    CourseId, Enrolment, LearnerId, ListedCourse, ListedSession, Page, Position, Session,
    SessionId, Slice, Span, Summary, Totals,
};
use crate::store::StoreError;

/// A session.
pub(super) fn session(
    snapshot: &ReadTransaction,
    enrolment: Enrolment,
    session: SessionId,
) -> Result<Option<Session>, StoreError> {
    let key = schema::session_key(enrolment, session);
    let row = snapshot.open_table(SESSIONS)?.get(key)?;
    row.map(|row| schema::session(row.value())).transpose()
}

/// A learner's totals in a course.
pub(super) fn totals(
    snapshot: &ReadTransaction,
    enrolment: Enrolment,
) -> Result<Option<Totals>, StoreError> {
    let key = schema::totals_key(enrolment);
    let row = snapshot.open_table(TOTALS)?.get(key)?;
    Ok(row.map(|row| schema::totals(row.value())))
}

/// A page of a learner's sessions in a course.
pub(super) fn sessions(
    snapshot: &ReadTransaction,
    enrolment: Enrolment,
    span: Span,
    slice: Slice,
) -> Result<Page<ListedSession>, StoreError> {
    let timeline = snapshot.open_table(TIMELINE)?;
    let sessions = snapshot.open_table(SESSIONS)?;
    let (first, last) = schema::timeline_range(enrolment, span).into_inner();
    let after = slice
        .after
        .map(|after| (first.0, first.1, after.millis, after.id.as_u128()));
    let end = match after {
        Some(after) if after < first => return Ok(Page::new(Vec::new(), 0, position_of_session)),
        Some(after) if after <= last => Bound::Excluded(after),
        _ => Bound::Included(last),
    };
    if first > last {
        return Ok(Page::new(Vec::new(), 0, position_of_session));
    }
    let mut found = Vec::new();
    let range = timeline.range((Bound::Included(first), end))?;
    for entry in range.rev().take(slice.limit.saturating_add(1)) {
        let (learner, course, _, id) = entry?.0.value();
        let row = sessions.get((learner, course, id))?;
        let row =
            row.ok_or_else(|| StoreError::Unexpected("a listed session is missing".into()))?;
        found.push(ListedSession {
            id: schema::id(id),
            session: schema::session(row.value())?,
        });
    }
    Ok(Page::new(found, slice.limit, position_of_session))
}

fn position_of_session(listed: &ListedSession) -> Position {
    Position {
        millis: listed.session.occurred_at.millis,
        id: listed.id.into(),
    }
}

/// A page of a learner's courses.
pub(super) fn courses(
    snapshot: &ReadTransaction,
    learner: LearnerId,
    slice: Slice,
) -> Result<Page<ListedCourse>, StoreError> {
    let courses = snapshot.open_table(COURSES)?;
    let totals = snapshot.open_table(TOTALS)?;
    let (first, last) = schema::courses_range(learner).into_inner();
    let end = match slice.after {
        Some(after) => Bound::Excluded((first.0, after.millis, after.id.as_u128())),
        None => Bound::Included(last),
    };
    let mut found = Vec::new();
    let range = courses.range((Bound::Included(first), end))?;
    for entry in range.rev().take(slice.limit.saturating_add(1)) {
        let (learner, last_occurred, course) = entry?.0.value();
        let row = totals.get((learner, course))?;
        let row =
            row.ok_or_else(|| StoreError::Unexpected("a listed course has no totals".into()))?;
        found.push(ListedCourse {
            id: schema::id(course),
            totals: schema::totals(row.value()),
            last_occurred,
        });
    }
    Ok(Page::new(found, slice.limit, |listed| Position {
        millis: listed.last_occurred,
        id: listed.id.into(),
    }))
}

/// What all learners did in a course.
pub(super) fn summary(
    snapshot: &ReadTransaction,
    course: CourseId,
) -> Result<Option<Summary>, StoreError> {
    let rows = snapshot.open_table(SUMMARY)?;
    let buckets = rows.range(schema::summary_range(course))?;
    let parts = buckets.map(|row| Ok(schema::summary(row?.1.value())));
    let summary: Summary = parts.sum::<Result<_, StoreError>>()?;
    Ok(Some(summary).filter(|summary| summary.learners > 0))
}
