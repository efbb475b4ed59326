//! The database file: opened at the start, and opened again after an I/O error.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use redb::Database;

use super::migration::{self, OpenError};
use crate::error::StartError;
use crate::store::StoreError;

/// Name of the database file in the data directory.
pub(super) const FILE: &str = "study-stats.redb";
/// Size of the part of a file that is checked before redb opens the file, in bytes: redb's header.
const HEADER: usize = 320;
/// Size of redb's cache in bytes. The page cache of the system holds further pages.
const CACHE_BYTES: usize = 64 << 20;

/// The open database, closed and opened again after an I/O error.
///
/// redb refuses further use of a database handle after an I/O error, also after a full disk. A new handle
/// to the file starts at the last commit.
pub(super) struct DatabaseFile {
    pub(super) path: PathBuf,
    /// `None` while the file cannot be opened again. Only [`reopen`](Self::reopen) takes the write lock.
    database: RwLock<Option<Database>>,
}

impl DatabaseFile {
    /// Opens the database in a directory; creates a missing file.
    pub(super) fn open(directory: &Path) -> Result<Self, StartError> {
        let path = directory.join(FILE);
        let database = open_database(&path).map_err(|error| explain(&error, directory))?;
        Ok(Self {
            path,
            database: RwLock::new(Some(database)),
        })
    }

    /// Runs `action` on the open database.
    pub(super) fn with<T>(
        &self,
        action: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // After a panic with the lock held, the handle is still valid.
        let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = guard.as_ref().ok_or_else(|| {
            StoreError::Unavailable("the database could not be opened again".into())
        })?;
        action(database)
    }

    /// Closes the database and opens the file again, once running reads of requests have ended.
    pub(super) fn reopen(&self) {
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

/// Opens a database file; creates a missing file and missing tables, and migrates data of a former version.
pub(super) fn open_database(path: &Path) -> Result<Database, OpenError> {
    let mut options = OpenOptions::new();
    // For this user only: the file has data of learners.
    options.read(true).write(true).create(true).mode(0o600);
    let file = options.open(path).map_err(redb::Error::from)?;
    if is_blank(file).map_err(redb::Error::from)? {
        return Err(OpenError::Blank);
    }
    let database = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create(path)
        .map_err(redb::Error::from)?;
    // A read transaction cannot create a table.
    migration::prepare(&database)?;
    Ok(database)
}

/// Returns whether a file that is not empty begins with zeros only, as a file does after a disk failure. redb
/// panics on such a file.
fn is_blank(mut file: File) -> io::Result<bool> {
    let mut start = [0; HEADER];
    let read = file.read(&mut start)?;
    Ok(read > 0 && start[..read].iter().all(|byte| *byte == 0))
}

/// Returns the error for an operator, with advice, of a database that cannot be opened.
fn explain(error: &OpenError, directory: &Path) -> StartError {
    let shown = directory.display();
    match error {
        OpenError::Database(redb::Error::DatabaseAlreadyOpen) => StartError::InUse(format!(
            "the data directory {shown} is in use by another process: stop it, or give this one a DATA_DIR of its own"
        )),
        OpenError::Database(redb::Error::Io(io)) if io.kind() == ErrorKind::PermissionDenied => {
            StartError::Environment(format!(
                "cannot write in the data directory {shown}: {io}: give this user the right to, or set DATA_DIR to another"
            ))
        }
        OpenError::Blank => StartError::Environment(format!(
            "the file {FILE} in the data directory {shown} has zeros in place of a database, as after a failure of the disk: move it away, and start from a backup or an export"
        )),
        _ => StartError::Environment(format!(
            "cannot open the database in the data directory {shown}: {error}"
        )),
    }
}

impl From<redb::Error> for StoreError {
    /// An I/O error is transient; invalid content of the file is not.
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(_) | redb::Error::PreviousIo | redb::Error::DatabaseClosed => {
                Self::Unavailable(error.to_string())
            }
            _ => Self::Unexpected(error.to_string()),
        }
    }
}

/// Converts an error of redb by way of `redb::Error`.
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
