//! The embedded store: one redb file in the data directory, one process at a time.
//!
//! - `writer`: a thread commits all waiting writes in a transaction, and returns the results once the
//!   commit is on disk. Reads see the snapshot of the last commit and never wait for a write.
//! - `schema`: keys, rows and tables; `tuples`: their layout in the file; `migration`: the version of the layout.
//! - `transaction`, `deletes`: changes; `reads`: reads of requests.
//! - `maintenance`, `doctor`: operations for operators.

mod clock;
mod deletes;
mod doctor;
mod file;
mod ledger;
mod maintenance;
mod migration;
mod optional_fields;
mod reads;
mod schema;
#[cfg(test)]
mod tests;
mod transaction;
mod tuples;
mod writer;

use std::fs::DirBuilder;
use std::future::Future;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use redb::{ReadTransaction, ReadableDatabase};
use tokio::task::JoinError;

use super::maintenance::LastVerification;
use super::{StatsStore, StoreError};
use crate::domain::{
    CourseId, DeleteOutcome, Enrolment, LearnerId, Limits, ListedCourse, ListedSession, Outcome,
    Page, Record, Roster, Session, SessionId, Slice, Span, Summary, Totals,
};
use crate::error::StartError;
use crate::telemetry::metrics;
use clock::MonotonicClock;
use file::{DatabaseFile, FILE};
use transaction::Tables;
use writer::Writer;

/// Store of sessions and aggregates in an embedded database.
pub struct EmbeddedStore {
    file: Arc<DatabaseFile>,
    writer: Writer,
    timeout: Duration,
    limits: Limits,
    last_verification: Mutex<Option<LastVerification>>,
}

impl EmbeddedStore {
    /// Opens the store in `directory`, and creates a missing directory or database. `timeout` is the timeout
    /// of each operation for requests.
    ///
    /// # Errors
    ///
    /// Returns an error where the directory or the database cannot be created, read or written, or another
    /// process has the database open.
    pub fn open(directory: &Path, timeout: Duration) -> Result<Self, StartError> {
        let mut directories = DirBuilder::new();
        directories.recursive(true).mode(0o700);
        directories.create(directory).map_err(|error| {
            let shown = directory.display();
            StartError::Environment(format!("cannot create the data directory {shown}: {error}"))
        })?;
        Self::start(directory, timeout)
    }

    /// Opens the store as [`open`](Self::open) does, but creates neither a directory nor a database.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and where the directory has no database.
    pub fn open_existing(directory: &Path, timeout: Duration) -> Result<Self, StartError> {
        if !directory.join(FILE).exists() {
            let shown = directory.display();
            return Err(StartError::Environment(format!(
                "there is no database in the data directory {shown}: set DATA_DIR to the service's"
            )));
        }
        Self::start(directory, timeout)
    }

    fn start(directory: &Path, timeout: Duration) -> Result<Self, StartError> {
        let file = Arc::new(DatabaseFile::open(directory)?);
        let writer = Writer::start(Arc::clone(&file)).map_err(|error| {
            StartError::Environment(format!("cannot start the store's writer thread: {error}"))
        })?;
        // Registers the metrics, which are then 0 before the first commit.
        metrics::embedded(|_| {});
        Ok(Self {
            file,
            writer,
            timeout,
            limits: Limits::default(),
            last_verification: Mutex::default(),
        })
    }

    /// Same store with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    fn last_verification(&self) -> MutexGuard<'_, Option<LastVerification>> {
        let last = self.last_verification.lock();
        last.unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `read` on a snapshot of the last commit, on a thread for blocking work, with the timeout of the
    /// store.
    async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    {
        let reading = self.run_blocking(|file| file.with(|database| read(&database.begin_read()?)));
        let result = tokio::time::timeout(self.timeout, reading).await;
        result.unwrap_or_else(|_| Err(self.timed_out()))
    }

