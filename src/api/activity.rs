//! `/courses/{courseId}/activity`: activity of a learner by day.

use std::ops::RangeInclusive;

use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use time::{Date, OffsetDateTime};

use super::extract::learner::Learner;
use super::extract::path_id::Path;
use super::extract::query::Query;
use super::operation::OperationResult;
use super::respond::error::ApiError;
use super::respond::error_docs::{InvalidParameters, Unavailable};
use super::respond::etag::{Conditional, IfNoneMatch};
use super::respond::totals::TotalsBody;
use super::{State, Tag};
use crate::domain::{Activity, CourseId, Enrolment, Slice, Span};
use crate::store::{StatsStore, StoreError};
use crate::wire::time::{Day, day_number};
use crate::wire::validation::{Checked, Problem, both, enrolment};

/// Number of days without the parameter `from`.
const DEFAULT_DAYS: i32 = 30;
/// Maximum number of days of a request.
const MAX_DAYS: i32 = 366;

/// Operation on the activity of a learner.
pub(super) struct ActivityApi(pub(super) State);

#[OpenApi]
impl ActivityApi {
    /// A learner's activity
    ///
    /// The learner's totals in the course on each calendar day that has sessions, oldest first: the
    /// day of a session is the date that its `occurredAt` was recorded with, in its own offset. And
    /// the runs of consecutive days that have sessions, as far as they are within the days asked
    /// for.
    #[oai(
        path = "/courses/:courseId/activity",
        method = "get",
        operation_id = "getActivity",
        tag = "Tag::Courses"
    )]
    async fn activity(
        &self,
        learner: Learner,
        course: Path<CourseId>,
        /// The first day; without it, 29 days before the last one.
        from: Query<Date>,
        /// The last day, at most 365 days after the first; without it, today in UTC or the day of
        /// the learner's newest session, whichever is later.
        to: Query<Date>,
        condition: IfNoneMatch,
    ) -> OperationResult<Conditional<ActivityBody>, (InvalidParameters, Unavailable)> {
        let enrolment = enrolment(learner.0, course.0);
        let (enrolment, days) = both(enrolment, Days::new(from, to))?;
        let store = self.0.acquire()?;
        let last = match days.last {
            Some(last) => last,
            None => today(&*store, enrolment).await?,
        };
        let activity = store.activity(enrolment, days.until(last)?).await?;
        Ok(condition.respond(&ActivityBody::new(&activity, last)?))
    }
}

/// Days of a request, without the defaults.
struct Days {
    first: Option<i32>,
    last: Option<i32>,
}

impl Days {
    fn new(from: Query<Date>, to: Query<Date>) -> Checked<Self> {
        let (from, to) = both(from.0, to.0)?;
        let days = Self {
            first: from.map(day_number),
            last: to.map(day_number),
        };
        if let Some(last) = days.last {
            days.until(last)?;
        }
        Ok(days)
    }

    /// Range of days up to `last`.
    fn until(&self, last: i32) -> Checked<RangeInclusive<i32>> {
        let by_default = last.saturating_sub(DEFAULT_DAYS - 1);
        let first = self.first.unwrap_or(by_default);
        if (first..first.saturating_add(MAX_DAYS)).contains(&last) {
            return Ok(first..=last);
        }
        Err(vec![Problem {
            field: "to",
            missing: self.last.is_none(),
            expected: "a date from that of from to 365 days after it".into(),
        }])
    }
}

/// Current day: in UTC, or the local day of the learner's newest session, whichever is later.
async fn today(store: &dyn StatsStore, enrolment: Enrolment) -> Result<i32, StoreError> {
    let newest = store.sessions(enrolment, Span::ALL, Slice::first(1));
    let newest = newest.await?.items.pop();
    let local = newest.map(|newest| newest.session.occurred_at.local_day);
    let utc = day_number(OffsetDateTime::now_utc().date());
    Ok(local.map_or(utc, |local| local.max(utc)))
}

/// What a learner did on each day.
#[derive(Object)]
#[oai(rename = "Activity", rename_all = "camelCase", read_only_all, example)]
struct ActivityBody {
    /// The days that have sessions, oldest first.
    #[oai(validator(max_items = 366))]
    days: Vec<ActiveDay>,
    /// Length of the run of consecutive days that lasts until the last day asked for, or until the
    /// day before, as today is not over yet; else 0.
    #[oai(validator(minimum(value = "0"), maximum(value = "366")))]
    current_streak: u32,
    /// Length of the longest run of consecutive days.
    #[oai(validator(minimum(value = "0"), maximum(value = "366")))]
    longest_streak: u32,
}

/// A day and the totals of its sessions.
#[derive(Object)]
#[oai(rename_all = "camelCase", read_only_all, example)]
struct ActiveDay {
    /// The day.
    day: Day,
    /// Number of sessions.
    #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
    sessions: u64,
    #[oai(flatten)]
    totals: TotalsBody,
}

impl ActivityBody {
    fn new(activity: &Activity, last: i32) -> Result<Self, ApiError> {
        let days = activity.days.iter().map(|(&day, totals)| {
            Ok(ActiveDay {
                day: Day::new(day)?,
                sessions: totals.sessions,
                totals: TotalsBody::from(totals),
            })
        });
        Ok(Self {
            days: days.collect::<Result<_, ApiError>>()?,
            current_streak: activity.current_streak(last),
            longest_streak: activity.longest_streak(),
        })
    }
}

impl Example for ActivityBody {
    fn example() -> Self {
        Self {
            days: vec![ActiveDay::example()],
            current_streak: 1,
            longest_streak: 1,
        }
    }
}

impl Example for ActiveDay {
    fn example() -> Self {
        Self {
            day: Day::example(),
            sessions: 3,
            totals: TotalsBody::example(),
        }
    }
}
