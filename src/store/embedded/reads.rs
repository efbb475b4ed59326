//! Reads of requests, on a snapshot of the last commit.

use std::ops::Bound;

use redb::ReadTransaction;

use super::schema::{
    COURSES, CourseKey, ROSTER, RosterKey, SESSIONS, SUMMARY, SessionKey, SummaryKey, TIMELINE,
    TOTALS, TimelineKey,
};
use crate::domain::{
    CourseId, Enrolment, LearnerId, ListedCourse, ListedLearner, ListedSession, Page, Position,
    Roster, Session, SessionId, Slice, Span, Summary, Totals,
};
use crate::store::StoreError;
use crate::store::aggregate_text::{StoredSummary, StoredTotals};

/// Reads a session.
pub(super) fn session(
    snapshot: &ReadTransaction,
    enrolment: Enrolment,
    session: SessionId,
) -> Result<Option<Session>, StoreError> {
    let key = SessionKey { enrolment, session };
    let row = snapshot.open_table(SESSIONS)?.get(key)?;
    row.map(|row| (&row.value()).try_into()).transpose()
}

/// Reads the totals of an enrolment.
pub(super) fn totals(
    snapshot: &ReadTransaction,
    enrolment: Enrolment,
) -> Result<Option<Totals>, StoreError> {
    let row = snapshot.open_table(TOTALS)?.get(enrolment)?;
    row.map(|row| totals_of(row.value())).transpose()
}

/// Parses the text of totals.
fn totals_of(text: &str) -> Result<Totals, StoreError> {
    let stored: StoredTotals = text.parse()?;
    Ok(stored.checked()?)
}

/// Reads a page of an enrolment's sessions.
pub(super) fn sessions(
    snapshot: &ReadTransaction,
    enrolment: Enrolment,
    span: Span,
    slice: Slice,
) -> Result<Page<ListedSession>, StoreError> {
    let timeline = snapshot.open_table(TIMELINE)?;
    let sessions = snapshot.open_table(SESSIONS)?;
    let (first, last) = TimelineKey::range(enrolment, span).into_inner();
    let after = slice.after.map(|after| TimelineKey::at(enrolment, after));
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
        let key = entry?.0.value().session_key();
        let row = sessions.get(key)?;
        let row =
            row.ok_or_else(|| StoreError::Unexpected("a listed session is missing".into()))?;
        found.push(ListedSession {
            id: key.session,
            session: (&row.value()).try_into()?,
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

/// Reads a page of a learner's courses.
pub(super) fn courses(
    snapshot: &ReadTransaction,
    learner: LearnerId,
    slice: Slice,
) -> Result<Page<ListedCourse>, StoreError> {
    let courses = snapshot.open_table(COURSES)?;
    let totals = snapshot.open_table(TOTALS)?;
    let (first, last) = CourseKey::range(learner).into_inner();
    let end = match slice.after {
        Some(after) => Bound::Excluded(CourseKey::at(learner, after)),
        None => Bound::Included(last),
    };
    let mut found = Vec::new();
    let range = courses.range((Bound::Included(first), end))?;
    for entry in range.rev().take(slice.limit.saturating_add(1)) {
        let key = entry?.0.value();
        let row = totals.get(key.enrolment())?;
        let row =
            row.ok_or_else(|| StoreError::Unexpected("a listed course has no totals".into()))?;
        found.push(ListedCourse {
            id: key.course,
            totals: totals_of(row.value())?,
            last_occurred: key.latest,
        });
    }
    Ok(Page::new(found, slice.limit, |listed| Position {
        millis: listed.last_occurred,
        id: listed.id.into(),
    }))
}

/// Reads the summary of a course: the sum over all buckets.
pub(super) fn summary(
    snapshot: &ReadTransaction,
    course: CourseId,
) -> Result<Option<Summary>, StoreError> {
    let rows = snapshot.open_table(SUMMARY)?;
    let buckets = rows.range(SummaryKey::range(course))?;
    let parts = buckets.map(|row| {
        let stored: StoredSummary = row?.1.value().parse()?;
        Ok(stored.checked()?)
    });
    let summary: Summary = parts.sum::<Result<_, StoreError>>()?;
    Ok(Some(summary).filter(|summary| summary.learners > 0))
}

/// Reads a page of a course's roster.
pub(super) fn roster(
    snapshot: &ReadTransaction,
    course: CourseId,
    after: Option<LearnerId>,
    limit: usize,
) -> Result<Roster, StoreError> {
    let (roster, totals) = (snapshot.open_table(ROSTER)?, snapshot.open_table(TOTALS)?);
    let timeline = snapshot.open_table(TIMELINE)?;
    let start = match after {
        Some(learner) => Bound::Excluded(RosterKey::of(Enrolment::new(learner, course))),
        None => Bound::Included(RosterKey::first(course)),
    };
    let mut learners = Vec::new();
    let mut entries = roster.range((start, Bound::Included(RosterKey::last(course))))?;
    for entry in entries.by_ref().take(limit) {
        let enrolment = entry?.0.value().enrolment();
        let row = totals.get(enrolment)?;
        let mut latest = timeline.range(TimelineKey::range(enrolment, Span::ALL))?;
        let latest = latest.next_back().transpose()?;
        let missing = || StoreError::Unexpected("a learner of a roster has no totals".into());
        learners.push(ListedLearner {
            id: enrolment.learner,
            totals: totals_of(row.ok_or_else(missing)?.value())?,
            last_occurred: latest.ok_or_else(missing)?.0.value().millis,
        });
    }
    let next = entries.next().transpose()?.and(learners.last());
    Ok(Roster {
        next: next.map(|last| last.id),
        learners,
    })
}
