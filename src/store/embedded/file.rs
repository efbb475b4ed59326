//! The database's file: how it is opened, and opened again after a failure of the disk.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use redb::Database;

use super::transaction::Tables;
use crate::error::StartError;
use crate::store::StoreError;

/// The database's file in the data directory.
pub(super) const FILE: &str = "study-stats.redb";
/// Memory for pages that were read; the system's page cache holds the rest.
const CACHE_BYTES: usize = 64 << 20;

/// The open database, which is closed and opened again after a failure of the disk.
///
/// redb refuses all further use of a database handle after an I/O error, a full disk included;
/// opening the file again finds it as of the last commit.
pub(super) struct DatabaseFile {
    pub(super) path: PathBuf,
    /// Empty while the file cannot be opened again. Taken for writing only to open it.
    database: RwLock<Option<Database>>,
}

impl DatabaseFile {
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
        // A panic elsewhere leaves the handle as usable as it was.
        let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = guard.as_ref().ok_or_else(|| {
            StoreError::Unavailable("the database could not be opened again".into())
        })?;
        action(database)
    }

    /// Closes the database and opens it again, once the requests' reads under way have ended.
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

pub(super) fn open_database(path: &Path) -> Result<Database, redb::Error> {
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
fn explain(error: &redb::Error, directory: &Path) -> StartError {
    let shown = directory.display();
    match error {
        redb::Error::DatabaseAlreadyOpen => StartError::InUse(format!(
            "the data directory {shown} is in use by another process: stop it, or give this one a DATA_DIR of its own"
        )),
        redb::Error::Io(io) if io.kind() == ErrorKind::PermissionDenied => {
            StartError::Environment(format!(
                "cannot write in the data directory {shown}: {io}: give this user the right to, or set DATA_DIR to another"
            ))
        }
        _ => StartError::Environment(format!(
            "cannot open the database in the data directory {shown}: {error}"
        )),
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
