//! The Redis store: any number of replicas of the service share one Redis.
//!
//! Every write is one Lua call (`scripts`) on keys of one slot (`keys`), sent over one of a few
//! shared connections (`lanes`) that lead to one server, to the master that Sentinels name, or to
//! a Cluster (`address`, `connector`).

mod codec;
mod connection;
mod deletes;
mod doctor;
mod keys;
mod maintenance;
mod reads;
mod scan;
mod script_call;
mod scripts;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deadpool::Runtime;
use deadpool::managed::Pool;
use redis::{FromRedisValue, RedisError};
use tokio::task::JoinSet;

use super::{StatsStore, StoreError};
use crate::config::RedisSettings;
use crate::domain::{
    CourseId, DeleteOutcome, Enrolment, LearnerId, ListedCourse, ListedSession, Outcome, Page,
    Record, Session, SessionId, Slice, Span, Summary, Totals,
};
use crate::error::StartError;
use crate::telemetry::metrics;
use codec::RecordArguments;
use connection::error::{is_transient, is_unknown_script, no_lane};
use connection::lanes::Lanes;
use connection::manager::RedisManager;
use connection::scatter::Request;
use connection::url::Topology;
use connection::wait_replicas::WaitReplicas;
use doctor::config_watch;
use keys::Keys;
use script_call::ScriptCall;
use scripts::{LuaScript, RECORD};
use writes::Writes;

pub use crate::store::redis::maintenance::Bounds;

/// Wait before the one retry of a call that failed: time for a lane to come back or be found broken.
const RETRY_AFTER: Duration = Duration::from_millis(50);
/// What part of the time for a reply replicas may take, so that there is a reply at all.
const WAIT_PART: f64 = 0.8;

/// Sessions and aggregates in Redis.
pub struct RedisStore {
    keys: Keys,
    bounds: Bounds,
    lanes: Arc<Lanes>,
    replicas: Option<WaitReplicas>,
    topology: Topology,
    /// Longest wait for a reply.
    within: Duration,
    /// What warns; it ends with the store.
    config_watch: JoinSet<()>,
}

impl RedisStore {
    /// Makes a store on the Redis at `url` and begins to connect to it, in the background; warns of what
    /// would lose data there.
    ///
    /// # Errors
    ///
    /// The URL is none that is understood, or a file for TLS is of no use. The message does not
    /// repeat the URL: it may hold a password.
    pub fn open(url: &str, settings: &RedisSettings) -> Result<Self, StartError> {
        let mut store = Self::beside(url, settings)?;
        store.config_watch.spawn(config_watch::watch(
            Arc::clone(&store.lanes),
            store.keys.clone(),
            store.topology.clone(),
            settings.wait_replicas,
        ));
        Ok(store)
    }

    /// As [`open`](Self::open), beside another one on the same Redis that warns.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn beside(url: &str, settings: &RedisSettings) -> Result<Self, StartError> {
        let connector = RedisManager::new(url, settings)?;
        let topology = connector.topology().clone();
        let lanes = Arc::new(Lanes::open(
            &pool(connector, settings.lanes, settings)?,
            settings.lanes,
        ));
        let replicas = match settings.wait_replicas {
            0 => None,
            wanted => Some(WaitReplicas {
                wanted,
                within: settings.response_timeout.mul_f64(WAIT_PART),
                pool: pool(
                    RedisManager::new(url, settings)?,
                    settings.waiting_writes,
                    settings,
                )?,
            }),
        };
        Ok(Self {
            keys: Keys::new(settings.key_prefix.clone()),
            bounds: Bounds::default(),
            lanes,
            replicas,
            topology,
            within: settings.response_timeout,
            config_watch: JoinSet::new(),
        })
    }

    /// The same store, whose upkeep keeps within other bounds. What it finds is the same.
    #[must_use]
    pub fn with_bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = Bounds {
            remembered: bounds.remembered.max(1),
            page: bounds.page.max(1),
        };
        self
    }

    /// Sends a request; once more, over another lane, if its failure may pass.
    async fn query<T: FromRedisValue>(&self, request: &impl Request) -> Result<T, StoreError> {
        self.query_or(request, request).await
    }

    /// Calls a script that reads.
    async fn query_script<T: FromRedisValue>(
        &self,
        script: &LuaScript,
        keys: &[String],
        arguments: &[Vec<u8>],
    ) -> Result<T, StoreError> {
        let by_hash = script.by_hash(keys, arguments);
        self.query_or(&by_hash, &script.by_text(keys, arguments))
            .await
    }

    /// Sends a request; if its failure may pass, then the other one, over another lane.
    async fn query_or<T: FromRedisValue>(
        &self,
        request: &impl Request,
        other: &impl Request,
    ) -> Result<T, StoreError> {
        match self.attempt(request).await {
            Err(error) if is_transient(&error) => {
                if is_unknown_script(&error) {
                    metrics::redis(|redis| redis.script_reloads.inc());
                } else {
                    metrics::redis(|redis| redis.retries.inc());
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Ok(self.attempt(other).await?)
            }
            result => Ok(result?),
        }
    }

    async fn attempt<T: FromRedisValue>(&self, request: &impl Request) -> Result<T, RedisError> {
        let mut lane = self.lanes.pick().ok_or_else(no_lane)?;
        let result = request.send(&mut lane.connection).await;
        result.inspect_err(|error| lane.report(error))
    }

    fn writes(&self) -> Writes<'_> {
        Writes {
            lanes: &self.lanes,
            replicas: self.replicas.as_ref(),
            within: self.within,
        }
    }

    fn call(&self, record: &Record) -> ScriptCall {
        let keys = self.keys.of_record(record).into();
        ScriptCall::new(
            &RECORD,
            record.enrolment.learner,
            keys,
            RecordArguments(record),
        )
    }

    async fn attempt_ping(&self) -> Result<(), RedisError> {
        let mut lane = self.lanes.pick().ok_or_else(no_lane)?;
        let result = lane.connection.ping().await;
        result.inspect_err(|error| lane.report(error))
    }
}

