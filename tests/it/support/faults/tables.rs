//! The embedded store's tables, for tests that break them.

use std::path::Path;

use redb::{Database, ReadableTable, Table, TableDefinition, WriteTransaction};
use study_stats::domain::CourseId;

/// (learner, course, session).
type SessionKey = (u128, u128, u128);
/// (modules, score, time, occurred at in ms, local day).
type SessionRow = (f64, f64, f64, i64, i32);
/// (sessions, modules, score, time).
type TotalsRow = (u64, i128, i128, i128);

const SESSIONS: TableDefinition<'_, SessionKey, SessionRow> = TableDefinition::new("sessions");
const TOTALS: TableDefinition<'_, (u128, u128), TotalsRow> = TableDefinition::new("totals");
const TIMELINE: TableDefinition<'_, (u128, u128, i64, u128), ()> = TableDefinition::new("timeline");
const COURSES: TableDefinition<'_, (u128, i64, u128), ()> = TableDefinition::new("courses");
const SUMMARY: TableDefinition<'_, (u128, u16), (u64, TotalsRow)> = TableDefinition::new("summary");

/// All tables of a database that nobody has open, to be changed.
pub(crate) struct Tables<'txn> {
    pub(crate) sessions: Table<'txn, SessionKey, SessionRow>,
    pub(crate) totals: Table<'txn, (u128, u128), TotalsRow>,
    pub(crate) timeline: Table<'txn, (u128, u128, i64, u128), ()>,
    pub(crate) courses: Table<'txn, (u128, i64, u128), ()>,
    pub(crate) summary: Table<'txn, (u128, u16), (u64, TotalsRow)>,
}

impl<'txn> Tables<'txn> {
    fn open(write: &'txn WriteTransaction) -> Self {
        Self {
            sessions: write.open_table(SESSIONS).unwrap(),
            totals: write.open_table(TOTALS).unwrap(),
            timeline: write.open_table(TIMELINE).unwrap(),
            courses: write.open_table(COURSES).unwrap(),
            summary: write.open_table(SUMMARY).unwrap(),
        }
    }

    /// A course's only summary: its bucket, and what it holds.
    pub(crate) fn only_summary(&self, course: CourseId) -> (u16, (u64, TotalsRow)) {
        let course = course.as_u128();
        let mut all = self
            .summary
            .range((course, 0)..=(course, u16::MAX))
            .unwrap();
        let (key, row) = all.next().unwrap().unwrap();
        (key.value().1, row.value())
    }
}

/// Changes the tables in a data directory.
pub(crate) fn change<T>(directory: &Path, change: impl FnOnce(&mut Tables<'_>) -> T) -> T {
    let database = Database::open(directory.join("study-stats.redb")).unwrap();
    let write = database.begin_write().unwrap();
    let mut tables = Tables::open(&write);
    let result = change(&mut tables);
    drop(tables);
    write.commit().unwrap();
    result
}
