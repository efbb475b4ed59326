//! Verify and repair of the whole store: checks snapshots, reports differences, and repairs them.

use std::collections::BTreeSet;

use redb::ReadTransaction;
use tokio::sync::mpsc;

use super::chunks::{self, cancelled};
use super::display::RowKey;
use super::enrolment::{CheckEvent, RowDifference};
use super::summary::{self, SummaryCheck, SummaryRange};
use crate::domain::Enrolment;
use crate::store::StoreError;
use crate::store::embedded::EmbeddedStore;
use crate::store::embedded::schema::SummaryKey;
use crate::store::maintenance::{Difference, VerifyEvent, VerifyReport};

/// Capacity of the channel from a check to the reports, in events.
const AHEAD: usize = 64;
/// Maximum number of sessions, enrolments or index entries that are checked in a snapshot.
const CHUNK: u64 = 65_536;
/// Maximum number of summaries that are recounted at a time: some 20 MB.
const SUMMARIES: usize = 65_536;
/// Size of a repair of an enrolment, in sessions, for the writer's groups.
const ENROLMENT: usize = 1_000;
/// Maximum number of summaries that a transaction repairs.
const STEP: usize = 200;
/// Maximum number of repairs of a summary. A second repair is needed where a wrong number of sessions or
/// learners kept the summary from following a concurrent write.
const ROUNDS: usize = 3;

/// Running verification of the store.
pub(super) struct StoreVerifier<'a> {
    store: &'a EmbeddedStore,
    repair: bool,
    events: mpsc::Sender<VerifyEvent>,
    report: VerifyReport,
    /// Enrolment of the last repair, and whether the enrolment is consistent since.
    last_repair: Option<(Enrolment, bool)>,
}

impl<'a> StoreVerifier<'a> {
    pub(super) fn new(
        store: &'a EmbeddedStore,
        repair: bool,
        events: mpsc::Sender<VerifyEvent>,
    ) -> Self {
        Self {
            store,
            repair,
            events,
            report: VerifyReport::default(),
            last_repair: None,
        }
    }

    /// Verifies the enrolments, and then the summaries: a write to an enrolment without totals counts the
    /// learner in the summary a second time, so that the totals are repaired first.
    pub(super) async fn run(mut self) -> Result<VerifyReport, StoreError> {
        let ended = match self.verify_enrolments().await {
            Ok(()) => self.verify_summaries().await,
            Err(error) => Err(error),
        };
        match ended {
            Err(error) if !self.events.is_closed() => Err(error),
            _ => Ok(self.report),
        }
    }

    async fn verify_enrolments(&mut self) -> Result<(), StoreError> {
        let mut last = None;
        loop {
            let check = move |snapshot: &_, events: &_| {
                chunks::check_enrolments(snapshot, last, CHUNK, events)
            };
            last = self.verify_chunk(check).await?;
            if last.is_none() {
                break;
            }
        }
        let mut last = None;
        loop {
            let check = move |snapshot: &_, events: &_| {
                chunks::check_course_index(snapshot, last, CHUNK, events)
            };
            last = self.verify_chunk(check).await?;
            if last.is_none() {
                return Ok(());
            }
        }
    }

    /// Checks a chunk, and reports and repairs the differences. Returns the result of the check.
    async fn verify_chunk<T, F>(&mut self, check: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&ReadTransaction, &mpsc::Sender<CheckEvent>) -> Result<T, StoreError>
            + Send
            + 'static,
    {
        let (sender, mut events) = mpsc::channel(AHEAD);
        let checking = self
            .store
            .read_long(move |snapshot| check(snapshot, &sender));
        while let Some(event) = events.recv().await {
            match event {
                CheckEvent::Sessions(count) => {
                    self.report.sessions += count;
                    let sessions = self.report.sessions;
                    self.send(VerifyEvent::Progress { sessions }).await?;
                }
                CheckEvent::Difference(difference) => {
                    let repaired = self.repair && self.repair_enrolment(difference.key).await?;
                    self.report(difference, repaired).await?;
                }
            }
        }
        checking.await
    }

    /// Repairs the enrolment of a row, unless the last repair was of the same enrolment, and checks the
    /// enrolment again. Returns whether the enrolment is consistent.
    async fn repair_enrolment(&mut self, key: RowKey) -> Result<bool, StoreError> {
        let Some(enrolment) = key.enrolment() else {
            return Ok(false);
        };
        if let Some((last, is_consistent)) = self.last_repair
            && last == enrolment
        {
            return Ok(is_consistent);
        }
        let writer = &self.store.writer;
        let repairing = writer.write(ENROLMENT, move |tables, _| {
            tables.repair_enrolment(enrolment)
        });
        repairing.await?;
        let check = move |snapshot: &_| chunks::is_consistent(snapshot, enrolment);
        let is_consistent = self.store.read_long(check).await?;
        self.last_repair = Some((enrolment, is_consistent));
        Ok(is_consistent)
    }

    async fn verify_summaries(&mut self) -> Result<(), StoreError> {
        let mut rest = SummaryRange::default();
        loop {
            let checked = self.check_summaries(rest, SUMMARIES).await?;
            let unrepaired = self.repair_summaries(&checked).await?;
            for difference in &checked.differences {
                let repaired = self.repair && !unrepaired.contains(&difference.key);
                self.report(difference.row_difference(), repaired).await?;
            }
            rest.from = checked.range.until;
            if rest.from.is_none() {
                return Ok(());
            }
        }
    }

    /// Repairs summaries, and checks the whole range again. Returns the keys of remaining differences.
    async fn repair_summaries(
        &mut self,
        checked: &SummaryCheck,
    ) -> Result<BTreeSet<SummaryKey>, StoreError> {
        let mut differences = checked.differences.clone();
        for _ in 0..ROUNDS {
            if !self.repair || differences.is_empty() {
                break;
            }
            for step in differences.chunks(STEP) {
                let step = step.to_vec();
                let writer = &self.store.writer;
                let repairing = writer.write(STEP, move |tables, _| tables.repair_summaries(&step));
                repairing.await?;
            }
            let checked_again = self.check_summaries(checked.range, usize::MAX).await?;
            differences = checked_again.differences;
        }
        let keys = differences.iter().map(|difference| difference.key);
        Ok(keys.collect())
    }

    /// Checks at most `max` summaries of a range.
    async fn check_summaries(
        &self,
        range: SummaryRange,
        max: usize,
    ) -> Result<SummaryCheck, StoreError> {
        let events = self.events.clone();
        let check_cancelled = move || {
            if events.is_closed() {
                Err(cancelled())
            } else {
                Ok(())
            }
        };
        let check =
            move |snapshot: &_| summary::check_summaries(snapshot, range, max, check_cancelled);
        self.store.read_long(check).await
    }

    async fn report(
        &mut self,
        difference: RowDifference,
        repaired: bool,
    ) -> Result<(), StoreError> {
        self.report.differences += 1;
        self.report.repaired += u64::from(repaired);
        let difference = Difference {
            key: difference.key.to_string(),
            expected: difference.expected,
            found: difference.found,
            repaired,
        };
        self.send(VerifyEvent::Difference(difference)).await
    }

    async fn send(&self, event: VerifyEvent) -> Result<(), StoreError> {
        self.events.send(event).await.map_err(|_| cancelled())
    }
}
