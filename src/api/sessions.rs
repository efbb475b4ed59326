//! `/courses/{courseId}/sessions`: sessions of an enrolment.

use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::extract::learner::Learner;
use super::extract::paging::{self, SessionsCursor};
use super::extract::paging::{Limit, slice, span};
use super::extract::path_id::Path;
use super::extract::query::Query;
use super::operation::OperationResult;
use super::respond::error::ApiError;
use super::respond::error_docs::{InvalidIds, InvalidParameters, NoStats, Unavailable};
use super::respond::etag::{Conditional, IfNoneMatch};
use super::{State, Tag};
use crate::domain::{CourseId, ListedSession, Page, SessionId, Stats};
use crate::wire::number::Number;
use crate::wire::time::Instant;
use crate::wire::validation::{both, enrolment};

/// Read operations on the sessions of an enrolment.
pub(super) struct SessionsApi(pub(super) State);

#[OpenApi]
impl SessionsApi {
    /// A learner's sessions
    ///
    /// The sessions of the learner in the course that occurred from one time until before another,
    /// newest first. Those that stand still while pages are read are seen once each, whatever is
    /// added and removed meanwhile.
    #[oai(
        path = "/courses/:courseId/sessions",
        method = "get",
        operation_id = "listSessions",
        tag = "Tag::Sessions"
    )]
    #[allow(clippy::too_many_arguments, reason = "parameters of the operation")]
    async fn sessions(
        &self,
        learner: Learner,
        course: Path<CourseId>,
        /// No session before this time, in RFC 3339 with an offset.
        from: Query<OffsetDateTime>,
        /// No session at this time or after it, in RFC 3339 with an offset.
        to: Query<OffsetDateTime>,
        /// Maximum number of items in the page.
        limit: Query<Limit>,
        /// `nextCursor` of the page before; without it, the first page.
        cursor: Query<SessionsCursor>,
        condition: IfNoneMatch,
    ) -> OperationResult<Conditional<SessionPage>, (InvalidParameters, Unavailable)> {
        let enrolment = enrolment(learner.0, course.0);
        let part = both(span(from, to), slice(limit, cursor));
        let (enrolment, (span, slice)) = both(enrolment, part)?;
        let store = self.0.store()?;
        let page = store.sessions(enrolment, span, slice).await?;
        Ok(condition.respond(&SessionPage::try_from(page)?, self.0.bodies())?)
    }

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
        learner: Learner,
        course: Path<CourseId>,
        session: Path<SessionId>,
        condition: IfNoneMatch,
    ) -> OperationResult<Conditional<SessionBody>, (InvalidIds, NoStats, Unavailable)> {
        let (enrolment, id) = both(enrolment(learner.0, course.0), session.0)?;
        let session = self
            .0
            .store()?
            .session(enrolment, id)
            .await?
            .ok_or_else(ApiError::no_stats)?;
        Ok(condition.respond(&SessionBody::new(id, &session.stats), self.0.bodies())?)
    }
}

/// A page of a learner's sessions in a course.
#[derive(Object)]
#[oai(rename_all = "camelCase", read_only_all, example)]
struct SessionPage {
    /// The sessions, newest first.
    #[oai(validator(max_items = 500))]
    sessions: Vec<ListedSessionBody>,
    /// The cursor of the next page; absent from the last one.
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// A study session and when it occurred.
#[derive(Object)]
#[oai(
    rename = "ListedSession",
    rename_all = "camelCase",
    read_only_all,
    example
)]
struct ListedSessionBody {
    #[oai(flatten)]
    session: SessionBody,
    /// When the session occurred, in UTC.
    occurred_at: Instant,
}

/// A study session.
#[derive(Default, Object)]
#[oai(rename = "Session", rename_all = "camelCase", read_only_all, example)]
struct SessionBody {
    /// Id of the session.
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

impl TryFrom<Page<ListedSession>> for SessionPage {
    type Error = ApiError;

    fn try_from(page: Page<ListedSession>) -> Result<Self, ApiError> {
        let sessions = page.items.iter().map(|listed| {
            Ok(ListedSessionBody {
                session: SessionBody::new(listed.id, &listed.session.stats),
                occurred_at: Instant::new(listed.session.occurred_at.millis)?,
            })
        });
        Ok(Self {
            sessions: sessions.collect::<Result<_, ApiError>>()?,
            next_cursor: page.next.map(SessionsCursor::encode),
        })
    }
}

impl SessionBody {
    fn new(id: SessionId, stats: &Stats) -> Self {
        let measures = stats.measures().map(Number);
        Self {
            session_id: id.into(),
            total_modules_studied: measures.modules,
            average_score: measures.score,
            time_studied: measures.time,
        }
    }
}

impl Example for SessionPage {
    fn example() -> Self {
        Self {
            sessions: vec![ListedSessionBody::example()],
            next_cursor: Some(SessionsCursor::encode(paging::EXAMPLE)),
        }
    }
}

impl Example for ListedSessionBody {
    fn example() -> Self {
        Self {
            session: SessionBody::example(),
            occurred_at: Instant::example(),
        }
    }
}

impl Example for SessionBody {
    fn example() -> Self {
        Self {
            session_id: paging::EXAMPLE.id,
            total_modules_studied: Number(5.0),
            average_score: Number(80.0),
            time_studied: Number(120_000.0),
        }
    }
}
