//! Verification of a summary against the totals of its roster, and the verification of any aggregate.

use std::collections::BTreeMap;

use super::{ATTEMPTS, Step, Verification, wait};
use crate::domain::{AggregateDelta, CourseId, LearnerId, Summary, Totals};
use crate::store::aggregate_text::{StoredSummary, StoredTotals};
use crate::store::maintenance::display;
use crate::store::maintenance::ledger::{Location, StoredAggregate};

/// Result of the verification of an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    /// The aggregate is as expected, now at least.
    Right,
    /// The aggregate differs.
    Wrong,
    /// A write came in between, and the aggregate was not repaired.
    Changed,
}

impl Verification<'_> {
    /// Verifies a summary against the totals of its roster, corrected by what is wrong with them.
    pub(super) async fn verify_summary(
        &self,
        bucket: u16,
        course: CourseId,
        corrections: BTreeMap<LearnerId, AggregateDelta>,
    ) -> Step {
        for attempt in 0..ATTEMPTS {
            if let Some((stored, counted)) = self.recount_summary(bucket, course).await? {
                let sum = |sum, correction: &AggregateDelta| sum + *correction;
                let expected = corrections.values().fold(counted, sum);
                let location = Location::Summary(bucket, course);
                let checked = self.verify_aggregate(&location, &stored, &expected).await?;
                if checked != Checked::Changed {
                    return Ok(());
                }
            }
            self.check_cancelled()?;
            wait(attempt).await;
        }
        self.report().unsettled += 1;
        Ok(())
    }

    /// Adds up the totals of a roster page by page; `None` where a write has come in between.
    async fn recount_summary(
        &self,
        bucket: u16,
        course: CourseId,
    ) -> Step<Option<(StoredAggregate, AggregateDelta)>> {
        let mut page = self.ledger.summary(bucket, course, None).await?;
        let (stored, mut counted) = (page.summary.clone(), AggregateDelta::default());
        loop {
            if !page.is_settled || page.summary != stored {
                return Ok(None);
            }
            for (_, totals) in &page.learners {
                if let Some(StoredTotals { totals, .. }) = totals.totals() {
                    counted = counted + of_learner(totals);
                }
            }
            let Some(next) = page.next else {
                return Ok(Some((stored, counted)));
            };
            page = self.ledger.summary(bucket, course, Some(next)).await?;
        }
    }

    /// Compares an aggregate with the expected value, and repairs the aggregate when the run repairs.
    pub(super) async fn verify_aggregate(
        &self,
        location: &Location,
        stored: &StoredAggregate,
        expected: &AggregateDelta,
    ) -> Step<Checked> {
        let aggregate = match location {
            Location::Summary(..) => Aggregate::summary(stored, expected),
            _ => Aggregate::totals(stored, expected),
        };
        if aggregate.value == Some(*expected) {
            return Ok(Checked::Right);
        }
        if self.repair {
            let replaced = self
                .ledger
                .replace_aggregate(location, stored, aggregate.text);
            if !replaced.await? {
                return Ok(Checked::Changed);
            }
        }
        let unreadable = || display::stored(stored);
        let found = aggregate
            .value
            .map_or_else(unreadable, |value| (aggregate.display)(&value));
        let name = self.ledger.name(location);
        self.report_difference(name, (aggregate.display)(expected), found, self.repair)
            .await?;
        Ok(if self.repair {
            Checked::Right
        } else {
            Checked::Wrong
        })
    }
}

/// Totals of a learner as a part of a summary.
pub(super) fn of_learner(totals: Totals) -> AggregateDelta {
    AggregateDelta {
        learners: i128::from(totals.sessions > 0),
        ..totals.into()
    }
}

/// Stored totals or summary, beside the expected value.
struct Aggregate {
    /// `None` for an unreadable aggregate.
    value: Option<AggregateDelta>,
    /// Text of the expected value; `None` without sessions.
    text: Option<String>,
    display: fn(&AggregateDelta) -> String,
}

impl Aggregate {
    fn totals(stored: &StoredAggregate, expected: &AggregateDelta) -> Self {
        let found = stored.totals();
        let revision = found.unwrap_or_default().revision.saturating_add(1);
        let totals = Totals::default().changed_by(*expected);
        let text = StoredTotals { totals, revision }.to_string();
        Self {
            value: found.map(|found| found.totals.into()),
            text: (*expected != AggregateDelta::default()).then_some(text),
            display: display::totals,
        }
    }

    fn summary(stored: &StoredAggregate, expected: &AggregateDelta) -> Self {
        let found = stored.summary();
        let revision = found.unwrap_or_default().revision.saturating_add(1);
        let summary = Summary::default().changed_by(*expected);
        let text = StoredSummary { summary, revision }.to_string();
        Self {
            value: found.map(|found| found.summary.into()),
            text: (*expected != AggregateDelta::default()).then_some(text),
            display: display::summary,
        }
    }
}
