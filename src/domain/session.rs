//! Sessions: the validated measures of a session, the request to record a session, and the outcomes of a
//! write.

use super::{Enrolment, Measures, OccurredAt, SessionId};

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
    /// Validates a number from 0 to [`MAX_MAGNITUDE`]. Negative zero becomes 0.
    ///
    /// # Errors
    ///
    /// Returns [`OutOfRange`] for a number outside of the range, and for NaN.
    pub fn new(value: f64) -> Result<Self, OutOfRange> {
        // No range contains NaN. Adding 0 turns -0 into 0.
        if (0.0..=MAX_MAGNITUDE).contains(&value) {
            Ok(Self(value + 0.0))
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
    /// Validates a number from −[`MAX_MAGNITUDE`] to [`MAX_MAGNITUDE`]. Negative zero becomes 0.
    ///
    /// # Errors
    ///
    /// Returns [`OutOfRange`] for a number outside of the range, and for NaN.
    pub fn new(value: f64) -> Result<Self, OutOfRange> {
        let range = -MAX_MAGNITUDE..=MAX_MAGNITUDE;
        if range.contains(&value) {
            Ok(Self(value + 0.0))
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
    /// Time of the session. Without a time, the store's clock gives the time of arrival.
    ///
    /// The clocks of several replicas of the service differ: by the clock of a slow replica, an update
    /// would be older than the stats that the update replaces. Hence the store's clock.
    pub occurred_at: Option<OccurredAt>,
}

/// A stored session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Session {
    /// Stats of the latest record.
    pub stats: Stats,
    /// Time of the session.
    pub occurred_at: OccurredAt,
}

/// Outcome of a [`Record`]. [`Created`](Self::Created) and [`Replaced`](Self::Replaced) changed the
/// store; after any other outcome the store is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A new session is stored.
    Created,
    /// The stats of a stored session are replaced.
    Replaced,
    /// The stored session has a later time than the record.
    Superseded,
    /// The learner was erased at the time of the record or later.
    Erased,
    /// A sum would be past [`Decimal::LIMIT`](super::Decimal::LIMIT).
    LimitExceeded,
}

/// Outcome of a request to delete sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// The sessions are deleted.
    Deleted,
    /// No session was stored.
    Missing,
    /// The sum of the remaining scores would be past [`Decimal::LIMIT`](super::Decimal::LIMIT): an
    /// enrolment with thousands of extreme scores, of which the scores of one sign are deleted first.
    LimitExceeded,
}

impl DeleteOutcome {
    /// Returns the outcome for a number of deleted sessions; `None` where a sum would be past the limit.
    #[must_use]
    pub fn of(deleted: Option<usize>) -> Self {
        match deleted {
            None => Self::LimitExceeded,
            Some(0) => Self::Missing,
            Some(_) => Self::Deleted,
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
        assert_eq!(Amount::new(-f64::MIN_POSITIVE), Err(OutOfRange));
    }

    #[test]
    fn negative_zero_becomes_zero() {
        assert!(Amount::new(-0.0).unwrap().get().is_sign_positive());
        assert!(Score::new(-0.0).unwrap().get().is_sign_positive());
    }
}
