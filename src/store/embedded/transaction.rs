//! Changes of a write, within a transaction.

use std::ops::Bound;

use redb::{ReadableTable, Table, TableError, WriteTransaction};

use super::schema::{
    COURSES, CourseKey, ERASED, SESSIONS, SUMMARY, SessionKey, SessionRow, SummaryKey, TIMELINE,
    TOTALS, TimelineKey,
};
use crate::domain::{
    CourseId, Enrolment, LearnerId, OccurredAt, Outcome, Position, Record, Session, SessionId,
    Span, Summary, Totals,
};
use crate::store::{StoreError, TOMBSTONE};

/// All tables, open in a write transaction.
pub(super) struct Tables<'txn> {
    pub(super) sessions: Table<'txn, SessionKey, SessionRow>,
    pub(super) totals: Table<'txn, Enrolment, Totals>,
    pub(super) timeline: Table<'txn, TimelineKey, ()>,
    pub(super) courses: Table<'txn, CourseKey, ()>,
    pub(super) summary: Table<'txn, SummaryKey, Summary>,
    erased: Table<'txn, u128, i64>,
}

impl<'txn> Tables<'txn> {
    /// Opens the tables, and creates missing tables.
    pub(super) fn open(write: &'txn WriteTransaction) -> Result<Self, TableError> {
        Ok(Self {
            sessions: write.open_table(SESSIONS)?,
            totals: write.open_table(TOTALS)?,
            timeline: write.open_table(TIMELINE)?,
            courses: write.open_table(COURSES)?,
            summary: write.open_table(SUMMARY)?,
            erased: write.open_table(ERASED)?,
        })
    }

    /// Stores a record with the record's time, or with `now`, and updates the aggregates and indexes.
    ///
    /// All checks are done before the first change.
    pub(super) fn record(
        &mut self,
        record: &Record,
        now: OccurredAt,
    ) -> Result<Outcome, StoreError> {
        let enrolment = record.enrolment;
        let erased_at = self.erased_at(enrolment.learner, now)?;
        let occurred_at = match (record.occurred_at, erased_at) {
            (Some(at), Some(erased_at)) if at.millis <= erased_at => return Ok(Outcome::Erased),
            (Some(at), _) => at,
            // Arrived after the erasure, even if the clock was set back since.
            (None, Some(erased_at)) => {
                OccurredAt::from_utc_millis(now.millis.max(erased_at.saturating_add(1)))
            }
            (None, None) => now,
        };
        let key = SessionKey {
            enrolment,
            session: record.session,
        };
        let former = self.session(key)?;
        if former.is_some_and(|former| former.occurred_at.millis > occurred_at.millis) {
            return Ok(Outcome::Superseded);
        }
        let is_within_limit = self.update_aggregates(enrolment, |totals| {
            totals.replaced(former.as_ref().map(|former| &former.stats), &record.stats)
        })?;
        if !is_within_limit {
            return Ok(Outcome::LimitExceeded);
        }
        let session = Session {
            stats: record.stats,
            occurred_at,
        };
        self.update_indexes(key, former.as_ref(), Some(&session))?;
        self.sessions.insert(key, SessionRow::from(session))?;
        Ok(former.map_or(Outcome::Created, |_| Outcome::Replaced))
    }

    /// Deletes the given sessions of an enrolment, without error for missing sessions, and returns the
    /// number of deleted sessions.
    ///
    /// Returns `None`, and deletes no session, where a sum would be past the limit.
    pub(super) fn delete(
        &mut self,
        enrolment: Enrolment,
        sessions: &[SessionId],
    ) -> Result<Option<usize>, StoreError> {
        let mut found = Vec::with_capacity(sessions.len());
        for &session in sessions {
            let key = SessionKey { enrolment, session };
            if let Some(session) = self.session(key)? {
                found.push((key, session));
            }
        }
        let is_within_limit = self.update_aggregates(enrolment, |totals| {
            let stats = found.iter().map(|(_, session)| &session.stats);
            let rest = stats.fold(*totals, |totals, stats| totals.without(stats));
            rest.within_limit()
        })?;
        if !is_within_limit {
            return Ok(None);
        }
        for (key, session) in &found {
            self.update_indexes(*key, Some(session), None)?;
            self.sessions.remove(*key)?;
        }
        Ok(Some(found.len()))
    }

    /// Returns the last `count` sessions of an enrolment before the position `end`, latest first.
    pub(super) fn last_sessions(
        &self,
        enrolment: Enrolment,
        end: Option<Position>,
        count: usize,
    ) -> Result<Vec<Position>, StoreError> {
        let (first, last) = TimelineKey::range(enrolment, Span::ALL).into_inner();
        let end = match end {
            Some(end) => Bound::Excluded(TimelineKey::at(enrolment, end)),
            None => Bound::Included(last),
        };
        let sessions = self.timeline.range((Bound::Included(first), end))?;
        let sessions = sessions.rev().take(count).map(|entry| {
            let key = entry?.0.value();
            Ok(Position {
                millis: key.millis,
                id: key.session.into(),
            })
        });
        sessions.collect()
    }

