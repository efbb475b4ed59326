//! State of a single lane: open with a connection, or closed with the reason.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redis::RedisError;
use tokio::sync::Notify;

use crate::store::redis::connection::Connection;
use crate::store::redis::connection::error::breaks_lane;
use crate::telemetry::metrics;

/// Lane at the moment of a pick, when the lane was open.
pub(crate) struct OpenLane {
    lane: Arc<Lane>,
    generation: u64,
    /// Handle of the lane's connection, which requests share.
    pub(crate) connection: Connection,
}

impl OpenLane {
    /// Closes the lane where `error` concerns the connection; the keeper opens a new connection.
    pub(crate) fn report(&self, error: &RedisError) {
        if breaks_lane(error) {
            self.lane.fail(self.generation, error);
        }
    }
}

/// Slot of the pool for one connection at a time.
#[derive(Default)]
pub(super) struct Lane {
    state: RwLock<LaneState>,
    /// Wakes the keeper after a request found the connection broken.
    failed: Notify,
}

#[derive(Default)]
struct LaneState {
    /// Number of connections so far: a late error of an earlier connection does not close the present
    /// connection.
    generation: u64,
    connection: Option<Connection>,
    /// Error of a request that shows the present connection broken.
    failure: Option<String>,
    /// Error of the last attempt to connect.
    refusal: Option<String>,
}

impl LaneState {
    /// Drops the connection; a connection to a Cluster stays.
    fn close(&mut self) {
        let closed = self.connection.take_if(|open| !open.is_cluster());
        if closed.is_some() {
            metrics::redis(|redis| redis.lanes_up.dec());
        }
    }
}

impl Lane {
    pub(super) fn pick(self: &Arc<Self>) -> Option<OpenLane> {
        let state = self.read();
        let connection = state.connection.clone()?;
        Some(OpenLane {
            lane: Arc::clone(self),
            generation: state.generation,
            connection,
        })
    }

    /// Opens the lane with a new connection. Returns true where the attempt before failed.
    pub(super) fn open(&self, connection: Connection) -> bool {
        let mut state = self.write();
        state.generation += 1;
        if state.connection.replace(connection).is_none() {
            metrics::redis(|redis| redis.lanes_up.inc());
        }
        state.failure = None;
        state.refusal.take().is_some()
    }

    /// Closes the lane after a failed attempt to connect, as [`close`](Self::close) does. Returns true
    /// where the error differs from the error before.
    pub(super) fn refuse(&self, reason: &str) -> bool {
        let mut state = self.write();
        state.close();
        let former = state.refusal.replace(reason.to_owned());
        former.is_none_or(|former| former != reason)
    }

    pub(super) fn refusal(&self) -> Option<String> {
        self.read().refusal.clone()
    }

    pub(super) fn is_open(&self) -> bool {
        self.read().connection.is_some()
    }

    /// Closes the lane until the next connection, except a lane to a Cluster.
    pub(super) fn close(&self) {
        self.write().close();
    }

    /// Closes the lane, also a lane to a Cluster.
    pub(super) fn close_for_good(&self) {
        if self.write().connection.take().is_some() {
            metrics::redis(|redis| redis.lanes_up.dec());
        }
    }

    /// Updates the clock and the slots of the connection from a check.
    pub(super) fn take_over(&self, checked: &Connection) {
        if let Some(connection) = &mut self.write().connection {
            connection.take_over(checked);
        }
    }

    /// Closes the lane and wakes the keeper, on the first error of a connection.
    fn fail(&self, generation: u64, error: &RedisError) {
        let mut state = self.write();
        if state.generation != generation || state.failure.is_some() {
            return;
        }
        state.failure = Some(error.to_string());
        // Before the keeper runs: no other request picks the broken connection.
        state.close();
        self.failed.notify_one();
    }

    /// Waits for an error of a request that shows the connection broken.
    pub(super) async fn failure(&self) -> String {
        loop {
            self.failed.notified().await;
            // The notification may concern an earlier connection.
            if let Some(failure) = &self.read().failure {
                return failure.clone();
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, LaneState> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, LaneState> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
