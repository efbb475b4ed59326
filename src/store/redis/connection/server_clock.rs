//! Clock of a Redis server, estimated from a reply of `TIME`.

use std::time::{Duration, Instant};

/// Reading of a server's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerClock {
    /// Time of the reading, in milliseconds since 1970.
    millis: i64,
    /// Arrival of the reply with the reading.
    at: Instant,
}

impl ServerClock {
    /// Returns a reading from a reply that arrived now.
    pub(crate) fn read(millis: i64) -> Self {
        Self {
            millis,
            at: Instant::now(),
        }
    }

    /// Returns the earliest time of the server's clock after `wait` from now, in milliseconds since 1970:
    /// the server read the clock before the reply arrived.
    pub(crate) fn after(&self, wait: Duration) -> i64 {
        let passed = (self.at.elapsed() + wait).as_millis();
        self.millis
            .saturating_add(i64::try_from(passed).unwrap_or(i64::MAX))
    }
}
