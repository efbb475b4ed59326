//! Notices that the process did not run for a while: it was stopped, or its machine was.
//!
//! What clients sent meanwhile waits in their sockets, and looks as if it had just arrived. But those
//! who sent it may have given up, sent it to another replica and something newer since, which it
//! must not replace now. So what waited is refused.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// How often the process shows that it runs.
const BEAT: Duration = Duration::from_millis(50);
/// Time to find what waits in the sockets after a pause.
const AFTERMATH: Duration = Duration::from_secs(1);

/// Shows whether the process has been running all the time.
#[derive(Debug)]
pub struct PauseDetector {
    start: Instant,
    longest: Duration,
    /// The last beat, and the end of the aftermath of the last pause, in ms since the start.
    last: AtomicU64,
    sound_from: AtomicU64,
}

impl PauseDetector {
    /// Begins to watch; pauses of up to `longest` do not count.
    #[must_use]
    pub fn start(longest: Duration) -> Arc<Self> {
        let pause_detector = Arc::new(Self {
            start: Instant::now(),
            longest: longest.max(10 * BEAT),
            last: AtomicU64::new(0),
            sound_from: AtomicU64::new(0),
        });
        let watched = Arc::downgrade(&pause_detector);
        // A thread of its own: tasks may wait for their turn for longer, where there is much to do.
        thread::spawn(move || beat(&watched));
        pause_detector
    }

    /// Whether what arrives now has not waited for the process to run.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let now = self.millis();
        // Perhaps there was no beat yet after the pause.
        let since_last = now.saturating_sub(self.last.load(Ordering::Acquire));
        u128::from(since_last) <= self.longest.as_millis()
            && now >= self.sound_from.load(Ordering::Acquire)
    }

    fn beat(&self) {
        let now = self.millis();
        let pause = now.saturating_sub(self.last.load(Ordering::Acquire));
        if u128::from(pause) > self.longest.as_millis() {
            let sound_from = now + millis(AFTERMATH);
            self.sound_from.store(sound_from, Ordering::Release);
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

fn beat(watched: &Weak<PauseDetector>) {
    while let Some(pause_detector) = watched.upgrade() {
        pause_detector.beat();
        drop(pause_detector);
        thread::sleep(BEAT);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
