//! A Redis store whose upkeep is tested, and what a test does to its data behind its back.

use std::any::Any;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use redis::{FromRedisValue, ToRedisArgs};
use study_stats::config::RedisSettings;
use study_stats::domain::{CourseId, LearnerId, SessionId};
use study_stats::store::maintenance::{
    Difference, Entry, Maintenance, Subject, VerifyEvent, VerifyReport,
};
use study_stats::store::redis::{Bounds, RedisStore};
use study_stats::store::{StatsStore, StoreError};
use tokio::sync::mpsc;

use crate::support::audit::redis::audit;
use crate::support::eventually;
use crate::support::processes::cluster::Cluster;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::sentinel::Sentinels;
use crate::support::processes::tls::secured_redis;
use crate::support::stores::fixture::redis_settings;

/// So little that there are many passes and many pages.
pub(crate) const TINY: Bounds = Bounds {
    remembered: 3,
    page: 3,
};

/// A store, and the servers that it is on.
pub(crate) struct Kept {
    // Dropped in this order: the store first.
    pub(crate) store: Arc<RedisStore>,
    pub(crate) masters: Vec<Redis>,
    _rest: Box<dyn Any + Send>,
}

impl Kept {
    pub(crate) async fn on(
        url: &str,
        settings: &RedisSettings,
        bounds: Bounds,
        masters: Vec<Redis>,
        rest: Box<dyn Any + Send>,
    ) -> Self {
        let store = RedisStore::open(url, settings).unwrap();
        let store = Arc::new(store.with_bounds(bounds));
        eventually("the store is connected", || async {
            store.ping().await.ok()
        })
        .await;
        Self {
            store,
            masters,
            _rest: rest,
        }
    }

    pub(crate) async fn redis(bounds: Bounds) -> Self {
        let redis = Redis::start(IN_MEMORY).await;
        let url = redis.url();
        Self::on(
            &url,
            &redis_settings(&[]),
            bounds,
            vec![redis],
            Box::new(()),
        )
        .await
    }

    pub(crate) async fn cluster(bounds: Bounds) -> Self {
        let cluster = Cluster::start(3, 0, IN_MEMORY).await;
        let url = cluster.url();
        Self::on(
            &url,
            &redis_settings(&[]),
            bounds,
            cluster.nodes,
            Box::new(()),
        )
        .await
    }

    pub(crate) async fn sentinel(bounds: Bounds) -> Self {
        let mut sentinels = Sentinels::start(0, IN_MEMORY, "").await;
        let (url, master) = (sentinels.url(), sentinels.servers.remove(0));
        Self::on(
            &url,
            &redis_settings(&[]),
            bounds,
            vec![master],
            Box::new(sentinels),
        )
        .await
    }

    /// Over TLS, as a user who may do only what is documented.
    pub(crate) async fn secured(bounds: Bounds) -> Self {
        let (redis, url, authority) = secured_redis().await;
        let ca = authority.file("ca.crt").display().to_string();
        let settings = redis_settings(&["--redis-ca-file", &ca]);
        Self::on(&url, &settings, bounds, vec![redis], Box::new(authority)).await
    }

    /// With a replica that must have every write.
    pub(crate) async fn replicated(bounds: Bounds) -> Self {
        let master = Redis::start(IN_MEMORY).await;
        let replica = Redis::replica_of(&master, IN_MEMORY).await;
        let settings = redis_settings(&["--redis-wait-replicas", "1"]);
        let url = master.url();
        Self::on(&url, &settings, bounds, vec![master], Box::new(replica)).await
    }

    /// Verifies, and gives the differences in the order of their keys.
    pub(crate) async fn verify(&self, repair: bool) -> (VerifyReport, Vec<Difference>) {
        self.try_verify(repair).await.unwrap()
    }

    pub(crate) async fn try_verify(
        &self,
        repair: bool,
    ) -> Result<(VerifyReport, Vec<Difference>), StoreError> {
        let (events, mut told) = mpsc::channel(8);
        let store = Arc::clone(&self.store);
        let verifying = tokio::spawn(async move { store.verify(repair, events).await });
        let mut differences = Vec::new();
        while let Some(event) = told.recv().await {
            if let VerifyEvent::Difference(difference) = event {
                differences.push(difference);
            }
        }
        differences.sort_by_key(|difference| difference.key.clone());
        Ok((verifying.await.unwrap()?, differences))
    }

    /// What an inspection shows.
    pub(crate) async fn inspect(&self, subject: Subject) -> Vec<(String, String)> {
        let (entries, mut shown) = mpsc::channel(8);
        let store = Arc::clone(&self.store);
        let inspecting = tokio::spawn(async move { store.inspect(subject, entries).await });
        let mut all = Vec::new();
        while let Some(Entry { key, value }) = shown.recv().await {
            all.push((key, value));
        }
        inspecting.await.unwrap().unwrap();
        all
    }

    /// Sends a command about a key to the server that has it.
    pub(crate) async fn command<T: FromRedisValue>(
        &self,
        name: &str,
        key: &str,
        arguments: &[impl ToRedisArgs],
    ) -> T {
        let mut command = redis::cmd(name);
        command.arg(key).arg(arguments);
        for master in &self.masters {
            match command.query_async(&mut master.connection().await).await {
                Err(error) if error.code() == Some("MOVED") => {}
                reply => return reply.unwrap(),
            }
        }
        panic!("no server has {key}")
    }

    /// How many sessions the servers have.
    pub(crate) async fn sessions(&self) -> u64 {
        let mut sessions = 0;
        for master in &self.masters {
            sessions += master.ask::<Vec<String>>("KEYS ss:*:s:*").await.len() as u64;
        }
        sessions
    }

    /// Counts again all that the servers have.
    pub(crate) async fn audit(&self) -> usize {
        let masters: Vec<_> = self.masters.iter().map(Redis::url).collect();
        audit(&masters).await
    }
}

/// The key of a kind, of a learner, and of what else it is of.
pub(crate) fn key(kind: char, learner: LearnerId, ids: &[&[u8; 16]]) -> String {
    let bucket = crc32fast::hash(learner.as_bytes()) % 1_024;
    let ids: String = ids
        .iter()
        .map(|id| format!(":{}", URL_SAFE_NO_PAD.encode(id)))
        .collect();
    format!("ss:{{{bucket}}}:{kind}{ids}")
}

/// The keys of a learner's course.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Studied {
    pub(crate) learner: LearnerId,
    pub(crate) course: CourseId,
}

impl Studied {
    pub(crate) fn session(self, session: SessionId) -> String {
        let Self { learner, course } = self;
        key(
            's',
            learner,
            &[learner.as_bytes(), course.as_bytes(), session.as_bytes()],
        )
    }

    pub(crate) fn totals(self) -> String {
        key(
            't',
            self.learner,
            &[self.learner.as_bytes(), self.course.as_bytes()],
        )
    }

    pub(crate) fn timeline(self) -> String {
        key(
            'i',
            self.learner,
            &[self.learner.as_bytes(), self.course.as_bytes()],
        )
    }

    pub(crate) fn courses(self) -> String {
        key('u', self.learner, &[self.learner.as_bytes()])
    }

    pub(crate) fn summary(self) -> String {
        key('c', self.learner, &[self.course.as_bytes()])
    }
}
