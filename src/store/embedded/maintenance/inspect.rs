//! Inspection: rows of a learner, an enrolment or a session, as stored.

use redb::ReadTransaction;
use tokio::sync::mpsc;

use super::chunks::cancelled;
use super::display::{ENTRY, RowKey, session_text, summary_text, totals_text};
use crate::domain::{Enrolment, LearnerId, SessionId, Span};
use crate::store::StoreError;
use crate::store::embedded::schema::{
    COURSES, CourseKey, ERASED, SESSIONS, SUMMARY, SessionKey, SummaryKey, TIMELINE, TOTALS,
    TimelineKey, enrolments,
};
use crate::store::maintenance::{InspectScope, StoredEntry};

/// Sends the rows of a scope. Returns early, without error, where the receiver is dropped.
pub(super) fn send(
    snapshot: &ReadTransaction,
    scope: InspectScope,
    entries: &mpsc::Sender<StoredEntry>,
) -> Result<(), StoreError> {
    let rows = RowSender { snapshot, entries };
    let learner = scope.learner;
    let sent = match (scope.course, scope.session) {
        (Some(course), Some(session)) => rows.session(Enrolment::new(learner, course), session),
        (Some(course), None) => rows.enrolment(Enrolment::new(learner, course)),
        (None, _) => rows.learner(learner),
    };
    if entries.is_closed() { Ok(()) } else { sent }
}

struct RowSender<'a> {
    snapshot: &'a ReadTransaction,
    entries: &'a mpsc::Sender<StoredEntry>,
}

impl RowSender<'_> {
    /// Sends the tombstone, the entries in the course index, latest first, and the totals of each enrolment.
    fn learner(&self, learner: LearnerId) -> Result<(), StoreError> {
        let erased = self.snapshot.open_table(ERASED)?.get(learner.as_u128())?;
        if let Some(at) = erased {
            self.show(RowKey::Erased(learner), at.value().to_string())?;
        }
        let courses = self.snapshot.open_table(COURSES)?;
        for entry in courses.range(CourseKey::range(learner))?.rev() {
            self.show(RowKey::Course(entry?.0.value()), ENTRY.into())?;
        }
        let totals = self.snapshot.open_table(TOTALS)?;
        for entry in totals.range(enrolments(learner))? {
            let (key, row) = entry?;
            self.show(RowKey::Totals(key.value()), totals_text(row.value()))?;
        }
        Ok(())
    }

    /// Sends the totals, the entry in the course index and the summary that includes the enrolment, then the
    /// session index, latest first, and the sessions.
    fn enrolment(&self, enrolment: Enrolment) -> Result<(), StoreError> {
        self.totals(enrolment)?;
        let courses = self.snapshot.open_table(COURSES)?;
        for entry in courses.range(CourseKey::range(enrolment.learner))? {
            let entry = entry?.0.value();
            if entry.course == enrolment.course {
                self.show(RowKey::Course(entry), ENTRY.into())?;
            }
        }
        let key = SummaryKey::of(enrolment);
        if let Some(row) = self.snapshot.open_table(SUMMARY)?.get(key)? {
            self.show(RowKey::Summary(key), summary_text(row.value()))?;
        }
        let timeline = self.snapshot.open_table(TIMELINE)?;
        let range = TimelineKey::range(enrolment, Span::ALL);
        for entry in timeline.range(range)?.rev() {
            self.show(RowKey::Timeline(entry?.0.value()), ENTRY.into())?;
        }
        let sessions = self.snapshot.open_table(SESSIONS)?;
        for entry in sessions.range(SessionKey::range(enrolment))? {
            let (key, row) = entry?;
            self.show(RowKey::Session(key.value()), session_text(row.value()))?;
        }
        Ok(())
    }

    /// Sends the session, the entry in the session index and the totals of the enrolment.
    fn session(&self, enrolment: Enrolment, session: SessionId) -> Result<(), StoreError> {
        let key = SessionKey { enrolment, session };
        if let Some(row) = self.snapshot.open_table(SESSIONS)?.get(key)? {
            let row = row.value();
            self.show(RowKey::Session(key), session_text(row))?;
            let entry = key.timeline(row.occurred_at.millis);
            if self.snapshot.open_table(TIMELINE)?.get(entry)?.is_some() {
                self.show(RowKey::Timeline(entry), ENTRY.into())?;
            }
        }
        self.totals(enrolment)
    }

    fn totals(&self, enrolment: Enrolment) -> Result<(), StoreError> {
        if let Some(row) = self.snapshot.open_table(TOTALS)?.get(enrolment)? {
            self.show(RowKey::Totals(enrolment), totals_text(row.value()))?;
        }
        Ok(())
    }

    fn show(&self, key: RowKey, value: String) -> Result<(), StoreError> {
        let key = key.to_string();
        let entry = StoredEntry { key, value };
        self.entries.blocking_send(entry).map_err(|_| cancelled())
    }
}
