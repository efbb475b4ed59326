//! `/courses/{courseId}/activity`: what a learner did on each day.

use std::ops::RangeInclusive;

use poem_openapi::param::Path;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use time::{Date, OffsetDateTime};

use super::extract::learner::Learner;
use super::extract::path_id::PathId;
use super::extract::query::Query;
use super::operation::{Failure, Listing};
use super::respond::error::ApiError;
use super::respond::etag::{IfNoneMatch, Read};
use super::respond::totals::TotalsBody;
use super::{State, Tag};
use crate::domain::{Activity, CourseId, Enrolment, Slice, Span};
use crate::store::{StatsStore, StoreError};
use crate::wire::time::{Day, day_number};
use crate::wire::validation::{Checked, Problem, both, enrolment};

/// How many days are told of where a request does not say from which on.
const DEFAULT_DAYS: i32 = 30;
/// How many days may be asked for at once.
const MAX_DAYS: i32 = 366;

/// The operation on a learner's activity.
pub(super) struct Activities(pub(super) State);

#[OpenApi]
impl Activities {
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
        /// The learner.
        #[oai(name = "X-User-Id")]
        learner: Learner,
        /// The course.
        #[oai(name = "courseId")]
        course: Path<PathId<CourseId>>,
        /// The first day; without it, 29 days before the last one.
        from: Query<Date>,
        /// The last day, at most 365 days after the first; without it, today in UTC or the day of
        /// the learner's newest session, whichever is later.
        to: Query<Date>,
        /// ETags of answers that the client has.
        #[oai(name = "If-None-Match")]
        condition: IfNoneMatch,
    ) -> Result<Read<ActivityBody>, Failure<Listing>> {
        let enrolment = enrolment(learner.0, course.0.0);
        let (enrolment, asked) = both(enrolment, Asked::new(from, to))?;
        let store = self.0.acquire()?;
        let last = match asked.last {
            Some(last) => last,
            None => today(&*store, enrolment).await?,
        };
        let activity = store.activity(enrolment, asked.until(last)?).await?;
        Ok(condition.answer(&ActivityBody::new(&activity, last)?))
    }
}

/// The days that a request asks for, as far as it says.
struct Asked {
    first: Option<i32>,
    last: Option<i32>,
}

impl Asked {
    fn new(from: Query<Date>, to: Query<Date>) -> Checked<Self> {
        let (from, to) = both(from.0, to.0)?;
        let asked = Self {
            first: from.map(day_number),
            last: to.map(day_number),
        };
        if let Some(last) = asked.last {
            asked.until(last)?;
        }
        Ok(asked)
    }

    /// The days up to the last one.
    fn until(&self, last: i32) -> Checked<RangeInclusive<i32>> {
        let by_default = last.saturating_sub(DEFAULT_DAYS - 1);
        let first = self.first.unwrap_or(by_default);
        if (first..first.saturating_add(MAX_DAYS)).contains(&last) {
            return Ok(first..=last);
        }
        Err(vec![Problem {
            field: "to",
            missing: self.last.is_none(),
            expected: "a date from that of from to 365 days after it",
        }])
    }
}

/// Today: in UTC, or where the learner is, if his newest session tells that it is later there.
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
