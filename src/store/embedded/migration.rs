//! Version of the layout in the file, and migration of data of the first version.
//!
//! The first version left no mark. Its tables of sessions, totals, summaries and erasures had other rows; the
//! indexes are the same. All is done in the transaction that opens the tables, so after an interruption the file
//! has the former data.

use redb::{Database, ReadableTable, TableDefinition, TableHandle, WriteTransaction};

use super::optional_fields::OptionalFields;
use super::schema::{
    META, RosterKey, SESSIONS, SUMMARY, SessionKey, SessionRow, SummaryKey, TOTALS,
};
use super::transaction::Tables;
use crate::domain::{Enrolment, Measures, OccurredAt, Session, Stats, Totals};
use crate::store::aggregate_text::{StoredSummary, StoredTotals};
use crate::store::{StoreError, TOMBSTONE};

/// Version of the layout that this program reads and writes.
pub(super) const VERSION: u64 = 2;
/// Name of the version among the properties.
const NAME: &str = "version";

/// Sessions in the first version: modules, score, time, instant and local day.
const FORMER_SESSIONS: TableDefinition<'_, SessionKey, (f64, f64, f64, i64, i32)> =
    TableDefinition::new("sessions of version 1");
/// Erasures in the first version: the time up to which a learner's records are refused, in milliseconds since 1970.
const FORMER_ERASURES: TableDefinition<'_, u128, i64> = TableDefinition::new("erased");

/// Error of a database that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// The file cannot be opened or written.
    #[error(transparent)]
    Database(#[from] redb::Error),
    /// The file has zeros in place of a database.
    #[error("the file has zeros in place of a database")]
    Blank,
    /// The data are of a later version.
    #[error(
        "the data have version {0}, and this program reads version {VERSION}: start the newer version of study-stats"
    )]
    Newer(u64),
    /// The data of a former version cannot be migrated.
    #[error("the data cannot be migrated: {0}")]
    Migration(#[from] StoreError),
}

/// Creates missing tables, and migrates data of a former version.
pub(super) fn prepare(database: &Database) -> Result<(), OpenError> {
    let write = database.begin_write().map_err(redb::Error::from)?;
    match version(&write)? {
        Some(VERSION) => {}
        Some(newer) => return Err(OpenError::Newer(newer)),
        None => {
            if has_table(&write, SESSIONS.name())? {
                tracing::info!("migrating the data of version 1");
                migrate(&write)?;
            }
            let mut meta = write.open_table(META).map_err(redb::Error::from)?;
            meta.insert(NAME, VERSION).map_err(redb::Error::from)?;
        }
    }
    Tables::open(&write).map_err(redb::Error::from)?;
    write.commit().map_err(redb::Error::from)?;
    Ok(())
}

/// Reads the version of the data; `None` for data of the first version, and for a new file.
fn version(write: &WriteTransaction) -> Result<Option<u64>, redb::Error> {
    let meta = write.open_table(META)?;
    let version = meta.get(NAME)?.map(|version| version.value());
    Ok(version)
}

fn has_table(write: &WriteTransaction, name: &str) -> Result<bool, redb::Error> {
    Ok(write.list_tables()?.any(|table| table.name() == name))
}

/// Copies the sessions and the erasures into the rows of this version, and recounts the aggregates.
fn migrate(write: &WriteTransaction) -> Result<(), StoreError> {
    write.rename_table(SESSIONS, FORMER_SESSIONS)?;
    write.delete_table(TOTALS)?;
    write.delete_table(SUMMARY)?;
    {
        let mut tables = Tables::open(write)?;
        migrate_sessions(write, &mut tables)?;
        let lifetime = i64::try_from(TOMBSTONE.as_millis()).unwrap_or(i64::MAX);
        for row in write.open_table(FORMER_ERASURES)?.iter()? {
            let (learner, erased_at) = row?;
            let expires = erased_at.value().saturating_add(lifetime);
            let row = (erased_at.value(), expires);
            tables.erasures.insert(learner.value(), row)?;
        }
    }
    write.delete_table(FORMER_SESSIONS)?;
    write.delete_table(FORMER_ERASURES)?;
    Ok(())
}

