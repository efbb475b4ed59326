//! `/courses/{courseId}/summary`: aggregate of all learners in a course.

use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};

use super::extract::path_id::Path;
use super::operation::OperationResult;
use super::respond::error::ApiError;
use super::respond::error_docs::{InvalidCourse, NoLearners, Unavailable};
use super::respond::etag::{Conditional, IfNoneMatch};
use super::respond::totals;
use super::{State, Tag};
use crate::domain::{CourseId, Summary};
use crate::wire::number::Number;

/// Operation on the summary of a course.
pub(super) struct SummaryApi(pub(super) State);

#[OpenApi]
impl SummaryApi {
    /// A course's summary
    ///
    /// The aggregate of all learners' sessions in the course, exact at every moment. It tells nothing
    /// of a single learner, so none is named.
    #[oai(
        path = "/courses/:courseId/summary",
        method = "get",
        operation_id = "getSummary",
        tag = "Tag::Courses"
    )]
    async fn summary(
        &self,
        course: Path<CourseId>,
        condition: IfNoneMatch,
    ) -> OperationResult<Conditional<SummaryBody>, (InvalidCourse, NoLearners, Unavailable)> {
        let course = course.0?;
        let summary = self
            .0
            .store()?
            .summary(course)
            .await?
            .ok_or_else(ApiError::no_stats)?;
        Ok(condition.respond(&SummaryBody::from(&summary), self.0.bodies())?)
    }
}

/// The aggregate of all learners' sessions in a course.
#[derive(Object)]
#[oai(rename = "Summary", rename_all = "camelCase", read_only_all, example)]
struct SummaryBody {
    /// Number of learners that have sessions.
    #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
    learners: u64,
    /// Number of sessions.
    #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
    sessions: u64,
    /// Sum of modules studied.
    // 2^53 learners with 9e15 each, rounded up.
    #[oai(validator(minimum(value = "0"), maximum(value = "1e32")))]
    total_modules_studied: Number,
    /// Unweighted mean of the sessions' average scores.
    #[oai(validator(minimum(value = "-1000000000000"), maximum(value = "1000000000000")))]
    average_score: Number,
    /// Sum of time studied, in milliseconds.
    #[oai(validator(minimum(value = "0"), maximum(value = "1e32")))]
    time_studied: Number,
}

impl From<&Summary> for SummaryBody {
    fn from(summary: &Summary) -> Self {
        let measures = totals::measures(&summary.totals);
        Self {
            learners: summary.learners,
            sessions: summary.totals.sessions,
            total_modules_studied: measures.modules,
            average_score: measures.score,
            time_studied: measures.time,
        }
    }
}

impl Example for SummaryBody {
    fn example() -> Self {
        Self {
            learners: 12,
            sessions: 240,
            total_modules_studied: Number(730.0),
            average_score: Number(78.5),
            time_studied: Number(28_800_000.0),
        }
    }
}
