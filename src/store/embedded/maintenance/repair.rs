//! Mends what differs, in the writer's transactions.

use redb::ReadableTable;

use super::recount::{recount, timeline_of};
use super::summary::{Wrong, plus};
use crate::store::StoreError;
use crate::store::embedded::schema::{self, CoursesKey, SummaryRow, TimelineKey, TotalsKey};
use crate::store::embedded::transaction::Tables;

impl Tables<'_> {
    /// Makes the totals, the timeline and the list's entry of a learner's course what its sessions
    /// say. Totals of sessions that cannot be read are left as they are.
    pub(super) fn mend_course(&mut self, key: TotalsKey) -> Result<(), StoreError> {
        let (learner, course) = key;
        let timeline = &mut self.timeline;
        let counted = recount(&self.sessions, key, |session, row| {
            let entry = (learner, course, row.3, session);
            if timeline.get(entry)?.is_none() {
                timeline.insert(entry, ())?;
            }
            Ok(())
        })?;
        match (counted.totals, counted.latest) {
            (None, _) => {}
            (Some(totals), Some(_)) => {
                self.totals.insert(key, schema::totals_row(&totals))?;
            }
            (Some(_), None) => {
                self.totals.remove(key)?;
            }
        }
        self.clear_timeline(key)?;
        self.mend_entry(key, counted.latest)
    }

    /// Removes the entries of a timeline whose session is not there, or at another time.
    fn clear_timeline(&mut self, key: TotalsKey) -> Result<(), StoreError> {
        let mut orphans: Vec<TimelineKey> = Vec::new();
        for entry in self.timeline.range(timeline_of(key))? {
            let entry = entry?.0.value();
            let row = self.sessions.get((entry.0, entry.1, entry.3))?;
            if row.is_none_or(|row| row.value().3 != entry.2) {
                orphans.push(entry);
            }
        }
        for orphan in orphans {
            self.timeline.remove(orphan)?;
        }
        Ok(())
    }

    /// Lists the course at that time only.
    fn mend_entry(
        &mut self,
        (learner, course): TotalsKey,
        latest: Option<i64>,
    ) -> Result<(), StoreError> {
        let entries = self
            .courses
            .range(schema::courses_range(schema::id(learner)))?;
        let entries = entries.map(|entry| Ok(entry?.0.value()));
        let theirs = entries.filter(|entry| !matches!(entry, Ok(entry) if entry.2 != course));
        let listed = theirs.collect::<Result<Vec<CoursesKey>, StoreError>>()?;
        for entry in &listed {
            if Some(entry.1) != latest {
                self.courses.remove(entry)?;
            }
        }
        if let Some(latest) = latest {
            self.courses.insert((learner, latest, course), ())?;
        }
        Ok(())
    }

    /// Adds to each summary what it lacks.
    pub(super) fn mend_summaries(&mut self, wrong: &[Wrong]) -> Result<(), StoreError> {
        for wrong in wrong {
            let row = self.summary.get(wrong.key)?.map(|row| row.value());
            let row = plus(row.unwrap_or_default(), wrong.lacks());
            if row == SummaryRow::default() {
                self.summary.remove(wrong.key)?;
            } else {
                self.summary.insert(wrong.key, row)?;
            }
        }
        Ok(())
    }
}
