//! One study session: what is recorded of it and what becomes of a record.

use std::ops::RangeInclusive;

use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Enrolment, Measures, SessionId, Span};

/// A day in milliseconds.
const DAY: i64 = 86_400_000;

/// The largest magnitude of a recorded number: 1e12.
pub const MAX_MAGNITUDE: f64 = 1e12;

/// The number is not finite, negative where it may not be, or past [`MAX_MAGNITUDE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("out of range")]
pub struct OutOfRange;

/// A number from 0 to [`MAX_MAGNITUDE`]: modules, or milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Amount(f64);

impl Amount {
    /// Takes a number from 0 to [`MAX_MAGNITUDE`]; a negative zero becomes 0.
    ///
    /// # Errors
    ///
    /// Anything else is [`OutOfRange`].
    pub fn new(value: f64) -> Result<Self, OutOfRange> {
        // NaN is in no range; adding 0 turns -0 into 0.
        if (0.0..=MAX_MAGNITUDE).contains(&value) {
            Ok(Self(value + 0.0))
        } else {
            Err(OutOfRange)
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

/// A number from −[`MAX_MAGNITUDE`] to [`MAX_MAGNITUDE`]: a score.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Score(f64);

impl Score {
    /// Takes a number of a magnitude up to [`MAX_MAGNITUDE`]; a negative zero becomes 0.
    ///
    /// # Errors
    ///
    /// Anything else is [`OutOfRange`].
    pub fn new(value: f64) -> Result<Self, OutOfRange> {
        let range = -MAX_MAGNITUDE..=MAX_MAGNITUDE;
        if range.contains(&value) {
            Ok(Self(value + 0.0))
        } else {
            Err(OutOfRange)
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

/// What was achieved in a session.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Stats {
    /// Modules studied, which may be a fraction.
    pub modules: Amount,
    /// The session's average score.
    pub score: Score,
    /// Time studied, in milliseconds.
    pub time: Amount,
}

impl Stats {
    /// Checks the measures of a session.
    ///
    /// # Errors
    ///
    /// A measure is [`OutOfRange`].
    pub fn new(measures: Measures<f64>) -> Result<Self, OutOfRange> {
        Ok(Self {
            modules: Amount::new(measures.modules)?,
            score: Score::new(measures.score)?,
            time: Amount::new(measures.time)?,
        })
    }

    /// The three numbers.
    #[must_use]
    pub fn measures(&self) -> Measures<f64> {
        Measures {
            modules: self.modules.get(),
            score: self.score.get(),
            time: self.time.get(),
        }
    }
}

/// When a session occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OccurredAt {
    /// The instant, in milliseconds since 1970-01-01T00:00:00Z.
    pub millis: i64,
    /// The calendar day as it was written, in its own offset, in days since 1970-01-01.
    pub local_day: i32,
}

impl OccurredAt {
    /// An instant whose calendar day is that of UTC.
    ///
    /// `millis` past the years that an `i32` of days can hold saturates the day.
    #[must_use]
    pub fn from_utc_millis(millis: i64) -> Self {
        let day = millis
            .div_euclid(DAY)
            .clamp(i32::MIN.into(), i32::MAX.into());
        #[allow(clippy::cast_possible_truncation, reason = "clamped")]
        let local_day = day as i32;
        Self { millis, local_day }
    }

    /// The instants that may fall on one of those calendar days, in some offset: none is a whole day
    /// or more.
    #[must_use]
    pub fn span_of_days(days: &RangeInclusive<i32>) -> Span {
        Span {
            from: (i64::from(*days.start()) - 1) * DAY,
            last: (i64::from(*days.end()) + 2) * DAY - 1,
        }
    }
}

/// An instant in RFC 3339 and UTC, with a fraction only where it has one; `None` outside of the years
/// that this can write, 0 to 9999.
#[must_use]
pub fn rfc_3339(millis: i64) -> Option<String> {
    let time = UtcDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000);
    time.ok()?.format(&Rfc3339).ok()
}

/// A request to store a session: to create it or to replace its stats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record {
    /// The learner and the course.
    pub enrolment: Enrolment,
    /// Which session it is.
    pub session: SessionId,
    /// What was achieved.
    pub stats: Stats,
    /// When it occurred; without it, the store's clock says when the record arrives.
    ///
    /// The store's and not the caller's: of several replicas, a slow clock in one would order an
    /// update before what it replaces.
    pub occurred_at: Option<OccurredAt>,
}

/// A stored session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Session {
    /// What was achieved.
    pub stats: Stats,
    /// When it occurred.
    pub occurred_at: OccurredAt,
}

/// What became of a [`Record`]. All but the first two changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored, as a new session.
    Created,
    /// It is stored, in the place of the session's former stats.
    Replaced,
    /// The session is already stored with a later time of occurrence.
    Superseded,
    /// Its learner was erased, and it occurred no later than that.
    Erased,
    /// A sum would pass [`Decimal::LIMIT`](super::Decimal::LIMIT).
    LimitExceeded,
}

/// What became of a request to forget sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// They are gone.
    Deleted,
    /// There were none.
    Missing,
    /// Without them, a sum of scores would pass [`Decimal::LIMIT`](super::Decimal::LIMIT): there are
    /// thousands of extreme scores, and those of one sign would go first.
    LimitExceeded,
}

impl DeleteOutcome {
    /// What became of sessions of which so many were there and are gone, or none, as a sum would have
    /// passed its limit.
    #[must_use]
    pub fn of(forgotten: Option<usize>) -> Self {
        match forgotten {
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
    fn ranges_are_inclusive_and_refuse_what_is_no_number() {
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
    fn negative_zero_is_zero() {
        assert!(Amount::new(-0.0).unwrap().get().is_sign_positive());
        assert!(Score::new(-0.0).unwrap().get().is_sign_positive());
    }

    #[test]
    fn a_utc_day_starts_at_midnight_also_before_1970() {
        for (millis, day) in [
            (0, 0),
            (86_399_999, 0),
            (86_400_000, 1),
            (-1, -1),
            (-86_400_001, -2),
        ] {
            assert_eq!(OccurredAt::from_utc_millis(millis).local_day, day);
        }
    }
}
