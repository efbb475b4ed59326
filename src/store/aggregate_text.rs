//! Texts of aggregates, as both stores keep them.
//!
//! Totals are `sessions modules score time revision`, as `3 15 245.25 11 7`; a summary has the number of
//! learners in front. Each number has one spelling, so that equal aggregates have equal texts. Every write
//! raises the revision by 1, every repair by [`REPAIR`]; a deleted aggregate starts at 0 again.

use std::fmt;
use std::str::FromStr;

use super::StoreError;
use crate::domain::{AggregateDelta, Decimal, Measures, Summary, Totals};

/// Step of the revision at a repair: far more than all writes to an aggregate, so that the revision shows the
/// number of repairs.
pub(crate) const REPAIR: u64 = 1 << 32;

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
        let sessions = sessions.cast_signed();
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
        let learners = learners.cast_signed();
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
        let sum = |text: &str| {
            let is_short = text
                .split('.')
                .next()
                .is_some_and(|units| units.len() <= MAX_UNITS);
            let sum = text.parse::<Decimal>().map_err(|_| InvalidAggregate)?;
            is_short.then_some(sum).ok_or(InvalidAggregate)
        };
        Ok(Self {
            totals: Totals {
                sessions: count(sessions)?,
                sums: Measures {
                    modules: sum(modules)?,
                    score: sum(score)?,
                    time: sum(time)?,
                },
            },
            revision: self::revision(revision)?,
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

/// Maximum length of the units of a sum, which Lua adds exactly: far more than any number of learners adds up to.
const MAX_UNITS: usize = 27;
/// Largest magnitude of a number in a text: the largest up to which Lua, which calculates with doubles, counts by 1.
const MAX: i64 = 1 << 53;

/// Parses a number in its one spelling. A negative number, from deletes after an aggregate was lost, is a number
/// of 64 bits that has wrapped around: a repair adds to the number as to any other.
fn count(text: &str) -> Result<u64, InvalidAggregate> {
    let number: i64 = text.parse().map_err(|_| InvalidAggregate)?;
    let is_canonical = number.unsigned_abs() <= MAX.unsigned_abs() && number.to_string() == text;
    is_canonical
        .then_some(number.cast_unsigned())
        .ok_or(InvalidAggregate)
}

/// Parses a revision, which is never negative.
fn revision(text: &str) -> Result<u64, InvalidAggregate> {
    let revision = count(text)?;
    is_count(revision)?;
    Ok(revision)
}

impl StoredTotals {
    /// Returns the totals for an answer.
    ///
    /// # Errors
    ///
    /// The number of sessions is negative.
    pub(crate) fn checked(self) -> Result<Totals, InvalidAggregate> {
        is_count(self.totals.sessions)?;
        Ok(self.totals)
    }
}

impl StoredSummary {
    /// Returns the summary for an answer.
    ///
    /// # Errors
    ///
    /// A number of learners or sessions is negative.
    pub(crate) fn checked(self) -> Result<Summary, InvalidAggregate> {
        is_count(self.summary.learners)?;
        is_count(self.summary.totals.sessions)?;
        Ok(self.summary)
    }
}

fn is_count(number: u64) -> Result<(), InvalidAggregate> {
    match number.cast_signed() {
        0.. => Ok(()),
        _ => Err(InvalidAggregate),
    }
}

impl From<InvalidAggregate> for StoreError {
    fn from(error: InvalidAggregate) -> Self {
        Self::Unexpected(format!("a stored aggregate is {error}"))
    }
}

impl StoredTotals {
    /// Returns the totals after a repair.
    pub(crate) fn repaired(self, delta: AggregateDelta) -> Self {
        Self {
            totals: self.totals.changed_by(delta),
            revision: self.revision.saturating_add(REPAIR),
        }
    }
}

impl StoredSummary {
    /// Returns the summary after a repair.
    pub(crate) fn repaired(self, delta: AggregateDelta) -> Self {
        Self {
            summary: self.summary.changed_by(delta),
            revision: self.revision.saturating_add(REPAIR),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_number_is_no_answer() {
        for (text, is_answer) in [("0 0 0 5 1", true), ("-1 0 0 5 1", false)] {
            let totals: StoredTotals = text.parse().unwrap();
            assert_eq!(totals.checked().is_ok(), is_answer);
            let summary: StoredSummary = format!("2 {text}").parse().unwrap();
            assert_eq!(summary.checked().is_ok(), is_answer);
        }
        let summary: StoredSummary = "-2 1 0 0 5 1".parse().unwrap();
        assert_eq!(summary.checked(), Err(InvalidAggregate));
    }

    #[test]
    fn an_aggregate_has_one_text() {
        for text in [
            "0 0 0 0 0",
            "3 15 245.25 11 7",
            "-1 0 0 -5 7",
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
            "3 15 245.25 1000000000000000000000000000 7",
            "-0 15 245.25 11 7",
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
