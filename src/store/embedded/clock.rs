//! Clock of the writer.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::OccurredAt;

/// Clock of the store. Never goes back while the process runs: after the system's clock was set back, a
/// record without a time must still replace older stats.
#[derive(Default)]
pub(super) struct MonotonicClock {
    latest: i64,
}

impl MonotonicClock {
    /// Returns the current time, with the calendar day in UTC.
    pub(super) fn now(&mut self) -> OccurredAt {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let millis = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        self.latest = self.latest.max(millis);
        OccurredAt::from_utc_millis(self.latest)
    }
}
