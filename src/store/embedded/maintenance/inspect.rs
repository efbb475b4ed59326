//! Shows the rows of a learner, as they are.

use redb::ReadTransaction;
use tokio::sync::mpsc;

use super::display::{ENTRY, Place, session_text, summary_text, totals_text};
use super::recount::{sessions_of, timeline_of};
use crate::domain::{Enrolment, LearnerId, SessionId};
use crate::store::StoreError;
use crate::store::embedded::schema::{self, COURSES, ERASED, SESSIONS, SUMMARY, TIMELINE, TOTALS};
use crate::store::maintenance::{Entry, Subject};

/// Sends what is stored of the subject, until nobody takes it any more.
pub(super) fn send(
    snapshot: &ReadTransaction,
    subject: Subject,
    entries: &mpsc::Sender<Entry>,
) -> Result<(), StoreError> {
    let shown = Shown { snapshot, entries };
    let learner = subject.learner;
    let sent = match (subject.course, subject.session) {
        (Some(course), Some(session)) => shown.session(Enrolment::new(learner, course), session),
        (Some(course), None) => shown.course(Enrolment::new(learner, course)),
        (None, _) => shown.learner(learner),
    };
    if entries.is_closed() { Ok(()) } else { sent }
}

struct Shown<'a> {
    snapshot: &'a ReadTransaction,
    entries: &'a mpsc::Sender<Entry>,
}

impl Shown<'_> {
    /// When the learner was erased, then the list of courses, latest first, and the totals in each.
    fn learner(&self, learner: LearnerId) -> Result<(), StoreError> {
        let erased = self.snapshot.open_table(ERASED)?.get(learner.as_u128())?;
        if let Some(at) = erased {
            self.show(Place::Erased(learner.as_u128()), at.value().to_string())?;
        }
        let courses = self.snapshot.open_table(COURSES)?;
        for entry in courses.range(schema::courses_range(learner))?.rev() {
            self.show(Place::Courses(entry?.0.value()), ENTRY.into())?;
        }
        let learner = learner.as_u128();
        let totals = self.snapshot.open_table(TOTALS)?;
        for entry in totals.range((learner, u128::MIN)..=(learner, u128::MAX))? {
            let (key, row) = entry?;
            self.show(Place::Totals(key.value()), totals_text(row.value()))?;
        }
        Ok(())
    }

    /// The totals, the list's entry and the summary that the learner is counted in; then the
    /// timeline, newest first, and the sessions.
    fn course(&self, enrolment: Enrolment) -> Result<(), StoreError> {
        self.totals(enrolment)?;
        let courses = self.snapshot.open_table(COURSES)?;
        for entry in courses.range(schema::courses_range(enrolment.learner))? {
            let entry = entry?.0.value();
            if entry.2 == enrolment.course.as_u128() {
                self.show(Place::Courses(entry), ENTRY.into())?;
            }
        }
        let key = schema::summary_key(enrolment);
        if let Some(row) = self.snapshot.open_table(SUMMARY)?.get(key)? {
            self.show(Place::Summary(key), summary_text(row.value()))?;
        }
        let key = schema::totals_key(enrolment);
        for entry in self
            .snapshot
            .open_table(TIMELINE)?
            .range(timeline_of(key))?
            .rev()
        {
            self.show(Place::Timeline(entry?.0.value()), ENTRY.into())?;
        }
        for entry in self
            .snapshot
            .open_table(SESSIONS)?
            .range(sessions_of(key))?
        {
            let (key, row) = entry?;
            self.show(Place::Session(key.value()), session_text(row.value()))?;
        }
        Ok(())
    }

    /// The session, its entry in the timeline and the totals that it is counted in.
    fn session(&self, enrolment: Enrolment, session: SessionId) -> Result<(), StoreError> {
        let key = schema::session_key(enrolment, session);
        if let Some(row) = self.snapshot.open_table(SESSIONS)?.get(key)? {
            let row = row.value();
            self.show(Place::Session(key), session_text(row))?;
            let entry = (key.0, key.1, row.3, key.2);
            if self.snapshot.open_table(TIMELINE)?.get(entry)?.is_some() {
                self.show(Place::Timeline(entry), ENTRY.into())?;
            }
        }
        self.totals(enrolment)
    }

    fn totals(&self, enrolment: Enrolment) -> Result<(), StoreError> {
        let key = schema::totals_key(enrolment);
        if let Some(row) = self.snapshot.open_table(TOTALS)?.get(key)? {
            self.show(Place::Totals(key), totals_text(row.value()))?;
        }
        Ok(())
    }

    fn show(&self, place: Place, value: String) -> Result<(), StoreError> {
        let key = place.to_string();
        let entry = Entry { key, value };
        self.entries
            .blocking_send(entry)
            .map_err(|_| super::courses::unheard())
    }
}
