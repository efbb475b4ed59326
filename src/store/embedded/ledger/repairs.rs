//! Repairs of the ledger, in transactions of the writer: each touches a bounded number of rows.

use redb::ReadableTable;

use crate::domain::{AggregateDelta, Enrolment};
use crate::store::StoreError;
use crate::store::embedded::schema::{CourseKey, RosterKey, SessionKey, SummaryKey};
use crate::store::embedded::transaction::Tables;
use crate::store::maintenance::ledger::{Location, SessionSnapshot, StoredAggregate};

impl Tables<'_> {
    /// Makes the entries of sessions in the session index agree with the sessions.
    pub(super) fn align_sessions(
        &mut self,
        enrolment: Enrolment,
        found: &[SessionSnapshot],
    ) -> Result<(), StoreError> {
        for SessionSnapshot { id, entry, .. } in found {
            let session = *id;
            let key = SessionKey { enrolment, session };
            let row = self.sessions.get(key)?.map(|row| row.value());
            let right = row.map(|row| key.timeline(row.occurred_at.millis));
            let entry = entry.as_ref().and_then(|millis| millis.parse().ok());
            let entry = entry.map(|millis| key.timeline(millis));
            if let Some(wrong) = entry.filter(|entry| Some(*entry) != right) {
                self.timeline.remove(wrong)?;
            }
            if let Some(right) = right {
                self.timeline.insert(right, ())?;
            }
        }
        Ok(())
    }

    /// Makes the entries of an enrolment in the course index and in the roster agree with the session index.
    pub(super) fn align_enrolment(&mut self, enrolment: Enrolment) -> Result<(), StoreError> {
        let latest = self.latest(enrolment)?;
        let mut entries = Vec::new();
        for entry in self.courses.range(CourseKey::range(enrolment.learner))? {
            let key = entry?.0.value();
            if key.course == enrolment.course {
                entries.push(key);
            }
        }
        for key in entries.into_iter().filter(|key| Some(key.latest) != latest) {
            self.courses.remove(key)?;
        }
        match latest {
            Some(latest) => {
                self.courses.insert(CourseKey::of(enrolment, latest), ())?;
                self.roster.insert(RosterKey::of(enrolment), ())?;
            }
            None => {
                self.roster.remove(RosterKey::of(enrolment))?;
            }
        }
        Ok(())
    }

    /// Repairs an aggregate that was found in place of the expected value.
    pub(super) fn repair_aggregate(
        &mut self,
        location: &Location,
        found: &StoredAggregate,
        expected: AggregateDelta,
    ) -> Result<bool, StoreError> {
        match *location {
            Location::Totals(enrolment) => {
                let row = self.totals.get(enrolment)?.map(|row| row.value().into());
                let stored = StoredAggregate(Ok(row));
                if !stored.is_repairable(found, |text| Some(text.totals()?.revision)) {
                    return Ok(false);
                }
                let delta = expected - found.totals_value().unwrap_or_default();
                let totals = stored.totals().unwrap_or_default().repaired(delta);
                self.write_totals(enrolment, totals)?;
            }
            Location::Summary(bucket, course) => {
                let key = SummaryKey { course, bucket };
                let row = self.summary.get(key)?.map(|row| row.value().into());
                let stored = StoredAggregate(Ok(row));
                if !stored.is_repairable(found, |text| Some(text.summary()?.revision)) {
                    return Ok(false);
                }
                let delta = expected - found.summary_value().unwrap_or_default();
                let summary = stored.summary().unwrap_or_default().repaired(delta);
                self.write_summary(key, summary)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
