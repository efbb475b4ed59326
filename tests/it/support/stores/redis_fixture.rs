//! Redis store with maintenance, and direct commands to the servers.

use std::sync::Arc;

use redis::{FromRedisValue, ToRedisArgs};
use study_stats::config::RedisSettings;
use study_stats::store::StoreError;
use study_stats::store::maintenance::{Difference, VerifyReport};
use study_stats::store::redis::{Bounds, RedisStore};

use crate::support::audit;
use crate::support::processes::redis::Redis;
use crate::support::stores::fixture::connected;
use crate::support::stores::maintenance;
use crate::support::stores::topology::Topology;

/// Bounds by which a scan of a few sessions has several passes and pages.
pub(crate) const TINY: Bounds = Bounds {
    remembered: 3,
    page: 3,
};

/// Connected store on separate servers.
pub(crate) struct RedisFixture {
    // Dropped in this order: the store first.
    pub(crate) store: Arc<RedisStore>,
    topology: Topology,
}

impl RedisFixture {
    pub(crate) async fn start(topology: Topology, bounds: Bounds) -> Self {
        let store = Self::connect(&topology.url, &topology.settings, bounds).await;
        Self { store, topology }
    }

    pub(crate) async fn redis(bounds: Bounds) -> Self {
        Self::start(Topology::redis().await, bounds).await
    }

    pub(crate) async fn cluster(bounds: Bounds) -> Self {
        Self::start(Topology::cluster().await, bounds).await
    }

    /// Connected store, without the servers.
    pub(crate) async fn connect(
        url: &str,
        settings: &RedisSettings,
        bounds: Bounds,
    ) -> Arc<RedisStore> {
        let store = RedisStore::open(url, settings).unwrap();
        connected(store.with_bounds(bounds)).await
    }

    pub(crate) fn topology(&self) -> &Topology {
        &self.topology
    }

    pub(crate) fn masters(&self) -> &[Redis] {
        &self.topology.masters
    }

    /// Verifies the store. Differences are sorted by key.
    pub(crate) async fn verify(&self, repair: bool) -> (VerifyReport, Vec<Difference>) {
        verify(&self.store, repair).await.unwrap()
    }

    /// Sends a command on a key to the master that serves the key.
    pub(crate) async fn command<T: FromRedisValue>(
        &self,
        name: &str,
        key: &str,
        arguments: &[impl ToRedisArgs],
    ) -> T {
        let mut command = redis::cmd(name);
        command.arg(key).arg(arguments);
        self.send(&command).await
    }

    async fn send<T: FromRedisValue>(&self, command: &redis::Cmd) -> T {
        for master in self.masters() {
            match command.query_async(&mut master.connection().await).await {
                Err(error) if error.code() == Some("MOVED") => {}
                reply => return reply.unwrap(),
            }
        }
        panic!("no server has the key")
    }

    /// Calls a script on a key at the master that serves the key.
    pub(crate) async fn script(&self, script: &str, key: &str) {
        let mut command = redis::cmd("EVAL");
        command.arg(script).arg(1).arg(key);
        self.send(&command).await
    }

    /// Recounts all aggregates and indexes, and returns the number of sessions.
    pub(crate) async fn audit(&self) -> usize {
        audit::redis::audit(&self.topology.master_urls()).await
    }
}

/// Verifies a store in a task of a worker thread. On the thread of the test, replies would arrive later
/// than the replies of background writers, and every recount would meet writes.
pub(crate) async fn verify(
    store: &Arc<RedisStore>,
    repair: bool,
) -> Result<(VerifyReport, Vec<Difference>), StoreError> {
    let store = Arc::clone(store);
    let verified = tokio::spawn(async move { maintenance::verify(&*store, repair).await });
    verified.await.unwrap()
}
