//! Holds one learner's course to its sessions.

use redb::{ReadOnlyTable, ReadTransaction};

use super::display::{ENTRY, NOTHING, Place, session_text, text_or_nothing, totals_text};
use super::recount::{Recount, first_with_sessions, latest, recount, timeline_of};
use crate::store::StoreError;
use crate::store::embedded::schema::{
    self, COURSES, CoursesKey, SESSIONS, SessionKey, SessionRow, TIMELINE, TOTALS, TimelineKey,
    TotalsKey, TotalsRow,
};

/// A row that is not as the sessions say.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) place: Place,
    pub(super) expected: String,
    pub(super) found: String,
}

impl Fault {
    fn missing(place: Place) -> Self {
        let (expected, found) = (ENTRY.into(), NOTHING.into());
        Self {
            place,
            expected,
            found,
        }
    }

    fn orphan(place: Place) -> Self {
        let (expected, found) = (NOTHING.into(), ENTRY.into());
        Self {
            place,
            expected,
            found,
        }
    }
}

/// What is seen in a learner's course.
pub(super) enum Seen {
    Session,
    Fault(Fault),
}

/// Who is told.
pub(super) type Tell<'a> = &'a mut dyn FnMut(Seen) -> Result<(), StoreError>;

/// The tables of one snapshot.
pub(super) struct Rows {
    sessions: ReadOnlyTable<SessionKey, SessionRow>,
    totals: ReadOnlyTable<TotalsKey, TotalsRow>,
    timeline: ReadOnlyTable<TimelineKey, ()>,
    pub(super) courses: ReadOnlyTable<CoursesKey, ()>,
}

impl Rows {
    pub(super) fn open(snapshot: &ReadTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            sessions: snapshot.open_table(SESSIONS)?,
            totals: snapshot.open_table(TOTALS)?,
            timeline: snapshot.open_table(TIMELINE)?,
            courses: snapshot.open_table(COURSES)?,
        })
    }

    /// The first learner and course at or after a place of which anything is stored.
    pub(super) fn first(&self, from: TotalsKey) -> Result<Option<TotalsKey>, StoreError> {
        let (learner, course) = from;
        let totals = self.totals.range(from..)?.next().transpose()?;
        let timeline = (learner, course, i64::MIN, u128::MIN);
        let timeline = self.timeline.range(timeline..)?.next().transpose()?;
        let firsts = [
            first_with_sessions(&self.sessions, from)?,
            totals.map(|(key, _)| key.value()),
            timeline.map(|(key, _)| (key.value().0, key.value().1)),
        ];
        Ok(firsts.into_iter().flatten().min())
    }

    /// Holds a learner's course to its sessions, but for entries of the list of courses that should
    /// not be there.
    pub(super) fn hold(&self, key: TotalsKey, tell: Tell<'_>) -> Result<(), StoreError> {
        let (learner, course) = key;
        let counted = recount(&self.sessions, key, |session, row| {
            tell(Seen::Session)?;
            if schema::session(row).is_err() {
                tell(Seen::Fault(unreadable((learner, course, session), row)))?;
            }
            let entry = (learner, course, row.3, session);
            if self.timeline.get(entry)?.is_none() {
                tell(Seen::Fault(Fault::missing(Place::Timeline(entry))))?;
            }
            Ok(())
        })?;
        self.hold_totals(key, &counted, tell)?;
        self.hold_timeline(key, tell)?;
        if let Some(latest) = counted.latest {
            let entry = (learner, latest, course);
            if self.courses.get(entry)?.is_none() {
                tell(Seen::Fault(Fault::missing(Place::Courses(entry))))?;
            }
        }
        Ok(())
    }

    fn hold_totals(
        &self,
        key: TotalsKey,
        counted: &Recount,
        tell: Tell<'_>,
    ) -> Result<(), StoreError> {
        let Some(totals) = counted.totals else {
            return Ok(());
        };
        let expected = counted.latest.map(|_| schema::totals_row(&totals));
        let found = self.totals.get(key)?.map(|row| row.value());
        if expected == found {
            return Ok(());
        }
        tell(Seen::Fault(Fault {
            place: Place::Totals(key),
            expected: text_or_nothing(expected, totals_text),
            found: text_or_nothing(found, totals_text),
        }))
    }

    /// Finds entries of a timeline whose session is not there, or at another time.
    fn hold_timeline(&self, key: TotalsKey, tell: Tell<'_>) -> Result<(), StoreError> {
        for entry in self.timeline.range(timeline_of(key))? {
            let entry = entry?.0.value();
            let (learner, course, at, session) = entry;
            let row = self.sessions.get((learner, course, session))?;
            if row.is_none_or(|row| row.value().3 != at) {
                tell(Seen::Fault(Fault::orphan(Place::Timeline(entry))))?;
            }
        }
        Ok(())
    }

    /// Holds an entry of the list of courses to the sessions.
    pub(super) fn hold_entry(&self, entry: CoursesKey, tell: Tell<'_>) -> Result<(), StoreError> {
        let (learner, at, course) = entry;
        if latest(&self.sessions, (learner, course))? == Some(at) {
            return Ok(());
        }
        tell(Seen::Fault(Fault::orphan(Place::Courses(entry))))
    }
}

fn unreadable(key: SessionKey, row: SessionRow) -> Fault {
    Fault {
        place: Place::Session(key),
        expected: "numbers in range".into(),
        found: session_text(row),
    }
}
