//! Verification of a summary against the totals of its roster, and the verification of any aggregate.

use std::collections::BTreeMap;

use super::{ATTEMPTS, Step, Verification, wait};
use crate::domain::{AggregateDelta, CourseId, LearnerId};
use crate::store::maintenance::display;
use crate::store::maintenance::ledger::{Location, StoredAggregate};

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
                self.verify_aggregate(&location, &stored, &expected).await?;
                return Ok(());
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
                if let Some(totals) = totals.totals() {
                    let learners = i128::from(totals.sessions > 0);
                    counted = counted + AggregateDelta { learners, ..totals };
                }
            }
            let Some(next) = page.next else {
                return Ok(Some((stored, counted)));
            };
            page = self.ledger.summary(bucket, course, Some(next)).await?;
        }
    }

    /// Compares an aggregate with the expected value, and repairs the aggregate when the run repairs. Returns
    /// whether the aggregate is right in the end.
    pub(super) async fn verify_aggregate(
        &self,
        location: &Location,
        stored: &StoredAggregate,
        expected: &AggregateDelta,
    ) -> Step<bool> {
        let is_summary = matches!(location, Location::Summary(..));
        let (value, text): (_, fn(&AggregateDelta) -> String) = if is_summary {
            (stored.summary(), display::summary)
        } else {
            (stored.totals(), display::totals)
        };
        if value == Some(*expected) {
            return Ok(true);
        }
        let repaired = self.repair
            && match value {
                Some(value) => {
                    self.ledger
                        .add_delta(location, &(*expected - value))
                        .await?
                }
                None => {
                    self.ledger
                        .reset_aggregate(location, stored, expected)
                        .await?
                }
            };
        let found = value.map_or_else(|| display::unreadable(stored), |value| text(&value));
        let name = self.ledger.name(location);
        self.report_difference(name, text(expected), found, repaired)
            .await?;
        Ok(repaired)
    }
}
