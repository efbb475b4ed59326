//! Exact aggregates of sessions: of an enrolment, and of a course.

use std::iter::Sum;
use std::ops::Add;

use super::{Decimal, Measures, Stats};

/// Number of sessions and exact sums of the sessions' measures.
///
/// Totals of an enrolment, of a day, or of many learners as a part of a [`Summary`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Number of sessions.
    pub sessions: u64,
    /// Sums of the sessions' measures.
    pub sums: Measures<Decimal>,
}

impl Totals {
    /// Returns the totals with another session.
    #[must_use]
    pub fn with(&self, stats: &Stats) -> Self {
        *self + Self::of(stats)
    }

    /// Returns the totals without one of the sessions.
    #[must_use]
    pub fn without(&self, stats: &Stats) -> Self {
        let session = Self::of(stats);
        Self {
            sessions: self.sessions.saturating_sub(session.sessions),
            sums: self.sums.zip(session.sums).map(|(sum, part)| sum - part),
        }
    }

    /// Returns whether every sum is within [`Decimal::LIMIT`], as after every record. Without a session with a
    /// negative score, a sum can be past the limit.
    #[must_use]
    pub fn is_within_limit(&self) -> bool {
        let sums = self.sums.into_array();
        sums.iter().all(|sum| sum.is_within_limit())
    }

    /// Returns the totals of a single session.
    fn of(stats: &Stats) -> Self {
        Self {
            sessions: 1,
            sums: stats.measures().map(Decimal::contribution_of),
        }
    }

    /// Returns the unweighted mean of the sessions' average scores, rounded once to the nearest `f64`; 0
    /// without sessions.
    #[must_use]
    pub fn average_score(&self) -> f64 {
        self.sums.score.mean_over(self.sessions)
    }
}

impl Add for Totals {
    type Output = Self;

    /// Saturates the number of sessions at 2^64 − 1, far above the number of any store.
    fn add(self, other: Self) -> Self {
        Self {
            sessions: self.sessions.saturating_add(other.sessions),
            sums: self.sums.zip(other.sums).map(|(a, b)| a + b),
        }
    }
}

/// Exact aggregate of a course over all learners, or over the learners of a bucket. The sum over all buckets
/// is the summary of the course.
///
/// A summary has room for every learner at the limits of an enrolment, so that no learner limits another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Number of learners with sessions.
    pub learners: u64,
    /// Totals of the learners' sessions.
    pub totals: Totals,
}

impl Add for Summary {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            learners: self.learners.saturating_add(other.learners),
            totals: self.totals + other.totals,
        }
    }
}

impl Sum for Summary {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Self::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Amount, Score};

    fn stats(modules: f64, score: f64, time: f64) -> Stats {
        Stats {
            modules: Amount::new(modules).unwrap(),
            score: Score::new(score).unwrap(),
            time: Amount::new(time).unwrap(),
        }
    }

    #[test]
    fn the_mean_is_over_sessions_not_over_modules() {
        let sessions = [stats(1.0, 10.0, 5.0), stats(9.0, 20.0, 5.0)];
        let totals = sessions
            .iter()
            .fold(Totals::default(), |totals, session| totals.with(session));
        assert_eq!(totals.average_score(), 15.0);
        assert_eq!(
            (totals.sums.modules.to_f64(), totals.sums.time.to_f64()),
            (10.0, 10.0)
        );
    }

    #[test]
    fn a_session_without_which_the_totals_are_as_before() {
        let (old, new) = (stats(0.1, -0.3, 1e12), stats(0.2, 7.0, 0.0));
        let totals = Totals::default().with(&old).with(&new).without(&old);
        assert_eq!(totals, Totals::default().with(&new));
    }

    #[test]
    fn a_sum_past_the_limit_is_refused_and_a_sum_at_the_limit_is_not() {
        let totals = |time: Decimal, score: Decimal| Totals {
            sessions: 9_000,
            sums: Measures {
                time,
                score,
                ..Measures::default()
            },
        };
        let least = Decimal::default() - Decimal::LIMIT;
        let full = totals(Decimal::LIMIT, least);
        assert!(full.is_within_limit());
        assert!(!full.with(&stats(0.0, 0.0, 1e-22)).is_within_limit());
        assert!(!full.with(&stats(0.0, -1e-22, 0.0)).is_within_limit());
    }
}
