//! The embedded store: one redb file in the data directory, one process at a time.
//!
//! Writes go through one thread (`writer`), which commits all that wait in one transaction and
//! answers them once it is on disk. Reads see the last commit and never wait for a write.

mod deletes;
mod doctor;
mod file;
mod maintenance;
mod reads;
mod schema;
#[cfg(test)]
mod tests;
mod transaction;
mod writer;

use std::fs;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use redb::{ReadTransaction, ReadableDatabase};
use tokio::task::JoinError;

use super::maintenance::LastVerification;
use super::{StatsStore, StoreError};
use crate::domain::{
    CourseId, DeleteOutcome, Enrolment, LearnerId, ListedCourse, ListedSession, Outcome, Page,
    Record, Session, SessionId, Slice, Span, Summary, Totals,
};
use crate::error::StartError;
use file::{DatabaseFile, FILE};
use transaction::Tables;
use writer::{Clock, Writer};

/// Sessions and aggregates in an embedded database.
pub struct EmbeddedStore {
    file: Arc<DatabaseFile>,
    writer: Writer,
    timeout: Duration,
    last_verification: Mutex<Option<LastVerification>>,
}

impl EmbeddedStore {
    /// Opens the store in `directory`, which is created where it is missing. A call that takes
    /// longer than `timeout` fails.
    ///
    /// # Errors
    ///
    /// The directory or its database cannot be created, read or written, or another process has
    /// it open.
    pub fn open(directory: &Path, timeout: Duration) -> Result<Self, StartError> {
        fs::create_dir_all(directory).map_err(|error| {
            let shown = directory.display();
            StartError::Environment(format!("cannot create the data directory {shown}: {error}"))
        })?;
        Self::start(directory, timeout)
    }

    /// As [`open`](Self::open), but creates nothing.
    ///
    /// # Errors
    ///
    /// Also where there is no database yet.
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
        Ok(Self {
            file,
            writer,
            timeout,
            last_verification: Mutex::default(),
        })
    }

    fn last_verification(&self) -> MutexGuard<'_, Option<LastVerification>> {
        let last = self.last_verification.lock();
        last.unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `read` on a snapshot of the last commit, away from the threads that serve requests.
    async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    {
        let reading = self.away(|file| file.with(|database| read(&database.begin_read()?)));
        let result = tokio::time::timeout(self.timeout, reading).await;
        result.unwrap_or_else(|_| Err(self.too_slow()))
    }

    /// Runs `read` on a snapshot that it may look at for as long as it likes. It begins at once.
    ///
    /// It does not keep the file from being opened again, after which it fails.
    fn walk<T, F>(&self, read: F) -> impl Future<Output = Result<T, StoreError>> + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    {
        self.away(|file| read(&file.with(|database| Ok(database.begin_read()?))?))
    }

    /// Runs `action` on a thread of its own.
    fn away<T, F>(&self, action: F) -> impl Future<Output = Result<T, StoreError>> + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&DatabaseFile) -> Result<T, StoreError> + Send + 'static,
    {
        let file = Arc::clone(&self.file);
        let acting = tokio::task::spawn_blocking(move || action(&file));
        let failed = |failure: JoinError| StoreError::Unexpected(failure.to_string());
        async move { acting.await.map_err(failed)? }
    }

    /// Does `work`, on about so many sessions, in a transaction, and answers once it is on disk.
    async fn write<T, F>(&self, size: usize, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>, &mut Clock) -> Result<T, StoreError> + Send + 'static,
    {
        let writing = self.writer.write(size, work);
        let result = tokio::time::timeout(self.timeout, writing).await;
        result.unwrap_or_else(|_| Err(self.too_slow()))
    }

    fn too_slow(&self) -> StoreError {
        StoreError::Unavailable(format!("no answer from the disk within {:?}", self.timeout))
    }
}

#[async_trait]
impl StatsStore for EmbeddedStore {
    fn name(&self) -> &'static str {
        "embedded"
    }

    async fn record_many(&self, records: &[Record]) -> Vec<Result<Outcome, StoreError>> {
        let (count, records) = (records.len(), records.to_vec());
        let outcomes = self.write(count, move |tables, clock| {
            let outcomes = records
                .iter()
                .map(|record| tables.record(record, clock.now()));
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

    async fn delete_session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<DeleteOutcome, StoreError> {
        self.delete_session(enrolment, session).await
    }

    async fn delete_course(&self, enrolment: Enrolment) -> Result<DeleteOutcome, StoreError> {
        self.delete_course(enrolment).await
    }

    async fn erase(&self, learner: LearnerId) -> Result<DeleteOutcome, StoreError> {
        self.erase_learner(learner).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.writer.check()?;
        self.read(|_| Ok(())).await
    }
}
