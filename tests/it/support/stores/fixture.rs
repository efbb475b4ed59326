//! Stores of every kind, and macros that run a case on each.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use study_stats::config::{Cli, RedisSettings};
use study_stats::domain::{CourseId, LearnerId, Limits, MAX_MAGNITUDE, Outcome};
use study_stats::store::StatsStore;
use study_stats::store::embedded::EmbeddedStore;
use study_stats::store::redis::RedisStore;
use tempfile::TempDir;

use crate::support::audit;
use crate::support::eventually;
use crate::support::processes::redis::Redis;
use crate::support::stores::history::{record, stats};
use crate::support::stores::topology::Topology;

/// Timeout of store operations: more than an operation takes on a busy machine.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);

/// Limits of a limited store: small, so that a test passes the limits with few records.
pub(crate) const LIMITS: Limits = Limits {
    sessions: 3,
    courses: 2,
};

/// Empty store of a test, with its data.
pub(crate) struct Fixture {
    // Dropped in this order: the store first.
    pub(crate) store: Arc<dyn StatsStore>,
    data: Data,
}

/// Home of the data of a store.
enum Data {
    Directory(TempDir),
    Redis(Box<Topology>),
}

impl Fixture {
    pub(crate) async fn embedded() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(open_embedded(directory.path()));
        Self {
            store,
            data: Data::Directory(directory),
        }
    }

    pub(crate) async fn redis() -> Self {
        Self::on(Topology::redis().await).await
    }

    pub(crate) async fn secured() -> Self {
        Self::on(Topology::secured().await).await
    }

    pub(crate) async fn replicated() -> Self {
        Self::on(Topology::replicated().await).await
    }

    pub(crate) async fn sentinel() -> Self {
        Self::on(Topology::sentinel().await).await
    }

    pub(crate) async fn cluster() -> Self {
        Self::on(Topology::cluster().await).await
    }

    /// As [`embedded`](Self::embedded), with [`LIMITS`].
    pub(crate) async fn limited_embedded() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open_embedded(directory.path());
        Self {
            store: Arc::new(store.with_limits(LIMITS)),
            data: Data::Directory(directory),
        }
    }

    /// As [`redis`](Self::redis), with [`LIMITS`].
    pub(crate) async fn limited_redis() -> Self {
        Self::limited(Topology::redis().await).await
    }

    /// As [`cluster`](Self::cluster), with [`LIMITS`].
    pub(crate) async fn limited_cluster() -> Self {
        Self::limited(Topology::cluster().await).await
    }

    async fn limited(mut topology: Topology) -> Self {
        topology.settings.limits = LIMITS;
        Self::on(topology).await
    }

    async fn on(topology: Topology) -> Self {
        let store = RedisStore::open(&topology.url, &topology.settings).unwrap();
        Self {
            store: connected(store).await,
            data: Data::Redis(Box::new(topology)),
        }
    }

    /// Records sessions until the sums of time and score are at the upper and the lower limit, and
    /// returns the number of sessions.
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

    /// Single Redis of the store.
    pub(crate) fn server(&self) -> &Redis {
        match &self.data {
            Data::Redis(topology) if topology.masters.len() == 1 => &topology.masters[0],
            _ => panic!("a fixture on one Redis"),
        }
    }

    /// Recounts all aggregates and indexes, and returns the number of sessions.
    pub(crate) async fn audit(&self) -> usize {
        match &self.data {
            Data::Directory(directory) => audit::embedded::audit(directory.path()),
            Data::Redis(topology) => audit::redis::audit(&topology.master_urls()).await,
        }
    }
}

/// Store of a data directory.
pub(crate) fn open_embedded(directory: &Path) -> EmbeddedStore {
    EmbeddedStore::open(directory, OPERATION_TIMEOUT).unwrap()
}

/// Connected store on the Redis at `url`.
pub(crate) async fn redis_store(url: &str, options: &[&str]) -> Arc<dyn StatsStore> {
    connected(RedisStore::open(url, &redis_settings(options)).unwrap()).await
}

/// Waits until the store is connected.
pub(crate) async fn connected<S: StatsStore>(store: S) -> Arc<S> {
    eventually("the store is connected", || async {
        store.ping().await.ok()
    })
    .await;
    Arc::new(store)
}

/// Settings of command-line options, with timeouts longer than any operation takes.
pub(crate) fn redis_settings(options: &[&str]) -> RedisSettings {
    let timeouts = [
        "study-stats",
        "--store-timeout=30s",
        "--redis-connect-timeout=30s",
    ];
    let options = timeouts.iter().chain(options);
    Cli::parse_from(options).config.redis_settings()
}

/// Test per case, store and topology.
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

/// Test per case and store, for cases that are independent of the topology of Redis.
#[macro_export]
macro_rules! for_both_stores {
    ($($case:ident),+ $(,)?) => {
        $crate::for_store!(embedded: $($case),+);
        $crate::for_store!(redis: $($case),+);
    };
}

/// Test per case and store with small limits.
#[macro_export]
macro_rules! for_limited_stores {
    ($($case:ident),+ $(,)?) => {
        $crate::for_store!(limited_embedded: $($case),+);
        $crate::for_store!(limited_redis: $($case),+);
        $crate::for_store!(limited_cluster: $($case),+);
    };
}

/// Test per case on one fixture.
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
