//! Repairs of the ledger, in transactions of the writer: each touches a bounded number of rows.

use redb::ReadableTable;

use crate::domain::{AggregateDelta, Enrolment, SessionId, Span, Summary, Totals};
use crate::store::StoreError;
use crate::store::aggregate_text::{StoredSummary, StoredTotals};
use crate::store::embedded::schema::{CourseKey, RosterKey, SessionKey, SummaryKey, TimelineKey};
use crate::store::embedded::transaction::Tables;
use crate::store::maintenance::ledger::{Location, StoredAggregate};

impl Tables<'_> {
    /// Makes the entries of sessions in the session index agree with the sessions.
    pub(super) fn align_sessions(
        &mut self,
        enrolment: Enrolment,
        sessions: &[SessionId],
    ) -> Result<(), StoreError> {
        let mut wrong = Vec::new();
        for entry in self
            .timeline
            .range(TimelineKey::range(enrolment, Span::ALL))?
        {
            let key = entry?.0.value();
            if sessions.contains(&key.session) {
                let row = self.sessions.get(key.session_key())?;
                if row.is_none_or(|row| row.value().occurred_at.millis != key.millis) {
                    wrong.push(key);
                }
            }
        }
        for key in wrong {
            self.timeline.remove(key)?;
        }
        for &session in sessions {
            let key = SessionKey { enrolment, session };
            let row = self.sessions.get(key)?.map(|row| row.value());
            if let Some(row) = row {
                self.timeline
                    .insert(key.timeline(row.occurred_at.millis), ())?;
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

    /// Adds a delta to an aggregate. Returns false where the aggregate is unreadable.
    pub(super) fn add_delta(
        &mut self,
        location: &Location,
        delta: AggregateDelta,
    ) -> Result<bool, StoreError> {
        let text = self.aggregate(location)?;
        match location {
            Location::Totals(enrolment) => {
                let Ok(stored) = text.map_or(Ok(StoredTotals::default()), |text| text.parse())
                else {
                    return Ok(false);
                };
                let totals = stored.totals.changed_by(delta);
                let revision = stored.revision.saturating_add(1);
                self.write_totals(*enrolment, StoredTotals { totals, revision })?;
            }
            Location::Summary(bucket, course) => {
                let Ok(stored) = text.map_or(Ok(StoredSummary::default()), |text| text.parse())
                else {
                    return Ok(false);
                };
                let summary = stored.summary.changed_by(delta);
                let revision = stored.revision.saturating_add(1);
                let (bucket, course) = (*bucket, *course);
                let key = SummaryKey { course, bucket };
                self.write_summary(key, StoredSummary { summary, revision })?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Replaces an aggregate that is as `found`.
    pub(super) fn reset_aggregate(
        &mut self,
        location: &Location,
        found: &StoredAggregate,
        value: AggregateDelta,
    ) -> Result<bool, StoreError> {
        if StoredAggregate(Ok(self.aggregate(location)?)) != *found {
            return Ok(false);
        }
        match location {
            Location::Totals(enrolment) => {
                let totals = Totals::default().changed_by(value);
                self.write_totals(
                    *enrolment,
                    StoredTotals {
                        totals,
                        revision: 1,
                    },
                )?;
            }
            Location::Summary(bucket, course) => {
                let summary = Summary::default().changed_by(value);
                let (bucket, course) = (*bucket, *course);
                let key = SummaryKey { course, bucket };
                self.write_summary(
                    key,
                    StoredSummary {
                        summary,
                        revision: 1,
                    },
                )?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Text of an aggregate.
    fn aggregate(&self, location: &Location) -> Result<Option<String>, StoreError> {
        let row = match location {
            Location::Totals(enrolment) => self.totals.get(*enrolment)?,
            Location::Summary(bucket, course) => {
                let (bucket, course) = (*bucket, *course);
                self.summary.get(SummaryKey { course, bucket })?
            }
            _ => None,
        };
        Ok(row.map(|row| row.value().to_owned()))
    }
}
