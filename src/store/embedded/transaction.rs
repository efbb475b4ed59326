//! What a write changes, within one transaction.

use std::ops::Bound;

use redb::{ReadableTable, Table, TableError, WriteTransaction};

use super::schema::{self, COURSES, ERASED, SESSIONS, SUMMARY, TIMELINE, TOTALS};
use crate::domain::{
    CourseId, Enrolment, LearnerId, OccurredAt, Outcome, Position, Record, Session, SessionId,
    Span, Summary, Totals,
};
use crate::store::{StoreError, TOMBSTONE};

/// All tables, open in a write transaction.
pub(super) struct Tables<'txn> {
    pub(super) sessions: Table<'txn, schema::SessionKey, schema::SessionRow>,
    pub(super) totals: Table<'txn, schema::TotalsKey, schema::TotalsRow>,
    pub(super) timeline: Table<'txn, schema::TimelineKey, ()>,
    pub(super) courses: Table<'txn, schema::CoursesKey, ()>,
    pub(super) summary: Table<'txn, schema::SummaryKey, schema::SummaryRow>,
    erased: Table<'txn, u128, i64>,
}

impl<'txn> Tables<'txn> {
    /// Opens the tables; those that are missing are created.
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

    /// Stores `record` as of its own time of occurrence or `now`, and moves the aggregates.
    ///
    /// All that can refuse it is looked at before the first change.
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
            // It comes after the erasure, whatever the clock shows.
            (None, Some(erased_at)) => {
                OccurredAt::from_utc_millis(now.millis.max(erased_at.saturating_add(1)))
            }
            (None, None) => now,
        };
        let session_key = schema::session_key(enrolment, record.session);
        let former = self.session(session_key)?;
        if former.is_some_and(|former| former.occurred_at.millis > occurred_at.millis) {
            return Ok(Outcome::Superseded);
        }
        let moved = self.move_aggregates(enrolment, |totals| {
            totals.replaced(former.as_ref().map(|former| &former.stats), &record.stats)
        })?;
        if !moved {
            return Ok(Outcome::LimitExceeded);
        }
        let session = Session {
            stats: record.stats,
            occurred_at,
        };
        self.move_in_time(session_key, former.as_ref(), Some(&session))?;
        self.sessions
            .insert(session_key, schema::session_row(&session))?;
        Ok(former.map_or(Outcome::Created, |_| Outcome::Replaced))
    }

    /// Forgets those of a learner's sessions in a course that are there, and gives how many; `None`
    /// where a sum would pass its limit without them, and then all of them stay.
    pub(super) fn forget(
        &mut self,
        enrolment: Enrolment,
        sessions: &[SessionId],
    ) -> Result<Option<usize>, StoreError> {
        let mut found = Vec::with_capacity(sessions.len());
        for &session in sessions {
            let key = schema::session_key(enrolment, session);
            if let Some(session) = self.session(key)? {
                found.push((key, session));
            }
        }
        let moved = self.move_aggregates(enrolment, |totals| {
            let stats = found.iter().map(|(_, session)| &session.stats);
            let rest = stats.fold(*totals, |totals, stats| totals.without(stats));
            rest.within_limit()
        })?;
        if !moved {
            return Ok(None);
        }
        for (key, session) in &found {
            self.move_in_time(*key, Some(session), None)?;
            self.sessions.remove(*key)?;
        }
        Ok(Some(found.len()))
    }

    /// The learner's last sessions in the course by the time they occurred, of those before `end`:
    /// at most so many, latest first.
    pub(super) fn last_sessions(
        &self,
        enrolment: Enrolment,
        end: Option<Position>,
        count: usize,
    ) -> Result<Vec<Position>, StoreError> {
        let (first, last) = schema::timeline_range(enrolment, Span::ALL).into_inner();
        let end = match end {
            Some(end) => Bound::Excluded((first.0, first.1, end.millis, end.id.as_u128())),
            None => Bound::Included(last),
        };
        let sessions = self.timeline.range((Bound::Included(first), end))?;
        let sessions = sessions.rev().take(count).map(|entry| {
            let (_, _, millis, id) = entry?.0.value();
            let id = schema::id(id);
            Ok(Position { millis, id })
        });
        sessions.collect()
    }

    /// The learner's courses.
    pub(super) fn all_courses(&self, learner: LearnerId) -> Result<Vec<CourseId>, StoreError> {
        let courses = self.courses.range(schema::courses_range(learner))?;
        courses
            .map(|entry| Ok(schema::id(entry?.0.value().2)))
            .collect()
    }

    /// Notes that the learner is erased as of `now`; a clock that went back does not take that back.
    pub(super) fn erase(&mut self, learner: LearnerId, now: OccurredAt) -> Result<(), StoreError> {
        let former = self.erased_at(learner, now)?;
        let erased_at = former.map_or(now.millis, |former| former.max(now.millis));
        self.erased.insert(learner.as_u128(), erased_at)?;
        Ok(())
    }

    /// When the learner was erased, where that is still remembered. What is not is forgotten.
    fn erased_at(
        &mut self,
        learner: LearnerId,
        now: OccurredAt,
    ) -> Result<Option<i64>, StoreError> {
        let erased = self.erased.get(learner.as_u128())?;
        let Some(erased_at) = erased.map(|erased| erased.value()) else {
            return Ok(None);
        };
        let remembered = i64::try_from(TOMBSTONE.as_millis()).unwrap_or(i64::MAX);
        if now.millis.saturating_sub(erased_at) < remembered {
            return Ok(Some(erased_at));
        }
        self.erased.remove(learner.as_u128())?;
        Ok(None)
    }

    fn session(&self, key: schema::SessionKey) -> Result<Option<Session>, StoreError> {
        let row = self.sessions.get(key)?;
        row.map(|row| schema::session(row.value())).transpose()
    }

    /// Moves the learner's totals and the course's summary alike. Where a sum would pass its limit,
    /// nothing is changed and the answer is `false`.
    fn move_aggregates(
        &mut self,
        enrolment: Enrolment,
        moved: impl Fn(&Totals) -> Option<Totals>,
    ) -> Result<bool, StoreError> {
        let totals_key = schema::totals_key(enrolment);
        let totals = self.totals.get(totals_key)?;
        let totals = totals.map(|row| schema::totals(row.value()));
        let summary_key = schema::summary_key(enrolment);
        let summary = self.summary.get(summary_key)?;
        let summary = summary.map(|row| schema::summary(row.value()));
        let summary = summary.unwrap_or_default();
        let (Some(new_totals), Some(new_sum)) =
            (moved(&totals.unwrap_or_default()), moved(&summary.totals))
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
            self.totals.remove(totals_key)?;
        } else {
            let row = schema::totals_row(&new_totals);
            self.totals.insert(totals_key, row)?;
        }
        if new_summary == Summary::default() {
            self.summary.remove(summary_key)?;
        } else {
            let row = schema::summary_row(&new_summary);
            self.summary.insert(summary_key, row)?;
        }
        Ok(true)
    }

    /// Moves a session in its course's timeline, and the course among the learner's courses.
    fn move_in_time(
        &mut self,
        (learner, course, session): schema::SessionKey,
        former: Option<&Session>,
        new: Option<&Session>,
    ) -> Result<(), StoreError> {
        let before = self.latest(learner, course)?;
        if let Some(former) = former {
            self.timeline
                .remove((learner, course, former.occurred_at.millis, session))?;
        }
        if let Some(new) = new {
            self.timeline
                .insert((learner, course, new.occurred_at.millis, session), ())?;
        }
        let after = self.latest(learner, course)?;
        if before != after {
            if let Some(before) = before {
                self.courses.remove((learner, before, course))?;
            }
            if let Some(after) = after {
                self.courses.insert((learner, after, course), ())?;
            }
        }
        Ok(())
    }

    /// When the learner's latest session in the course occurred, in ms.
    fn latest(&self, learner: u128, course: u128) -> Result<Option<i64>, StoreError> {
        let range = (learner, course, i64::MIN, u128::MIN)..=(learner, course, i64::MAX, u128::MAX);
        let latest = self.timeline.range(range)?.next_back().transpose()?;
        Ok(latest.map(|(key, _)| key.value().2))
    }
}
