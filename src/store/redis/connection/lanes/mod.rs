//! Lanes: a pool of shared, multiplexed connections.
//!
//! A checkout from `deadpool` per request would cost a check each time and prevent pipelining. So each
//! lane checks a connection out once, and requests clone the handle of the connection: commands sent at
//! the same time share a write to the socket. `deadpool` still creates every connection, within the
//! timeout of a connect.
//!
//! A keeper task per lane replaces a broken connection, after an error of a request or of the keeper's
//! heartbeat, and retries until a new connection is open. Meanwhile a lane to a single server is closed,
//! and requests use the other lanes. A lane to a Cluster stays open as long as any node accepts
//! connections: most servers may be healthy.

mod lane;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool::managed::{Object, Pool};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Connection;
use super::error::{explained, no_node_accepts};
use super::manager::RedisManager;
use crate::retry::Backoff;
use crate::telemetry::metrics;
use lane::Lane;

pub(crate) use lane::OpenLane;

/// Interval between heartbeats of a lane, and minimum interval between replacements of a connection to a
/// Cluster.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// First wait after a failed attempt to connect or a connection of short life.
const FIRST_BACKOFF: Duration = Duration::from_millis(20);
/// Longest wait between attempts to connect: how long a recovered Redis may stay unnoticed.
const LONGEST_BACKOFF: Duration = Duration::from_millis(500);

/// Number of consecutive requests on the same lane, so that requests of the same time share a pipeline.
const RUN: usize = 32;

/// Pool of lanes to one Redis. The keepers end with the drop.
pub(crate) struct Lanes {
    lanes: Vec<Arc<Lane>>,
    /// Number of requests so far, to rotate the lanes.
    turn: AtomicUsize,
    _keepers: JoinSet<()>,
}

impl Lanes {
    /// Opens `count` lanes, at least one, in the background.
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

    /// Picks the next open lane; `None` while all lanes are closed.
    pub(crate) fn pick(&self) -> Option<OpenLane> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) / RUN;
        let (passed, next) = self.lanes.split_at(turn % self.lanes.len());
        next.iter().chain(passed).find_map(Lane::pick)
    }

    /// Returns the connection of any open lane, to read the slot map; the rotation stays.
    pub(crate) fn any(&self) -> Option<Connection> {
        let open = self.lanes.iter().find_map(Lane::pick);
        open.map(|lane| lane.connection)
    }

    /// Returns the error of a failed attempt to connect, while a lane has such an error.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.lanes.iter().find_map(|lane| lane.refusal())
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        let count = i64::try_from(self.lanes.len()).unwrap_or(i64::MAX);
        metrics::redis(|redis| redis.lanes.sub(count));
        self.lanes.iter().for_each(|lane| lane.close_for_good());
    }
}

/// Keeps a lane open, forever.
async fn keep(number: usize, lane: Arc<Lane>, pool: Pool<RedisManager>) {
    let mut backoff = Backoff::new(FIRST_BACKOFF, LONGEST_BACKOFF);
    loop {
        let start = Instant::now();
        match pool.get().await {
            Ok(mut connection) => {
                if lane.is_open() && !connection.is_whole().await {
                    // The present connection of the lane reaches more servers.
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
                // Removed from the pool: a broken connection is not recycled.
                drop(Object::take(connection));
            }
            Err(error) => {
                let error = explained(&error);
                if lane.refuse(&error) {
                    tracing::warn!(lane = number, error, "cannot connect to Redis; trying on");
                }
                // However long the attempt took.
                backoff.wait().await;
                continue;
            }
        }
        // Also after a connection of short life, to prevent a storm of connections.
        if start.elapsed() < backoff.next_wait() {
            backoff.wait().await;
        } else {
            backoff.reset();
        }
    }
}

/// Waits until a request or a heartbeat finds the connection broken, and returns the error.
async fn watch(lane: &Lane, connection: &Connection) -> String {
    let opened = Instant::now();
    let failure = async {
        let failure = lane.failure().await;
        if connection.is_cluster() {
            tokio::time::sleep_until(opened + HEARTBEAT).await;
        }
        failure
    };
    let heartbeat = async {
        let mut connection = connection.clone();
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            if let Err(error) = connection.check().await {
                if no_node_accepts(&error) {
                    // The driver would connect to the nodes of a Cluster again for each request, without a
                    // wait.
                    lane.close_for_good();
                }
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
