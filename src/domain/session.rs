//! Sessions: the validated measures of a session, the request to record a session, and the outcomes of a
//! write.

use super::{Decimal, Enrolment, Measures, OccurredAt, SessionId};

/// Maximum magnitude of a recorded number: 1e12.
pub const MAX_MAGNITUDE: f64 = 1e12;

/// Error of a number that is not finite, is past [`MAX_MAGNITUDE`], or is negative as an [`Amount`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("out of range")]
pub struct OutOfRange;

/// Number from 0 to [`MAX_MAGNITUDE`]: modules, or milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Amount(f64);

impl Amount {
    /// Rounds a number as [`Decimal::rounded`] does, and validates a number from 0 to [`MAX_MAGNITUDE`].
    ///
    /// # Errors
    ///
    /// Returns [`OutOfRange`] for a number outside of the range, and for NaN.
    pub fn new(value: f64) -> Result<Self, OutOfRange> {
        let value = Decimal::rounded(value);
        // No range contains NaN.
        if (0.0..=MAX_MAGNITUDE).contains(&value) {
            Ok(Self(value))
        } else {
            Err(OutOfRange)
        }
    }

    /// Returns the number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

/// Number from −[`MAX_MAGNITUDE`] to [`MAX_MAGNITUDE`]: a score.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Score(f64);

impl Score {
    /// Rounds a number as [`Decimal::rounded`] does, and validates a number from −[`MAX_MAGNITUDE`] to
    /// [`MAX_MAGNITUDE`].
    ///
    /// # Errors
    ///
    /// Returns [`OutOfRange`] for a number outside of the range, and for NaN.
    pub fn new(value: f64) -> Result<Self, OutOfRange> {
        let value = Decimal::rounded(value);
        if (-MAX_MAGNITUDE..=MAX_MAGNITUDE).contains(&value) {
            Ok(Self(value))
        } else {
            Err(OutOfRange)
        }
    }

    /// Returns the number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

/// Validated measures of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Stats {
    /// Number of modules studied; fractions are valid.
    pub modules: Amount,
    /// Average score of the session.
    pub score: Score,
    /// Time studied, in milliseconds.
    pub time: Amount,
}

impl Stats {
    /// Validates the measures of a session.
    ///
    /// # Errors
    ///
    /// Returns [`OutOfRange`] where a measure is out of range.
    pub fn new(measures: Measures<f64>) -> Result<Self, OutOfRange> {
        Ok(Self {
            modules: Amount::new(measures.modules)?,
            score: Score::new(measures.score)?,
            time: Amount::new(measures.time)?,
        })
    }

    /// Returns the measures as plain numbers.
    #[must_use]
    pub fn measures(&self) -> Measures<f64> {
        Measures {
            modules: self.modules.get(),
            score: self.score.get(),
            time: self.time.get(),
        }
    }
}

/// Validated request to store a session: a new session, or new stats of a stored session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record {
    /// Learner and course of the session.
    pub enrolment: Enrolment,
    /// Id of the session.
    pub session: SessionId,
    /// Stats to store.
    pub stats: Stats,
    /// Time of the session. Without a time, a new session occurs at the store's clock, and a stored session
    /// keeps its time.
    ///
    /// The clocks of several replicas of the service differ; hence the store's clock.
    pub occurred_at: Option<OccurredAt>,
    /// Version: the time as of which the client describes the session, in milliseconds since 1970. `None` for
    /// a client without times.
    pub version: Option<i64>,
    /// Source of the record.
    pub source: Source,
}

/// Source of a record, which decides whether the record may replace a stored session without a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A client: a record without a version replaces, and a session without a version is replaced.
    Client,
    /// An import: never replaces a session without a version, and never replaces by a record without a
    /// version. Hence sessions recorded before the import stay.
    Import,
}

/// A stored session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Session {
    /// Stats of the latest record.
    pub stats: Stats,
    /// Time of the session.
    pub occurred_at: OccurredAt,
    /// Version of the stats, in milliseconds since 1970; `None` where no record had a version.
    pub version: Option<i64>,
}

impl Record {
    /// Returns the record of a client that sends no version: the time of the session is the version.
    #[must_use]
    pub fn new(
        enrolment: Enrolment,
        session: SessionId,
        stats: Stats,
        occurred_at: Option<OccurredAt>,
    ) -> Self {
        Self {
            enrolment,
            session,
            stats,
            occurred_at,
            version: occurred_at.map(|at| at.millis),
            source: Source::Client,
        }
    }

