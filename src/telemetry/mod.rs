//! What the service tells of itself: a log, and where they are asked for, metrics and traces.
//!
//! It is the process's own, as the log is, so that whatever happens can be told where it happens. What
//! is not asked for costs nothing.

pub mod current;
mod log;
pub mod metrics;
pub mod trace;

pub use log::{ACCESS, Tally, start, start_for_command};
