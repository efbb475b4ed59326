//! State of connections: which connection idles, and for how long.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::task;

use crate::api::HugeChunk;

/// [`ConnectionState::idle_since`] of a connection with a request or an unsent response.
const BUSY: u64 = u64::MAX;

/// State of a connection, shared by its task and the listener.
pub(super) struct ConnectionState {
    /// Start of the clock of `idle_since`.
    start: Instant,
    /// Whether the app has a request of the connection.
    in_flight: AtomicBool,
    /// Start of the wait for a request, in microseconds since `start`; [`BUSY`] from the request's head to
    /// the end of the response.
    idle_since: AtomicU64,
    /// Whether the connection is to be closed as soon as it idles.
    is_evicted: AtomicBool,
    /// Wakes the task of an evicted connection that idles.
    eviction: Notify,
    /// Whether the connection is over the limit: only probes are served.
    pub(super) only_probes: bool,
    /// Reports a huge chunk of a request's body.
    pub(super) huge_chunk: HugeChunk,
}

impl ConnectionState {
    /// State of a new connection, which idles. `start` is the same for all connections.
    pub(super) fn new(start: Instant, only_probes: bool) -> Self {
        let state = Self {
            start,
            in_flight: AtomicBool::new(false),
            idle_since: AtomicU64::new(BUSY),
            is_evicted: AtomicBool::new(false),
            eviction: Notify::new(),
            only_probes,
            huge_chunk: HugeChunk::default(),
        };
        state.sent();
        state
    }

    /// Marks the begin of a request; the drop of the guard marks the response.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.idle_since.store(BUSY, Ordering::Relaxed);
        self.in_flight.store(true, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Returns whether the app has a request of the connection.
    pub(super) fn is_in_flight(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Marks that all bytes of all responses are sent.
    pub(super) fn sent(&self) {
        if self.idle_since.load(Ordering::Relaxed) == BUSY && !self.is_in_flight() {
            let now = self.start.elapsed().as_micros();
            let now = u64::try_from(now).unwrap_or(BUSY - 1);
            self.idle_since.store(now, Ordering::Relaxed);
            if self.is_evicted.load(Ordering::Relaxed) {
                self.eviction.notify_one();
            }
        }
    }

    /// Marks the connection for the eviction, and wakes the task.
    fn evict(&self) {
        self.is_evicted.store(true, Ordering::Relaxed);
        self.eviction.notify_one();
    }

    /// Waits until the connection is evicted while it idles.
    pub(super) async fn evicted(&self) {
        loop {
            self.eviction.notified().await;
            if self.idle_since.load(Ordering::Relaxed) != BUSY {
                return;
            }
        }
    }
}

/// Request in the app.
pub(super) struct InFlight(Arc<ConnectionState>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.huge_chunk.forget();
        self.0.in_flight.store(false, Ordering::Relaxed);
    }
}

/// Connections by the id of their task.
#[derive(Default)]
pub(super) struct Connections {
    states: HashMap<task::Id, Arc<ConnectionState>>,
    /// Number of connections that are not only for probes.
    full: usize,
}

impl Connections {
    pub(super) fn insert(&mut self, id: task::Id, state: Arc<ConnectionState>) {
        self.full += usize::from(!state.only_probes);
        self.states.insert(id, state);
    }

    pub(super) fn remove(&mut self, id: task::Id) -> Option<Arc<ConnectionState>> {
        let state = self.states.remove(&id)?;
        self.full -= usize::from(!state.only_probes);
        Some(state)
    }

    /// Number of connections that are not only for probes.
    pub(super) fn full(&self) -> usize {
        self.full
    }

    /// Closes the connection that idles longest, and returns its state; `None` where none idles.
    pub(super) fn evict(&mut self) -> Option<Arc<ConnectionState>> {
        let since = |state: &ConnectionState| state.idle_since.load(Ordering::Relaxed);
        let longest = self.states.iter().min_by_key(|(_, state)| since(state));
        let (&id, _) = longest.filter(|(_, state)| since(state) != BUSY)?;
        // Out of the count at once; a connection that gets a request in this moment is closed after it.
        let state = self.remove(id)?;
        state.evict();
        Some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_connection_that_idles_longest_is_evicted_first() {
        let start = Instant::now();
        let mut connections = Connections::default();
        let states: Vec<_> = (0..3)
            .map(|_| Arc::new(ConnectionState::new(start, false)))
            .collect();
        for (since, state) in [5, 3, 4].into_iter().zip(&states) {
            state.idle_since.store(since, Ordering::Relaxed);
            let id = tokio::spawn(std::future::pending::<()>()).id();
            connections.insert(id, Arc::clone(state));
        }
        let request = states[1].begin();
        assert!(connections.evict().is_some());
        states[2].evicted().await;
        drop(request);
        assert!(connections.evict().is_some());
        states[0].evicted().await;
        assert!(connections.evict().is_none(), "a response is not sent yet");
        states[1].sent();
        assert!(connections.evict().is_some());
        states[1].evicted().await;
        assert_eq!(connections.full(), 0);
    }
}
