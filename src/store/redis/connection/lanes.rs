//! Lanes: a few connections that are held open and shared by all requests.
//!
//! A checkout from the pool for each request would send a check every time and never pipeline.
//! Instead each lane checks one connection out and keeps it; requests clone its handle, so that
//! what is sent at the same time travels together. The pool still builds every connection and
//! limits how long that may take.
//!
//! A keeper task watches each lane. When a request finds that its connection is of no more use, or
//! the keeper's own heartbeat does, the keeper opens the lane anew with a fresh connection, trying
//! until it succeeds. A lane to one server is closed meanwhile and requests go to the others; one
//! to a Cluster serves on, as most of its servers may be well.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use deadpool::managed::{Object, Pool};
use redis::RedisError;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Connection;
use super::error::breaks_lane;
use super::manager::RedisManager;
use crate::telemetry::metrics;

/// How often an idle lane is asked whether it is still alive, and how often at most one to a
/// Cluster is replaced.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Wait after a lane could not be opened or lasted for less than that; it doubles each time.
const FIRST_BACKOFF: Duration = Duration::from_millis(20);
/// The longest wait between attempts: how long a Redis that came back may go unnoticed.
const LONGEST_BACKOFF: Duration = Duration::from_millis(500);

/// Requests in a row that take the same lane: what is sent at the same time is to travel together.
const RUN: usize = 32;

/// The lanes to one Redis. Their keepers end when this is dropped.
pub(crate) struct Lanes {
    lanes: Vec<Arc<Lane>>,
    /// Counts requests, to give each lane its turn.
    turn: AtomicUsize,
    _keepers: JoinSet<()>,
}

impl Lanes {
    /// Opens so many lanes, at least one, in the background.
    pub(crate) fn open(pool: &Pool<RedisManager>, count: usize) -> Self {
        let lanes: Vec<_> = (0..count.max(1))
            .map(|_| Arc::new(Lane::default()))
            .collect();
        metrics::redis(|redis| {
            redis
                .lanes
                .add(i64::try_from(lanes.len()).unwrap_or(i64::MAX))
        });
        let mut keepers = JoinSet::new();
        for (number, lane) in lanes.iter().enumerate() {
            keepers.spawn(keep(number, Arc::clone(lane), pool.clone()));
        }
        Self {
            lanes,
            turn: AtomicUsize::new(0),
            _keepers: keepers,
        }
    }

    /// The next open lane and its connection; `None` while all are closed.
    pub(crate) fn pick(&self) -> Option<OpenLane> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) / RUN;
        let (passed, next) = self.lanes.split_at(turn % self.lanes.len());
        next.iter().chain(passed).find_map(Lane::pick)
    }

    /// The connection of any open lane, to see where its servers are: it takes no turn.
    pub(crate) fn any(&self) -> Option<Connection> {
        let open = self.lanes.iter().find_map(Lane::pick);
        open.map(|lane| lane.connection)
    }

    /// Why a lane could not be opened, while none is.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.lanes.iter().find_map(|lane| lane.refusal())
    }
}

/// A lane that was open when it was picked.
pub(crate) struct OpenLane {
    lane: Arc<Lane>,
    generation: u64,
    /// A handle to the lane's connection, shared with all who picked it.
    pub(crate) connection: Connection,
}

impl OpenLane {
    /// Has the lane opened anew if `error` says that its connection is of no more use.
    pub(crate) fn report(&self, error: &RedisError) {
        if breaks_lane(error) {
            self.lane.fail(self.generation, error);
        }
    }
}

#[derive(Default)]
struct Lane {
    state: RwLock<State>,
    /// Tells the keeper that a request found the connection broken.
    failed: Notify,
}

#[derive(Default)]
struct State {
    /// Counts the connections that the lane has had, so that a late failure of a former one does
    /// not touch its successor.
    generation: u64,
    connection: Option<Connection>,
    /// What a request found wrong with this connection.
    failure: Option<String>,
    /// Why the last attempt to open the lane failed.
    refusal: Option<String>,
}

