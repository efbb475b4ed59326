//! `/courses/{courseId}/learners`: roster of a course.

use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::extract::paging::{self, Limit, RosterCursor};
use super::extract::path_id::Path;
use super::extract::query::Query;
use super::operation::OperationResult;
use super::respond::error::ApiError;
use super::respond::error_docs::{InvalidRoster, Unavailable};
use super::respond::etag::{Conditional, IfNoneMatch};
use super::respond::totals::TotalsBody;
use super::{State, Tag};
use crate::domain::{CourseId, ListedLearner, Roster};
use crate::wire::time::Instant;
use crate::wire::validation::both;

/// Operation on the roster of a course.
pub(super) struct RosterApi(pub(super) State);

#[OpenApi]
impl RosterApi {
    /// A course's learners
    ///
    /// The learners that have sessions in the course, each with the learner's totals in it. The order
    /// is always the same, and says nothing. A learner that has sessions in the course all the while
    /// that pages are read is seen exactly once, whoever comes and goes meanwhile. It is for teachers
    /// and operators, so no learner is named.
    #[oai(
        path = "/courses/:courseId/learners",
        method = "get",
        operation_id = "listLearners",
        tag = "Tag::Courses"
    )]
    async fn roster(
        &self,
        course: Path<CourseId>,
        /// Maximum number of items in the page.
        limit: Query<Limit>,
        /// `nextCursor` of the page before; without it, the first page.
        cursor: Query<RosterCursor>,
        condition: IfNoneMatch,
    ) -> OperationResult<Conditional<LearnerPage>, (InvalidRoster, Unavailable)> {
        let (course, (after, limit)) = both(course.0, paging::page(limit, cursor))?;
        let roster = self.0.store()?.roster(course, after, limit).await?;
        Ok(condition.respond(&LearnerPage::try_from(roster)?, self.0.bodies())?)
    }
}

/// A page of a course's learners.
#[derive(Object)]
#[oai(rename_all = "camelCase", read_only_all, example)]
struct LearnerPage {
    /// The learners, in an order that is always the same.
    #[oai(validator(max_items = 500))]
    learners: Vec<ListedLearnerBody>,
    /// The cursor of the next page; absent from the last one.
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// A learner of a course.
#[derive(Object)]
#[oai(
    rename = "ListedLearner",
    rename_all = "camelCase",
    read_only_all,
    example
)]
struct ListedLearnerBody {
    /// Id of the learner.
    user_id: Uuid,
    /// Number of sessions.
    #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
    sessions: u64,
    #[oai(flatten)]
    totals: TotalsBody,
    /// When the latest session occurred, in UTC.
    last_occurred_at: Instant,
}

impl TryFrom<Roster> for LearnerPage {
    type Error = ApiError;

    fn try_from(roster: Roster) -> Result<Self, ApiError> {
        let learners = roster.learners.iter().map(ListedLearnerBody::try_from);
        Ok(Self {
            learners: learners.collect::<Result<_, _>>()?,
            next_cursor: roster.next.map(RosterCursor::encode),
        })
    }
}

impl TryFrom<&ListedLearner> for ListedLearnerBody {
    type Error = ApiError;

    fn try_from(learner: &ListedLearner) -> Result<Self, ApiError> {
        Ok(Self {
            user_id: learner.id.into(),
            sessions: learner.totals.sessions,
            totals: TotalsBody::from(&learner.totals),
            last_occurred_at: Instant::new(learner.last_occurred)?,
        })
    }
}

impl Example for LearnerPage {
    fn example() -> Self {
        let learner = ListedLearnerBody::example();
        let next = RosterCursor::encode(learner.user_id.into());
        Self {
            learners: vec![learner],
            next_cursor: Some(next),
        }
    }
}

impl Example for ListedLearnerBody {
    fn example() -> Self {
        Self {
            user_id: paging::EXAMPLE.id,
            sessions: 3,
            totals: TotalsBody::example(),
            last_occurred_at: Instant::example(),
        }
    }
}
