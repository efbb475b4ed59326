//! Stores to run the same case over.

use std::sync::Arc;
use std::time::Duration;

use study_stats::config::RedisSettings;
use study_stats::domain::{CourseId, LearnerId, MAX_MAGNITUDE, Outcome};
use study_stats::store::StatsStore;
use study_stats::store::embedded::EmbeddedStore;
use study_stats::store::redis::RedisStore;
use tempfile::TempDir;

use super::eventually;
use super::history::{record, stats};
use super::redis::{IN_MEMORY, Redis};

/// Far more than a call takes, also on a busy machine: these tests are not about time.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An empty store of a test's own, and what it stands on.
pub(crate) struct Fixture {
    // Dropped in this order: the store first.
    pub(crate) store: Arc<dyn StatsStore>,
    redis: Option<Redis>,
    _directory: Option<TempDir>,
}

impl Fixture {
    pub(crate) async fn embedded() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(EmbeddedStore::open(directory.path(), TIMEOUT).unwrap());
        Self {
            store,
            redis: None,
            _directory: Some(directory),
        }
    }

    pub(crate) async fn redis() -> Self {
        let redis = Redis::start(IN_MEMORY).await;
        let store = redis_store(&redis.url()).await;
        Self {
            store,
            redis: Some(redis),
            _directory: None,
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
                assert_eq!(outcome.unwrap(), Outcome::Recorded);
            }
        }
        SESSIONS
    }

    /// The Redis that the store is on.
    pub(crate) fn server(&self) -> &Redis {
        self.redis.as_ref().expect("a fixture on Redis")
    }
}

/// A store on the Redis at `url`, connected.
pub(crate) async fn redis_store(url: &str) -> Arc<dyn StatsStore> {
    let settings = RedisSettings {
        key_prefix: "ss".into(),
        lanes: 4,
        connect_timeout: TIMEOUT,
        response_timeout: TIMEOUT,
    };
    let store: Arc<dyn StatsStore> = Arc::new(RedisStore::open(url, &settings).unwrap());
    eventually("the store is connected", || async {
        store.ping().await.ok()
    })
    .await;
    store
}

/// Makes a test of each case for each store.
#[macro_export]
macro_rules! for_every_store {
    ($($case:ident),+ $(,)?) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case($crate::support::fixture::Fixture::embedded().await).await;
                }
            )+
        }
        mod redis {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case($crate::support::fixture::Fixture::redis().await).await;
                }
            )+
        }
    };
}
