//! The signed difference between two aggregates.

use std::ops::{Add, Sub};

use super::{Decimal, Measures, Summary, Totals};

/// The signed difference between two aggregates of one kind, or an aggregate as a difference from
/// nothing.
///
/// A write moves the recounted aggregate and the stored aggregate by the same delta, so the delta between
/// the two stays as it is during writes. Addition and subtraction wrap around at 2^128, so that a delta
/// repairs a stored aggregate of any value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AggregateDelta {
    /// Number of learners; 0 in the totals of an enrolment.
    pub learners: i128,
    /// Number of sessions.
    pub sessions: i128,
    /// Sums of the sessions' measures.
    pub sums: Measures<Decimal>,
}

impl From<Totals> for AggregateDelta {
    fn from(totals: Totals) -> Self {
        Self {
            learners: 0,
            sessions: totals.sessions.into(),
            sums: totals.sums,
        }
    }
}

impl From<Summary> for AggregateDelta {
    fn from(summary: Summary) -> Self {
        Self {
            learners: summary.learners.into(),
            ..summary.totals.into()
        }
    }
}

impl Add for AggregateDelta {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let sums = self.sums.zip(other.sums);
        Self {
            learners: self.learners.wrapping_add(other.learners),
            sessions: self.sessions.wrapping_add(other.sessions),
            sums: sums.map(|(a, b)| Decimal::from_scaled(a.scaled().wrapping_add(b.scaled()))),
        }
    }
}

impl Sub for AggregateDelta {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        let sums = self.sums.zip(other.sums);
        Self {
            learners: self.learners.wrapping_sub(other.learners),
            sessions: self.sessions.wrapping_sub(other.sessions),
            sums: sums.map(|(a, b)| Decimal::from_scaled(a.scaled().wrapping_sub(b.scaled()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(learners: u64, sessions: u64, scaled: i128) -> AggregateDelta {
        let sums = Measures::from([scaled, -scaled, scaled]).map(Decimal::from_scaled);
        let totals = Totals { sessions, sums };
        Summary { learners, totals }.into()
    }

    #[test]
    fn a_delta_added_to_the_smaller_aggregate_gives_the_larger_one() {
        for (expected, found) in [
            (summary(2, 5, 7), summary(1, 3, 9)),
            (summary(0, 0, 0), summary(u64::MAX, u64::MAX, i128::MAX)),
            (summary(1, 1, i128::MAX), summary(0, 0, -i128::MAX)),
        ] {
            assert_eq!(found + (expected - found), expected);
        }
    }
}
