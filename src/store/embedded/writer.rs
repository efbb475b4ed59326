//! Group commit: one thread writes, and all writes that wait share a transaction.
//!
//! A commit costs one flush of the disk, whatever it holds. While it runs, further writes gather;
//! the next transaction takes them all, so that many writers cost hardly more than one.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use redb::Database;
use tokio::sync::{mpsc, oneshot};

use super::file::DatabaseFile;
use super::transaction::Tables;
use crate::domain::OccurredAt;
use crate::store::StoreError;
use crate::telemetry::metrics;

/// Jobs that may wait for the writer; more than that wait to get in.
const QUEUE: usize = 1_024;
/// Sessions after which a transaction takes no further jobs.
const GROUP: usize = 4_096;
/// How often it is looked whether more jobs have come, before a group is closed.
const LOOKS: u32 = 8;
/// Longest wait for more jobs, however long the last group took: it may have been a repair, or a disk
/// that hung.
const LONGEST_WAIT: Duration = Duration::from_millis(10);

/// Something to do in a transaction, and who waits for what comes of it.
trait Job: Send {
    /// Does it.
    fn run(&mut self, tables: &mut Tables<'_>, clock: &mut Clock) -> Result<(), StoreError>;

    /// Tells that the transaction was committed, or why it was not.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);

    /// How many sessions it is about.
    fn size(&self) -> usize;
}

/// A job that is a closure.
struct Task<T, F> {
    size: usize,
    work: Option<F>,
    result: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut Tables<'_>, &mut Clock) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, tables: &mut Tables<'_>, clock: &mut Clock) -> Result<(), StoreError> {
        if let Some(work) = self.work.take() {
            self.result = Some(work(tables, clock)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self { result, answer, .. } = *self;
        // A client that has gone away no longer waits for its answer; that is no failure.
        let _ = answer.send(committed.and_then(|()| result.ok_or_else(gone)));
    }

    fn size(&self) -> usize {
        self.size
    }
}

/// The handle to the writer thread, which ends when this is dropped, after all that it was given.
pub(super) struct Writer {
    /// Empty only while the writer is dropped.
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
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

    /// Does `work`, on about so many sessions, and answers once it is on disk.
    pub(super) async fn write<T, F>(&self, size: usize, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>, &mut Clock) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let task = Task {
            size,
            work: Some(work),
            result: None,
            answer,
        };
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(Box::new(task)).await.map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
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
fn run(file: &DatabaseFile, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    let mut clock = Clock::default();
    // How many jobs the last group had, and how long it took.
    let mut last = (0, Duration::ZERO);
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        let size = gather(&mut group, &mut queue, last);
        let start = Instant::now();
        let committed = file.with(|database| commit(database, &mut group, &mut clock));
        last = (group.len(), start.elapsed());
        metrics::embedded(|embedded| embedded.committed(size, last.1));
        if let Err(error) = &committed
            && error.is_transient()
        {
            file.reopen();
        }
        for job in group {
            job.answer(committed.clone());
        }
    }
}

/// Takes what waits into the group; and waits until there are as many jobs as the last group had, for
/// half as long as that took at the most. Gives how many sessions the group is about.
///
/// Whoever was answered just now is likely to write again at once. Without the wait the first of them
/// gets a commit of its own, and all others wait for that. A single writer is never waited for.
fn gather(
    group: &mut Vec<Box<dyn Job>>,
    queue: &mut mpsc::Receiver<Box<dyn Job>>,
    (jobs, took): (usize, Duration),
) -> usize {
    let wait = (took / 2).min(LONGEST_WAIT);
    let mut size: usize = group.iter().map(|job| job.size()).sum();
    for look in 0..=LOOKS {
        if look > 0 {
            thread::sleep(wait / LOOKS);
        }
        while size < GROUP
            && let Ok(job) = queue.try_recv()
        {
            size += job.size();
            group.push(job);
        }
        if group.len() >= jobs || size >= GROUP {
            break;
        }
    }
    size
}

/// Does all jobs of the group in one transaction. After an error, none is done.
fn commit(
    database: &Database,
    group: &mut [Box<dyn Job>],
    clock: &mut Clock,
) -> Result<(), StoreError> {
    let write = database.begin_write()?;
    let mut tables = Tables::open(&write)?;
    for job in group {
        job.run(&mut tables, clock)?;
    }
    drop(tables);
    write.commit()?;
    Ok(())
}

/// The store's clock, which does not go back while the process runs: a record without a time must
/// not be ordered before what it replaces because the system's clock was set.
#[derive(Default)]
pub(super) struct Clock {
    latest: i64,
}

impl Clock {
    /// What it shows, in UTC.
    pub(super) fn now(&mut self) -> OccurredAt {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let millis = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        self.latest = self.latest.max(millis);
        OccurredAt::from_utc_millis(self.latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A job about so many sessions.
    fn job(size: usize) -> Box<dyn Job> {
        Box::new(Task {
            size,
            work: Some(|_: &mut Tables<'_>, _: &mut Clock| Ok(())),
            result: None,
            answer: oneshot::channel().0,
        })
    }

    #[test]
    fn a_group_takes_what_waits_up_to_its_size() {
        let (jobs, mut queue) = mpsc::channel(8);
        for size in [1, GROUP, 1] {
            jobs.blocking_send(job(size)).ok().unwrap();
        }
        let mut group = vec![job(2)];
        assert_eq!(
            gather(&mut group, &mut queue, (0, Duration::ZERO)),
            3 + GROUP
        );
        assert_eq!((group.len(), queue.len()), (3, 1));
    }

    #[test]
    fn the_writers_of_the_last_group_are_waited_for_and_not_for_long() {
        let (_jobs, mut queue) = mpsc::channel(8);
        let start = Instant::now();
        gather(
            &mut vec![job(1)],
            &mut queue,
            (64, Duration::from_secs(3_600)),
        );
        let waited = start.elapsed();
        // Without a limit it would be half an hour.
        assert!(waited >= LONGEST_WAIT && waited < Duration::from_secs(600));
    }
}