/// Copies the sessions, with the time of each as the version, and writes the aggregates. The sessions are in the
/// order of the enrolments.
fn migrate_sessions(write: &WriteTransaction, tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let mut counted: Option<(Enrolment, Totals)> = None;
    for row in write.open_table(FORMER_SESSIONS)?.iter()? {
        let (key, row) = row?;
        let (key, (modules, score, time, millis, local_day)) = (key.value(), row.value());
        let mut optional = OptionalFields::default();
        optional.set_version(Some(millis));
        let row = SessionRow {
            measures: Measures::from([modules, score, time]),
            occurred_at: OccurredAt { millis, local_day },
            optional,
        };
        // A verification reports a row that is no session.
        let stats =
            Session::try_from(&row).map_or_else(|_| Stats::default(), |session| session.stats);
        tables.sessions.insert(key, row)?;
        counted = match counted {
            Some((enrolment, totals)) if enrolment == key.enrolment => {
                Some((enrolment, totals.with(&stats)))
            }
            former => {
                write_aggregates(tables, former)?;
                Some((key.enrolment, Totals::default().with(&stats)))
            }
        };
    }
    write_aggregates(tables, counted)
}

/// Writes the totals of an enrolment, the entry in the roster, and the totals' part in the summary.
fn write_aggregates(
    tables: &mut Tables<'_>,
    counted: Option<(Enrolment, Totals)>,
) -> Result<(), StoreError> {
    let Some((enrolment, totals)) = counted else {
        return Ok(());
    };
    let revision = totals.sessions;
    tables.write_totals(enrolment, StoredTotals { totals, revision })?;
    tables.roster.insert(RosterKey::of(enrolment), ())?;
    let key = SummaryKey::of(enrolment);
    let row = tables.summary.get(key)?.map(|row| row.value().parse());
    let mut stored: StoredSummary = row.transpose()?.unwrap_or_default();
    stored.summary.learners += 1;
    stored.summary.totals = stored.summary.totals + totals;
    stored.revision += revision;
    tables.write_summary(key, stored)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use redb::{ReadableDatabase, StorageBackend};

    use super::*;

    /// Database file of the first version.
    const FILE: &[u8] = include_bytes!("../../../tests/it/data/version-1/study-stats.redb");
    /// Number of sessions in the file.
    const SESSIONS: u64 = 164;

    /// File whose process ends after a number of changes.
    #[derive(Debug, Clone)]
    struct Mortal {
        content: Arc<Mutex<Vec<u8>>>,
        changes_left: Arc<AtomicUsize>,
    }

    impl Mortal {
        fn new(content: Vec<u8>, changes_left: usize) -> Self {
            Self {
                content: Arc::new(Mutex::new(content)),
                changes_left: Arc::new(AtomicUsize::new(changes_left)),
            }
        }

        fn open(&self) -> Result<Database, redb::DatabaseError> {
            Database::builder().create_with_backend(self.clone())
        }

        fn change(&self, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
            let left = self.changes_left.load(Ordering::Relaxed);
            let Some(left) = left.checked_sub(1) else {
                return Err(io::Error::other("the process has ended"));
            };
            self.changes_left.store(left, Ordering::Relaxed);
            change(&mut self.content.lock().unwrap());
            Ok(())
        }
    }

    impl StorageBackend for Mortal {
        fn len(&self) -> io::Result<u64> {
            Ok(self.content.lock().unwrap().len() as u64)
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            let content = self.content.lock().unwrap();
            let start = usize::try_from(offset).unwrap();
            out.copy_from_slice(&content[start..start + out.len()]);
            Ok(())
        }

        fn set_len(&self, length: u64) -> io::Result<()> {
            self.change(|content| content.resize(usize::try_from(length).unwrap(), 0))
        }

        fn sync_data(&self) -> io::Result<()> {
            self.change(|_| ())
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            let start = usize::try_from(offset).unwrap();
            self.change(|content| content[start..start + data.len()].copy_from_slice(data))
        }
    }

    /// Number of sessions of all summaries.
    fn counted(database: &Database) -> u64 {
        let table = database.begin_read().unwrap().open_table(SUMMARY).unwrap();
        let rows = table.iter().unwrap().map(|row| {
            let stored: StoredSummary = row.unwrap().1.value().parse().unwrap();
            stored.summary.totals.sessions
        });
        rows.sum()
    }

    #[test]
    fn a_migration_that_is_interrupted_anywhere_starts_again_from_the_former_data() {
        let (mut changes, mut interruptions) = (1, 0);
        loop {
            let file = Mortal::new(FILE.to_vec(), changes);
            let migrated = file
                .open()
                .map_err(redb::Error::from)
                .map_err(OpenError::from);
            let migrated = migrated.and_then(|database| prepare(&database));
            let content = file.content.lock().unwrap().clone();
            let reopened = Mortal::new(content, usize::MAX).open().unwrap();
            prepare(&reopened).unwrap();
            assert_eq!(counted(&reopened), SESSIONS, "after {changes} changes");
            if migrated.is_ok() {
                break;
            }
            (changes, interruptions) = (changes + 1, interruptions + 1);
        }
        assert!(interruptions > 10, "{interruptions}");
    }
}
