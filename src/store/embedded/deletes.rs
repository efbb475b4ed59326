//! Deletes of sessions: a bounded number in each transaction, as other writes wait for the transaction.

use super::EmbeddedStore;
use super::clock::MonotonicClock;
use super::transaction::Tables;
use crate::domain::{DeleteOutcome, Enrolment, LearnerId, SessionId};
use crate::store::StoreError;

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
