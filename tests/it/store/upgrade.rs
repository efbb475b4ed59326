//! Data of the first version of the layout: `data/version-1` has a database file and a snapshot of Redis, both with
//! the sessions of `records.jsonl`, written by the last program of that version.

use std::path::Path;
use std::sync::Arc;
use std::task::Poll;

use redb::{Database, TableDefinition};
use serde_json::Value;
use study_stats::domain::{
    Enrolment, LearnerId, OccurredAt, Outcome, Record, Session, SessionId, Summary,
};
use study_stats::store::StatsStore;
use study_stats::store::maintenance::{Maintenance, Upgrade};
use study_stats::store::redis::{Bounds, RedisStore};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc;

use crate::support::audit;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::stores::fixture::{connected, open_embedded, redis_settings};
use crate::support::stores::history::{LATER, recount, stats};
use crate::support::stores::maintenance;
use crate::support::stores::redis_fixture::RedisFixture;
use crate::support::stores::redis_keys::RedisKeys;
use crate::support::stores::topology::Topology;
use crate::support::{eventually, id};

const FILE: &[u8] = include_bytes!("../data/version-1/study-stats.redb");
const SNAPSHOT: &[u8] = include_bytes!("../data/version-1/dump.rdb");
const RECORDS: &str = include_str!("../data/version-1/records.jsonl");

/// Records of the stored sessions.
fn records() -> Vec<Record> {
    let records = RECORDS.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let id = |field: &str| line[field].as_str().unwrap().parse::<uuid::Uuid>().unwrap();
        let number = |field: &str| line[field].as_f64().unwrap();
        let time = OffsetDateTime::parse(line["occurredAt"].as_str().unwrap(), &Rfc3339).unwrap();
        let epoch = OffsetDateTime::UNIX_EPOCH;
        let at = OccurredAt {
            millis: i64::try_from((time - epoch).whole_milliseconds()).unwrap(),
            local_day: time.date().to_julian_day() - epoch.date().to_julian_day(),
        };
        let stats = stats(
            number("totalModulesStudied"),
            number("averageScore"),
            number("timeStudied"),
        );
        let enrolment = Enrolment::new(id("userId").into(), id("courseId").into());
        Record::new(enrolment, id("sessionId").into(), stats, Some(at))
    });
    records.collect()
}

/// Asserts that a store has exactly the sessions of the records, with the time of each as its version, and exact
/// aggregates.
async fn has_the_sessions(store: &impl StatsStore, records: &[Record]) {
    for record in records {
        let stored = store.session(record.enrolment, record.session).await;
        let expected = Session {
            stats: record.stats,
            occurred_at: record.occurred_at.unwrap(),
            version: record.version,
        };
        assert_eq!(stored.unwrap(), Some(expected));
        let Enrolment { course, .. } = record.enrolment;
        let of_the_enrolment = records
            .iter()
            .filter(|one| one.enrolment == record.enrolment);
        let totals = recount(of_the_enrolment.map(|one| &one.stats));
        assert_eq!(store.totals(record.enrolment).await.unwrap(), Some(totals));
        let in_course: Vec<_> = records
            .iter()
            .filter(|one| one.enrolment.course == course)
            .collect();
        let mut learners: Vec<_> = in_course.iter().map(|one| one.enrolment.learner).collect();
        learners.sort();
        learners.dedup();
        let summary = Summary {
            learners: learners.len() as u64,
            totals: recount(in_course.iter().map(|one| &one.stats)),
        };
        assert_eq!(store.summary(course).await.unwrap(), Some(summary));
        let roster = store.roster(course, None, 500).await.unwrap();
        assert_eq!(roster.learners.len(), learners.len());
    }
}

/// Asserts that a record of a learner who is erased as of [`LATER`] is refused.
async fn is_erased(store: &impl StatsStore, learner: LearnerId) {
    let at = OccurredAt::from_utc_millis(LATER);
    let record = Record::new(
        Enrolment::new(learner, id()),
        id(),
        stats(1.0, 2.0, 3.0),
        Some(at),
    );
    assert_eq!(store.record(&record).await.unwrap(), Outcome::Erased);
    let at = OccurredAt::from_utc_millis(LATER + 1);
    assert_eq!(
        store.record(&record.at(at)).await.unwrap(),
        Outcome::Created
    );
    store.delete_course(record.enrolment).await.unwrap();
}

