//! The exact aggregate of sessions.

use std::iter::Sum;
use std::ops::Add;

use super::{Decimal, Stats};

/// How many sessions there are, and the exact sums of their stats.
///
/// A learner's in a course, or those of many learners: the sums add up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Number of sessions.
    pub sessions: u64,
    /// Sum of modules studied.
    pub modules: Decimal,
    /// Sum of the sessions' average scores.
    pub score: Decimal,
    /// Sum of time studied, in milliseconds.
    pub time: Decimal,
}

impl Totals {
    /// The totals after a session's `former` stats, if it was there, became `stats`.
    ///
    /// `None` where a sum would pass [`Decimal::LIMIT`].
    #[must_use]
    pub fn replaced(&self, former: Option<&Stats>, stats: &Stats) -> Option<Self> {
        let rest = former.map_or(*self, |former| self.without(former));
        rest.with(stats).within_limit()
    }

    /// These totals and one more session. A sum may pass its limit.
    #[must_use]
    pub fn with(&self, stats: &Stats) -> Self {
        *self + Self::of(stats)
    }

    /// These totals without one of their sessions. A sum may pass its limit, as a negative score
    /// may go.
    #[must_use]
    pub fn without(&self, stats: &Stats) -> Self {
        let session = Self::of(stats);
        Self {
            sessions: self.sessions.saturating_sub(session.sessions),
            modules: self.modules - session.modules,
            score: self.score - session.score,
            time: self.time - session.time,
        }
    }

    /// These totals, where all their sums are within [`Decimal::LIMIT`].
    #[must_use]
    pub fn within_limit(self) -> Option<Self> {
        let sums = [self.modules, self.score, self.time];
        sums.iter().all(|sum| sum.is_within_limit()).then_some(self)
    }

    /// The totals of one session.
    fn of(stats: &Stats) -> Self {
        Self {
            sessions: 1,
            modules: Decimal::contribution_of(stats.modules.get()),
            score: Decimal::contribution_of(stats.score.get()),
            time: Decimal::contribution_of(stats.time.get()),
        }
    }

    /// The unweighted mean of the sessions' average scores, rounded once to the nearest `f64`; 0
    /// without sessions.
    #[must_use]
    pub fn average_score(&self) -> f64 {
        self.score.mean_over(self.sessions)
    }
}

impl Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            sessions: self.sessions + other.sessions,
            modules: self.modules + other.modules,
            score: self.score + other.score,
            time: self.time + other.time,
        }
    }
}

/// The exact aggregate of all learners' sessions in a course, or in a part of the learners.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Number of learners that have sessions.
    pub learners: u64,
    /// The totals of their sessions.
    pub totals: Totals,
}

impl Add for Summary {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            learners: self.learners + other.learners,
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
            .try_fold(Totals::default(), |t, s| t.replaced(None, s))
            .unwrap();
        assert_eq!(totals.average_score(), 15.0);
        assert_eq!(
            (totals.modules.to_f64(), totals.time.to_f64()),
            (10.0, 10.0)
        );
    }

    #[test]
    fn a_replaced_session_counts_once() {
        let (old, new) = (stats(0.1, -0.3, 1e12), stats(0.2, 7.0, 0.0));
        let once = Totals::default().replaced(None, &old).unwrap();
        let twice = once.replaced(Some(&old), &new).unwrap();
        assert_eq!(twice, Totals::default().replaced(None, &new).unwrap());
    }

    #[test]
    fn a_sum_past_the_limit_is_refused_and_one_at_it_is_not() {
        let full = Totals {
            sessions: 9_000,
            time: Decimal::from_parts(8_999_999_999_999_999, 0),
            ..Totals::default()
        };
        assert_eq!(
            full.replaced(None, &stats(0.0, 0.0, 1.0)).unwrap().time,
            Decimal::LIMIT
        );
        assert_eq!(full.replaced(None, &stats(0.0, 0.0, 1.000_000_1)), None);
        let low = Totals {
            score: Decimal::default() - Decimal::LIMIT,
            ..Totals::default()
        };
        assert_eq!(low.replaced(None, &stats(0.0, -1e-15, 0.0)), None);
    }
}
