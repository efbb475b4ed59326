//! Signed changes of aggregates.

use std::ops::{Add, Sub};

use super::{Decimal, Measures, Summary, Totals};

/// Signed change of an aggregate: the difference between two aggregates of a kind, or the difference between
/// an aggregate and the empty aggregate.
///
/// A write changes the stored aggregate and a recount by the same delta. Hence the delta between the two, of
/// which a repair makes the stored aggregate right, is unchanged by concurrent writes.
///
/// Sums wrap around at 2^256, and numbers of learners and sessions at 2^64 when
/// [applied](Summary::changed_by), so that a repair is exact for any value in a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AggregateDelta {
    /// Change of the number of learners; 0 for the totals of an enrolment.
    pub learners: i128,
    /// Change of the number of sessions.
    pub sessions: i128,
    /// Changes of the sums of the sessions' measures.
    pub sums: Measures<Decimal>,
}

impl From<Totals> for AggregateDelta {
    fn from(totals: Totals) -> Self {
        Self {
            learners: 0,
            sessions: totals.sessions.cast_signed().into(),
            sums: totals.sums,
        }
    }
}

impl From<Summary> for AggregateDelta {
    fn from(summary: Summary) -> Self {
        Self {
            learners: summary.learners.cast_signed().into(),
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
            sums: sums.map(|(a, b)| a + b),
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
            sums: sums.map(|(a, b)| a - b),
        }
    }
}

impl Totals {
    /// Returns the totals after a change. The number of learners of the change is left out.
    #[must_use]
    pub fn changed_by(self, delta: AggregateDelta) -> Self {
        let totals = self;
        Summary {
            learners: 0,
            totals,
        }
        .changed_by(delta)
        .totals
    }
}

impl Summary {
    /// Returns the summary after a change.
    #[must_use]
    pub fn changed_by(self, delta: AggregateDelta) -> Self {
        let changed = AggregateDelta::from(self) + delta;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "numbers wrap around at 2^64"
        )]
        let (learners, sessions) = (changed.learners as u64, changed.sessions as u64);
        let totals = Totals {
            sessions,
            sums: changed.sums,
        };
        Self { learners, totals }
    }
}

#[cfg(test)]
mod tests {
    use ethnum::I256;

    use super::*;

    fn summary(learners: u64, sessions: u64, scaled: I256) -> Summary {
        let sums = Measures::from([scaled, -scaled, scaled]).map(Decimal::from_scaled);
        let totals = Totals { sessions, sums };
        Summary { learners, totals }
    }

    #[test]
    fn a_delta_added_to_the_found_aggregate_gives_the_expected_aggregate() {
        for (expected, found) in [
            (summary(2, 5, 7.into()), summary(1, 3, 9.into())),
            (
                summary(0, 0, 0.into()),
                summary(u64::MAX, u64::MAX, I256::MAX),
            ),
            (summary(1, 1, I256::MAX), summary(0, 0, -I256::MAX)),
        ] {
            let delta = AggregateDelta::from(expected) - found.into();
            assert_eq!(AggregateDelta::from(found) + delta, expected.into());
            assert_eq!(found.changed_by(delta), expected);
        }
    }

    #[test]
    fn numbers_of_a_changed_summary_wrap_around() {
        let delta = AggregateDelta::from(summary(2, 3, 0.into()));
        let changed = summary(u64::MAX, u64::MAX, 5.into()).changed_by(delta);
        assert_eq!(changed, summary(1, 2, 5.into()));
    }
}