/// Data directory of the first version, in which a learner is erased.
fn directory(erased: LearnerId) -> TempDir {
    const ERASED: TableDefinition<'_, u128, i64> = TableDefinition::new("erased");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("study-stats.redb");
    std::fs::write(&file, FILE).unwrap();
    let database = Database::open(file).unwrap();
    let write = database.begin_write().unwrap();
    let mut table = write.open_table(ERASED).unwrap();
    table.insert(erased.as_u128(), LATER).unwrap();
    drop(table);
    write.commit().unwrap();
    directory
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_database_is_migrated_when_it_is_opened() {
    let (records, erased) = (records(), id());
    let directory = directory(erased);
    for _ in 0..2 {
        let store = open_embedded(directory.path());
        has_the_sessions(&store, &records).await;
        is_erased(&store, erased).await;
        let (report, differences) = maintenance::verify(&store, false).await.unwrap();
        assert_eq!(differences, []);
        assert_eq!(report.sessions, records.len() as u64);
        assert_eq!(audit::embedded::audit(directory.path()), records.len());
    }
}

#[test]
fn an_embedded_database_of_a_later_version_is_refused() {
    const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
    let directory = tempfile::tempdir().unwrap();
    drop(open_embedded(directory.path()));
    set_version(directory.path(), META);
    let opened = study_stats::store::embedded::EmbeddedStore::open(
        directory.path(),
        crate::support::TIMEOUT,
    );
    let error = opened.err().unwrap().to_string();
    for text in [
        "the data have version 3",
        "reads version 2",
        "start the newer version",
    ] {
        assert!(error.contains(text), "{error}");
    }
}

fn set_version(directory: &Path, meta: TableDefinition<'_, &str, u64>) {
    let database = Database::open(directory.join("study-stats.redb")).unwrap();
    let write = database.begin_write().unwrap();
    write
        .open_table(meta)
        .unwrap()
        .insert("version", 3)
        .unwrap();
    write.commit().unwrap();
}

/// Redis with the data of the first version.
async fn redis() -> (Redis, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("dump.rdb"), SNAPSHOT).unwrap();
    let path = directory.path().display().to_string();
    let options = [IN_MEMORY, &["--dir", &path]].concat();
    (Redis::start(&options).await, directory)
}

/// Store for maintenance of the data of any version.
async fn unchecked(topology: &Topology) -> Arc<RedisStore> {
    connected(RedisStore::without_schema(&topology.url, &topology.settings).unwrap()).await
}

async fn upgrade(store: &RedisStore) -> Upgrade {
    let (events, mut received) = mpsc::channel(1);
    let (upgraded, ()) = tokio::join!(store.upgrade(events), async {
        while received.recv().await.is_some() {}
    });
    upgraded.unwrap()
}

/// Copies the data of the first version to an empty Redis, and adds an erasure.
async fn copy(fixture: &RedisFixture, erased: LearnerId) {
    let (redis, _directory) = redis().await;
    let keys: Vec<String> = redis.ask("KEYS *").await;
    for key in keys {
        let value: Vec<u8> = redis.ask(&format!("DUMP {key}")).await;
        let arguments = [b"0".to_vec(), value, b"REPLACE".to_vec()];
        fixture.command::<()>("RESTORE", &key, &arguments).await;
    }
    let key = Enrolment::new(erased, id()).erased_key();
    let later = LATER.to_string();
    let arguments = [&later, "PXAT", &later];
    fixture.command::<()>("SET", &key, &arguments).await;
    fixture.command::<()>("DEL", "ss:schema", &[""; 0]).await;
}

