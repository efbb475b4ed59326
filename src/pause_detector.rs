//! Detection of pauses of the process, by SIGSTOP or a paused machine.
//!
//! Requests sent during a pause wait in the sockets, and seem new when read. Their clients may have
//! given up, sent the record to another replica, and a newer record since, which the old request must
//! not replace. Requests that may have waited are therefore refused.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// Interval between heartbeats.
const HEARTBEAT: Duration = Duration::from_millis(50);
/// Time after a pause in which requests that waited in the sockets are read.
const RECOVERY: Duration = Duration::from_secs(1);

/// Detector of pauses of the process.
#[derive(Debug)]
pub struct PauseDetector {
    start: Instant,
    longest: Duration,
    /// Time of the last heartbeat, in ms since the start.
    last: AtomicU64,
    /// End of the recovery from the last pause, in ms since the start.
    recovered_at: AtomicU64,
}

impl PauseDetector {
    /// Starts the detector; pauses up to `longest` are ignored.
    #[must_use]
    pub fn start(longest: Duration) -> Arc<Self> {
        let pause_detector = Arc::new(Self {
            start: Instant::now(),
            longest: longest.max(10 * HEARTBEAT),
            last: AtomicU64::new(0),
            recovered_at: AtomicU64::new(0),
        });
        let watched = Arc::downgrade(&pause_detector);
        // On a thread: a task of a busy runtime may wait longer than a heartbeat.
        thread::spawn(move || send_heartbeats(&watched));
        pause_detector
    }

    /// Returns false for a second after a pause: requests read then may have waited in the sockets.
    #[must_use]
    pub fn has_recovered(&self) -> bool {
        let now = self.millis();
        // The first heartbeat after the pause may not have run yet.
        let since_last = now.saturating_sub(self.last.load(Ordering::Acquire));
        u128::from(since_last) <= self.longest.as_millis()
            && now >= self.recovered_at.load(Ordering::Acquire)
    }

    fn heartbeat(&self) {
        let now = self.millis();
        let pause = now.saturating_sub(self.last.load(Ordering::Acquire));
        if u128::from(pause) > self.longest.as_millis() {
            let recovered_at = now + millis(RECOVERY);
            self.recovered_at.store(recovered_at, Ordering::Release);
            tracing::warn!(
                pause,
                "the process did not run for so many ms: requests that waited are refused"
            );
        }
        self.last.store(now, Ordering::Release);
    }

    fn millis(&self) -> u64 {
        millis(self.start.elapsed())
    }
}

fn send_heartbeats(watched: &Weak<PauseDetector>) {
    while let Some(pause_detector) = watched.upgrade() {
        pause_detector.heartbeat();
        drop(pause_detector);
        thread::sleep(HEARTBEAT);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
