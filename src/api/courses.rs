//! `/courses/{courseId}`: record a session, and the learner's totals.

use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::body::{RecordBody, RecordFields};
use super::error::ApiError;
use super::failure::{Failure, Reading, Recording};
use super::fields::{PathId, both};
use super::identity::Learner;
use super::numbers::Number;
use super::{Context, Tag};
use crate::domain::{CourseId, Outcome, Totals};

/// The operations on a course.
pub(super) struct Courses(pub(super) Context);

#[OpenApi]
impl Courses {
    /// Record a session
    ///
    /// Stores a study session of the learner in the course, or replaces its stats where it is
    /// stored already: so a retry is safe, and the totals move by the difference. Zero is a value.
    /// Unknown fields are ignored.
    #[oai(
        path = "/courses/:courseId",
        method = "post",
        operation_id = "recordSession",
        tag = "Tag::Sessions"
    )]
    async fn record(
        &self,
        /// The learner.
        #[oai(name = "X-User-Id")]
        learner: Learner,
        /// The course.
        #[oai(name = "courseId")]
        course: Path<PathId<CourseId>>,
        body: RecordBody,
    ) -> Result<RecordResponse, Failure<Recording>> {
        let fields = RecordFields::parse(&body.read(self.0.bodies()).await?);
        let record = fields
            .map_err(ApiError::from)?
            .record(learner.0, course.0.0)?;
        match self.0.admit()?.record(&record).await? {
            Outcome::Recorded => Ok(RecordResponse::Recorded(Json(Recorded::example()))),
            Outcome::Superseded => Ok(RecordResponse::Superseded(Json(Superseded::example()))),
            Outcome::Erased => Err(ApiError::erased().into()),
            Outcome::LimitExceeded => Err(ApiError::limit_exceeded().into()),
        }
    }

    /// A learner's totals
    ///
    /// The sum of modules, the unweighted mean of the sessions' average scores, and the sum of time
    /// over all sessions of the learner in the course: exact, and in constant time.
    #[oai(
        path = "/courses/:courseId",
        method = "get",
        operation_id = "getTotals",
        tag = "Tag::Courses"
    )]
    async fn totals(
        &self,
        /// The learner.
        #[oai(name = "X-User-Id")]
        learner: Learner,
        /// The course.
        #[oai(name = "courseId")]
        course: Path<PathId<CourseId>>,
    ) -> Result<TotalsResponse, Failure<Reading>> {
        let (learner, course) = both(learner.0, course.0.0)?;
        let totals = self
            .0
            .admit()?
            .totals(learner, course)
            .await?
            .ok_or_else(ApiError::no_stats)?;
        Ok(TotalsResponse::Found(Json(TotalsBody::from(&totals))))
    }
}

/// What became of a record that was not refused.
#[derive(ApiResponse)]
enum RecordResponse {
    /// The session is stored, new or in the place of its former stats.
    #[oai(status = 201)]
    Recorded(Json<Recorded>),
    /// Nothing was changed: the session is already stored with a later time of occurrence.
    #[oai(status = 200)]
    Superseded(Json<Superseded>),
}

/// The answer to a question for totals.
#[derive(ApiResponse)]
enum TotalsResponse {
    /// The totals.
    #[oai(status = 200)]
    Found(Json<TotalsBody>),
}

/// The session is stored.
#[derive(Object)]
#[oai(read_only_all, example)]
struct Recorded {
    /// Always "OK".
    message: &'static str,
}

impl Example for Recorded {
    fn example() -> Self {
        Self { message: "OK" }
    }
}

/// The session was stored already, as of later.
#[derive(Object)]
#[oai(read_only_all, example)]
struct Superseded {
    /// Always "superseded".
    message: &'static str,
}

impl Example for Superseded {
    fn example() -> Self {
        Self {
            message: "superseded",
        }
    }
}

/// The aggregate of a learner's sessions in a course.
#[derive(Object)]
#[oai(rename = "Totals", rename_all = "camelCase", read_only_all, example)]
struct TotalsBody {
    /// Sum of modules studied.
    #[oai(validator(minimum(value = "0"), maximum(value = "9000000000000000")))]
    total_modules_studied: Number,
    /// Unweighted mean of the sessions' average scores.
    #[oai(validator(minimum(value = "-1000000000000"), maximum(value = "1000000000000")))]
    average_score: Number,
    /// Sum of time studied, in milliseconds.
    #[oai(validator(minimum(value = "0"), maximum(value = "9000000000000000")))]
    time_studied: Number,
}

impl From<&Totals> for TotalsBody {
    fn from(totals: &Totals) -> Self {
        Self {
            total_modules_studied: Number(totals.modules.to_f64()),
            average_score: Number(totals.average_score()),
            time_studied: Number(totals.time.to_f64()),
        }
    }
}

impl Example for TotalsBody {
    fn example() -> Self {
        Self {
            total_modules_studied: Number(15.0),
            average_score: Number(8.25),
            time_studied: Number(360_000.0),
        }
    }
}
