//! Deletes of a session and of a course, and the erasure of a learner.

use poem_openapi::{ApiResponse, OpenApi};

use super::extract::learner::Learner;
use super::extract::path_id::Path;
use super::operation::OperationResult;
use super::respond::error::ApiError;
use super::respond::error_docs::{DeleteUnavailable, InvalidIds, NoStats};
use super::{State, Tag};
use crate::domain::{CourseId, DeleteOutcome, SessionId};
use crate::wire::validation::{both, enrolment};

/// Delete operations on sessions, courses and learners.
pub(super) struct DeletesApi(pub(super) State);

#[OpenApi]
impl DeletesApi {
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
        learner: Learner,
        course: Path<CourseId>,
        session: Path<SessionId>,
    ) -> OperationResult<DeleteResponse, (InvalidIds, NoStats, DeleteUnavailable)> {
        let (enrolment, session) = both(enrolment(learner.0, course.0), session.0)?;
        let store = self.0.store()?;
        Ok(respond(store.delete_session(enrolment, session).await?)?)
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
        learner: Learner,
        course: Path<CourseId>,
    ) -> OperationResult<DeleteResponse, (InvalidIds, NoStats, DeleteUnavailable)> {
        let enrolment = enrolment(learner.0, course.0)?;
        let store = self.0.store()?;
        Ok(respond(store.delete_course(enrolment).await?)?)
    }

    /// Erase a learner
    ///
    /// Forgets all sessions of the learner in all courses, in steps as those of one, and for thirty days
    /// refuses records that occurred no later than now, or than the latest of the forgotten sessions, as
    /// they may still be on their way: they are answered 410. Later ones begin anew. It is safe to
    /// repeat, also where there is nothing.
    #[oai(
        path = "/learner",
        method = "delete",
        operation_id = "eraseLearner",
        tag = "Tag::Learner"
    )]
    async fn erase(
        &self,
        learner: Learner,
    ) -> OperationResult<DeleteResponse, (InvalidIds, DeleteUnavailable)> {
        let learner = learner.0?;
        self.0.store()?.erase(learner).await?;
        Ok(DeleteResponse::Deleted)
    }
}

/// Response to a delete.
#[derive(ApiResponse)]
enum DeleteResponse {
    /// It is forgotten.
    #[oai(status = 204)]
    Deleted,
}

fn respond(outcome: DeleteOutcome) -> Result<DeleteResponse, ApiError> {
    match outcome {
        DeleteOutcome::Deleted => Ok(DeleteResponse::Deleted),
        DeleteOutcome::Missing => Err(ApiError::no_stats()),
    }
}
