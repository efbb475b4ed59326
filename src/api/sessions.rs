//! `/courses/{courseId}/sessions`: sessions read back.

use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};
use uuid::{Uuid, uuid};

use super::error::ApiError;
use super::failure::{Failure, Reading};
use super::fields::{PathId, both};
use super::identity::Learner;
use super::numbers::Number;
use super::{Context, Tag};
use crate::domain::{CourseId, SessionId, Stats};

/// The operations on a course's sessions.
pub(super) struct Sessions(pub(super) Context);

#[OpenApi]
impl Sessions {
    /// One session
    ///
    /// The stats of a session of the learner, the very numbers that were recorded. A session of
    /// another learner is not found.
    #[oai(
        path = "/courses/:courseId/sessions/:sessionId",
        method = "get",
        operation_id = "getSession",
        tag = "Tag::Sessions"
    )]
    async fn session(
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
    ) -> Result<SessionResponse, Failure<Reading>> {
        let (learner, (course, id)) = both(learner.0, both(course.0.0, session.0.0))?;
        let session = self
            .0
            .admit()?
            .session(learner, course, id)
            .await?
            .ok_or_else(ApiError::no_stats)?;
        Ok(SessionResponse::Found(Json(SessionBody::new(
            id,
            &session.stats,
        ))))
    }
}

/// The answer to a question for a session.
#[derive(ApiResponse)]
enum SessionResponse {
    /// The session.
    #[oai(status = 200)]
    Found(Json<SessionBody>),
}

/// A study session.
#[derive(Object)]
#[oai(rename = "Session", rename_all = "camelCase", read_only_all, example)]
struct SessionBody {
    /// Names the session.
    session_id: Uuid,
    /// Modules studied.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    total_modules_studied: Number,
    /// The session's average score.
    #[oai(validator(minimum(value = "-1000000000000"), maximum(value = "1000000000000")))]
    average_score: Number,
    /// Time studied, in milliseconds.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    time_studied: Number,
}

impl SessionBody {
    fn new(id: SessionId, stats: &Stats) -> Self {
        Self {
            session_id: id.into(),
            total_modules_studied: Number(stats.modules.get()),
            average_score: Number(stats.score.get()),
            time_studied: Number(stats.time.get()),
        }
    }
}

impl Example for SessionBody {
    fn example() -> Self {
        Self {
            session_id: uuid!("0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f"),
            total_modules_studied: Number(5.0),
            average_score: Number(80.0),
            time_studied: Number(120_000.0),
        }
    }
}
