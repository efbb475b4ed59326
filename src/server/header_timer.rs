//! How long a client may take for the head of a request.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use hyper_util::rt::TokioTimer;

/// The timer of one connection.
///
/// hyper has one time limit for all heads, and asks this timer once for each. But a new client that
/// says nothing is of no use, while one that has been answered may keep its connection for later.
pub(super) struct HeadTimer {
    first: Duration,
    further: Duration,
    is_new: AtomicBool,
}

impl HeadTimer {
    /// A timer that gives the first head so long, and `further` ones so.
    pub(super) fn new(first: Duration, further: Duration) -> Self {
        Self {
            first,
            further,
            is_new: AtomicBool::new(true),
        }
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        TokioTimer::new().sleep(duration)
    }

    fn sleep_until(&self, _deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let is_first = self.is_new.swap(false, Ordering::Relaxed);
        self.sleep(if is_first { self.first } else { self.further })
    }
}
