//! What is forgotten: a session, a course, a learner.

use poem_openapi::param::Path;
use poem_openapi::{ApiResponse, OpenApi};

use super::extract::learner::Learner;
use super::extract::path_id::PathId;
use super::operation::{Deleting, Erasing, Failure};
use super::respond::error::ApiError;
use super::{State, Tag};
use crate::domain::{CourseId, DeleteOutcome, SessionId};
use crate::wire::validation::{both, enrolment};

/// The operations that forget.
pub(super) struct Deletes(pub(super) State);

#[OpenApi]
impl Deletes {
    /// Forget a session
    ///
    /// Forgets a session of the learner; the totals and the summary follow in the same step.
    #[oai(
        path = "/courses/:courseId/sessions/:sessionId",
        method = "delete",
        operation_id = "forgetSession",
        tag = "Tag::Sessions"
    )]
    async fn delete_session(
        &self,
        /// The learner.
        #[oai(name = "X-User-Id")]
        learner: Learner,
        /// The course.
        #[oai(name = "courseId")]
        course: Path<PathId<CourseId>>,
        /// The session.
        #[oai(name = "sessionId")]
        session: Path<PathId<SessionId>>,
    ) -> Result<DeleteResponse, Failure<Deleting>> {
        let (enrolment, session) = both(enrolment(learner.0, course.0.0), session.0.0)?;
        let store = self.0.acquire()?;
        Ok(answer(store.delete_session(enrolment, session).await?)?)
    }

    /// Forget a course
    ///
    /// Forgets all sessions of the learner in the course. Thousands of them are forgotten in steps,
    /// after each of which the totals are those of the sessions that are left; where that takes longer
    /// than a request may, the answer is 503, and repeating the request goes on where it stopped. It is
    /// then done when the answer is 204 or 404.
    #[oai(
        path = "/courses/:courseId",
        method = "delete",
        operation_id = "forgetCourse",
        tag = "Tag::Courses"
    )]
    async fn delete_course(
        &self,
        /// The learner.
        #[oai(name = "X-User-Id")]
        learner: Learner,
        /// The course.
        #[oai(name = "courseId")]
        course: Path<PathId<CourseId>>,
    ) -> Result<DeleteResponse, Failure<Deleting>> {
        let enrolment = enrolment(learner.0, course.0.0)?;
        let store = self.0.acquire()?;
        Ok(answer(store.delete_course(enrolment).await?)?)
    }

    /// Erase a learner
    ///
    /// Forgets all sessions of the learner in all courses, in steps as those of one, and for thirty days
    /// refuses records that occurred no later than now, as they may still be on their way: they are
    /// answered 410. Later ones begin anew. It is safe to repeat, also where there is nothing.
    #[oai(
        path = "/courses",
        method = "delete",
        operation_id = "eraseLearner",
        tag = "Tag::Courses"
    )]
    async fn erase(
        &self,
        /// The learner.
        #[oai(name = "X-User-Id")]
        learner: Learner,
    ) -> Result<DeleteResponse, Failure<Erasing>> {
        let learner = learner.0?;
        Ok(answer(self.0.acquire()?.erase(learner).await?)?)
    }
}

/// The answer to a request to forget.
#[derive(ApiResponse)]
enum DeleteResponse {
    /// It is forgotten.
    #[oai(status = 204)]
    Forgotten,
}

fn answer(deletion: DeleteOutcome) -> Result<DeleteResponse, ApiError> {
    match deletion {
        DeleteOutcome::Deleted => Ok(DeleteResponse::Forgotten),
        DeleteOutcome::Missing => Err(ApiError::no_stats()),
        DeleteOutcome::LimitExceeded => Err(ApiError::limit_exceeded()),
    }
}
