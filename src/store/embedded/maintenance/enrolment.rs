//! Check of an enrolment's aggregates and indexes against the sessions, in a snapshot.

use redb::{ReadOnlyTable, ReadTransaction};

use super::display::{ENTRY, NOTHING, RowKey, session_text, text_or_nothing, totals_text};
use super::recount::{Recount, latest, next_with_sessions, recount};
use crate::domain::{Enrolment, Session, Span, Totals};
use crate::store::StoreError;
use crate::store::embedded::schema::{
    COURSES, CourseKey, SESSIONS, SessionKey, SessionRow, TIMELINE, TOTALS, TimelineKey, following,
};

/// Disagreement between a row and the sessions.
#[derive(Debug)]
pub(super) struct RowDifference {
    pub(super) key: RowKey,
    pub(super) expected: String,
    pub(super) found: String,
}

impl RowDifference {
    /// Returns the difference of an entry that an index lacks.
    fn missing(key: RowKey) -> Self {
        let (expected, found) = (ENTRY.into(), NOTHING.into());
        Self {
            key,
            expected,
            found,
        }
    }

    /// Returns the difference of an entry in an index without the entry's session.
    fn orphan(key: RowKey) -> Self {
        let (expected, found) = (NOTHING.into(), ENTRY.into());
        Self {
            key,
            expected,
            found,
        }
    }

    /// Returns the difference of a session with invalid measures.
    fn invalid(key: SessionKey, row: SessionRow) -> Self {
        Self {
            key: RowKey::Session(key),
            expected: "numbers in range".into(),
            found: session_text(row),
        }
    }
}

/// Event of a check.
#[derive(Debug)]
pub(super) enum CheckEvent {
    /// Further sessions were counted.
    Sessions(u64),
    /// A row disagrees with the sessions.
    Difference(RowDifference),
}

/// Receiver of the events of a check. An error ends the check.
pub(super) type Report<'a> = &'a mut dyn FnMut(CheckEvent) -> Result<(), StoreError>;

/// Tables of a snapshot.
pub(super) struct SnapshotTables {
    sessions: ReadOnlyTable<SessionKey, SessionRow>,
    totals: ReadOnlyTable<Enrolment, Totals>,
    timeline: ReadOnlyTable<TimelineKey, ()>,
    pub(super) courses: ReadOnlyTable<CourseKey, ()>,
}

impl SnapshotTables {
    pub(super) fn open(snapshot: &ReadTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            sessions: snapshot.open_table(SESSIONS)?,
            totals: snapshot.open_table(TOTALS)?,
            timeline: snapshot.open_table(TIMELINE)?,
            courses: snapshot.open_table(COURSES)?,
        })
    }

    /// Returns the next enrolment with sessions, totals or an entry in the session index, after an enrolment
    /// or from the start.
    pub(super) fn next(&self, after: Option<Enrolment>) -> Result<Option<Enrolment>, StoreError> {
        let totals = self.totals.range(following(after))?.next().transpose()?;
        let entry = after.map(|enrolment| *TimelineKey::range(enrolment, Span::ALL).end());
        let entry = self.timeline.range(following(entry))?.next().transpose()?;
        let candidates = [
            next_with_sessions(&self.sessions, after)?,
            totals.map(|(key, _)| key.value()),
            entry.map(|(key, _)| key.value().enrolment),
        ];
        Ok(candidates.into_iter().flatten().min())
    }

    /// Checks the rows of an enrolment, except for orphans in the course index.
    pub(super) fn check(&self, enrolment: Enrolment, report: Report<'_>) -> Result<(), StoreError> {
        let recounted = recount(&self.sessions, enrolment, |key, row| {
            report(CheckEvent::Sessions(1))?;
            if Session::try_from(row).is_err() {
                report(CheckEvent::Difference(RowDifference::invalid(key, row)))?;
            }
            let entry = key.timeline(row.occurred_at.millis);
            if self.timeline.get(entry)?.is_none() {
                report_missing(RowKey::Timeline(entry), report)?;
            }
            Ok(())
        })?;
        self.check_totals(enrolment, &recounted, report)?;
        self.check_timeline(enrolment, report)?;
        if let Some(latest) = recounted.latest {
            let entry = CourseKey::of(enrolment, latest);
            if self.courses.get(entry)?.is_none() {
                report_missing(RowKey::Course(entry), report)?;
            }
        }
        Ok(())
    }

    fn check_totals(
        &self,
        enrolment: Enrolment,
        recounted: &Recount,
        report: Report<'_>,
    ) -> Result<(), StoreError> {
        let Some(totals) = recounted.totals else {
            return Ok(());
        };
        let expected = recounted.latest.map(|_| totals);
        let found = self.totals.get(enrolment)?.map(|row| row.value());
        if expected == found {
            return Ok(());
        }
        report(CheckEvent::Difference(RowDifference {
            key: RowKey::Totals(enrolment),
            expected: text_or_nothing(expected, totals_text),
            found: text_or_nothing(found, totals_text),
        }))
    }

    /// Reports entries in the session index whose session is missing or has another time.
    fn check_timeline(&self, enrolment: Enrolment, report: Report<'_>) -> Result<(), StoreError> {
        for entry in self
            .timeline
            .range(TimelineKey::range(enrolment, Span::ALL))?
        {
            let entry = entry?.0.value();
            let row = self.sessions.get(entry.session_key())?;
            if row.is_none_or(|row| row.value().occurred_at.millis != entry.millis) {
                report_orphan(RowKey::Timeline(entry), report)?;
            }
        }
        Ok(())
    }

    /// Reports an entry in the course index whose time is not the time of the enrolment's latest session.
    pub(super) fn check_course_entry(
        &self,
        entry: CourseKey,
        report: Report<'_>,
    ) -> Result<(), StoreError> {
        if latest(&self.sessions, entry.enrolment())? == Some(entry.latest) {
            return Ok(());
        }
        report_orphan(RowKey::Course(entry), report)
    }
}

fn report_missing(key: RowKey, report: Report<'_>) -> Result<(), StoreError> {
    report(CheckEvent::Difference(RowDifference::missing(key)))
}

fn report_orphan(key: RowKey, report: Report<'_>) -> Result<(), StoreError> {
    report(CheckEvent::Difference(RowDifference::orphan(key)))
}
