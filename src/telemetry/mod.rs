//! What the service tells of itself: a log, and where they are asked for, metrics and traces.
//!
//! It is the process's own, as the log is, so that whatever happens can be told where it happens. What
//! is not asked for costs nothing.

mod log;
pub mod metrics;
mod throttle;
pub mod trace;

pub use log::{ACCESS, start, start_for_command};
pub use throttle::Throttle;
