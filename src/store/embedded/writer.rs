//! Group commit: a writer thread commits all waiting writes in a transaction.
//!
//! A commit of any size costs one flush of the disk. Writes that arrive during a commit wait in a queue, and
//! share the next transaction: many concurrent writers cost hardly more than a single writer.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use redb::Database;
use tokio::sync::{mpsc, oneshot};

use super::clock::MonotonicClock;
use super::file::DatabaseFile;
use super::transaction::Tables;
use crate::store::StoreError;
use crate::telemetry::metrics;

/// Capacity of the writer's queue, in jobs. Further jobs wait for room in the queue.
const QUEUE: usize = 1_024;
/// Number of sessions in a transaction at which no further job is added.
const GROUP: usize = 4_096;
/// Number of polls of the queue during the wait for further jobs.
const POLLS: u32 = 8;
/// Maximum wait for further jobs, even if the last commit took long: for example, a repair or a disk that
/// hung.
const MAX_WAIT: Duration = Duration::from_millis(10);

/// Work in a transaction, and the channel for the result.
trait Job: Send {
    /// Runs the work in a transaction.
    fn run(
        &mut self,
        tables: &mut Tables<'_>,
        clock: &mut MonotonicClock,
    ) -> Result<(), StoreError>;

    /// Sends the result after the commit, or the error of the commit.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);

    /// Returns the approximate number of sessions.
    fn size(&self) -> usize;
}

/// Job of a closure.
struct WriteTask<T, F> {
    size: usize,
    work: Option<F>,
    result: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for WriteTask<T, F>
where
    T: Send,
    F: FnOnce(&mut Tables<'_>, &mut MonotonicClock) -> Result<T, StoreError> + Send,
{
    fn run(
        &mut self,
        tables: &mut Tables<'_>,
        clock: &mut MonotonicClock,
    ) -> Result<(), StoreError> {
        if let Some(work) = self.work.take() {
            self.result = Some(work(tables, clock)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self { result, answer, .. } = *self;
        // Fails where the request was cancelled, which is no error.
        let _ = answer.send(committed.and_then(|()| result.ok_or_else(writer_ended)));
    }

    fn size(&self) -> usize {
        self.size
    }
}

/// Handle to the writer thread. A drop waits until the thread has run all jobs and ended.
pub(super) struct Writer {
    /// `None` only during the drop.
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the writer thread.
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

    /// Runs `work`, on about `size` sessions, and returns once the commit is on disk.
    pub(super) async fn write<T, F>(&self, size: usize, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>, &mut MonotonicClock) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let task = WriteTask {
            size,
            work: Some(work),
            result: None,
            answer,
        };
        let jobs = self.jobs.as_ref().ok_or_else(writer_ended)?;
        jobs.send(Box::new(task))
            .await
            .map_err(|_| writer_ended())?;
        result.await.map_err(|_| writer_ended())?
    }

    /// Returns an error where the writer thread has ended.
    pub(super) fn check_running(&self) -> Result<(), StoreError> {
        let open = self.jobs.as_ref().is_some_and(|jobs| !jobs.is_closed());
        if open { Ok(()) } else { Err(writer_ended()) }
    }
}

fn writer_ended() -> StoreError {
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

/// Writer thread: takes the waiting jobs, commits and sends the results.
fn run(file: &DatabaseFile, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    let mut clock = MonotonicClock::default();
    // Number of jobs in the last group, and duration of the group's commit.
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

/// Adds the waiting jobs to the group, and waits until the group has as many jobs as the last group, for half
/// the duration of the last commit at most. Returns the number of sessions in the group.
///
/// The clients of the last group are likely to write again at once. Without the wait, the first job would
/// get a commit of its own, and all further jobs would wait for the commit. With a single client there is no
/// wait.
fn gather(
    group: &mut Vec<Box<dyn Job>>,
    queue: &mut mpsc::Receiver<Box<dyn Job>>,
    (last_jobs, last_duration): (usize, Duration),
) -> usize {
    let wait = (last_duration / 2).min(MAX_WAIT);
    let mut size: usize = group.iter().map(|job| job.size()).sum();
    for poll in 0..=POLLS {
        if poll > 0 {
            thread::sleep(wait / POLLS);
        }
        while size < GROUP
            && let Ok(job) = queue.try_recv()
        {
            size += job.size();
            group.push(job);
        }
        if group.len() >= last_jobs || size >= GROUP {
            break;
        }
    }
    size
}

/// Runs all jobs of the group in a transaction. An error undoes all jobs.
fn commit(
    database: &Database,
    group: &mut [Box<dyn Job>],
    clock: &mut MonotonicClock,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a job without effect on `size` sessions.
    fn job(size: usize) -> Box<dyn Job> {
        Box::new(WriteTask {
            size,
            work: Some(|_: &mut Tables<'_>, _: &mut MonotonicClock| Ok(())),
            result: None,
            answer: oneshot::channel().0,
        })
    }

    #[test]
    fn a_group_takes_waiting_jobs_up_to_the_maximum_size() {
        let (jobs, mut queue) = mpsc::channel(8);
        for size in [1, GROUP, 1] {
            jobs.blocking_send(job(size)).ok().unwrap();
        }
        let mut group = vec![job(2)];
        let size = gather(&mut group, &mut queue, (0, Duration::ZERO));
        assert_eq!(size, 3 + GROUP);
        assert_eq!((group.len(), queue.len()), (3, 1));
    }

    #[test]
    fn the_wait_for_the_clients_of_the_last_group_is_bounded() {
        let (_jobs, mut queue) = mpsc::channel(8);
        let start = Instant::now();
        let last = (64, Duration::from_secs(3_600));
        gather(&mut vec![job(1)], &mut queue, last);
        let waited = start.elapsed();
        // Without the maximum, the wait would be half an hour.
        assert!(waited >= MAX_WAIT && waited < Duration::from_secs(600));
    }
}
