//! Lanes: a few connections that are held open and shared by all requests.
//!
//! A checkout from the pool for each request would send `UNWATCH` and `PING` every time and never
//! pipeline. Instead each lane checks one connection out and keeps it; requests clone its
//! multiplexed handle, so that what is sent at the same time travels together. The pool still
//! builds every connection and limits how long that may take.
//!
//! A keeper task watches each lane. When a request finds that its connection is broken, or the
//! keeper's own heartbeat does, the lane closes, requests go to the others, and the keeper opens
//! it anew with a fresh connection, trying until it succeeds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{ErrorKind, RedisError, ServerErrorKind, cmd};
use deadpool_redis::{Connection, Pool};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How often an idle lane is asked whether it is still alive.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Wait after the first failed attempt to open a lane; it doubles with each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(20);
/// The longest wait between attempts: how long a Redis that came back may go unnoticed.
const LONGEST_BACKOFF: Duration = Duration::from_millis(500);

/// The lanes to one Redis. Their keepers end when this is dropped.
pub(super) struct Lanes {
    lanes: Vec<Arc<Lane>>,
    /// Counts requests, to give each lane its turn.
    turn: AtomicUsize,
    _keepers: JoinSet<()>,
}

impl Lanes {
    /// Opens as many lanes as the pool has room for, in the background.
    pub(super) fn open(pool: &Pool) -> Self {
        let lanes: Vec<_> = (0..pool.status().max_size)
            .map(|_| Arc::new(Lane::default()))
            .collect();
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
    pub(super) fn pick(&self) -> Option<OpenLane> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let (passed, next) = self.lanes.split_at(turn % self.lanes.len());
        next.iter().chain(passed).find_map(Lane::pick)
    }
}

/// A lane that was open when it was picked.
pub(super) struct OpenLane {
    lane: Arc<Lane>,
    generation: u64,
    /// A handle to the lane's connection, shared with all who picked it.
    pub(super) connection: MultiplexedConnection,
}

impl OpenLane {
    /// Closes the lane if `error` says that its connection is of no more use, so that nobody else
    /// picks it, and its keeper opens it anew.
    pub(super) fn report(&self, error: &RedisError) {
        if breaks_lane(error) && self.lane.close(Some(self.generation)) {
            self.lane.closed.notify_one();
        }
    }
}

#[derive(Default)]
struct Lane {
    state: RwLock<State>,
    /// Tells the keeper that a request closed the lane.
    closed: Notify,
}

#[derive(Default)]
struct State {
    /// Counts the connections that the lane has had, so that a late failure of a former one does
    /// not close its successor.
    generation: u64,
    connection: Option<MultiplexedConnection>,
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

    fn open(&self, connection: MultiplexedConnection) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.generation += 1;
        state.connection = Some(connection);
    }

    /// Closes the lane, or only its connection of one generation, and tells whether it was open.
    fn close(&self, generation: Option<u64>) -> bool {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let current = generation.is_none_or(|generation| generation == state.generation);
        current && state.connection.take().is_some()
    }
}

/// Keeps a lane open, for ever.
async fn keep(number: usize, lane: Arc<Lane>, pool: Pool) {
    let mut backoff = FIRST_BACKOFF;
    let mut away = false;
    loop {
        match pool.get().await {
            Ok(connection) => {
                if away {
                    tracing::info!(lane = number, "connected to Redis again");
                }
                (backoff, away) = (FIRST_BACKOFF, false);
                lane.open(connection.clone());
                let reason = watch(&lane, &connection).await;
                tracing::warn!(lane = number, reason, "a connection to Redis is replaced");
                lane.close(None);
                // Taken for good: handed back, the pool's check would pass a connection to a Redis
                // that answers but became a replica.
                drop(Connection::take(connection));
            }
            Err(error) => {
                if !away {
                    tracing::warn!(lane = number, %error, "cannot connect to Redis; trying on");
                }
                away = true;
                tokio::time::sleep(backoff).await;
                backoff = LONGEST_BACKOFF.min(backoff * 2);
            }
        }
    }
}

/// Returns why, once the lane was closed by a request or its connection fails a heartbeat.
async fn watch(lane: &Lane, connection: &Connection) -> String {
    let mut connection = MultiplexedConnection::clone(connection);
    loop {
        tokio::select! {
            () = lane.closed.notified() => return "a request failed".into(),
            () = tokio::time::sleep(HEARTBEAT) => {
                if let Err(error) = cmd("PING").exec_async(&mut connection).await {
                    return error.to_string();
                }
            }
        }
    }
}

/// Whether an error is about the connection or the server behind it, not about one request.
///
/// redis-rs reconnects by itself only in a Cluster, and there too it does not leave a master that
/// became a replica.
fn breaks_lane(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Io
            | ErrorKind::Parse
            | ErrorKind::AuthenticationFailed
            | ErrorKind::Server(
                ServerErrorKind::ReadOnly
                    | ServerErrorKind::BusyLoading
                    | ServerErrorKind::MasterDown
            )
    )
}
