//! `/activity` and `/courses/{courseId}/activity`: activity of a learner by day.

use std::ops::RangeInclusive;
use std::time::{SystemTime, UNIX_EPOCH};

use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use time::Date;

use super::extract::learner::Learner;
use super::extract::path_id::Path;
use super::extract::query::{Query, invalid};
use super::operation::OperationResult;
use super::respond::error::ApiError;
use super::respond::error_docs::{InvalidParameters, Unavailable};
use super::respond::etag::{Conditional, IfNoneMatch};
use super::respond::totals::TotalsBody;
use super::{State, Tag};
use crate::domain::{Activity, CourseId, LearnerId, Today};
use crate::wire::time::{Day, day_number};
use crate::wire::validation::{Checked, Problem, both, enrolment};

/// Number of days without the parameter `from`.
const DEFAULT_DAYS: i32 = 30;
/// Maximum number of days of a request.
const MAX_DAYS: i32 = 366;

/// Operations on the activity of a learner.
pub(super) struct ActivityApi(pub(super) State);

#[OpenApi]
impl ActivityApi {
    /// A learner's activity in a course
    ///
    /// The learner's totals in the course on each calendar day that has sessions, oldest first: the
    /// day of a session is the date that its `occurredAt` was recorded with, in its own offset. And
    /// the streaks, the runs of consecutive days that have sessions, as far as they are within the days
    /// asked for.
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
        /// The last day, at most 365 days after the first: the learner's own today. Without it, the
        /// latest day that is today anywhere, or on which the learner studied.
        to: Query<Date>,
        condition: IfNoneMatch,
    ) -> OperationResult<Conditional<ActivityBody>, (InvalidParameters, Unavailable)> {
        let enrolment = enrolment(learner.0, course.0);
        let (enrolment, days) = both(enrolment, Days::new(from, to))?;
        let read = self.read(enrolment.learner, Some(enrolment.course), days);
        Ok(condition.respond(&read.await?, self.0.bodies())?)
    }

    /// A learner's activity in all courses
    ///
    /// The activity over all of the learner's courses: a streak is a learner's, whatever the course.
    #[oai(
        path = "/activity",
        method = "get",
        operation_id = "getLearnerActivity",
        tag = "Tag::Learner"
    )]
    async fn learner_activity(
        &self,
        learner: Learner,
        /// The first day; without it, 29 days before the last one.
        from: Query<Date>,
        /// The last day, at most 365 days after the first: the learner's own today. Without it, the
        /// latest day that is today anywhere, or on which the learner studied.
        to: Query<Date>,
        condition: IfNoneMatch,
    ) -> OperationResult<Conditional<ActivityBody>, (InvalidParameters, Unavailable)> {
        let (learner, days) = both(learner.0, Days::new(from, to))?;
        let read = self.read(learner, None, days);
        Ok(condition.respond(&read.await?, self.0.bodies())?)
    }
}

impl ActivityApi {
    async fn read(
        &self,
        learner: LearnerId,
        course: Option<CourseId>,
        days: Days,
    ) -> Result<ActivityBody, ApiError> {
        let today = today();
        let read = days.to_read(today)?;
        let store = self.0.store()?;
        let activity = store.activity(learner, course, read).await?;
        let (activity, current) = days.select(activity, today)?;
        ActivityBody::new(&activity, current)
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
            missing: self.last.is_none(),
            ..invalid("to", "a date from that of from to 365 days after it").remove(0)
        }])
    }

    /// Range of days to read: without `to`, up to the latest day of a session.
    fn to_read(&self, today: Today) -> Checked<RangeInclusive<i32>> {
        if let Some(last) = self.last {
            return self.until(last);
        }
        let latest = today.latest_of_sessions();
        let first = self.first.unwrap_or(today.latest - (DEFAULT_DAYS - 1));
        if (today.latest - (MAX_DAYS - 1)..=latest).contains(&first) {
            return Ok(first..=latest);
        }
        self.until(today.latest)
    }

    /// Activity of the days, and the day of which the day before is the last that ends a current streak.
    fn select(&self, activity: Activity, today: Today) -> Checked<(Activity, i32)> {
        if let Some(last) = self.last {
            return Ok((activity, last));
        }
        let studied = activity.days.last_key_value().map(|(&day, _)| day);
        let last = studied.map_or(today.latest, |day| day.max(today.latest));
        let first = *self.until(last)?.start();
        Ok((activity.since(first), today.earliest))
    }
}

/// Present days, by the clock of this machine.
fn today() -> Today {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since_epoch.unwrap_or_default().as_millis();
    Today::at(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// What a learner did on each day.
#[derive(Object)]
#[oai(rename = "Activity", rename_all = "camelCase", read_only_all, example)]
struct ActivityBody {
    /// The days that have sessions, oldest first.
    #[oai(validator(max_items = 366))]
    days: Vec<ActiveDay>,
    /// Length of the streak that lasts until the last day asked for, or until the day before, as today is
    /// not over yet; without `to`, until today or the day before at some offset; else 0. A streak longer
    /// than the days asked for counts as these days.
    #[oai(validator(minimum(value = "0"), maximum(value = "366")))]
    current_streak: u32,
    /// Length of the longest streak within the days asked for.
    #[oai(validator(minimum(value = "0"), maximum(value = "366")))]
    longest_streak: u32,
}

/// A day and the totals of its sessions.
#[derive(Object)]
#[oai(rename_all = "camelCase", read_only_all, example)]
struct ActiveDay {
    /// Calendar day, by the offsets of its sessions.
    day: Day,
    /// Number of sessions.
    #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
    sessions: u64,
    #[oai(flatten)]
    totals: TotalsBody,
}

impl ActivityBody {
    fn new(activity: &Activity, today: i32) -> Result<Self, ApiError> {
        let days = activity.days.iter().map(|(&day, totals)| {
            Ok(ActiveDay {
                day: Day::new(day)?,
                sessions: totals.sessions,
                totals: TotalsBody::from(totals),
            })
        });
        Ok(Self {
            days: days.collect::<Result<_, ApiError>>()?,
            current_streak: activity.current_streak(today),
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
