//! How sessions are forgotten: a bounded number in each transaction, so that other writes are not held
//! up for long.

use super::EmbeddedStore;
use super::transaction::Tables;
use crate::domain::{CourseId, Deletion, LearnerId, SessionId};
use crate::store::StoreError;

/// Sessions that one transaction forgets at most, and courses that are looked up at once.
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

    /// Steps until all that was there at one moment is gone. What is recorded meanwhile may be left:
    /// who records all the time must not keep this from coming to an end.
    pub(super) async fn delete_course(
        &self,
        learner: LearnerId,
        course: CourseId,
    ) -> Result<Deletion, StoreError> {
        let mut deletion = Deletion::Missing;
        loop {
            let step =
                move |tables: &mut Tables<'_>, _: &mut _| forget_some(tables, learner, course);
            let Some(forgotten) = self.write(STEP, step).await? else {
                return Ok(Deletion::LimitExceeded);
            };
            if forgotten > 0 {
                deletion = Deletion::Deleted;
            }
            if forgotten < STEP {
                return Ok(deletion);
            }
        }
    }

    /// Refuses what occurred so far, and then deletes all courses as each is deleted.
    pub(super) async fn erase_learner(&self, learner: LearnerId) -> Result<Deletion, StoreError> {
        self.write(1, move |tables, clock| tables.erase(learner, clock.now()))
            .await?;
        let first_courses =
            move |tables: &mut Tables<'_>, _: &mut _| tables.first_courses(learner, STEP);
        loop {
            let courses = self.write(1, first_courses).await?;
            for &course in &courses {
                if self.delete_course(learner, course).await? == Deletion::LimitExceeded {
                    return Ok(Deletion::LimitExceeded);
                }
            }
            if courses.len() < STEP {
                return Ok(Deletion::Deleted);
            }
        }
    }
}

/// Forgets the learner's first sessions in the course, and gives how many they were; `None` where a
/// sum would have passed its limit.
fn forget_some(
    tables: &mut Tables<'_>,
    learner: LearnerId,
    course: CourseId,
) -> Result<Option<usize>, StoreError> {
    let sessions = tables.first_sessions(learner, course, STEP)?;
    for &session in &sessions {
        if tables.forget(learner, course, session)? == Deletion::LimitExceeded {
            return Ok(None);
        }
    }
    Ok(Some(sessions.len()))
}
