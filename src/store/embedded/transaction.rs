//! Changes of a write, within a transaction.

use std::ops::Bound;

use redb::{ReadableTable, Table, TableError, WriteTransaction};

use super::schema::{
    COURSES, CourseKey, ERASURES, ROSTER, RosterKey, SESSIONS, SUMMARY, SessionKey, SessionRow,
    SummaryKey, TIMELINE, TOTALS, TimelineKey,
};
use crate::domain::{
    AggregateDelta, CourseId, Enrolment, LearnerId, Limit, Limits, OccurredAt, Outcome, Position,
    Record, Session, SessionId, Span, Summary, Totals,
};
use crate::store::StoreError;
use crate::store::aggregate_text::{StoredSummary, StoredTotals};

/// All tables, open in a write transaction.
pub(super) struct Tables<'txn> {
    pub(super) sessions: Table<'txn, SessionKey, SessionRow>,
    pub(super) totals: Table<'txn, Enrolment, &'static str>,
    pub(super) timeline: Table<'txn, TimelineKey, ()>,
    pub(super) courses: Table<'txn, CourseKey, ()>,
    pub(super) summary: Table<'txn, SummaryKey, &'static str>,
    pub(super) roster: Table<'txn, RosterKey, ()>,
    pub(super) erasures: Table<'txn, u128, (i64, i64)>,
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
            roster: write.open_table(ROSTER)?,
            erasures: write.open_table(ERASURES)?,
        })
    }

    /// Stores a record, as of `now`, and updates the aggregates and indexes.
    ///
    /// All checks are done before the first change.
    pub(super) fn record(
        &mut self,
        record: &Record,
        now: OccurredAt,
        limits: Limits,
    ) -> Result<Outcome, StoreError> {
        let enrolment = record.enrolment;
        let erased_at = self.erased_at(enrolment.learner, now)?;
        if erased_at.is_some_and(|erased_at| record.is_erased_by(erased_at)) {
            return Ok(Outcome::Erased);
        }
        let session = record.session;
        let key = SessionKey { enrolment, session };
        let row = self.sessions.get(key)?.map(|row| row.value());
        let former = row.as_ref().map(Session::try_from).transpose()?;
        if former.is_some_and(|former| record.is_superseded_by(former.version, now.millis)) {
            return Ok(Outcome::Superseded);
        }
        let totals = self.stored_totals(enrolment)?;
        let new_totals = totals
            .totals
            .changed_by(difference(former.as_ref(), record));
        if let Some(limit) = self.passed_limit(enrolment, &totals.totals, &new_totals, limits)? {
            return Ok(Outcome::LimitExceeded(limit));
        }
        let session = session_of(record, former.as_ref(), erased_at, now);
        self.sessions.insert(key, SessionRow::of(&session, row))?;
        self.update_indexes(key, former.as_ref(), Some(&session))?;
        self.update_aggregates(enrolment, totals, new_totals)?;
        Ok(former.map_or(Outcome::Created, |_| Outcome::Replaced))
    }

    /// Returns the limit that an enrolment would pass by a change of its totals.
    fn passed_limit(
        &self,
        enrolment: Enrolment,
        totals: &Totals,
        new: &Totals,
        limits: Limits,
    ) -> Result<Option<Limit>, StoreError> {
        if new.sessions > totals.sessions {
            if totals.sessions >= limits.sessions {
                return Ok(Some(Limit::Sessions(limits.sessions)));
            }
            if totals.sessions == 0 && self.has_courses(enrolment.learner, limits.courses)? {
                return Ok(Some(Limit::Courses(limits.courses)));
            }
        }
        Ok((!new.is_within_limit()).then_some(Limit::Sum))
    }

    /// Returns whether a learner has at least `count` courses.
    fn has_courses(&self, learner: LearnerId, count: u64) -> Result<bool, StoreError> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let mut courses = self.courses.range(CourseKey::range(learner))?;
        Ok(courses.nth(count.saturating_sub(1)).transpose()?.is_some())
    }

    /// Deletes the given sessions of an enrolment, without error for missing sessions, and returns the
    /// number of deleted sessions.
    pub(super) fn delete(
        &mut self,
        enrolment: Enrolment,
        sessions: &[SessionId],
    ) -> Result<usize, StoreError> {
        let mut found = Vec::with_capacity(sessions.len());
        for &session in sessions {
            let key = SessionKey { enrolment, session };
            let row = self.sessions.get(key)?.map(|row| row.value());
            if let Some(row) = row {
                found.push((key, Session::try_from(&row)?));
            }
        }
        if found.is_empty() {
            return Ok(0);
        }
        let totals = self.stored_totals(enrolment)?;
        let deleted = found.iter().map(|(_, session)| &session.stats);
        let rest = deleted.fold(totals.totals, |totals, stats| totals.without(stats));
        for (key, session) in &found {
            self.update_indexes(*key, Some(session), None)?;
            self.sessions.remove(*key)?;
        }
        self.update_aggregates(enrolment, totals, rest)?;
        Ok(found.len())
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

    fn stored_totals(&self, enrolment: Enrolment) -> Result<StoredTotals, StoreError> {
        let row = self.totals.get(enrolment)?;
        row.map_or(Ok(StoredTotals::default()), |row| {
            Ok(row.value().parse()?)
        })
    }

    /// Replaces the totals of an enrolment, and changes the summary of the course and the roster alike.
    fn update_aggregates(
        &mut self,
        enrolment: Enrolment,
        former: StoredTotals,
        totals: Totals,
    ) -> Result<(), StoreError> {
        let was_in = i128::from(former.totals.sessions > 0);
        let is_in = i128::from(totals.sessions > 0);
        let delta = AggregateDelta {
            learners: is_in - was_in,
            ..AggregateDelta::from(totals) - former.totals.into()
        };
        let key = SummaryKey::of(enrolment);
        let summary = self.summary.get(key)?.map(|row| row.value().parse());
        let summary: StoredSummary = summary.transpose()?.unwrap_or_default();
        let roster_key = RosterKey::of(enrolment);
        if is_in > was_in {
            self.roster.insert(roster_key, ())?;
        } else if is_in < was_in {
            self.roster.remove(roster_key)?;
        }
        let revision = former.revision.saturating_add(1);
        self.write_totals(enrolment, StoredTotals { totals, revision })?;
        let revision = summary.revision.saturating_add(1);
        let summary = summary.summary.changed_by(delta);
        self.write_summary(key, StoredSummary { summary, revision })
    }

    /// Writes totals; deletes totals of nothing.
    pub(super) fn write_totals(
        &mut self,
        enrolment: Enrolment,
        stored: StoredTotals,
    ) -> Result<(), StoreError> {
        if stored.totals == Totals::default() {
            self.totals.remove(enrolment)?;
        } else {
            self.totals.insert(enrolment, &*stored.to_string())?;
        }
        Ok(())
    }

    /// Writes a summary; deletes a summary of nothing.
    pub(super) fn write_summary(
        &mut self,
        key: SummaryKey,
        stored: StoredSummary,
    ) -> Result<(), StoreError> {
        if stored.summary == Summary::default() {
            self.summary.remove(key)?;
        } else {
            self.summary.insert(key, &*stored.to_string())?;
        }
        Ok(())
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
    pub(super) fn latest(&self, enrolment: Enrolment) -> Result<Option<i64>, StoreError> {
        let range = TimelineKey::range(enrolment, Span::ALL);
        let latest = self.timeline.range(range)?.next_back().transpose()?;
        Ok(latest.map(|(key, _)| key.value().millis))
    }
}

/// Returns the change of the totals by a record in place of the former session.
fn difference(former: Option<&Session>, record: &Record) -> AggregateDelta {
    let new = AggregateDelta::from(Totals::default().with(&record.stats));
    match former {
        Some(former) => new - Totals::default().with(&former.stats).into(),
        None => new,
    }
}

/// Returns the session of a record, in place of the former session.
fn session_of(
    record: &Record,
    former: Option<&Session>,
    erased_at: Option<i64>,
    now: OccurredAt,
) -> Session {
    // A former session that the erasure covers is about to be deleted, and the record is later.
    let is_kept = |at: &OccurredAt| erased_at.is_none_or(|erased_at| at.millis > erased_at);
    let former_time = former.map(|former| former.occurred_at).filter(is_kept);
    // Arrived after the erasure, even if the clock was set back since.
    let arrival = erased_at.filter(|erased_at| *erased_at >= now.millis);
    let arrival = arrival.map_or(now, |erased_at| {
        OccurredAt::from_utc_millis(erased_at.saturating_add(1))
    });
    Session {
        stats: record.stats,
        occurred_at: record.occurred_at.or(former_time).unwrap_or(arrival),
        version: record
            .version_at(now.millis)
            .or_else(|| former.and_then(|former| former.version)),
    }
}