    /// Returns all courses of a learner.
    pub(super) fn all_courses(&self, learner: LearnerId) -> Result<Vec<CourseId>, StoreError> {
        let courses = self.courses.range(CourseKey::range(learner))?;
        courses.map(|entry| Ok(entry?.0.value().course)).collect()
    }

    /// Stores the tombstone of a learner as of the latest of `now`, the time of a former tombstone, which
    /// stays after the clock was set back, and the learner's latest session: the same record of a session that
    /// was stamped ahead must not bring the learner back.
    pub(super) fn erase(&mut self, learner: LearnerId, now: OccurredAt) -> Result<(), StoreError> {
        let former = self.erased_at(learner, now)?;
        let latest = self.courses.range(CourseKey::range(learner))?.next_back();
        let latest = latest.transpose()?.map(|(key, _)| key.value().latest);
        let erased_at = now.millis.max(former.unwrap_or(now.millis));
        let erased_at = erased_at.max(latest.unwrap_or(erased_at));
        self.erased.insert(learner.as_u128(), erased_at)?;
        Ok(())
    }

    /// Returns the time of the learner's tombstone, in milliseconds since 1970. Removes an expired
    /// tombstone.
    fn erased_at(
        &mut self,
        learner: LearnerId,
        now: OccurredAt,
    ) -> Result<Option<i64>, StoreError> {
        let erased = self.erased.get(learner.as_u128())?;
        let Some(erased_at) = erased.map(|erased| erased.value()) else {
            return Ok(None);
        };
        let lifetime = i64::try_from(TOMBSTONE.as_millis()).unwrap_or(i64::MAX);
        if now.millis.saturating_sub(erased_at) < lifetime {
            return Ok(Some(erased_at));
        }
        self.erased.remove(learner.as_u128())?;
        Ok(None)
    }

    fn session(&self, key: SessionKey) -> Result<Option<Session>, StoreError> {
        let row = self.sessions.get(key)?;
        row.map(|row| row.value().try_into()).transpose()
    }

    /// Applies a change to the totals of the enrolment and to the summary of the course alike.
    ///
    /// Returns `false`, and changes no aggregate, where a sum would be past the limit.
    fn update_aggregates(
        &mut self,
        enrolment: Enrolment,
        change: impl Fn(&Totals) -> Option<Totals>,
    ) -> Result<bool, StoreError> {
        let totals = self.totals.get(enrolment)?.map(|row| row.value());
        let summary_key = SummaryKey::of(enrolment);
        let summary = self.summary.get(summary_key)?.map(|row| row.value());
        let summary = summary.unwrap_or_default();
        let (Some(new_totals), Some(new_sum)) =
            (change(&totals.unwrap_or_default()), change(&summary.totals))
        else {
            return Ok(false);
        };
        let left = u64::from(totals.is_some() && new_totals.sessions == 0);
        let joined = u64::from(totals.is_none() && new_totals.sessions > 0);
        let new_summary = Summary {
            learners: (summary.learners + joined).saturating_sub(left),
            totals: new_sum,
        };
        if new_totals.sessions == 0 {
            self.totals.remove(enrolment)?;
        } else {
            self.totals.insert(enrolment, new_totals)?;
        }
        if new_summary == Summary::default() {
            self.summary.remove(summary_key)?;
        } else {
            self.summary.insert(summary_key, new_summary)?;
        }
        Ok(true)
    }

    /// Moves a session in the session index, and the enrolment in the course index.
    fn update_indexes(
        &mut self,
        key: SessionKey,
        former: Option<&Session>,
        new: Option<&Session>,
    ) -> Result<(), StoreError> {
        let before = self.latest(key.enrolment)?;
        if let Some(former) = former {
            self.timeline
                .remove(key.timeline(former.occurred_at.millis))?;
        }
        if let Some(new) = new {
            self.timeline
                .insert(key.timeline(new.occurred_at.millis), ())?;
        }
        let after = self.latest(key.enrolment)?;
        if before != after {
            if let Some(before) = before {
                self.courses.remove(CourseKey::of(key.enrolment, before))?;
            }
            if let Some(after) = after {
                self.courses
                    .insert(CourseKey::of(key.enrolment, after), ())?;
            }
        }
        Ok(())
    }

    /// Returns the time of the enrolment's latest session, in milliseconds since 1970.
    fn latest(&self, enrolment: Enrolment) -> Result<Option<i64>, StoreError> {
        let range = TimelineKey::range(enrolment, Span::ALL);
        let latest = self.timeline.range(range)?.next_back().transpose()?;
        Ok(latest.map(|(key, _)| key.value().millis))
    }
}
