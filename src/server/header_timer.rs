//! Timeouts of request headers.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use hyper_util::rt::TokioTimer;

/// The header timer of one connection, with a short timeout for the first request and a long timeout
/// for further requests: a new client has no reason to wait, and an idle client may reuse the
/// connection.
///
/// hyper has one timeout for all headers, and starts this timer once per header.
pub(super) struct HeaderTimer {
    first: Duration,
    further: Duration,
    is_new: AtomicBool,
}

impl HeaderTimer {
    /// Returns a timer with the timeouts of the first and of `further` headers.
    pub(super) fn new(first: Duration, further: Duration) -> Self {
        Self {
            first,
            further,
            is_new: AtomicBool::new(true),
        }
    }
}

impl Timer for HeaderTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        TokioTimer::new().sleep(duration)
    }

    fn sleep_until(&self, _deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let is_first = self.is_new.swap(false, Ordering::Relaxed);
        self.sleep(if is_first { self.first } else { self.further })
    }
}