impl State {
    fn close(&mut self) {
        let closed = self.connection.take_if(|open| !open.heals_itself());
        if closed.is_some() {
            metrics::redis(|redis| redis.lanes_up.dec());
        }
    }
}

impl Lane {
    fn pick(self: &Arc<Self>) -> Option<OpenLane> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let connection = state.connection.clone()?;
        Some(OpenLane {
            lane: Arc::clone(self),
            generation: state.generation,
            connection,
        })
    }

    /// Whether an attempt to open it failed before.
    fn open(&self, connection: Connection) -> bool {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.generation += 1;
        if state.connection.replace(connection).is_none() {
            metrics::redis(|redis| redis.lanes_up.inc());
        }
        state.failure = None;
        state.refusal.take().is_some()
    }

    /// Notes why it cannot be opened, and whether that is news. It is closed as by
    /// [`close`](Self::close).
    fn refuse(&self, reason: &str) -> bool {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.close();
        let former = state.refusal.replace(reason.to_owned());
        former.is_none_or(|former| former != reason)
    }

    fn refusal(&self) -> Option<String> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.refusal.clone()
    }

    fn is_open(&self) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.connection.is_some()
    }

    /// Closes the lane until it is opened anew, unless it leads to a Cluster.
    fn close(&self) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.close();
    }

    /// Takes over what a check found.
    fn take_over(&self, checked: &Connection) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = &mut state.connection {
            connection.take_over(checked);
        }
    }

    /// Tells the keeper of the first failure of a connection.
    fn fail(&self, generation: u64, error: &RedisError) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.generation != generation || state.failure.is_some() {
            return;
        }
        state.failure = Some(error.to_string());
        // At once, and not when the keeper gets to it, so that nobody else picks it.
        state.close();
        self.failed.notify_one();
    }

    /// What a request found wrong with the connection, once one does.
    async fn failure(&self) -> String {
        loop {
            self.failed.notified().await;
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            // A permit may be left over from a former connection.
            if let Some(failure) = &state.failure {
                return failure.clone();
            }
        }
    }
}

/// Keeps a lane open, for ever.
async fn keep(number: usize, lane: Arc<Lane>, pool: Pool<RedisManager>) {
    let mut backoff = FIRST_BACKOFF;
    loop {
        let start = Instant::now();
        match pool.get().await {
            Ok(mut connection) => {
                if lane.is_open() && !connection.is_whole().await {
                    // The one that serves is better.
                    drop(Object::take(connection));
                    tokio::time::sleep(HEARTBEAT).await;
                    continue;
                }
                if lane.open(connection.clone()) {
                    tracing::info!(lane = number, "connected to Redis again");
                }
                let reason = watch(&lane, &connection).await;
                tracing::warn!(lane = number, reason, "a connection to Redis is replaced");
                metrics::redis(|redis| redis.reconnects.inc());
                lane.close();
                // Taken for good: what is broken is not to be checked again.
                drop(Object::take(connection));
            }
            Err(error) => {
                let error = error.to_string();
                if lane.refuse(&error) {
                    tracing::warn!(lane = number, error, "cannot connect to Redis; trying on");
                }
            }
        }
        // Also where it could be opened but does not last: no storm of connections.
        if start.elapsed() < backoff {
            tokio::time::sleep(backoff).await;
            backoff = LONGEST_BACKOFF.min(backoff * 2);
        } else {
            backoff = FIRST_BACKOFF;
        }
    }
}

/// Returns why, once a request found the lane's connection broken or it fails a heartbeat.
async fn watch(lane: &Lane, connection: &Connection) -> String {
    let opened = Instant::now();
    let failure = async {
        let failure = lane.failure().await;
        if connection.heals_itself() {
            tokio::time::sleep_until(opened + HEARTBEAT).await;
        }
        failure
    };
    let heartbeat = async {
        let mut connection = connection.clone();
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            if let Err(error) = connection.check().await {
                return error.to_string();
            }
            lane.take_over(&connection);
        }
    };
    tokio::select! {
        reason = failure => reason,
        reason = heartbeat => reason,
    }
}
