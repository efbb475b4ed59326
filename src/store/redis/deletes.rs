//! How sessions are forgotten: a bounded number in each step, and all aggregates with them.

use redis::cmd;

use super::script_call::ScriptCall;
use super::scripts::{DELETE, ERASE};
use super::{RedisStore, codec};
use crate::domain::{CourseId, DeleteOutcome, Enrolment, LearnerId, SessionId, Slice, Span};
use crate::store::{StoreError, TOMBSTONE};

/// Sessions that one call forgets at most: Redis does nothing else meanwhile.
const STEP: usize = 200;

impl RedisStore {
    pub(super) async fn delete_session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<DeleteOutcome, StoreError> {
        let forgotten = self.forget(enrolment, &[session]).await?;
        Ok(DeleteOutcome::of(forgotten))
    }

    /// Page by page, latest first and never back, so that it ends however much is recorded meanwhile.
    /// What it does not come by was recorded or moved forward after it had begun.
    pub(super) async fn delete_course(
        &self,
        enrolment: Enrolment,
    ) -> Result<DeleteOutcome, StoreError> {
        let timeline = self.keys.timeline(enrolment);
        let mut slice = Slice::first(STEP);
        let mut deletion = DeleteOutcome::Missing;
        loop {
            let page = self.read_page(&timeline, Span::ALL, slice).await?;
            let sessions = page.items.iter().map(|position| position.id.into());
            let sessions: Vec<SessionId> = sessions.collect();
            // Without sessions too: a course that has none must not stay among the learner's.
            match self.forget(enrolment, &sessions).await? {
                None => return Ok(DeleteOutcome::LimitExceeded),
                Some(0) => {}
                Some(_) => deletion = DeleteOutcome::Deleted,
            }
            if page.next.is_none() {
                return Ok(deletion);
            }
            slice.after = page.next;
        }
    }

    /// Refuses what occurred so far, and then deletes the courses that are there: what is recorded
    /// from now on occurred later. One that cannot be deleted does not keep the others.
    pub(super) async fn erase_learner(
        &self,
        learner: LearnerId,
    ) -> Result<DeleteOutcome, StoreError> {
        let key = self.keys.erased(learner);
        let lifetime = TOMBSTONE.as_millis().to_string().into_bytes();
        let call = ScriptCall::new(&ERASE, learner, vec![key], vec![lifetime]);
        codec::erased(&self.write(call).await?)?;
        let mut erasure = DeleteOutcome::Deleted;
        for course in self.all_courses(learner).await? {
            if self.delete_course(Enrolment::new(learner, course)).await?
                == DeleteOutcome::LimitExceeded
            {
                erasure = DeleteOutcome::LimitExceeded;
            }
        }
        Ok(erasure)
    }

    /// Forgets these sessions in one step, and gives how many were there; `None` where a sum would
    /// have passed its limit.
    async fn forget(
        &self,
        enrolment: Enrolment,
        sessions: &[SessionId],
    ) -> Result<Option<usize>, StoreError> {
        let keys = self.keys.of_delete(enrolment, sessions);
        let mut arguments = vec![enrolment.course.as_bytes().to_vec()];
        arguments.extend(sessions.iter().map(|id| id.as_bytes().to_vec()));
        let call = ScriptCall::new(&DELETE, enrolment.learner, keys, arguments);
        codec::deleted(&self.write(call).await?)
    }

    pub(super) async fn write(&self, call: ScriptCall) -> Result<String, StoreError> {
        Ok(self.writes().make_one(&call).await?)
    }

    /// The learner's courses at one moment, in one reply: page by page, one that moves forward
    /// between two pages would be missed. A hundred thousand take Redis some milliseconds.
    async fn all_courses(&self, learner: LearnerId) -> Result<Vec<CourseId>, StoreError> {
        let mut command = cmd("ZRANGE");
        command.arg(self.keys.courses(learner)).arg(0).arg(-1);
        let members: Vec<Vec<u8>> = self.query(&command).await?;
        let ids = members.iter().map(|member| Ok(codec::id(member)?.into()));
        ids.collect()
    }
}
