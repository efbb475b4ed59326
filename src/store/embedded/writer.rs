//! Group commit: one thread writes, and all records that wait share a transaction.
//!
//! A commit costs one flush of the disk, whatever it holds. While it runs, further records gather;
//! the next transaction takes them all, so that many writers cost hardly more than one.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use redb::Database;
use tokio::sync::{mpsc, oneshot};

use super::DatabaseFile;
use super::transaction::Tables;
use crate::domain::{OccurredAt, Outcome, Record};
use crate::store::StoreError;

/// Jobs that may wait for the writer; more than that wait to get in.
const QUEUE: usize = 1_024;
/// Records after which a transaction takes no further jobs.
const GROUP: usize = 4_096;

type Answer = Result<Vec<Outcome>, StoreError>;

/// Records to write together, and who waits for their outcomes.
struct Job {
    records: Vec<Record>,
    answer: oneshot::Sender<Answer>,
}

/// The handle to the writer thread, which ends when this is dropped, after all that it was given.
pub(super) struct Writer {
    /// Empty only while the writer is dropped.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(file: Arc<DatabaseFile>) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || run(&file, queue))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Writes the records in their order and answers once they are on disk.
    pub(super) async fn write(&self, records: Vec<Record>) -> Answer {
        let (answer, outcomes) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(Job { records, answer })
            .await
            .map_err(|_| gone())?;
        outcomes.await.map_err(|_| gone())?
    }

    /// Whether the thread still takes jobs.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let open = self.jobs.as_ref().is_some_and(|jobs| !jobs.is_closed());
        if open { Ok(()) } else { Err(gone()) }
    }
}

fn gone() -> StoreError {
    StoreError::Unexpected("the store's writer thread has ended".into())
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs.take();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer thread panicked");
        }
    }
}

/// The writer thread: takes what waits, commits it, answers.
fn run(file: &DatabaseFile, mut queue: mpsc::Receiver<Job>) {
    let mut clock = Clock::default();
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        let mut size = group[0].records.len();
        while size < GROUP
            && let Ok(job) = queue.try_recv()
        {
            size += job.records.len();
            group.push(job);
        }
        let written = file.with(|database| commit(database, &group, &mut clock));
        if let Err(error) = &written
            && error.is_transient()
        {
            file.reopen();
        }
        answer(group, written);
    }
}

/// Writes all jobs of the group in one transaction. After an error, none is written.
fn commit(
    database: &Database,
    group: &[Job],
    clock: &mut Clock,
) -> Result<Vec<Vec<Outcome>>, StoreError> {
    let write = database.begin_write()?;
    let mut tables = Tables::open(&write)?;
    let outcomes = group
        .iter()
        .map(|job| {
            job.records
                .iter()
                .map(|record| tables.record(record, clock.now()))
                .collect()
        })
        .collect::<Result<_, _>>()?;
    drop(tables);
    write.commit()?;
    Ok(outcomes)
}

fn answer(group: Vec<Job>, written: Result<Vec<Vec<Outcome>>, StoreError>) {
    match written {
        // A client that has gone away no longer waits for its answer; that is no failure.
        Ok(outcomes) => group.into_iter().zip(outcomes).for_each(|(job, outcomes)| {
            let _ = job.answer.send(Ok(outcomes));
        }),
        Err(error) => group.into_iter().for_each(|job| {
            let _ = job.answer.send(Err(error.clone()));
        }),
    }
}

/// The store's clock, which does not go back while the process runs: a record without a time must
/// not be ordered before what it replaces because the system's clock was set.
#[derive(Default)]
struct Clock {
    latest: i64,
}

impl Clock {
    fn now(&mut self) -> OccurredAt {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let millis = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        self.latest = self.latest.max(millis);
        OccurredAt::from_utc_millis(self.latest)
    }
}
