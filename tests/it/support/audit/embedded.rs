//! Reads all rows of an embedded store from the file.

use std::path::Path;

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition};
use study_stats::domain::{Decimal, Measures, Summary, Totals};

use crate::support::audit::Contents;
use crate::support::stores::history::stats;
use crate::support::stores::tables::{COURSES, SESSIONS, SUMMARY, TIMELINE, TOTALS, TotalsRow};

/// Asserts that all aggregates and indexes in the directory equal a recount of the sessions, and
/// returns the number of sessions.
///
/// The store may be open, but must be idle. Reads a copy of the file, as a second process cannot open
/// the database: the copy equals the file after a crash.
pub(crate) fn audit(directory: &Path) -> usize {
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy.redb");
    std::fs::copy(directory.join("study-stats.redb"), &copy).unwrap();
    let database = Database::open(copy).unwrap();
    contents(&database.begin_read().unwrap()).audit()
}

fn contents(snapshot: &ReadTransaction) -> Contents {
    let sessions = rows(snapshot, SESSIONS).map(|(key, (m, s, t, millis, _))| {
        let session = (stats(m, s, t), millis);
        (key, session)
    });
    let totals = rows(snapshot, TOTALS).map(|(key, row)| (key, totals_of(row)));
    let summaries = rows(snapshot, SUMMARY).map(|(key, (learners, row))| {
        let totals = totals_of(row);
        (key, Summary { learners, totals })
    });
    Contents {
        sessions: sessions.collect(),
        totals: totals.collect(),
        timelines: rows(snapshot, TIMELINE).map(|(key, ())| key).collect(),
        courses: rows(snapshot, COURSES).map(|(key, ())| key).collect(),
        summaries: summaries.collect(),
        rosters: Default::default(),
    }
}

fn totals_of((sessions, modules, score, time): TotalsRow) -> Totals {
    let sums =
        Measures::from([modules, score, time]).map(|sum: i128| Decimal::from_scaled(sum.into()));
    Totals { sessions, sums }
}

/// Rows of a table.
fn rows<K, V>(
    snapshot: &ReadTransaction,
    table: TableDefinition<'_, K, V>,
) -> impl Iterator<Item = (K, V)>
where
    K: redb::Key + 'static + for<'a> redb::Value<SelfType<'a> = K>,
    V: redb::Value + 'static + for<'a> redb::Value<SelfType<'a> = V>,
{
    let table = snapshot.open_table(table).unwrap();
    let rows = table.iter().unwrap().map(Result::unwrap);
    let rows: Vec<_> = rows
        .map(|(key, value)| (key.value(), value.value()))
        .collect();
    rows.into_iter()
}
