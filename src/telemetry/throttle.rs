//! The throttle of frequent log lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts what may happen thousands of times a second, and tells it in one line a second.
#[derive(Debug, Clone, Default)]
pub struct Throttle(Arc<AtomicU64>);

impl Throttle {
    /// How long is counted before it is told.
    const PERIOD: Duration = Duration::from_secs(1);

    /// Counts one more. The first of a period has `tell` told how many there were when it is over.
    pub fn add(&self, tell: impl FnOnce(u64) + Send + 'static) {
        if self.0.fetch_add(1, Ordering::Relaxed) == 0 {
            let count = Arc::clone(&self.0);
            tokio::spawn(async move {
                tokio::time::sleep(Self::PERIOD).await;
                tell(count.swap(0, Ordering::Relaxed));
            });
        }
    }
}
