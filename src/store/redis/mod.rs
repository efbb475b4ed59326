//! The Redis store: replicas of the service share one Redis.
//!
//! Every write is one call of a Lua script (`scripts`) on keys of one slot (`keys`), sent over a lane
//! (`connection::lanes`), a shared connection to a single server, to the master that Sentinels name, or to
//! a Cluster (`connection::url`, `connection::manager`).

mod client;
mod codec;
mod connection;
mod deletes;
mod doctor;
mod keys;
mod ledger;
mod maintenance;
mod reads;
mod roster;
mod scan;
mod schema;
mod script_call;
mod scripts;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinSet;

use super::{StatsStore, StoreError};
use crate::config::RedisSettings;
use crate::domain::{
    CourseId, DeleteOutcome, Enrolment, LearnerId, Limits, ListedCourse, ListedSession, Outcome,
    Page, Record, Roster, Session, SessionId, Slice, Span, Summary, Totals,
};
use crate::error::StartError;
use codec::RecordArguments;
use connection::error::no_lane;
use connection::lanes::Lanes;
use connection::manager::RedisManager;
use connection::scatter::Ping;
use connection::url::Topology;
use connection::wait_replicas::WaitReplicas;
use doctor::config_watch;
use keys::Keys;
use schema::Schema;
use script_call::ScriptCall;
use scripts::RECORD;

pub use crate::store::redis::maintenance::Bounds;

/// Wait before the one retry of a call: time for a lane to reopen or to be found broken.
const RETRY_AFTER: Duration = Duration::from_millis(50);
/// Timeout of `WAIT` as a part of the timeout of a reply, so that the reply arrives in time.
const WAIT_PART: f64 = 0.8;

/// Sessions and aggregates in Redis.
pub struct RedisStore {
    keys: Keys,
    bounds: Bounds,
    limits: Limits,
    lanes: Arc<Lanes>,
    /// Lane of the pings, which wait behind no request; without it pings use the other lanes.
    ping_lane: Option<Lanes>,
    replicas: Option<WaitReplicas>,
    topology: Topology,
    /// Timeout of a reply.
    response_timeout: Duration,
    /// The config watch, and the task that stores a missing version. They end with the store.
    background: JoinSet<()>,
}

impl RedisStore {
    /// Opens the store on the Redis at `url`: starts the config watch, and connects in the background, with a
    /// lane of its own for pings.
    ///
    /// # Errors
    ///
    /// The URL is not valid, or a file for TLS is missing or invalid. The message does not repeat the URL,
    /// which may contain a password.
    pub fn open(url: &str, settings: &RedisSettings) -> Result<Self, StartError> {
        let mut store = Self::beside(url, settings)?;
        let manager = RedisManager::new(url, settings, None)?;
        store.ping_lane = Some(Lanes::open(&manager.pool(1)?, 1));
        store.background.spawn(config_watch::watch(
            Arc::clone(&store.lanes),
            store.keys.clone(),
            store.topology.clone(),
            settings.wait_replicas,
        ));
        Ok(store)
    }

