//! Verification of a summary against the totals of its roster, and the verification of any aggregate.

use std::collections::BTreeMap;

use super::{ATTEMPTS, Step, Verification, wait};
use crate::domain::{AggregateDelta, CourseId, LearnerId, Totals};
use crate::store::aggregate_text::StoredTotals;
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
            if page.summary != stored {
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
        let is_summary = matches!(location, Location::Summary(..));
        let (value, display): (_, fn(&AggregateDelta) -> String) = if is_summary {
            (stored.summary_value(), display::summary)
        } else {
            (stored.totals_value(), display::totals)
        };
        // An aggregate of nothing is absent.
        let is_nothing = *expected == AggregateDelta::default();
        if value == Some(*expected) && (!is_nothing || stored.0 == Ok(None)) {
            return Ok(Checked::Right);
        }
        if self.repair {
            let repaired = self.ledger.repair_aggregate(location, stored, expected);
            if !repaired.await? {
                return Ok(Checked::Changed);
            }
        }
        let readable = value.filter(|value| value != expected);
        let found = readable.map_or_else(|| display::stored(stored), |value| display(&value));
        let name = self.ledger.name(location);
        self.report_difference(name, display(expected), found, self.repair)
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