async fn data_of_the_first_version_are_upgraded(topology: Topology) {
    let (records, erased) = (records(), id());
    let fixture = RedisFixture::start(topology, Bounds::default()).await;
    copy(&fixture, erased).await;
    let topology = fixture.topology();
    // A replica that starts before the upgrade is not ready, and becomes ready by itself.
    let store = RedisStore::open(&topology.url, &redis_settings(&[])).unwrap();
    eventually("the version is known", || async {
        let version: Option<u32> = fixture.command("GET", "ss:schema", &[""; 0]).await;
        (version == Some(1)).then_some(())
    })
    .await;
    assert!(store.ping().await.is_err());

    let Upgrade::Done(report) = upgrade(&*unchecked(topology).await).await else {
        panic!("nothing to do");
    };
    assert!(report.is_consistent(), "{report:?}");
    assert_eq!(report.sessions, records.len() as u64);
    let store = connected(store).await;
    has_the_sessions(&*store, &records).await;
    is_erased(&*store, erased).await;
    assert_eq!(fixture.audit().await, records.len());
    assert_eq!(
        upgrade(&*unchecked(topology).await).await,
        Upgrade::NotNeeded
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_of_the_first_version_are_upgraded_on_a_single_redis() {
    data_of_the_first_version_are_upgraded(Topology::redis().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_of_the_first_version_are_upgraded_in_a_cluster() {
    data_of_the_first_version_are_upgraded(Topology::cluster().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_that_is_interrupted_anywhere_is_repeated() {
    let (records, erased) = (records(), id());
    let fixture = RedisFixture::start(
        Topology::redis().await,
        Bounds {
            remembered: 5,
            page: 3,
        },
    )
    .await;
    copy(&fixture, erased).await;
    let topology = fixture.topology();
    let mut interruptions = 0;
    loop {
        // A process that is killed sends nothing more; what it has sent may arrive.
        let store = unchecked(topology).await;
        let mut polls = 0;
        let mut running = Box::pin(upgrade(&store));
        let ended = std::future::poll_fn(|context| {
            polls += 1;
            match running.as_mut().poll(context) {
                Poll::Pending if polls > 3 * interruptions => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
                Poll::Ready(upgraded) => Poll::Ready(Some(upgraded)),
            }
        });
        if let Some(upgraded) = ended.await {
            assert!(matches!(upgraded, Upgrade::Done(report) if report.is_consistent()));
            break;
        }
        let version: Option<u32> = fixture.command("GET", "ss:schema", &[""; 0]).await;
        if version == Some(2) {
            // The last command arrived.
            break;
        }
        assert_eq!(version, None);
        interruptions += 1;
    }
    assert!(interruptions > 5, "{interruptions}");
    has_the_sessions(&*fixture.store, &records).await;
    assert_eq!(fixture.audit().await, records.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_without_a_receiver_is_not_complete() {
    let fixture = RedisFixture::start(Topology::redis().await, Bounds::default()).await;
    copy(&fixture, id()).await;
    let store = unchecked(fixture.topology()).await;
    let (events, receiver) = mpsc::channel(1);
    drop(receiver);
    store.upgrade(events).await.unwrap();
    let version: Option<u32> = fixture.command("GET", "ss:schema", &[""; 0]).await;
    assert_eq!(version, None);
    assert!(matches!(upgrade(&store).await, Upgrade::Done(report) if report.is_consistent()));
    assert_eq!(fixture.audit().await, records().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_of_a_later_version_are_refused() {
    let redis = Redis::start(IN_MEMORY).await;
    redis.ask::<()>("SET ss:schema 3").await;
    let store = RedisStore::open(&redis.url(), &redis_settings(&[])).unwrap();
    let diagnoses = RedisStore::without_schema(&redis.url(), &redis_settings(&[])).unwrap();
    let diagnoses = diagnoses.diagnose().await;
    let text = "the data have version 3, and this program reads 2: start the newer version";
    assert!(
        diagnoses
            .iter()
            .any(|diagnosis| diagnosis.detail.contains(text)),
        "{diagnoses:#?}"
    );
    assert!(store.ping().await.is_err());
    let missing: SessionId = id();
    assert!(
        store
            .session(Enrolment::new(id(), id()), missing)
            .await
            .is_err()
    );
}
