//! Redis servers of every topology, and the settings of a store.

use std::any::Any;

use study_stats::config::RedisSettings;

use crate::support::processes::cluster::Cluster;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::sentinel::Sentinels;
use crate::support::processes::tls::secured_redis;
use crate::support::stores::fixture::redis_settings;

/// Running Redis servers, with the URL and settings of a store. Drop ends the servers.
pub(crate) struct Topology {
    pub(crate) url: String,
    pub(crate) settings: RedisSettings,
    pub(crate) masters: Vec<Redis>,
    _others: Box<dyn Any + Send>,
}

impl Topology {
    fn new(url: String, options: &[&str], masters: Vec<Redis>, others: impl Any + Send) -> Self {
        Self {
            url,
            settings: redis_settings(options),
            masters,
            _others: Box::new(others),
        }
    }

    pub(crate) async fn redis() -> Self {
        let redis = Redis::start(IN_MEMORY).await;
        Self::new(redis.url(), &[], vec![redis], ())
    }

    /// Redis over TLS. The user has the documented permissions only.
    pub(crate) async fn secured() -> Self {
        let (redis, url, authority) = secured_redis().await;
        let ca = authority.file("ca.crt").display().to_string();
        Self::new(url, &["--redis-ca-file", &ca], vec![redis], authority)
    }

    /// Redis with a replica. Every write waits for the replica.
    pub(crate) async fn replicated() -> Self {
        let master = Redis::start(IN_MEMORY).await;
        let replica = Redis::replica_of(&master, IN_MEMORY).await;
        let options = ["--redis-wait-replicas", "1"];
        Self::new(master.url(), &options, vec![master], replica)
    }

    pub(crate) async fn sentinel() -> Self {
        let mut sentinels = Sentinels::start(0, IN_MEMORY, "").await;
        let master = sentinels.servers.remove(0);
        Self::new(sentinels.url(), &[], vec![master], sentinels)
    }

    pub(crate) async fn cluster() -> Self {
        let cluster = Cluster::start(3, 0, IN_MEMORY).await;
        Self::new(cluster.url(), &[], cluster.nodes, ())
    }

    /// URLs of all masters.
    pub(crate) fn master_urls(&self) -> Vec<String> {
        self.masters.iter().map(Redis::url).collect()
    }
}
