//! `import`: records the lines of an export, in their order.
//!
//! A batch is read while the one before it is recorded. No more than one is under way, as two lines
//! may be of the same session. To record a line again changes nothing.

use std::time::Instant;

use super::lines::{Lines, MAX_LINE};
use super::{CommandError, Ui, rate, store_retry};
use crate::domain::{LearnerId, Outcome, Record};
use crate::store::{StatsStore, StoreError};
use crate::wire::session_line;

/// Lines that are recorded at once.
const BATCH: u64 = 1_000;
/// Lines that are told one by one why they are not recorded.
const TOLD: u64 = 20;

pub(super) async fn import(
    store: &dyn StatsStore,
    learner: Option<LearnerId>,
    skip: u64,
    ui: &mut dyn Ui,
) -> Result<bool, CommandError> {
    let start = Instant::now();
    let mut batches = Batches::new(learner, skip);
    let mut recorder = Recorder::new(store);
    let mut counts = ImportCounts::default();
    let mut batch = batches.next(ui).await?;
    while batch.lines > 0 {
        let (outcomes, next) = tokio::join!(recorder.record(&batch.records), batches.next(ui));
        counts.count(batch, &outcomes?, ui).await?;
        batch = next?;
    }
    let seconds = start.elapsed().as_secs_f64();
    ui.line(counts.summary(learner.is_some(), seconds)).await?;
    Ok(counts.invalid == 0)
}

/// Some lines that follow each other.
#[derive(Default)]
struct Batch {
    /// How many they are.
    lines: u64,
    /// The number of the last one.
    last: u64,
    /// What they say.
    records: Vec<Record>,
    /// The number of each record's line.
    numbers: Vec<u64>,
    /// Lines that say nothing, and why.
    invalid: Vec<(u64, String)>,
    /// Lines of learners that were not asked for.
    others: u64,
}

/// Reads batches.
struct Batches {
    learner: Option<LearnerId>,
    skip: u64,
    lines: Lines,
    line: Vec<u8>,
    number: u64,
}

impl Batches {
    fn new(learner: Option<LearnerId>, skip: u64) -> Self {
        Self {
            learner,
            skip,
            lines: Lines::default(),
            line: Vec::new(),
            number: 0,
        }
    }

    /// The next lines; none at the end.
    async fn next(&mut self, ui: &mut dyn Ui) -> Result<Batch, CommandError> {
        let mut batch = Batch::default();
        while batch.lines < BATCH && self.lines.read(ui, &mut self.line).await? {
            self.number += 1;
            if self.number > self.skip && !self.line.trim_ascii().is_empty() {
                self.add_to(&mut batch);
            }
        }
        Ok(batch)
    }

    fn add_to(&self, batch: &mut Batch) {
        batch.lines += 1;
        batch.last = self.number;
        let record = if self.line.len() > MAX_LINE {
            Err(format!("it is longer than {} KiB", MAX_LINE >> 10))
        } else {
            session_line::read(&self.line)
        };
        match record {
            Ok(record)
                if self
                    .learner
                    .is_some_and(|only| only != record.enrolment.learner) =>
            {
                batch.others += 1;
            }
            Ok(record) => {
                batch.records.push(record);
                batch.numbers.push(self.number);
            }
            Err(reason) => batch.invalid.push((self.number, reason)),
        }
    }
}

/// Records batches.
struct Recorder<'a> {
    store: &'a dyn StatsStore,
    /// How many records are sent at once: fewer while the store takes too long for more.
    at_once: usize,
}

impl<'a> Recorder<'a> {
    /// Most records that are sent at once.
    const MOST: usize = 1_000;

    fn new(store: &'a dyn StatsStore) -> Self {
        Self {
            store,
            at_once: Self::MOST,
        }
    }

    /// Records all, however often that takes, and gives the outcome of each.
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
                        // Those after it again as well: they may be of the same session.
                        self.at_once = (sent.len() / 2).max(1);
                        break;
                    }
                }
            }
        }
        Ok(outcomes)
    }
}

/// What became of the lines.
#[derive(Default)]
struct ImportCounts {
    lines: u64,
    stored: u64,
    superseded: u64,
    gone: u64,
    invalid: u64,
    others: u64,
}

impl ImportCounts {
    /// Counts a batch, tells the first lines that are wrong, and how far the import is.
    async fn count(
        &mut self,
        batch: Batch,
        outcomes: &[Outcome],
        ui: &mut dyn Ui,
    ) -> Result<(), CommandError> {
        self.lines += batch.lines;
        self.others += batch.others;
        let mut invalid = batch.invalid;
        for (outcome, number) in outcomes.iter().zip(batch.numbers) {
            match outcome {
                Outcome::Created | Outcome::Replaced => self.stored += 1,
                Outcome::Superseded => self.superseded += 1,
                Outcome::Erased => self.gone += 1,
                Outcome::LimitExceeded => {
                    invalid.push((number, "with it, a sum would pass 9e15".into()));
                }
            }
        }
        invalid.sort_unstable_by_key(|(number, _)| *number);
        for (number, reason) in invalid {
            self.invalid += 1;
            if self.invalid <= TOLD {
                ui.line(format!("line {number}: {reason}")).await?;
            }
        }
        ui.progress("lines", batch.last, None).await?;
        Ok(())
    }

    fn summary(&self, is_filtered: bool, seconds: f64) -> String {
        let others = if is_filtered {
            format!(", {} of other learners", self.others)
        } else {
            String::new()
        };
        format!(
            "{} lines: {} stored, {} superseded, {} gone, {} invalid{others}; {seconds:.1} s, {:.0} sessions a second",
            self.lines,
            self.stored,
            self.superseded,
            self.gone,
            self.invalid,
            rate(self.stored, seconds)
        )
    }
}
