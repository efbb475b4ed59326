//! Tables against a recount of the sessions, tombstones and timeouts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rand::Rng;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition};
use tempfile::TempDir;
use uuid::Uuid;

use super::EmbeddedStore;
use super::schema::{
    COURSES, CourseKey, ERASURES, ROSTER, RosterKey, SESSIONS, SUMMARY, SummaryKey, TIMELINE,
    TOTALS,
};
use super::transaction::Tables;
use crate::domain::{
    Amount, Enrolment, LearnerId, Limits, OccurredAt, Outcome, Record, Score, Session, SessionId,
    Stats, Summary, Totals,
};
use crate::store::aggregate_text::{StoredSummary, StoredTotals};
use crate::store::{StatsStore, StoreError};

struct Fixture {
    database: Database,
    _directory: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = super::file::open_database(&directory.path().join("test.redb")).unwrap();
        Self {
            database,
            _directory: directory,
        }
    }

    /// Runs `work` in a transaction.
    fn write<T>(&self, work: impl FnOnce(&mut Tables<'_>) -> T) -> T {
        let write = self.database.begin_write().unwrap();
        let mut tables = Tables::open(&write).unwrap();
        let result = work(&mut tables);
        drop(tables);
        write.commit().unwrap();
        result
    }

    /// Stores records in a transaction.
    fn record(&self, records: &[Record]) -> Vec<Outcome> {
        let now = OccurredAt::from_utc_millis(0);
        let records = records.iter();
        self.write(|tables| {
            records
                .map(|record| tables.record(record, now, Limits::default()).unwrap())
                .collect()
        })
    }

    fn snapshot(&self) -> ReadTransaction {
        self.database.begin_read().unwrap()
    }
}

