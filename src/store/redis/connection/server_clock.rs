//! Redis's clock, as far as its replies tell.

use std::time::{Duration, Instant};

/// A reading of a server's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerClock {
    /// What it showed, in milliseconds since 1970.
    millis: i64,
    /// When the reply with it had arrived.
    at: Instant,
}

impl ServerClock {
    /// A reading that has just arrived.
    pub(crate) fn read(millis: i64) -> Self {
        Self {
            millis,
            at: Instant::now(),
        }
    }

    /// What the clock will show, at the earliest, when `wait` has passed from now: it was read
    /// before its reply arrived.
    pub(crate) fn after(&self, wait: Duration) -> i64 {
        let passed = (self.at.elapsed() + wait).as_millis();
        self.millis
            .saturating_add(i64::try_from(passed).unwrap_or(i64::MAX))
    }
}
