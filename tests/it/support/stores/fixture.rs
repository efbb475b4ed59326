//! Stores to run the same case over.

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use study_stats::config::{Cli, RedisSettings};
use study_stats::domain::{
    CourseId, Enrolment, LearnerId, ListedSession, MAX_MAGNITUDE, Outcome, Slice, Span,
};
use study_stats::store::StatsStore;
use study_stats::store::embedded::EmbeddedStore;
use study_stats::store::redis::RedisStore;

use crate::support::audit;
use crate::support::eventually;
use crate::support::processes::cluster::Cluster;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::sentinel::Sentinels;
use crate::support::processes::tls::secured_redis;
use crate::support::stores::history::{record, stats};

/// Far more than a call takes, also on a busy machine: these tests are not about time.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An empty store of a test's own, and what it stands on.
pub(crate) struct Fixture {
    // Dropped in this order: the store first.
    pub(crate) store: Arc<dyn StatsStore>,
    kept: Kept,
    _rest: Box<dyn Any + Send>,
}

/// Where a store keeps its data.
enum Kept {
    /// In this directory.
    Files(PathBuf),
    /// On these masters.
    Redis(Vec<Redis>),
}

impl Fixture {
    pub(crate) async fn embedded() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(EmbeddedStore::open(directory.path(), TIMEOUT).unwrap());
        Self {
            store,
            kept: Kept::Files(directory.path().to_owned()),
            _rest: Box::new(directory),
        }
    }

    pub(crate) async fn redis() -> Self {
        let redis = Redis::start(IN_MEMORY).await;
        let store = redis_store(&redis.url(), &[]).await;
        Self {
            store,
            kept: Kept::Redis(vec![redis]),
            _rest: Box::new(()),
        }
    }

    /// A Redis over TLS, whose user may do only what is documented.
    pub(crate) async fn secured() -> Self {
        let (redis, url, authority) = secured_redis().await;
        let ca = authority.file("ca.crt").display().to_string();
        let store = redis_store(&url, &["--redis-ca-file", &ca]).await;
        Self {
            store,
            kept: Kept::Redis(vec![redis]),
            _rest: Box::new(authority),
        }
    }

    /// A Redis whose replica must have every write.
    pub(crate) async fn replicated() -> Self {
        let master = Redis::start(IN_MEMORY).await;
        let replica = Redis::replica_of(&master, IN_MEMORY).await;
        let store = redis_store(&master.url(), &["--redis-wait-replicas", "1"]).await;
        Self {
            store,
            kept: Kept::Redis(vec![master]),
            _rest: Box::new(replica),
        }
    }

    pub(crate) async fn sentinel() -> Self {
        let mut sentinels = Sentinels::start(0, IN_MEMORY, "").await;
        let store = redis_store(&sentinels.url(), &[]).await;
        Self {
            store,
            kept: Kept::Redis(vec![sentinels.servers.remove(0)]),
            _rest: Box::new(sentinels),
        }
    }

    pub(crate) async fn cluster() -> Self {
        let cluster = Cluster::start(3, 0, IN_MEMORY).await;
        let store = redis_store(&cluster.url(), &[]).await;
        Self {
            store,
            kept: Kept::Redis(cluster.nodes),
            _rest: Box::new(()),
        }
    }

    /// Brings the sums of the learner's time and score in the course to their limits, the upper and
    /// the lower one, and gives how many sessions that took.
    pub(crate) async fn fill(&self, learner: LearnerId, course: CourseId) -> u64 {
        const SESSIONS: u64 = 9_000;
        let extreme = stats(0.0, -MAX_MAGNITUDE, MAX_MAGNITUDE);
        let full: Vec<_> = (0..SESSIONS)
            .map(|_| record(learner, course, extreme))
            .collect();
        for batch in full.chunks(1_000) {
            for outcome in self.store.record_many(batch).await {
                assert_eq!(outcome.unwrap(), Outcome::Created);
            }
        }
        SESSIONS
    }

    /// The only Redis that the store is on.
    pub(crate) fn server(&self) -> &Redis {
        match &self.kept {
            Kept::Redis(masters) if masters.len() == 1 => &masters[0],
            _ => panic!("a fixture on one Redis"),
        }
    }

    /// Counts again all that the store keeps, and gives how many sessions there are.
    pub(crate) async fn audit(&self) -> usize {
        match &self.kept {
            Kept::Files(directory) => audit::embedded::audit(directory),
            Kept::Redis(masters) => {
                let masters: Vec<_> = masters.iter().map(Redis::url).collect();
                audit::redis::audit(&masters).await
            }
        }
    }
}

/// All sessions of a learner in a course, page by page.
pub(crate) async fn all_sessions(
    store: &dyn StatsStore,
    learner: LearnerId,
    course: CourseId,
) -> Vec<ListedSession> {
    let mut slice = Slice::first(1_000);
    let mut all = Vec::new();
    loop {
        let page = store
            .sessions(Enrolment::new(learner, course), Span::ALL, slice)
            .await;
        let page = page.unwrap();
        all.extend(page.items);
        slice.after = page.next;
        if slice.after.is_none() {
            return all;
        }
    }
}

/// A store on the Redis at `url`, connected.
pub(crate) async fn redis_store(url: &str, options: &[&str]) -> Arc<dyn StatsStore> {
    let store: Arc<dyn StatsStore> =
        Arc::new(RedisStore::open(url, &redis_settings(options)).unwrap());
    eventually("the store is connected", || async {
        store.ping().await.ok()
    })
    .await;
    store
}

/// The settings that command-line options give, with times that are no test's subject.
pub(crate) fn redis_settings(options: &[&str]) -> RedisSettings {
    let patient = [
        "study-stats",
        "--store-timeout=30s",
        "--redis-connect-timeout=30s",
    ];
    let options = patient.iter().chain(options);
    Cli::parse_from(options).config.redis_settings()
}

/// Makes a test of each case for each store and topology.
#[macro_export]
macro_rules! for_every_store {
    ($($case:ident),+ $(,)?) => {
        $crate::for_store!(embedded: $($case),+);
        $crate::for_store!(redis: $($case),+);
        $crate::for_store!(secured: $($case),+);
        $crate::for_store!(replicated: $($case),+);
        $crate::for_store!(sentinel: $($case),+);
        $crate::for_store!(cluster: $($case),+);
    };
}

/// Makes a test of each case for each of the two stores, where it does not matter how many servers
/// Redis is.
#[macro_export]
macro_rules! for_both_stores {
    ($($case:ident),+ $(,)?) => {
        $crate::for_store!(embedded: $($case),+);
        $crate::for_store!(redis: $($case),+);
    };
}

/// Makes a test of each case for one of the fixtures.
#[macro_export]
macro_rules! for_store {
    ($fixture:ident: $($case:ident),+) => {
        mod $fixture {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let fixture = $crate::support::stores::fixture::Fixture::$fixture().await;
                    super::$case(&fixture).await;
                    fixture.audit().await;
                }
            )+
        }
    };
}
