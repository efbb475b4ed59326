//! Verification of a summary row, the summary of a course in a bucket, against the learners of the row.
//!
//! The learners are known from a pass over all keys. A learner who has joined the course since is counted in
//! the row and unknown to the run, so a deviation is unconfirmed at first. Further passes search for new
//! learners. A deviation is confirmed when four reads of the row in succession agree, with a pass without a
//! new learner between each two reads.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::aggregate::{AggregateCheck, Deviation, StoredAggregate};
use super::repair::AggregateKey;
use super::verify::{CONCURRENCY, Step, VerifyRun};
use crate::domain::{AggregateDelta, CourseId, Enrolment, LearnerId};
use crate::store::bucket;
use crate::store::redis::keys::Key;
use crate::store::redis::scan::learner_group::GroupMembers;

/// Maximum number of passes to confirm deviations.
const PASSES: u32 = 30;
/// Number of reads in a row that must agree on a deviation.
const AGREEING: u32 = 4;
/// Maximum number of attempts to read a row before and after all its learners without a change.
const ATTEMPTS: u32 = 20;

/// Bucket and course of a summary row.
type RowId = (u16, CourseId);

/// A summary row that deviates from the sum of the known learners.
pub(crate) struct UnconfirmedSummary {
    row: RowId,
    /// Known learners, each with the deviation of the totals.
    learners: BTreeMap<LearnerId, Option<Deviation>>,
    /// Whether the last pass found a new learner.
    has_new_learner: bool,
    check: Option<AggregateCheck>,
    /// Number of reads in a row with the same deviation.
    agreeing: u32,
}

impl VerifyRun<'_> {
    /// Verifies the learners of a bucket in a course, and then reads their summary row. Returns the row when
    /// the row deviates.
    pub(crate) async fn verify_group(
        &self,
        bucket: u16,
        course: CourseId,
        members: GroupMembers,
    ) -> Step<Option<(RowId, UnconfirmedSummary)>> {
        let mut learners = BTreeMap::new();
        for (learner, unindexed) in members.learners {
            let enrolment = Enrolment { learner, course };
            learners.insert(learner, self.verify_enrolment(enrolment, &unindexed).await?);
        }
        let row = (bucket, course);
        let check = self.check_summary(row, &learners).await?;
        let is_equal = check.as_ref().is_some_and(AggregateCheck::is_equal);
        let summary = UnconfirmedSummary {
            row,
            learners,
            has_new_learner: false,
            check,
            agreeing: 1,
        };
        Ok((!is_equal).then_some((row, summary)))
    }

    /// Reads deviating rows until each deviation is confirmed or has disappeared; at most [`PASSES`] times.
    pub(crate) async fn confirm_summaries(
        &self,
        mut summaries: BTreeMap<RowId, UnconfirmedSummary>,
    ) -> Step {
        for _ in 0..PASSES {
            if summaries.is_empty() {
                return Ok(());
            }
            self.add_new_learners(&mut summaries).await?;
            summaries = stream::iter(summaries.into_values())
                .map(|summary| self.confirm_summary(summary))
                .buffer_unordered(CONCURRENCY)
                .try_filter_map(|summary| std::future::ready(Ok(summary)))
                .try_collect()
                .await?;
        }
        self.add_unsettled(summaries.len());
        Ok(())
    }

    /// Passes over the keys of all totals, and adds learners that were unknown.
    async fn add_new_learners(&self, summaries: &mut BTreeMap<RowId, UnconfirmedSummary>) -> Step {
        for summary in summaries.values_mut() {
            summary.has_new_learner = false;
        }
        let keys = &self.store.keys;
        let mut scan = self.store.scan(keys.pattern(Some('t'))).await?;
        while let Some(found) = scan.next().await? {
            for key in found.iter().filter_map(|key| keys.parse(key)) {
                if let Key::Totals(Enrolment { learner, course }) = key
                    && let Some(summary) = summaries.get_mut(&(bucket::of(learner), course))
                    && !summary.learners.contains_key(&learner)
                {
                    // The totals of a learner who has just joined are right.
                    summary.learners.insert(learner, None);
                    summary.has_new_learner = true;
                }
            }
        }
        Ok(())
    }

    /// Reads a row again, reports a confirmed deviation, and returns the row while it is unconfirmed.
    async fn confirm_summary(
        &self,
        mut summary: UnconfirmedSummary,
    ) -> Step<Option<(RowId, UnconfirmedSummary)>> {
        let check = self.check_summary(summary.row, &summary.learners).await?;
        if check.as_ref().is_some_and(AggregateCheck::is_equal) {
            return Ok(None);
        }
        let deviation =
            |check: &Option<AggregateCheck>| check.as_ref().map(AggregateCheck::deviation);
        let is_same = !summary.has_new_learner && deviation(&check) == deviation(&summary.check);
        summary.agreeing = if is_same { summary.agreeing + 1 } else { 1 };
        summary.check = check;
        match &summary.check {
            Some(check) if summary.agreeing >= AGREEING => {
                let (bucket, course) = summary.row;
                let key = AggregateKey::summary(&self.store.keys, bucket, course);
                self.report_aggregate(&key, check).await?;
                Ok(None)
            }
            _ => Ok(Some((summary.row, summary))),
        }
    }

    /// Compares a row with its known learners; `None` when the row changes during each attempt.
    async fn check_summary(
        &self,
        row: RowId,
        learners: &BTreeMap<LearnerId, Option<Deviation>>,
    ) -> Step<Option<AggregateCheck>> {
        let learners: Vec<_> = learners.iter().collect();
        for _ in 0..ATTEMPTS {
            if let Some(check) = self.attempt_check_summary(row, &learners).await? {
                return Ok(Some(check));
            }
        }
        Ok(None)
    }

    /// Reads the totals of the learners of a row, page by page, and the row with each page; `None` when the
    /// row has changed meanwhile.
    async fn attempt_check_summary(
        &self,
        (bucket, course): RowId,
        learners: &[(&LearnerId, &Option<Deviation>)],
    ) -> Step<Option<AggregateCheck>> {
        let keys = &self.store.keys;
        let (mut recounted, mut stored) = (AggregateDelta::default(), None);
        let mut from = 0;
        while stored.is_none() || from < learners.len() {
            let to = learners.len().min(from + self.store.bounds.page);
            let page = &learners[from..to];
            let mut names = vec![keys.summary_in(bucket, course)];
            let enrolments = page.iter().map(|(id, _)| Enrolment::new(**id, course));
            names.extend(enrolments.map(|enrolment| keys.totals(enrolment)));
            let mut aggregates = self.store.aggregates(&names).await?.into_iter();
            let summary = aggregates.next();
            if stored.is_some() && stored != summary {
                return Ok(None);
            }
            stored = summary;
            for ((_, deviation), totals) in page.iter().zip(aggregates) {
                recounted = recounted + contribution(&totals, deviation.as_ref());
            }
            from = to;
        }
        Ok(stored.map(|stored| AggregateCheck { stored, recounted }))
    }
}

/// Contribution of a learner to the summary row: the totals as they are after a repair.
fn contribution(totals: &StoredAggregate, deviation: Option<&Deviation>) -> AggregateDelta {
    let mut contribution = match (totals.value(), deviation) {
        (Some(totals), Some(Deviation::Delta(delta))) => totals + *delta,
        (Some(totals), _) => totals,
        (None, Some(Deviation::Unreadable(check))) => check.recounted,
        (None, _) => AggregateDelta::default(),
    };
    contribution.learners = i128::from(contribution.sessions > 0);
    contribution
}
