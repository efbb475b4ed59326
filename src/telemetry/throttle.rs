//! The throttle of frequent log lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counter of events that may occur thousands of times a second, reported in one log line a second.
#[derive(Debug, Clone, Default)]
pub struct Throttle(Arc<AtomicU64>);

impl Throttle {
    /// Length of a period.
    const PERIOD: Duration = Duration::from_secs(1);

    /// Counts an event. The first event of a period schedules `report`, which gets the count at the end
    /// of the period.
    pub fn add(&self, report: impl FnOnce(u64) + Send + 'static) {
        self.add_beyond(0, || {}, report);
    }

    /// Counts an event. Calls `log` at once for the first `maximum` events of a period; `report` gets the count
    /// of the others at the end of the period.
    pub fn add_beyond(
        &self,
        maximum: u64,
        log: impl FnOnce(),
        report: impl FnOnce(u64) + Send + 'static,
    ) {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        if before < maximum {
            log();
        }
        if before == 0 {
            let count = Arc::clone(&self.0);
            tokio::spawn(async move {
                tokio::time::sleep(Self::PERIOD).await;
                let others = count.swap(0, Ordering::Relaxed).saturating_sub(maximum);
                if others > 0 {
                    report(others);
                }
            });
        }
    }
}
