//! How sessions are forgotten: a bounded number in each transaction, so that other writes are not held
//! up for long.

use super::EmbeddedStore;
use super::transaction::Tables;
use crate::domain::{CourseId, Deletion, LearnerId, SessionId};
use crate::store::StoreError;

/// Sessions that one transaction forgets at most.
const STEP: usize = 200;

impl EmbeddedStore {
    pub(super) async fn delete_session(
        &self,
        learner: LearnerId,
        course: CourseId,
        session: SessionId,
    ) -> Result<Deletion, StoreError> {
        self.write(1, move |tables, _| tables.forget(learner, course, session))
            .await
    }

    /// Steps until the timeline is empty, so that there was a moment with nothing left.
    pub(super) async fn delete_course(
        &self,
        learner: LearnerId,
        course: CourseId,
    ) -> Result<Deletion, StoreError> {
        let mut deletion = Deletion::Missing;
        loop {
            let step =
                move |tables: &mut Tables<'_>, _: &mut _| forget_some(tables, learner, course);
            match self.write(STEP, step).await? {
                Deletion::Deleted => deletion = Deletion::Deleted,
                Deletion::Missing => return Ok(deletion),
                Deletion::LimitExceeded => return Ok(Deletion::LimitExceeded),
            }
        }
    }

    /// Refuses what occurred so far, and then deletes course by course until there is none.
    pub(super) async fn erase_learner(&self, learner: LearnerId) -> Result<Deletion, StoreError> {
        self.write(1, move |tables, clock| tables.erase(learner, clock.now()))
            .await?;
        let first_course = move |tables: &mut Tables<'_>, _: &mut _| tables.first_course(learner);
        while let Some(course) = self.write(1, first_course).await? {
            if self.delete_course(learner, course).await? == Deletion::LimitExceeded {
                return Ok(Deletion::LimitExceeded);
            }
        }
        Ok(Deletion::Deleted)
    }
}

/// Forgets the learner's first sessions in the course.
fn forget_some(
    tables: &mut Tables<'_>,
    learner: LearnerId,
    course: CourseId,
) -> Result<Deletion, StoreError> {
    let mut deletion = Deletion::Missing;
    for session in tables.first_sessions(learner, course, STEP)? {
        deletion = tables.forget(learner, course, session)?;
        if deletion != Deletion::Deleted {
            break;
        }
    }
    Ok(deletion)
}
