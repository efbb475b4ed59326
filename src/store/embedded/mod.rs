//! The embedded store: one redb file in the data directory, one process at a time.
//!
//! Writes go through one thread (`writer`), which commits all that wait in one transaction and
//! answers them once it is on disk. Reads see the last commit and never wait for a write.

mod deletes;
mod reads;
mod schema;
#[cfg(test)]
mod tests;
mod transaction;
mod upkeep;
mod writer;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use redb::{Database, ReadTransaction, ReadableDatabase};

use super::{StatsStore, StoreError};
use crate::config::StartError;
use crate::domain::{
    CourseId, Deletion, LearnerId, ListedCourse, ListedSession, Outcome, Page, Record, Session,
    SessionId, Slice, Span, Summary, Totals,
};
use transaction::Tables;
use writer::{Clock, Writer};

/// The database's file in the data directory.
const FILE: &str = "study-stats.redb";
/// Memory for pages that were read; the system's page cache holds the rest.
const CACHE_BYTES: usize = 64 << 20;

/// Sessions and aggregates in an embedded database.
pub struct EmbeddedStore {
    file: Arc<DatabaseFile>,
    writer: Writer,
    timeout: Duration,
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
        let file = Arc::new(DatabaseFile::open(directory)?);
        let writer = Writer::start(Arc::clone(&file)).map_err(|error| {
            StartError::Environment(format!("cannot start the store's writer thread: {error}"))
        })?;
        Ok(Self {
            file,
            writer,
            timeout,
        })
    }

    /// Runs `read` on a snapshot of the last commit, away from the threads that serve requests.
    async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    {
        let file = Arc::clone(&self.file);
        let reading = tokio::task::spawn_blocking(move || {
            file.with(|database| read(&database.begin_read()?))
        });
        match tokio::time::timeout(self.timeout, reading).await {
            Ok(Ok(result)) => result,
            Ok(Err(failure)) => Err(StoreError::Unexpected(failure.to_string())),
            Err(_) => Err(self.too_slow()),
        }
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
        learner: LearnerId,
        course: CourseId,
        session: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        self.read(move |snapshot| reads::session(snapshot, learner, course, session))
            .await
    }

    async fn totals(
        &self,
        learner: LearnerId,
        course: CourseId,
    ) -> Result<Option<Totals>, StoreError> {
        self.read(move |snapshot| reads::totals(snapshot, learner, course))
            .await
    }

    async fn sessions(
        &self,
        learner: LearnerId,
        course: CourseId,
        span: Span,
        slice: Slice,
    ) -> Result<Page<ListedSession>, StoreError> {
        self.read(move |snapshot| reads::sessions(snapshot, learner, course, span, slice))
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

    async fn forget_session(
        &self,
        learner: LearnerId,
        course: CourseId,
        session: SessionId,
    ) -> Result<Deletion, StoreError> {
        self.delete_session(learner, course, session).await
    }

    async fn forget_course(
        &self,
        learner: LearnerId,
        course: CourseId,
    ) -> Result<Deletion, StoreError> {
        self.delete_course(learner, course).await
    }

    async fn erase(&self, learner: LearnerId) -> Result<Deletion, StoreError> {
        self.erase_learner(learner).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.writer.check()?;
        self.read(|_| Ok(())).await
    }
}

/// The open database, which is closed and opened again after a failure of the disk.
///
/// redb refuses all further use of a database handle after an I/O error, a full disk included;
/// opening the file again finds it as of the last commit.
struct DatabaseFile {
    path: PathBuf,
    /// Empty while the file cannot be opened again. Taken for writing only to open it.
    database: RwLock<Option<Database>>,
}

impl DatabaseFile {
    fn open(directory: &Path) -> Result<Self, StartError> {
        let shown = directory.display();
        fs::create_dir_all(directory).map_err(|error| {
            StartError::Environment(format!("cannot create the data directory {shown}: {error}"))
        })?;
        let path = directory.join(FILE);
        let database = open_database(&path)
            .map_err(|error| StartError::Environment(explain(&error, directory)))?;
        Ok(Self {
            path,
            database: RwLock::new(Some(database)),
        })
    }

    /// Runs `action` on the open database.
    fn with<T>(
        &self,
        action: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // A panic elsewhere leaves the handle as usable as it was.
        let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = guard.as_ref().ok_or_else(|| {
            StoreError::Unavailable("the database could not be opened again".into())
        })?;
        action(database)
    }

    /// Closes the database and opens it again, once the reads under way have ended.
    fn reopen(&self) {
        let mut guard = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        drop(guard.take());
        match open_database(&self.path) {
            Ok(database) => *guard = Some(database),
            Err(error) => {
                tracing::error!(%error, "the embedded database could not be opened again")
            }
        }
    }
}

fn open_database(path: &Path) -> Result<Database, redb::Error> {
    let database = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create(path)
        .map_err(redb::Error::from)?;
    // Reads of an empty store find their tables.
    let write = database.begin_write()?;
    Tables::open(&write)?;
    write.commit()?;
    Ok(database)
}

/// Tells the operator why the database in `directory` cannot be opened, and what would be right.
fn explain(error: &redb::Error, directory: &Path) -> String {
    let shown = directory.display();
    match error {
        redb::Error::DatabaseAlreadyOpen => format!(
            "the data directory {shown} is in use by another process: stop it, or give this one a DATA_DIR of its own"
        ),
        redb::Error::Io(io) if io.kind() == ErrorKind::PermissionDenied => format!(
            "cannot write in the data directory {shown}: {io}: give this user the right to, or set DATA_DIR to another"
        ),
        _ => format!("cannot open the database in the data directory {shown}: {error}"),
    }
}

impl From<redb::Error> for StoreError {
    /// Trying again can help where the disk failed, not where its content is wrong.
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(_) | redb::Error::PreviousIo | redb::Error::DatabaseClosed => {
                Self::Unavailable(error.to_string())
            }
            _ => Self::Unexpected(error.to_string()),
        }
    }
}

macro_rules! through_redb_error {
    ($($kind:ident),*) => {$(
        impl From<redb::$kind> for StoreError {
            fn from(error: redb::$kind) -> Self {
                redb::Error::from(error).into()
            }
        }
    )*};
}
through_redb_error!(CommitError, StorageError, TableError, TransactionError);
