//! Reads all rows of an embedded store from the file.

use std::path::Path;

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable};

use crate::support::audit::{Contents, bucket, summary, totals};
use crate::support::stores::history::stats;
use crate::support::stores::tables::{COURSES, ROSTER, SESSIONS, SUMMARY, TIMELINE, TOTALS};

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
    // Calls the function for each row of a table.
    macro_rules! rows {
        ($table:expr, |$key:pat_param, $value:ident| $each:expr) => {
            for row in snapshot.open_table($table).unwrap().iter().unwrap() {
                let ($key, $value) = row.map(|(key, value)| (key.value(), value)).unwrap();
                $each;
            }
        };
    }
    let mut contents = Contents::default();
    rows!(SESSIONS, |key, row| {
        let (modules, score, time, millis, _, _) = row.value();
        let session = (stats(modules, score, time), millis);
        contents.sessions.insert(key, session);
    });
    rows!(TOTALS, |key, row| contents
        .totals
        .insert(key, totals(row.value())));
    rows!(TIMELINE, |key, _row| contents.timelines.insert(key));
    rows!(COURSES, |key, _row| contents.courses.insert(key));
    rows!(SUMMARY, |key, row| contents
        .summaries
        .insert(key, summary(row.value())));
    rows!(ROSTER, |(course, of, learner), _row| {
        assert_eq!(of, bucket(learner));
        contents.rosters.insert((course, learner));
    });
    contents
}
