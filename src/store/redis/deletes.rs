//! Deletes and erasures, in steps of a bounded number of sessions; each step updates all aggregates.

use redis::cmd;

use super::script_call::ScriptCall;
use super::scripts::{DELETE, ERASE};
use super::{RedisStore, codec, reads};
use crate::domain::{CourseId, DeleteOutcome, Enrolment, LearnerId, SessionId, Slice, Span};
use crate::store::{StoreError, TOMBSTONE};

/// Maximum number of sessions that one call deletes: Redis serves no other request meanwhile.
const STEP: usize = 200;

/// Deletes a session.
pub(super) async fn session(
    store: &RedisStore,
    enrolment: Enrolment,
    session: SessionId,
) -> Result<DeleteOutcome, StoreError> {
    let deleted = step(store, enrolment, &[session]).await?;
    Ok(DeleteOutcome::of(deleted))
}

/// Deletes the sessions of an enrolment page by page, latest first and never back, so the delete ends
/// despite concurrent records. A remaining session was recorded, or moved to a later time, after the start.
pub(super) async fn enrolment(
    store: &RedisStore,
    enrolment: Enrolment,
) -> Result<DeleteOutcome, StoreError> {
    let mut slice = Slice::first(STEP);
    let mut outcome = DeleteOutcome::Missing;
    loop {
        let timeline = store.keys.timeline(enrolment);
        let page = reads::page(store, timeline, Span::ALL, slice).await?;
        let sessions = page.items.iter().map(|position| position.id.into());
        let sessions: Vec<SessionId> = sessions.collect();
        // Also for an empty page: the call removes an enrolment without sessions from the course index.
        if step(store, enrolment, &sessions).await? > 0 {
            outcome = DeleteOutcome::Deleted;
        }
        if page.next.is_none() {
            return Ok(outcome);
        }
        slice.after = page.next;
    }
}

/// Writes the tombstone, and then deletes the present enrolments: the tombstone refuses records of earlier
/// sessions meanwhile.
pub(super) async fn learner(store: &RedisStore, learner: LearnerId) -> Result<(), StoreError> {
    let lifetime = TOMBSTONE.as_millis().to_string();
    let call = ScriptCall::new(&ERASE, learner, store.keys.of_erase(learner), lifetime);
    codec::erased(&store.write(call).await?)?;
    for id in courses(store, learner).await? {
        enrolment(store, Enrolment::new(learner, id)).await?;
    }
    Ok(())
}

/// Deletes sessions in one call, and returns how many existed.
async fn step(
    store: &RedisStore,
    enrolment: Enrolment,
    sessions: &[SessionId],
) -> Result<usize, StoreError> {
    let keys = store.keys.of_delete(enrolment, sessions);
    let sessions = sessions.iter().map(SessionId::as_bytes).collect::<Vec<_>>();
    let learner = enrolment.learner.as_bytes();
    let arguments = (enrolment.course.as_bytes(), learner, sessions);
    let call = ScriptCall::new(&DELETE, enrolment.learner, keys, arguments);
    codec::deleted(&store.write(call).await?)
}

/// Reads the course index of a learner in one reply: between two pages, a course that moves forward would
/// be missed. A hundred thousand courses take Redis some milliseconds.
async fn courses(store: &RedisStore, learner: LearnerId) -> Result<Vec<CourseId>, StoreError> {
    let mut command = cmd("ZRANGE");
    command.arg(store.keys.courses(learner)).arg(0).arg(-1);
    let members: Vec<Vec<u8>> = store.query(&command).await?;
    let ids = members.iter().map(|member| Ok(codec::id(member)?.into()));
    ids.collect()
}
