//! Tables of the database: keys, rows and ranges of keys.
//!
//! Keys and rows have named fields; redb stores each as a tuple, by `tuples.rs`. UUIDs are stored as `u128`,
//! which sort as the UUID's bytes, and aggregates as the texts of `store/aggregate_text.rs`.

use std::ops::{Bound, RangeInclusive};

use redb::TableDefinition;
use uuid::Uuid;

use super::optional_fields::OptionalFields;
use crate::domain::{
    CourseId, Enrolment, LearnerId, Measures, OccurredAt, Position, Session, SessionId, Span, Stats,
};
use crate::store::{StoreError, bucket};

/// Sessions.
pub(super) const SESSIONS: TableDefinition<'_, SessionKey, SessionRow> =
    TableDefinition::new("sessions");
/// Totals of an enrolment.
pub(super) const TOTALS: TableDefinition<'_, Enrolment, &str> = TableDefinition::new("totals");
/// Session index: sessions of an enrolment by time.
pub(super) const TIMELINE: TableDefinition<'_, TimelineKey, ()> = TableDefinition::new("timeline");
/// Course index: courses of a learner by the time of the latest session.
pub(super) const COURSES: TableDefinition<'_, CourseKey, ()> = TableDefinition::new("courses");
/// Summary of a course over the learners of a bucket.
pub(super) const SUMMARY: TableDefinition<'_, SummaryKey, &str> = TableDefinition::new("summary");
/// Roster of a course: learners with sessions, by bucket and then by id.
pub(super) const ROSTER: TableDefinition<'_, RosterKey, ()> = TableDefinition::new("roster");
/// Erasures: the time up to which a learner's records are refused, and the end of the refusals, both in
/// milliseconds since 1970.
pub(super) const ERASURES: TableDefinition<'_, u128, (i64, i64)> = TableDefinition::new("erasures");
/// Properties of the database by name: the version of the layout.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// Key of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SessionKey {
    pub(super) enrolment: Enrolment,
    pub(super) session: SessionId,
}

/// Row of a session. A row with invalid measures is not a [`Session`]; verify reports the row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SessionRow {
    pub(super) measures: Measures<f64>,
    pub(super) occurred_at: OccurredAt,
    pub(super) optional: OptionalFields,
}

/// Key of an entry in the session index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TimelineKey {
    pub(super) enrolment: Enrolment,
    /// Time of the session, in milliseconds since 1970.
    pub(super) millis: i64,
    pub(super) session: SessionId,
}

/// Key of an entry in the course index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CourseKey {
    pub(super) learner: LearnerId,
    /// Time of the latest session, in milliseconds since 1970.
    pub(super) latest: i64,
    pub(super) course: CourseId,
}

/// Key of an entry in a roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RosterKey {
    pub(super) course: CourseId,
    pub(super) bucket: u16,
    pub(super) learner: LearnerId,
}

/// Key of a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SummaryKey {
    pub(super) course: CourseId,
    pub(super) bucket: u16,
}

impl SessionKey {
    /// Returns the key of the session's entry in the session index.
    pub(super) fn timeline(self, millis: i64) -> TimelineKey {
        TimelineKey {
            enrolment: self.enrolment,
            millis,
            session: self.session,
        }
    }
}

impl TimelineKey {
    /// Returns the keys of all sessions of an enrolment within a span, by time.
    pub(super) fn range(enrolment: Enrolment, span: Span) -> RangeInclusive<Self> {
        let key = |millis, session| Self {
            enrolment,
            millis,
            session: id(session),
        };
        key(span.from, u128::MIN)..=key(span.last, u128::MAX)
    }

    /// Returns the key of a position in the list of an enrolment's sessions.
    pub(super) fn at(enrolment: Enrolment, position: Position) -> Self {
        Self {
            enrolment,
            millis: position.millis,
            session: position.id.into(),
        }
    }

    /// Returns the key of the session.
    pub(super) fn session_key(self) -> SessionKey {
        SessionKey {
            enrolment: self.enrolment,
            session: self.session,
        }
    }
}

impl CourseKey {
    /// Returns the keys of all courses of a learner, by the time of the latest session.
    pub(super) fn range(learner: LearnerId) -> RangeInclusive<Self> {
        let key = |latest, course| Self {
            learner,
            latest,
            course: id(course),
        };
        key(i64::MIN, u128::MIN)..=key(i64::MAX, u128::MAX)
    }

    /// Returns the key of a position in the list of a learner's courses.
    pub(super) fn at(learner: LearnerId, position: Position) -> Self {
        Self {
            learner,
            latest: position.millis,
            course: position.id.into(),
        }
    }

    /// Returns the key of an enrolment's entry.
    pub(super) fn of(enrolment: Enrolment, latest: i64) -> Self {
        Self {
            learner: enrolment.learner,
            latest,
            course: enrolment.course,
        }
    }

    /// Returns the enrolment of the entry.
    pub(super) fn enrolment(self) -> Enrolment {
        Enrolment::new(self.learner, self.course)
    }
}

impl SummaryKey {
    /// Returns the key of the summary that includes an enrolment.
    pub(super) fn of(enrolment: Enrolment) -> Self {
        Self {
            course: enrolment.course,
            bucket: bucket::of(enrolment.learner),
        }
    }

    /// Returns the keys of a course's summaries in all buckets.
    pub(super) fn range(course: CourseId) -> RangeInclusive<Self> {
        let key = |bucket| Self { course, bucket };
        key(u16::MIN)..=key(u16::MAX)
    }
}

impl RosterKey {
    /// Returns the key of an enrolment's entry.
    pub(super) fn of(enrolment: Enrolment) -> Self {
        let Enrolment { learner, course } = enrolment;
        Self {
            course,
            bucket: bucket::of(learner),
            learner,
        }
    }

    /// Returns the last key of a course.
    pub(super) fn last(course: CourseId) -> Self {
        Self {
            course,
            bucket: u16::MAX,
            learner: id(u128::MAX),
        }
    }

    /// Returns the first key of a course.
    pub(super) fn first(course: CourseId) -> Self {
        Self {
            course,
            bucket: 0,
            learner: id(u128::MIN),
        }
    }

    /// Returns the enrolment of the entry.
    pub(super) fn enrolment(self) -> Enrolment {
        Enrolment::new(self.learner, self.course)
    }
}

/// Returns the range of all keys after a key, or of all keys for `None`.
pub(super) fn following<K>(after: Option<K>) -> (Bound<K>, Bound<K>) {
    (
        after.map_or(Bound::Unbounded, Bound::Excluded),
        Bound::Unbounded,
    )
}

impl SessionRow {
    /// Returns the row of a session, with the optional fields of the `former` row that this version does not
    /// know.
    pub(super) fn of(session: &Session, former: Option<Self>) -> Self {
        let mut optional = former.map(|row| row.optional).unwrap_or_default();
        optional.set_version(session.version);
        Self {
            measures: session.stats.measures(),
            occurred_at: session.occurred_at,
            optional,
        }
    }
}

impl TryFrom<&SessionRow> for Session {
    type Error = StoreError;

    fn try_from(row: &SessionRow) -> Result<Self, StoreError> {
        let invalid =
            |_| StoreError::Unexpected("a stored session has a number out of range".into());
        Ok(Self {
            stats: Stats::new(row.measures).map_err(invalid)?,
            occurred_at: row.occurred_at,
            version: row.optional.version()?,
        })
    }
}

/// Returns an id by the number that is stored.
pub(super) fn id<T: From<Uuid>>(id: u128) -> T {
    Uuid::from_u128(id).into()
}
