//! Reads of the ledger, on a snapshot.

use std::ops::Bound;

use redb::ReadTransaction;

use super::PAGE;
use crate::domain::{
    CourseId, Enrolment, LearnerId, Measures, OccurredAt, Session, SessionId, Span,
};
use crate::store::StoreError;
use crate::store::embedded::schema::{
    COURSES, CourseKey, ROSTER, RosterKey, SESSIONS, SUMMARY, SessionKey, SessionRow, SummaryKey,
    TIMELINE, TOTALS, TimelineKey, id,
};
use crate::store::maintenance::ledger::{
    CoursesPage, EnrolmentPage, EnrolmentState, EntryPosition, SessionSnapshot, StoredAggregate,
    StoredSession, SummaryPage,
};

/// Reads a page of an enrolment.
pub(super) fn enrolment(
    snapshot: &ReadTransaction,
    enrolment: Enrolment,
    after: Option<&EntryPosition>,
    unindexed: &[SessionId],
) -> Result<EnrolmentPage, StoreError> {
    let (timeline, sessions) = (
        snapshot.open_table(TIMELINE)?,
        snapshot.open_table(SESSIONS)?,
    );
    let (first, last) = TimelineKey::range(enrolment, Span::ALL).into_inner();
    let start = match after {
        Some(after) => Bound::Excluded(TimelineKey {
            enrolment,
            millis: number(&after.score)?,
            session: member(&after.member)?,
        }),
        None => Bound::Included(first),
    };
    let mut found = Vec::new();
    let mut entries = timeline.range((start, Bound::Included(last)))?;
    let mut next = None;
    for entry in entries.by_ref().take(PAGE) {
        let key = entry?.0.value();
        let row = sessions.get(key.session_key())?.map(|row| row.value());
        let counts = row
            .as_ref()
            .is_some_and(|row| row.occurred_at.millis == key.millis);
        found.push(SessionSnapshot {
            id: key.session,
            entry: Some(key.millis.to_string()),
            session: stored(row.as_ref()),
            counts,
        });
        next = Some(EntryPosition {
            member: key.session.as_bytes().to_vec(),
            score: key.millis.to_string(),
        });
    }
    let next = entries.next().transpose()?.and(next);
    for &session in unindexed {
        let key = SessionKey { enrolment, session };
        let row = sessions.get(key)?.map(|row| row.value());
        // A write may have indexed the session meanwhile.
        let is_indexed = match &row {
            Some(row) => timeline
                .get(key.timeline(row.occurred_at.millis))?
                .is_some(),
            None => true,
        };
        if !is_indexed {
            found.push(SessionSnapshot {
                id: session,
                entry: None,
                session: stored(row.as_ref()),
                counts: true,
            });
        }
    }
    Ok(EnrolmentPage {
        state: state(snapshot, enrolment)?,
        sessions: found,
        invalid: Vec::new(),
        next,
    })
}

/// Reads the derived data of an enrolment.
fn state(snapshot: &ReadTransaction, enrolment: Enrolment) -> Result<EnrolmentState, StoreError> {
    let totals = snapshot.open_table(TOTALS)?.get(enrolment)?;
    let courses = snapshot.open_table(COURSES)?;
    let mut course_entries = Vec::new();
    for entry in courses.range(CourseKey::range(enrolment.learner))? {
        let key = entry?.0.value();
        if key.course == enrolment.course {
            course_entries.push(key.latest.to_string());
        }
    }
    let roster = snapshot.open_table(ROSTER)?.get(RosterKey::of(enrolment))?;
    Ok(EnrolmentState {
        totals: StoredAggregate(Ok(totals.map(|row| row.value().into()))),
        session_index: Ok(()),
        course_entries: Ok(course_entries),
        is_in_roster: Ok(roster.is_some()),
    })
}

/// Reads a summary, and the totals of a page of its roster.
pub(super) fn summary(
    snapshot: &ReadTransaction,
    bucket: u16,
    course: CourseId,
    after: Option<LearnerId>,
) -> Result<SummaryPage, StoreError> {
    let summary = snapshot.open_table(SUMMARY)?;
    let summary = summary.get(SummaryKey { course, bucket })?;
    let (roster, totals) = (snapshot.open_table(ROSTER)?, snapshot.open_table(TOTALS)?);
    let key = |learner| RosterKey {
        course,
        bucket,
        learner,
    };
    let start = match after {
        Some(after) => Bound::Excluded(key(after)),
        None => Bound::Included(key(id(u128::MIN))),
    };
    let mut learners = Vec::new();
    let mut entries = roster.range((start, Bound::Included(key(id(u128::MAX)))))?;
    for entry in entries.by_ref().take(PAGE) {
        let key = entry?.0.value();
        let row = totals.get(key.enrolment())?;
        let stored = row.map(|row| row.value().into());
        learners.push((key.learner, StoredAggregate(Ok(stored))));
    }
    let next = entries.next().transpose()?.and(learners.last());
    Ok(SummaryPage {
        summary: StoredAggregate(Ok(summary.map(|row| row.value().into()))),
        next: next.map(|(learner, _)| *learner),
        learners,
    })
}

/// Reads a page of a learner's courses, latest first.
pub(super) fn courses(
    snapshot: &ReadTransaction,
    learner: LearnerId,
    after: Option<&EntryPosition>,
) -> Result<CoursesPage, StoreError> {
    let courses = snapshot.open_table(COURSES)?;
    let (first, last) = CourseKey::range(learner).into_inner();
    let end = match after {
        Some(after) => Bound::Excluded(CourseKey {
            learner,
            latest: number(&after.score)?,
            course: member(&after.member)?,
        }),
        None => Bound::Included(last),
    };
    let mut found = Vec::new();
    let mut entries = courses.range((Bound::Included(first), end))?.rev();
    for entry in entries.by_ref().take(PAGE) {
        let key = entry?.0.value();
        found.push((key.course, key.latest.to_string()));
    }
    let next = entries.next().transpose()?.and(found.last());
    Ok(CoursesPage {
        next: next.map(|(course, latest)| EntryPosition {
            member: course.as_bytes().to_vec(),
            score: latest.clone(),
        }),
        courses: found,
        invalid: Vec::new(),
    })
}

fn stored(row: Option<&SessionRow>) -> StoredSession {
    match row {
        None => StoredSession::Absent,
        Some(row) => Session::try_from(row).map_or_else(
            |_| StoredSession::Unreadable(text(row)),
            StoredSession::Valid,
        ),
    }
}

/// Text of a row that is no session.
fn text(row: &SessionRow) -> String {
    let Measures {
        modules,
        score,
        time,
    } = row.measures;
    let OccurredAt { millis, local_day } = row.occurred_at;
    let version = match row.optional.version() {
        Ok(Some(version)) => format!(" v={version}"),
        Ok(None) => String::new(),
        Err(_) => " v=?".into(),
    };
    format!("m={modules} s={score} t={time} o={millis} d={local_day}{version}")
}

fn number(text: &str) -> Result<i64, StoreError> {
    text.parse().map_err(|_| invalid_position())
}

fn member<T: From<uuid::Uuid>>(bytes: &[u8]) -> Result<T, StoreError> {
    let uuid = uuid::Uuid::from_slice(bytes).map_err(|_| invalid_position())?;
    Ok(uuid.into())
}

fn invalid_position() -> StoreError {
    StoreError::Unexpected("a position is of no page".into())
}
