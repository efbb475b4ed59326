//! Deletes of sessions and erasures of learners: a bounded number of sessions in each transaction, as other writes
//! wait for the transaction.

use redb::ReadableTable;

use super::EmbeddedStore;
use super::clock::MonotonicClock;
use super::schema::CourseKey;
use super::transaction::Tables;
use crate::domain::{DeleteOutcome, Enrolment, Erasure, LearnerId, OccurredAt, SessionId};
use crate::store::{StoreError, TOMBSTONE};

/// Maximum number of sessions that a transaction deletes.
const STEP: usize = 200;

/// Deletes a session.
pub(super) async fn session(
    store: &EmbeddedStore,
    enrolment: Enrolment,
    session: SessionId,
) -> Result<DeleteOutcome, StoreError> {
    let deleting = store.write(1, move |tables, _| tables.delete(enrolment, &[session]));
    Ok(DeleteOutcome::of(deleting.await?))
}

/// Deletes the sessions of an enrolment in steps, latest first.
///
/// A step starts before the last session of the previous step. Hence the deletes end, however many sessions
/// are recorded meanwhile. A remaining session was recorded, or moved to a later time, after the start.
pub(super) async fn enrolment(
    store: &EmbeddedStore,
    enrolment: Enrolment,
) -> Result<DeleteOutcome, StoreError> {
    let mut outcome = DeleteOutcome::Missing;
    let mut end = None;
    loop {
        let step = move |tables: &mut Tables<'_>, _: &mut _| {
            let page = tables.last_sessions(enrolment, end, STEP)?;
            let sessions = page.iter().map(|position| position.id.into());
            let sessions: Vec<_> = sessions.collect();
            let deleted = tables.delete(enrolment, &sessions)?;
            Ok((deleted, page.last().copied()))
        };
        let (deleted, last) = store.write(STEP, step).await?;
        match deleted {
            0 => return Ok(outcome),
            _ => outcome = DeleteOutcome::Deleted,
        }
        end = last;
    }
}

/// Erases a learner: stores a tombstone, and then deletes the enrolments that the learner has in the same
/// transaction. Sessions in enrolments that are recorded afterwards are later than the erasure.
pub(super) async fn learner(store: &EmbeddedStore, learner: LearnerId) -> Result<(), StoreError> {
    let erase = move |tables: &mut Tables<'_>, clock: &mut MonotonicClock| {
        tables.erase(learner, clock.now())?;
        tables.all_courses(learner)
    };
    for course in store.write(1, erase).await? {
        enrolment(store, Enrolment::new(learner, course)).await?;
    }
    Ok(())
}

impl Tables<'_> {
    /// Stores the erasure of a learner as of the latest of `now`, a former erasure, and the learner's latest
    /// session.
    pub(super) fn erase(&mut self, learner: LearnerId, now: OccurredAt) -> Result<(), StoreError> {
        let former = self.erased_at(learner, now)?;
        let mut courses = self.courses.range(CourseKey::range(learner))?;
        let latest = courses.next_back().transpose()?;
        let latest = latest.map(|(key, _)| key.value().latest);
        let times = [Some(now.millis), former, latest];
        let as_of = times.into_iter().flatten().max().unwrap_or(now.millis);
        let lifetime = i64::try_from(TOMBSTONE.as_millis()).unwrap_or(i64::MAX);
        let former = self.erasures.get(learner.as_u128())?;
        let former = former.map_or(i64::MIN, |row| row.value().1);
        // After a jump of the clock back, the later end stays.
        let expires = now.millis.saturating_add(lifetime).max(former);
        self.erasures.insert(learner.as_u128(), (as_of, expires))?;
        Ok(())
    }

    /// Stores an exported erasure; a later time or end that is stored stays. Returns false for an expired
    /// erasure.
    pub(super) fn restore_erasure(
        &mut self,
        erasure: Erasure,
        now: OccurredAt,
    ) -> Result<bool, StoreError> {
        if erasure.expires <= now.millis {
            return Ok(false);
        }
        let key = erasure.learner.as_u128();
        let former = self.erasures.get(key)?.map(|row| row.value());
        let (as_of, expires) = former.unwrap_or((i64::MIN, i64::MIN));
        let row = (as_of.max(erasure.as_of), expires.max(erasure.expires));
        self.erasures.insert(key, row)?;
        Ok(true)
    }

    /// Returns the time of the learner's erasure, in milliseconds since 1970. Removes an expired erasure.
    pub(super) fn erased_at(
        &mut self,
        learner: LearnerId,
        now: OccurredAt,
    ) -> Result<Option<i64>, StoreError> {
        let erasure = self.erasures.get(learner.as_u128())?;
        let Some((as_of, expires)) = erasure.map(|erasure| erasure.value()) else {
            return Ok(None);
        };
        if now.millis < expires {
            return Ok(Some(as_of));
        }
        self.erasures.remove(learner.as_u128())?;
        Ok(None)
    }
}
