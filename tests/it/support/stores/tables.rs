//! Tables of the embedded store: the audit reads the rows, tests corrupt them.

use std::path::Path;

use redb::{Database, Table, TableDefinition, WriteTransaction};

/// (learner, course).
type EnrolmentKey = (u128, u128);
/// (learner, course, session).
type SessionKey = (u128, u128, u128);
/// (modules, score, time, occurred at in ms, local day, optional fields).
type SessionRow = (f64, f64, f64, i64, i32, &'static [u8]);
/// (learner, course, occurred at in ms, session).
type TimelineKey = (u128, u128, i64, u128);
/// (learner, latest session in ms, course).
type CourseKey = (u128, i64, u128);
/// (course, bucket).
type SummaryKey = (u128, u16);
/// (course, bucket, learner).
type RosterKey = (u128, u16, u128);

pub(crate) const SESSIONS: TableDefinition<'_, SessionKey, SessionRow> =
    TableDefinition::new("sessions");
pub(crate) const TOTALS: TableDefinition<'_, EnrolmentKey, &str> = TableDefinition::new("totals");
pub(crate) const TIMELINE: TableDefinition<'_, TimelineKey, ()> = TableDefinition::new("timeline");
pub(crate) const COURSES: TableDefinition<'_, CourseKey, ()> = TableDefinition::new("courses");
pub(crate) const SUMMARY: TableDefinition<'_, SummaryKey, &str> = TableDefinition::new("summary");
pub(crate) const ROSTER: TableDefinition<'_, RosterKey, ()> = TableDefinition::new("roster");

/// All tables of one write transaction.
pub(crate) struct Tables<'txn> {
    pub(crate) sessions: Table<'txn, SessionKey, SessionRow>,
    pub(crate) totals: Table<'txn, EnrolmentKey, &'static str>,
    pub(crate) timeline: Table<'txn, TimelineKey, ()>,
    pub(crate) courses: Table<'txn, CourseKey, ()>,
    pub(crate) summary: Table<'txn, SummaryKey, &'static str>,
    pub(crate) roster: Table<'txn, RosterKey, ()>,
}

impl<'txn> Tables<'txn> {
    fn open(write: &'txn WriteTransaction) -> Self {
        Self {
            sessions: write.open_table(SESSIONS).unwrap(),
            totals: write.open_table(TOTALS).unwrap(),
            timeline: write.open_table(TIMELINE).unwrap(),
            courses: write.open_table(COURSES).unwrap(),
            summary: write.open_table(SUMMARY).unwrap(),
            roster: write.open_table(ROSTER).unwrap(),
        }
    }
}

/// Changes tables of a data directory in one transaction. The store must be closed.
pub(crate) fn change<T>(directory: &Path, change: impl FnOnce(&mut Tables<'_>) -> T) -> T {
    let database = Database::open(directory.join("study-stats.redb")).unwrap();
    let write = database.begin_write().unwrap();
    let mut tables = Tables::open(&write);
    let result = change(&mut tables);
    drop(tables);
    write.commit().unwrap();
    result
}
