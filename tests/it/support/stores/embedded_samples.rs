//! Data directories of the embedded store with sample enrolments.

use std::path::Path;

use study_stats::domain::{Enrolment, OccurredAt, Outcome, Record, SessionId};
use study_stats::store::StatsStore;
use study_stats::store::embedded::EmbeddedStore;
use tempfile::TempDir;

use crate::support::stores::history::stats;
use crate::support::{TIMEOUT, id};

/// Times of the sessions of each enrolment, in ms.
pub(crate) const TIMES: [i64; 3] = [1_000, 2_000, 3_000];

/// Enrolment of a new learner in a new course, with a session at each of the [`TIMES`].
#[derive(Clone, Copy)]
pub(crate) struct SampleEnrolment {
    pub(crate) enrolment: Enrolment,
    pub(crate) sessions: [SessionId; 3],
}

impl SampleEnrolment {
    fn new() -> Self {
        Self {
            enrolment: Enrolment::new(id(), id()),
            sessions: [id(), id(), id()],
        }
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = Record> + use<'_> {
        self.sessions.iter().zip(TIMES).map(|(session, at)| {
            let at = OccurredAt::from_utc_millis(at);
            Record::new(self.enrolment, *session, stats(1.5, -2.25, 1e12), Some(at))
        })
    }
}

/// Opens the store of a data directory.
pub(crate) fn open(directory: &Path) -> EmbeddedStore {
    EmbeddedStore::open(directory, TIMEOUT).unwrap()
}

/// Data directory with a number of sample enrolments. The store is closed.
pub(crate) async fn directory_of(count: usize) -> (TempDir, Vec<SampleEnrolment>) {
    let directory = tempfile::tempdir().unwrap();
    let samples: Vec<_> = (0..count).map(|_| SampleEnrolment::new()).collect();
    let records: Vec<_> = samples.iter().flat_map(SampleEnrolment::records).collect();
    let store = open(directory.path());
    for outcome in store.record_many(&records).await {
        assert_eq!(outcome.unwrap(), Outcome::Created);
    }
    (directory, samples)
}