    /// Runs `read` on a snapshot of the last commit without a timeout. Starts before the future is polled.
    ///
    /// Does not delay a reopening of the file, after which `read` fails.
    fn read_long<T, F>(&self, read: F) -> impl Future<Output = Result<T, StoreError>> + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    {
        self.run_blocking(|file| read(&file.with(|database| Ok(database.begin_read()?))?))
    }

    /// Runs `action` on a thread for blocking work.
    fn run_blocking<T, F>(
        &self,
        action: F,
    ) -> impl Future<Output = Result<T, StoreError>> + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&DatabaseFile) -> Result<T, StoreError> + Send + 'static,
    {
        let file = Arc::clone(&self.file);
        let running = tokio::task::spawn_blocking(move || action(&file));
        let failed = |failure: JoinError| StoreError::Unexpected(failure.to_string());
        async move { running.await.map_err(failed)? }
    }

    /// Runs `work`, on about `size` sessions, in a transaction, and returns once the commit is on disk.
    async fn write<T, F>(&self, size: usize, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>, &mut MonotonicClock) -> Result<T, StoreError> + Send + 'static,
    {
        let writing = self.writer.write(size, work);
        let result = tokio::time::timeout(self.timeout, writing).await;
        result.unwrap_or_else(|_| Err(self.timed_out()))
    }

    fn timed_out(&self) -> StoreError {
        StoreError::Unavailable(format!("no answer from the disk within {:?}", self.timeout))
    }
}

#[async_trait]
impl StatsStore for EmbeddedStore {
    fn name(&self) -> &'static str {
        "embedded"
    }

    async fn record(&self, record: &Record) -> Result<Outcome, StoreError> {
        let (record, limits) = (*record, self.limits);
        let recording = self.write(1, move |tables, clock| {
            tables.record(&record, clock.now(), limits)
        });
        recording.await
    }

    async fn record_many(&self, records: &[Record]) -> Vec<Result<Outcome, StoreError>> {
        let (count, records, limits) = (records.len(), records.to_vec(), self.limits);
        let outcomes = self.write(count, move |tables, clock| {
            let outcomes = records
                .iter()
                .map(|record| tables.record(record, clock.now(), limits));
            outcomes.collect::<Result<Vec<_>, _>>()
        });
        match outcomes.await {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error); count],
        }
    }

    async fn session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        self.read(move |snapshot| reads::session(snapshot, enrolment, session))
            .await
    }

    async fn totals(&self, enrolment: Enrolment) -> Result<Option<Totals>, StoreError> {
        self.read(move |snapshot| reads::totals(snapshot, enrolment))
            .await
    }

    async fn sessions(
        &self,
        enrolment: Enrolment,
        span: Span,
        slice: Slice,
    ) -> Result<Page<ListedSession>, StoreError> {
        self.read(move |snapshot| reads::sessions(snapshot, enrolment, span, slice))
            .await
    }

    async fn courses(
        &self,
        learner: LearnerId,
        slice: Slice,
    ) -> Result<Page<ListedCourse>, StoreError> {
        self.read(move |snapshot| reads::courses(snapshot, learner, slice))
            .await
    }

    async fn summary(&self, course: CourseId) -> Result<Option<Summary>, StoreError> {
        self.read(move |snapshot| reads::summary(snapshot, course))
            .await
    }

    async fn roster(
        &self,
        course: CourseId,
        after: Option<LearnerId>,
        limit: usize,
    ) -> Result<Roster, StoreError> {
        self.read(move |snapshot| reads::roster(snapshot, course, after, limit))
            .await
    }

    async fn delete_session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<DeleteOutcome, StoreError> {
        deletes::session(self, enrolment, session).await
    }

    async fn delete_course(&self, enrolment: Enrolment) -> Result<DeleteOutcome, StoreError> {
        deletes::enrolment(self, enrolment).await
    }

    async fn erase(&self, learner: LearnerId) -> Result<(), StoreError> {
        deletes::learner(self, learner).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.writer.check_running()?;
        self.read(|_| Ok(())).await
    }
}