/// Returns all rows of a table.
fn rows<K, V>(snapshot: &ReadTransaction, table: TableDefinition<'_, K, V>) -> Vec<(K, V)>
where
    K: redb::Key + 'static + for<'a> redb::Value<SelfType<'a> = K>,
    V: redb::Value + 'static + for<'a> redb::Value<SelfType<'a> = V>,
{
    let table = snapshot.open_table(table).unwrap();
    table
        .iter()
        .unwrap()
        .map(|row| {
            row.map(|(key, value)| (key.value(), value.value()))
                .unwrap()
        })
        .collect()
}

/// Returns all rows of a table of texts, parsed.
fn texts<K, V>(
    snapshot: &ReadTransaction,
    table: TableDefinition<'_, K, &'static str>,
    parse: fn(&str) -> V,
) -> Vec<(K, V)>
where
    K: redb::Key + 'static + for<'a> redb::Value<SelfType<'a> = K>,
{
    let table = snapshot.open_table(table).unwrap();
    let rows = table.iter().unwrap().map(Result::unwrap);
    rows.map(|(key, text)| (key.value(), parse(text.value())))
        .collect()
}

fn totals_of(text: &str) -> Totals {
    text.parse::<StoredTotals>().unwrap().totals
}

fn summary_of(text: &str) -> Summary {
    text.parse::<StoredSummary>().unwrap().summary
}

/// Returns a random record of few learners, courses and sessions, so that all recur.
fn record(random: &mut impl rand::Rng) -> Record {
    let mut id = |count| Uuid::from_u128(random.random_range(0..count));
    let (learner, course, session) = (id(3).into(), id(2).into(), id(9).into());
    let mut number = || random.random::<f64>() * 1_000.0;
    let stats = Stats {
        modules: Amount::new(number()).unwrap(),
        score: Score::new(-number()).unwrap(),
        time: Amount::new(number()).unwrap(),
    };
    let millis = random.random_range(-500..500);
    let at = OccurredAt::from_utc_millis(millis);
    Record::new(Enrolment::new(learner, course), session, stats, Some(at))
}

#[test]
fn every_table_is_a_recount_of_the_sessions() {
    let (fixture, mut random) = (Fixture::new(), rand::rng());
    for turn in 0..60 {
        fixture.record(&(0..25).map(|_| record(&mut random)).collect::<Vec<_>>());
        assert_recount(&fixture.snapshot());
        let Record { enrolment, .. } = record(&mut random);
        fixture.write(|tables| {
            if turn % 5 == 0 {
                // Between the times of later records.
                let now = OccurredAt::from_utc_millis(-500 + turn * 8);
                tables.erase(enrolment.learner, now).unwrap();
            }
            // Some or all stored sessions, and a missing session.
            let last = tables.last_sessions(enrolment, None, random.random_range(0..12));
            let last = last.unwrap().into_iter().map(|last| last.id);
            let ids = last.chain([Uuid::from_u128(99)]);
            let ids: Vec<SessionId> = ids.map(SessionId::from).collect();
            let deleted = tables.delete(enrolment, &ids).unwrap();
            assert_eq!(deleted, ids.len() - 1);
        });
        assert_recount(&fixture.snapshot());
    }
}

fn assert_recount(snapshot: &ReadTransaction) {
    let mut totals: BTreeMap<Enrolment, Totals> = BTreeMap::new();
    let mut summary: BTreeMap<SummaryKey, (BTreeSet<LearnerId>, Totals)> = BTreeMap::new();
    let mut latest: BTreeMap<Enrolment, i64> = BTreeMap::new();
    let mut timeline = BTreeSet::new();
    for (key, row) in rows(snapshot, SESSIONS) {
        let session = Session::try_from(&row).unwrap();
        let at = session.occurred_at.millis;
        let total = totals.entry(key.enrolment).or_default();
        *total = total.with(&session.stats);
        let (learners, total) = summary.entry(SummaryKey::of(key.enrolment)).or_default();
        learners.insert(key.enrolment.learner);
        *total = total.with(&session.stats);
        let latest = latest.entry(key.enrolment).or_insert(at);
        *latest = at.max(*latest);
        timeline.insert(key.timeline(at));
    }
    let enrolments: Vec<_> = totals.keys().copied().collect();
    assert_eq!(
        texts(snapshot, TOTALS, totals_of),
        totals.into_iter().collect::<Vec<_>>()
    );
    let mut roster: Vec<_> = enrolments
        .into_iter()
        .map(|key| (RosterKey::of(key), ()))
        .collect();
    roster.sort_unstable();
    assert_eq!(rows(snapshot, ROSTER), roster);
    let summary = summary.into_iter().map(|(key, (learners, totals))| {
        let learners = learners.len() as u64;
        (key, Summary { learners, totals })
    });
    assert_eq!(
        texts(snapshot, SUMMARY, summary_of),
        summary.collect::<Vec<_>>()
    );
    let timeline = timeline.into_iter().map(|key| (key, ()));
    assert_eq!(rows(snapshot, TIMELINE), timeline.collect::<Vec<_>>());
    let courses: BTreeSet<_> = latest
        .into_iter()
        .map(|(enrolment, at)| CourseKey::of(enrolment, at))
        .collect();
    let courses = courses.into_iter().map(|key| (key, ()));
    assert_eq!(rows(snapshot, COURSES), courses.collect::<Vec<_>>());
}

#[test]
fn records_up_to_the_time_of_an_erasure_are_refused_for_thirty_days() {
    let (fixture, mut random) = (Fixture::new(), rand::rng());
    let one = record(&mut random);
    let (erased, later) = (1_000, 1_000 + 30 * 86_400_000);
    fixture.write(|tables| {
        for now in [erased, erased - 1] {
            let now = OccurredAt::from_utc_millis(now);
            tables.erase(one.enrolment.learner, now).unwrap();
        }
    });
    let at = |millis| one.at(OccurredAt::from_utc_millis(millis));
    assert_eq!(
        fixture.record(&[at(999), at(1_000), at(1_001)]),
        [Outcome::Erased, Outcome::Erased, Outcome::Created]
    );
    let without_a_time = Record {
        occurred_at: None,
        version: None,
        ..one
    };
    assert_eq!(
        fixture.record(&[without_a_time]),
        [Outcome::Replaced],
        "now is 0 here, and yet after the erasure"
    );
    let record_at = |now, record| {
        let now = OccurredAt::from_utc_millis(now);
        fixture.write(|tables| tables.record(&record, now, Limits::default()).unwrap())
    };
    let other = Record {
        session: Uuid::from_u128(99).into(),
        ..at(1_000)
    };
    assert_eq!(record_at(later - 1, other), Outcome::Erased);
    assert_eq!(record_at(later, other), Outcome::Created);
    assert_eq!(rows(&fixture.snapshot(), ERASURES), []);
}

/// Holds the write lock of the database until the returned sender is dropped.
fn hold_write_lock(store: &EmbeddedStore) -> mpsc::Sender<()> {
    let file = Arc::clone(&store.file);
    let (lock, dropped) = mpsc::channel::<()>();
    let (started, starting) = mpsc::channel();
    thread::spawn(move || {
        file.with(|database| {
            let write = database.begin_write()?;
            started.send(()).unwrap();
            // Returns an error once the sender is dropped.
            let _ = dropped.recv();
            Ok(write.abort()?)
        })
    });
    starting.recv().unwrap();
    lock
}

#[tokio::test]
async fn a_read_does_not_wait_for_a_write() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), Duration::from_secs(60)).unwrap();
    let record = record(&mut rand::rng());
    store.record(&record).await.unwrap();
    let _writing = hold_write_lock(&store);
    let totals = store.totals(record.enrolment).await.unwrap();
    assert_eq!(totals.unwrap().sessions, 1);
}

#[tokio::test]
async fn a_write_past_the_timeout_is_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), Duration::from_millis(1)).unwrap();
    let _writing = hold_write_lock(&store);
    let outcome = store.record(&record(&mut rand::rng())).await;
    assert!(
        matches!(outcome, Err(StoreError::Unavailable(_))),
        "{outcome:?}"
    );
}
