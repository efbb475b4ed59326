//! `import`: records the lines of an export, in their order; the erasures of a batch before its sessions.
//!
//! A batch is read while the previous batch is recorded. Batches are recorded one at a time: two lines
//! may be of one session. Recording a line twice changes nothing.

use std::time::Instant;

use bytes::Bytes;

use super::lines::{LineTooLong, Lines, MAX_LINE};
use super::{CommandError, Ui, rate, store_retry};
use crate::domain::{Erasure, LearnerId, Outcome, Record};
use crate::retry::retry;
use crate::store::{StatsStore, Store, StoreError};
use crate::wire::batch;
use crate::wire::export_line::{self, Line};

/// Maximum number of lines of a batch.
const BATCH: u64 = 1_000;
/// Maximum number of printed errors of lines.
const MAX_PRINTED: u64 = 20;

pub(super) async fn import(
    store: &Store,
    learner: Option<LearnerId>,
    skip: u64,
    ui: &mut dyn Ui,
) -> Result<bool, CommandError> {
    let start = Instant::now();
    let mut batches = BatchReader::new(learner, skip);
    let mut recorder = Recorder::new(&*store.requests);
    let mut counts = ImportCounts::default();
    let mut batch = batches.next(ui).await?;
    while batch.lines > 0 {
        restore(store, &batch.erasures).await?;
        let (outcomes, next) = tokio::join!(recorder.record(&batch.records), batches.next(ui));
        counts.count(batch, &outcomes?, ui).await?;
        batch = next?;
    }
    let seconds = start.elapsed().as_secs_f64();
    ui.print(counts.summary(learner.is_some(), seconds)).await?;
    Ok(counts.invalid == 0)
}

/// Stores erasures, with retries. An expired erasure has no effect.
async fn restore(store: &Store, erasures: &[Erasure]) -> Result<(), StoreError> {
    for &erasure in erasures {
        let restored = retry(store_retry(), StoreError::is_transient, || {
            store.maintenance.restore_erasure(erasure)
        });
        restored.await?;
    }
    Ok(())
}

/// Consecutive lines.
#[derive(Default)]
struct Batch {
    /// Number of lines.
    lines: u64,
    /// Line number of the last line.
    last: u64,
    /// Records of the valid lines.
    records: Vec<Record>,
    /// Line number of each record.
    numbers: Vec<u64>,
    erasures: Vec<Erasure>,
    /// Line numbers of the invalid lines, with error messages.
    invalid: Vec<(u64, String)>,
    /// Number of lines of other learners than the selected learner.
    others: u64,
}

/// Reader of batches.
struct BatchReader {
    learner: Option<LearnerId>,
    skip: u64,
    lines: Lines,
    number: u64,
}

impl BatchReader {
    fn new(learner: Option<LearnerId>, skip: u64) -> Self {
        Self {
            learner,
            skip,
            lines: Lines::new(),
            number: 0,
        }
    }

    /// Reads the next batch; empty at the end of the input.
    async fn next(&mut self, ui: &mut dyn Ui) -> Result<Batch, CommandError> {
        let mut batch = Batch::default();
        while batch.lines < BATCH
            && let Some(line) = self.lines.next(ui).await?
        {
            self.number += 1;
            let is_blank = |line: &Bytes| line.trim_ascii().is_empty();
            if self.number > self.skip && !line.as_ref().is_ok_and(is_blank) {
                self.add_to(&mut batch, line);
            }
        }
        Ok(batch)
    }