    /// Returns the same record with a time, which is the version too.
    #[must_use]
    pub fn at(self, occurred_at: OccurredAt) -> Self {
        Self {
            occurred_at: Some(occurred_at),
            version: Some(occurred_at.millis),
            ..self
        }
    }

    /// Returns the same record with another version, in milliseconds since 1970.
    #[must_use]
    pub fn with_version(self, version: Option<i64>) -> Self {
        Self { version, ..self }
    }

    /// Returns the same record as a record of an import.
    #[must_use]
    pub fn imported(self) -> Self {
        let source = Source::Import;
        Self { source, ..self }
    }

    /// Maximum time of a version after the store's clock, in milliseconds. A later version counts as of the
    /// maximum, so that a fast clock of a client delays later records by no more.
    pub const MAX_VERSION_AHEAD: i64 = 60_000;

    /// Returns the version of the record as of `now`, in milliseconds since 1970 by the store's clock.
    #[must_use]
    pub fn version_at(&self, now: i64) -> Option<i64> {
        let latest = now.saturating_add(Self::MAX_VERSION_AHEAD);
        self.version.map(|version| version.min(latest))
    }

    /// Returns whether the stored version stays: both have a version, and the record's is older. For an
    /// import also where either has no version.
    #[must_use]
    pub fn is_superseded_by(&self, stored: Option<i64>, now: i64) -> bool {
        match (stored, self.version_at(now)) {
            (Some(stored), Some(version)) => version < stored,
            _ => self.source == Source::Import,
        }
    }

    /// Returns whether the learner's erasure covers the record: the record occurred no later than the
    /// erasure, or has no time of occurrence and a version no later. `erased_at` is in milliseconds since
    /// 1970.
    #[must_use]
    pub fn is_erased_by(&self, erased_at: i64) -> bool {
        let occurred = self.occurred_at.map(|at| at.millis);
        occurred.or(self.version).is_some_and(|at| at <= erased_at)
    }
}

/// Outcome of a [`Record`]. [`Created`](Self::Created) and [`Replaced`](Self::Replaced) changed the
/// store; after any other outcome the store is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A new session is stored.
    Created,
    /// The stats of a stored session are replaced.
    Replaced,
    /// The stored session has a later version than the record.
    Superseded,
    /// The learner was erased at the time of the record or later.
    Erased,
    /// The record would pass a limit.
    LimitExceeded(Limit),
}

/// Limit that a record would pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`Decimal::LIMIT`] of a sum of an enrolment.
    Sum,
    /// [`Limits::sessions`] of an enrolment, with the maximum.
    Sessions(u64),
    /// [`Limits::courses`] of a learner, with the maximum.
    Courses(u64),
}

/// Maximum numbers of sessions and courses. New sessions past a limit are refused; stored sessions and their
/// updates are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of sessions of an enrolment.
    pub sessions: u64,
    /// Maximum number of courses of a learner.
    pub courses: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 100_000,
            courses: 1_000,
        }
    }
}

/// Outcome of a request to delete sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// The sessions are deleted.
    Deleted,
    /// No session was stored.
    Missing,
}

impl DeleteOutcome {
    /// Returns the outcome for a number of deleted sessions.
    #[must_use]
    pub fn of(deleted: usize) -> Self {
        if deleted == 0 {
            Self::Missing
        } else {
            Self::Deleted
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_inclusive_and_refuse_nan_and_infinity() {
        for value in [0.0, 0.5, 1e12] {
            assert_eq!(
                Amount::new(value).unwrap().get().to_string(),
                value.to_string()
            );
            assert_eq!(Score::new(-value).unwrap().get(), -value);
        }
        let past = 1e12_f64.next_up();
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, past, -past] {
            assert_eq!(Amount::new(value), Err(OutOfRange));
            assert_eq!(Score::new(value), Err(OutOfRange));
        }
        assert_eq!(Amount::new(-1e-22), Err(OutOfRange));
        // Rounded before the check.
        assert_eq!(Amount::new(-f64::MIN_POSITIVE).unwrap().get(), 0.0);
    }

    #[test]
    fn negative_zero_becomes_zero() {
        assert!(Amount::new(-0.0).unwrap().get().is_sign_positive());
        assert!(Score::new(-0.0).unwrap().get().is_sign_positive());
    }
}
