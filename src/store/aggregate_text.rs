//! Texts of aggregates, as both stores keep them.
//!
//! Totals are `sessions modules score time revision`, as `3 15 245.25 11 7`; a summary has the number of
//! learners in front. Each number has one spelling, so that equal aggregates have equal texts. Every write
//! raises the revision by 1; a deleted aggregate starts at 0 again.

use std::fmt;
use std::str::FromStr;

use super::StoreError;
use crate::domain::{Decimal, Measures, Summary, Totals};

/// Totals of an enrolment with their revision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StoredTotals {
    pub(crate) totals: Totals,
    /// Number of writes to the aggregate.
    pub(crate) revision: u64,
}

/// Summary of a course over the learners of a bucket, with its revision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StoredSummary {
    pub(crate) summary: Summary,
    /// Number of writes to the aggregate.
    pub(crate) revision: u64,
}

/// Error of a text that is not the canonical text of an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not readable")]
pub(crate) struct InvalidAggregate;

impl fmt::Display for StoredTotals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Totals { sessions, sums } = self.totals;
        let Measures {
            modules,
            score,
            time,
        } = sums;
        let revision = self.revision;
        write!(f, "{sessions} {modules} {score} {time} {revision}")
    }
}

impl fmt::Display for StoredSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { learners, totals } = self.summary;
        let revision = self.revision;
        write!(f, "{learners} {}", StoredTotals { totals, revision })
    }
}

impl FromStr for StoredTotals {
    type Err = InvalidAggregate;

    /// Parses the canonical text.
    fn from_str(text: &str) -> Result<Self, InvalidAggregate> {
        let parts: Vec<_> = text.split(' ').collect();
        let [sessions, modules, score, time, revision] = parts[..] else {
            return Err(InvalidAggregate);
        };
        let sum = |text: &str| text.parse::<Decimal>().map_err(|_| InvalidAggregate);
        Ok(Self {
            totals: Totals {
                sessions: count(sessions)?,
                sums: Measures {
                    modules: sum(modules)?,
                    score: sum(score)?,
                    time: sum(time)?,
                },
            },
            revision: count(revision)?,
        })
    }
}

impl FromStr for StoredSummary {
    type Err = InvalidAggregate;

    /// Parses the canonical text.
    fn from_str(text: &str) -> Result<Self, InvalidAggregate> {
        let (learners, totals) = text.split_once(' ').ok_or(InvalidAggregate)?;
        let StoredTotals { totals, revision } = totals.parse()?;
        let learners = count(learners)?;
        Ok(Self {
            summary: Summary { learners, totals },
            revision,
        })
    }
}

/// Parses a number without sign and leading zeros, up to 2^53: the largest up to which Lua, which calculates
/// with doubles, counts by 1.
fn count(text: &str) -> Result<u64, InvalidAggregate> {
    let number: u64 = text.parse().map_err(|_| InvalidAggregate)?;
    let is_canonical = number <= 1 << 53 && number.to_string() == text;
    is_canonical.then_some(number).ok_or(InvalidAggregate)
}

impl From<InvalidAggregate> for StoreError {
    fn from(error: InvalidAggregate) -> Self {
        Self::Unexpected(format!("a stored aggregate is {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aggregate_has_one_text() {
        for text in [
            "0 0 0 0 0",
            "3 15 245.25 11 7",
            "1 0.6666666666666666 -0.0000000000000000000001 1000000000000 9007199254740992",
        ] {
            let totals: StoredTotals = text.parse().unwrap();
            assert_eq!(totals.to_string(), text);
            let text = format!("2 {text}");
            let summary: StoredSummary = text.parse().unwrap();
            assert_eq!(summary.to_string(), text);
            assert_eq!(summary.summary.totals, totals.totals);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "3 15 245.25 11",
            "3 15 245.25 11 7 1",
            "03 15 245.25 11 7",
            "+3 15 245.25 11 7",
            "3  15 245.25 11",
            "3 15 245.250 11 7",
            "3 15 245.25 11 -7",
            "3 15 245.25 11 9007199254740993",
            "3.5 15 245.25 11 7",
        ] {
            assert_eq!(
                text.parse::<StoredTotals>(),
                Err(InvalidAggregate),
                "{text}"
            );
        }
    }
}