#[async_trait]
impl StatsStore for RedisStore {
    fn name(&self) -> &'static str {
        "redis"
    }

    async fn record(&self, record: &Record) -> Result<Outcome, StoreError> {
        codec::outcome(&self.writes().make_one(&self.call(record)).await?)
    }

    async fn record_many(&self, records: &[Record]) -> Vec<Result<Outcome, StoreError>> {
        let calls: Vec<_> = records.iter().map(|record| self.call(record)).collect();
        let replies = self.writes().make(&calls).await.into_iter();
        replies.map(|reply| codec::outcome(&reply?)).collect()
    }

    async fn session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        self.read_session(enrolment, session).await
    }

    async fn totals(&self, enrolment: Enrolment) -> Result<Option<Totals>, StoreError> {
        self.read_totals(enrolment).await
    }

    async fn sessions(
        &self,
        enrolment: Enrolment,
        span: Span,
        slice: Slice,
    ) -> Result<Page<ListedSession>, StoreError> {
        self.read_sessions(enrolment, span, slice).await
    }

    async fn courses(
        &self,
        learner: LearnerId,
        slice: Slice,
    ) -> Result<Page<ListedCourse>, StoreError> {
        self.read_courses(learner, slice).await
    }

    async fn summary(&self, course: CourseId) -> Result<Option<Summary>, StoreError> {
        self.read_summary(course).await
    }

    async fn delete_session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<DeleteOutcome, StoreError> {
        self.delete_session(enrolment, session).await
    }

    async fn delete_course(&self, enrolment: Enrolment) -> Result<DeleteOutcome, StoreError> {
        self.delete_course(enrolment).await
    }

    async fn erase(&self, learner: LearnerId) -> Result<DeleteOutcome, StoreError> {
        self.erase_learner(learner).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        match self.attempt_ping().await {
            Err(error) if is_transient(&error) => {
                metrics::redis(|redis| redis.retries.inc());
                tokio::time::sleep(RETRY_AFTER).await;
                Ok(self.attempt_ping().await?)
            }
            result => Ok(result?),
        }
    }
}

/// A pool of up to `size` connections.
fn pool(
    connector: RedisManager,
    size: usize,
    settings: &RedisSettings,
) -> Result<Pool<RedisManager>, StartError> {
    // The servers must be found first, where they are not those of the URL: one more step for the
    // Sentinels or the nodes that are away, one for the others.
    let steps = if *connector.topology() == Topology::Standalone {
        1
    } else {
        3
    };
    let pool = Pool::builder(connector)
        .max_size(size)
        .create_timeout(Some(settings.connect_timeout * steps))
        .recycle_timeout(Some(settings.response_timeout))
        .wait_timeout(Some(settings.response_timeout))
        .runtime(Runtime::Tokio1)
        .build();
    pool.map_err(|error| {
        StartError::Environment(format!("cannot make a pool of Redis connections: {error}"))
    })
}