    fn add_to(&self, batch: &mut Batch, line: Result<Bytes, LineTooLong>) {
        batch.lines += 1;
        batch.last = self.number;
        let line = match line {
            Ok(line) => export_line::read(&line),
            Err(LineTooLong) => Err(format!("it is longer than {} KiB", MAX_LINE >> 10)),
        };
        let is_other = |learner| self.learner.is_some_and(|only| only != learner);
        match line {
            Ok(Line::Erasure(erasure)) if is_other(erasure.learner) => batch.others += 1,
            Ok(Line::Erasure(erasure)) => batch.erasures.push(erasure),
            Ok(Line::Session(record)) if is_other(record.enrolment.learner) => batch.others += 1,
            Ok(Line::Session(record)) => {
                batch.records.push(record);
                batch.numbers.push(self.number);
            }
            Err(reason) => batch.invalid.push((self.number, reason)),
        }
    }
}

/// Recorder of batches.
struct Recorder<'a> {
    store: &'a dyn StatsStore,
    /// Maximum number of records of a call; halved after each error, doubled after each success.
    at_once: usize,
}

impl<'a> Recorder<'a> {
    /// Upper limit of the records of a call.
    const MOST: usize = 1_000;

    fn new(store: &'a dyn StatsStore) -> Self {
        Self {
            store,
            at_once: Self::MOST,
        }
    }

    /// Records all records, with retries, and returns the outcomes.
    async fn record(&mut self, records: &[Record]) -> Result<Vec<Outcome>, StoreError> {
        let mut outcomes = Vec::with_capacity(records.len());
        let mut retry = store_retry();
        while outcomes.len() < records.len() {
            let rest = &records[outcomes.len()..];
            let sent = &rest[..rest.len().min(self.at_once)];
            self.at_once = (2 * self.at_once).min(Self::MOST);
            for outcome in StatsStore::record_many(self.store, sent).await {
                match outcome {
                    Ok(outcome) => {
                        retry.reset();
                        outcomes.push(outcome);
                    }
                    Err(error) => {
                        let is_transient = error.is_transient();
                        retry.wait(error, is_transient).await?;
                        // All later records are sent again: some may be of the same session.
                        self.at_once = (sent.len() / 2).max(1);
                        break;
                    }
                }
            }
        }
        Ok(outcomes)
    }
}

/// Numbers of lines by result.
#[derive(Default)]
struct ImportCounts {
    lines: u64,
    stored: u64,
    superseded: u64,
    erased: u64,
    erasures: u64,
    invalid: u64,
    others: u64,
}

impl ImportCounts {
    /// Counts a batch, prints the first errors, and reports progress.
    async fn count(
        &mut self,
        batch: Batch,
        outcomes: &[Outcome],
        ui: &mut dyn Ui,
    ) -> Result<(), CommandError> {
        self.lines += batch.lines;
        self.others += batch.others;
        self.erasures += batch.erasures.len() as u64;
        let mut invalid = batch.invalid;
        for (outcome, number) in outcomes.iter().zip(batch.numbers) {
            match outcome {
                Outcome::Created | Outcome::Replaced => self.stored += 1,
                Outcome::Superseded => self.superseded += 1,
                Outcome::Erased => self.erased += 1,
                Outcome::LimitExceeded(limit) => {
                    invalid.push((number, batch::limit_exceeded(*limit).advice()));
                }
            }
        }
        invalid.sort_unstable_by_key(|(number, _)| *number);
        for (number, reason) in invalid {
            self.invalid += 1;
            if self.invalid <= MAX_PRINTED {
                ui.print(format!("line {number}: {reason}")).await?;
            }
        }
        ui.progress("lines", batch.last, None).await?;
        Ok(())
    }

    fn summary(&self, is_filtered: bool, seconds: f64) -> String {
        let mut others = String::new();
        if self.erasures > 0 {
            others += &format!(", {} erasures", self.erasures);
        }
        if is_filtered {
            others += &format!(", {} of other learners", self.others);
        }
        format!(
            "{} lines: {} stored, {} superseded, {} gone, {} invalid{others}; {seconds:.1} s, {:.0} sessions a second",
            self.lines,
            self.stored,
            self.superseded,
            self.erased,
            self.invalid,
            rate(self.stored, seconds)
        )
    }
}
