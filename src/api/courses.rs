//! `/courses` and `/courses/{courseId}`: records of sessions, totals of an enrolment, courses of a learner.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use uuid::Uuid;

use super::extract::json_body::JsonBody;
use super::extract::learner::Learner;
use super::extract::paging::{self, CoursesCursor};
use super::extract::paging::{Limit, slice};
use super::extract::path_id::Path;
use super::extract::query::Query;
use super::operation::OperationResult;
use super::respond::error::ApiError;
use super::respond::error_docs::{
    InvalidIds, InvalidParameters, InvalidRecord, LearnerErased, NoStats, NotJson, RecordLimit,
    RecordTooLarge, Unavailable,
};
use super::respond::etag::{Conditional, IfNoneMatch};
use super::respond::totals::TotalsBody;
use super::{State, Tag};
use crate::domain::{CourseId, ListedCourse, Outcome, Page};
use crate::wire::record::{RecordFields, RecordSchema};
use crate::wire::time::Instant;
use crate::wire::validation::{both, enrolment};

/// Request body: a record in JSON of at most 64 KiB.
type RecordBody = JsonBody<RecordSchema, { 64 << 10 }>;

/// Operations on the courses of a learner.
pub(super) struct CoursesApi(pub(super) State);

#[OpenApi]
impl CoursesApi {
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
        learner: Learner,
        course: Path<CourseId>,
        body: RecordBody,
    ) -> OperationResult<
        RecordResponse,
        (
            InvalidRecord,
            LearnerErased,
            RecordTooLarge,
            NotJson,
            RecordLimit,
            Unavailable,
        ),
    > {
        let fields = RecordFields::parse(&body.read(self.0.bodies()).await?)?;
        let record = fields.record(learner.0, course.0)?;
        match self.0.store()?.record(&record).await? {
            Outcome::Created | Outcome::Replaced => {
                Ok(RecordResponse::Recorded(Json(RecordAnswer {
                    message: RecordMessage::Ok,
                })))
            }
            Outcome::Superseded => Ok(RecordResponse::Superseded(Json(RecordAnswer {
                message: RecordMessage::Superseded,
            }))),
            Outcome::Erased => Err(ApiError::erased().into()),
            Outcome::LimitExceeded(limit) => Err(ApiError::limit_exceeded(limit).into()),
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
        learner: Learner,
        course: Path<CourseId>,
        condition: IfNoneMatch,
    ) -> OperationResult<Conditional<TotalsBody>, (InvalidIds, NoStats, Unavailable)> {
        let enrolment = enrolment(learner.0, course.0)?;
        let totals = self
            .0
            .store()?
            .totals(enrolment)
            .await?
            .ok_or_else(ApiError::no_stats)?;
        Ok(condition.respond(&TotalsBody::from(&totals), self.0.bodies())?)
    }

    /// A learner's courses
    ///
    /// The courses that the learner has sessions in, each with the learner's totals, that of the
    /// latest session first. Those that stand still while pages are read are seen once each; one
    /// that moves, as its latest session comes or goes, may be missed or seen again.
    #[oai(
        path = "/courses",
        method = "get",
        operation_id = "listCourses",
        tag = "Tag::Courses"
    )]
    async fn courses(
        &self,
        learner: Learner,
        /// Maximum number of items in the page.
        limit: Query<Limit>,
        /// `nextCursor` of the page before; without it, the first page.
        cursor: Query<CoursesCursor>,
        condition: IfNoneMatch,
    ) -> OperationResult<Conditional<CoursePage>, (InvalidParameters, Unavailable)> {
        let (learner, slice) = both(learner.0, slice(limit, cursor))?;
        let page = self.0.store()?.courses(learner, slice).await?;
        Ok(condition.respond(&CoursePage::try_from(page)?, self.0.bodies())?)
    }
}

/// Response to an accepted record.
#[derive(ApiResponse)]
enum RecordResponse {
    /// The session is stored, new or in the place of its former stats.
    #[oai(status = 201)]
    Recorded(Json<RecordAnswer>),
    /// Nothing was changed: a newer version of the session is already stored.
    #[oai(status = 200)]
    Superseded(Json<RecordAnswer>),
}

/// Result of an accepted record.
#[derive(Object)]
#[oai(read_only_all, example)]
struct RecordAnswer {
    /// `OK`, or `superseded` where a newer version of the session was stored already.
    message: RecordMessage,
}

impl Example for RecordAnswer {
    fn example() -> Self {
        Self {
            message: RecordMessage::Ok,
        }
    }
}

/// Result of an accepted record: `OK`, or `superseded` where a newer version of the session was stored already.
#[derive(Default, Enum)]
enum RecordMessage {
    #[default]
    #[oai(rename = "OK")]
    Ok,
    #[oai(rename = "superseded")]
    Superseded,
}

/// A page of a learner's courses.
#[derive(Object)]
#[oai(rename_all = "camelCase", read_only_all, example)]
struct CoursePage {
    /// The courses, that of the latest session first.
    #[oai(validator(max_items = 500))]
    courses: Vec<ListedCourseBody>,
    /// The cursor of the next page; absent from the last one.
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// A course of a learner.
#[derive(Object)]
#[oai(
    rename = "ListedCourse",
    rename_all = "camelCase",
    read_only_all,
    example
)]
struct ListedCourseBody {
    /// Id of the course.
    course_id: Uuid,
    /// Number of sessions.
    #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
    sessions: u64,
    #[oai(flatten)]
    totals: TotalsBody,
    /// When the latest session occurred, in UTC.
    last_occurred_at: Instant,
}

impl TryFrom<Page<ListedCourse>> for CoursePage {
    type Error = ApiError;

    fn try_from(page: Page<ListedCourse>) -> Result<Self, ApiError> {
        let courses = page.items.iter().map(|course| {
            Ok(ListedCourseBody {
                course_id: course.id.into(),
                sessions: course.totals.sessions,
                totals: TotalsBody::from(&course.totals),
                last_occurred_at: Instant::new(course.last_occurred)?,
            })
        });
        Ok(Self {
            courses: courses.collect::<Result<_, ApiError>>()?,
            next_cursor: page.next.map(CoursesCursor::encode),
        })
    }
}

impl Example for CoursePage {
    fn example() -> Self {
        Self {
            courses: vec![ListedCourseBody::example()],
            next_cursor: Some(CoursesCursor::encode(paging::EXAMPLE)),
        }
    }
}

impl Example for ListedCourseBody {
    fn example() -> Self {
        Self {
            course_id: paging::EXAMPLE.id,
            sessions: 3,
            totals: TotalsBody::example(),
            last_occurred_at: Instant::example(),
        }
    }
}
