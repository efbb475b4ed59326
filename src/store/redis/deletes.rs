//! How sessions are forgotten: a bounded number in each step, and all aggregates with them.

use redis::cmd;
use uuid::Uuid;

use super::scripts::{ERASE, FORGET};
use super::writes::Call;
use super::{RedisStore, reply};
use crate::domain::{CourseId, Deletion, LearnerId, SessionId};
use crate::store::{StoreError, TOMBSTONE};

/// Sessions that one call forgets at most: Redis does nothing else meanwhile.
const STEP: usize = 200;

impl RedisStore {
    pub(super) async fn delete_session(
        &self,
        learner: LearnerId,
        course: CourseId,
        session: SessionId,
    ) -> Result<Deletion, StoreError> {
        let forgotten = self.forget(learner, course, &[session]).await?;
        Ok(match forgotten {
            None => Deletion::LimitExceeded,
            Some(0) => Deletion::Missing,
            Some(_) => Deletion::Deleted,
        })
    }

    /// Steps until the timeline is empty, so that there was a moment with nothing left.
    pub(super) async fn delete_course(
        &self,
        learner: LearnerId,
        course: CourseId,
    ) -> Result<Deletion, StoreError> {
        let mut deletion = Deletion::Missing;
        loop {
            let sessions = self.first_sessions(learner, course).await?;
            // Without sessions too: a course that has none must not stay among the learner's.
            match self.forget(learner, course, &sessions).await? {
                None => return Ok(Deletion::LimitExceeded),
                Some(0) => {}
                Some(_) => deletion = Deletion::Deleted,
            }
            if sessions.is_empty() {
                return Ok(deletion);
            }
        }
    }

    /// Refuses what occurred so far, and then deletes course by course until there is none.
    pub(super) async fn erase_learner(&self, learner: LearnerId) -> Result<Deletion, StoreError> {
        let key = self.keys.erased(learner);
        let lifetime = TOMBSTONE.as_millis().to_string().into_bytes();
        let call = Call::new(&ERASE, learner, vec![key], vec![lifetime]);
        reply::erased(&self.write(call).await?)?;
        while let Some(course) = self.first_course(learner).await? {
            if self.delete_course(learner, course).await? == Deletion::LimitExceeded {
                return Ok(Deletion::LimitExceeded);
            }
        }
        Ok(Deletion::Deleted)
    }

    /// Forgets these sessions in one step, and gives how many were there; `None` where a sum would
    /// have passed its limit.
    async fn forget(
        &self,
        learner: LearnerId,
        course: CourseId,
        sessions: &[SessionId],
    ) -> Result<Option<usize>, StoreError> {
        let keys = self.keys.of_forgotten(learner, course, sessions);
        let mut arguments = vec![course.as_bytes().to_vec()];
        arguments.extend(sessions.iter().map(|id| id.as_bytes().to_vec()));
        let call = Call::new(&FORGET, learner, keys, arguments);
        reply::forgotten(&self.write(call).await?)
    }

    pub(super) async fn write(&self, call: Call) -> Result<String, StoreError> {
        let replies = self.writes().make(&[call]).await;
        let reply = replies.into_iter().next();
        Ok(reply.ok_or_else(|| StoreError::Unexpected("a call has no reply".into()))??)
    }

    /// The ids of the sessions that the next step forgets.
    async fn first_sessions(
        &self,
        learner: LearnerId,
        course: CourseId,
    ) -> Result<Vec<SessionId>, StoreError> {
        let timeline = self.keys.timeline(learner, course);
        self.first_members(&timeline, STEP).await
    }

    async fn first_course(&self, learner: LearnerId) -> Result<Option<CourseId>, StoreError> {
        let courses = self.keys.courses(learner);
        let first = self.first_members(&courses, 1).await?;
        Ok(first.into_iter().next())
    }

    /// The first ids in an index, and those only.
    async fn first_members<T: From<Uuid>>(
        &self,
        index: &str,
        count: usize,
    ) -> Result<Vec<T>, StoreError> {
        let mut command = cmd("ZRANGE");
        command.arg(index).arg(0).arg(count - 1);
        let members: Vec<Vec<u8>> = self.query(&command).await?;
        let ids = members.iter().map(|member| {
            let id = Uuid::from_slice(member).map_err(|_| not_an_id())?;
            Ok(id.into())
        });
        ids.collect()
    }
}

fn not_an_id() -> StoreError {
    StoreError::Unexpected("an index has a member that is no id".into())
}