    /// Opens the store without a config watch and without a lane for pings, for a process beside a running service.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn beside(url: &str, settings: &RedisSettings) -> Result<Self, StartError> {
        let schema = Schema::new(Keys::new(settings.key_prefix.clone()).schema());
        let mut store = Self::with_schema(url, settings, Some(&schema))?;
        let watch = schema::watch::watch(schema, url.to_owned(), settings.clone());
        store.background.spawn(watch);
        Ok(store)
    }

    /// Opens the store as [`beside`](Self::beside) does, whatever the version of the data.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn without_schema(url: &str, settings: &RedisSettings) -> Result<Self, StartError> {
        Self::with_schema(url, settings, None)
    }

    fn with_schema(
        url: &str,
        settings: &RedisSettings,
        schema: Option<&Arc<Schema>>,
    ) -> Result<Self, StartError> {
        let manager = || RedisManager::new(url, settings, schema.cloned());
        let first = manager()?;
        let topology = first.topology().clone();
        let lanes = Arc::new(Lanes::open(&first.pool(settings.lanes)?, settings.lanes));
        let replicas = match settings.wait_replicas {
            0 => None,
            wanted => Some(WaitReplicas {
                wanted,
                timeout: settings.response_timeout.mul_f64(WAIT_PART),
                pool: manager()?.pool(settings.waiting_writes)?,
            }),
        };
        Ok(Self {
            keys: Keys::new(settings.key_prefix.clone()),
            bounds: Bounds::default(),
            limits: settings.limits,
            lanes,
            ping_lane: None,
            replicas,
            topology,
            response_timeout: settings.response_timeout,
            background: JoinSet::new(),
        })
    }

    /// Same store with other bounds of maintenance. Results do not depend on the bounds.
    #[must_use]
    pub fn with_bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = Bounds {
            remembered: bounds.remembered.max(1),
            page: bounds.page.max(1),
        };
        self
    }

    /// Store with other keys over the same connections, without a config watch.
    fn with_keys(&self, keys: Keys) -> Self {
        Self {
            keys,
            bounds: self.bounds,
            limits: self.limits,
            lanes: Arc::clone(&self.lanes),
            ping_lane: None,
            replicas: self.replicas.clone(),
            topology: self.topology.clone(),
            response_timeout: self.response_timeout,
            background: JoinSet::new(),
        }
    }

    fn record_call<'r>(&self, record: &'r Record) -> ScriptCall<RecordArguments<'r>> {
        let keys = self.keys.of_record(record).into();
        let limits = self.limits;
        let arguments = RecordArguments { record, limits };
        ScriptCall::new(&RECORD, record.enrolment.learner, keys, arguments)
    }
}

#[async_trait]
impl StatsStore for RedisStore {
    fn name(&self) -> &'static str {
        "redis"
    }

    async fn record(&self, record: &Record) -> Result<Outcome, StoreError> {
        let reply = self.writes().make_one(&self.record_call(record)).await?;
        codec::outcome(&reply, self.limits)
    }

    async fn record_many(&self, records: &[Record]) -> Vec<Result<Outcome, StoreError>> {
        let calls = records.iter().map(|record| self.record_call(record));
        let calls: Vec<_> = calls.collect();
        let replies = self.writes().make(&calls).await.into_iter();
        let outcomes = replies.map(|reply| codec::outcome(&reply?, self.limits));
        outcomes.collect()
    }

    async fn session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        reads::session(self, enrolment, session).await
    }

    async fn totals(&self, enrolment: Enrolment) -> Result<Option<Totals>, StoreError> {
        reads::totals(self, enrolment).await
    }

    async fn sessions(
        &self,
        enrolment: Enrolment,
        span: Span,
        slice: Slice,
    ) -> Result<Page<ListedSession>, StoreError> {
        reads::sessions(self, enrolment, span, slice).await
    }

    async fn courses(
        &self,
        learner: LearnerId,
        slice: Slice,
    ) -> Result<Page<ListedCourse>, StoreError> {
        reads::courses(self, learner, slice).await
    }

    async fn summary(&self, course: CourseId) -> Result<Option<Summary>, StoreError> {
        reads::summary(self, course).await
    }

    async fn roster(
        &self,
        course: CourseId,
        after: Option<LearnerId>,
        limit: usize,
    ) -> Result<Roster, StoreError> {
        roster::page(self, course, after, limit).await
    }

    async fn delete_session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<DeleteOutcome, StoreError> {
        deletes::session(self, enrolment, session).await
    }

    async fn delete_course(&self, enrolment: Enrolment) -> Result<DeleteOutcome, StoreError> {
        deletes::enrolment(self, enrolment).await
    }

    async fn erase(&self, learner: LearnerId) -> Result<(), StoreError> {
        deletes::learner(self, learner).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // Requests need another lane than the pings, with the same wait for a lane to open.
        if self.lanes.any().is_none() {
            tokio::time::sleep(RETRY_AFTER).await;
        }
        self.lanes.any().ok_or_else(no_lane)?;
        let lanes = self.ping_lane.as_ref().unwrap_or(&self.lanes);
        self.query_over(lanes, &Ping, &Ping).await
    }
}
