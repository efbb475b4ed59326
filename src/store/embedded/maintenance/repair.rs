//! Repairs, in transactions of the writer.

use redb::ReadableTable;

use super::recount::recount;
use super::summary::SummaryDifference;
use crate::domain::{Enrolment, Span, Summary};
use crate::store::StoreError;
use crate::store::embedded::schema::{CourseKey, TimelineKey};
use crate::store::embedded::transaction::Tables;

impl Tables<'_> {
    /// Makes the totals and the index entries of an enrolment agree with the sessions. With an invalid
    /// session, leaves the totals as they are.
    pub(super) fn repair_enrolment(&mut self, enrolment: Enrolment) -> Result<(), StoreError> {
        let timeline = &mut self.timeline;
        let recounted = recount(&self.sessions, enrolment, |key, row| {
            let entry = key.timeline(row.occurred_at.millis);
            if timeline.get(entry)?.is_none() {
                timeline.insert(entry, ())?;
            }
            Ok(())
        })?;
        match (recounted.totals, recounted.latest) {
            (None, _) => {}
            (Some(totals), Some(_)) => {
                self.totals.insert(enrolment, totals)?;
            }
            (Some(_), None) => {
                self.totals.remove(enrolment)?;
            }
        }
        self.delete_timeline_orphans(enrolment)?;
        self.repair_course_entry(enrolment, recounted.latest)
    }

    /// Deletes entries in the session index whose session is missing or has another time.
    fn delete_timeline_orphans(&mut self, enrolment: Enrolment) -> Result<(), StoreError> {
        let mut orphans = Vec::new();
        for entry in self
            .timeline
            .range(TimelineKey::range(enrolment, Span::ALL))?
        {
            let entry = entry?.0.value();
            let row = self.sessions.get(entry.session_key())?;
            if row.is_none_or(|row| row.value().occurred_at.millis != entry.millis) {
                orphans.push(entry);
            }
        }
        for orphan in orphans {
            self.timeline.remove(orphan)?;
        }
        Ok(())
    }

    /// Makes the time of the latest session the only entry of the enrolment in the course index.
    fn repair_course_entry(
        &mut self,
        enrolment: Enrolment,
        latest: Option<i64>,
    ) -> Result<(), StoreError> {
        let entries = self.courses.range(CourseKey::range(enrolment.learner))?;
        let entries = entries.map(|entry| Ok(entry?.0.value()));
        let own =
            entries.filter(|entry| !matches!(entry, Ok(entry) if entry.course != enrolment.course));
        let listed = own.collect::<Result<Vec<CourseKey>, StoreError>>()?;
        for entry in &listed {
            if Some(entry.latest) != latest {
                self.courses.remove(entry)?;
            }
        }
        if let Some(latest) = latest {
            self.courses.insert(CourseKey::of(enrolment, latest), ())?;
        }
        Ok(())
    }

    /// Applies the delta of each difference to the stored summary.
    pub(super) fn repair_summaries(
        &mut self,
        differences: &[SummaryDifference],
    ) -> Result<(), StoreError> {
        for difference in differences {
            let key = difference.key;
            let stored = self.summary.get(key)?.map(|row| row.value());
            let summary = stored.unwrap_or_default().changed_by(difference.delta());
            if summary == Summary::default() {
                self.summary.remove(key)?;
            } else {
                self.summary.insert(key, summary)?;
            }
        }
        Ok(())
    }
}
