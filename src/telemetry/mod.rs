//! Telemetry: the log, and where configured, metrics and traces.
//!
//! All are global to the process, as the log is, so that events are recorded where they occur without a
//! handle in every signature. Metrics and traces cost nothing when not configured.

mod log;
mod log_filter;
mod log_queue;
pub mod metrics;
mod throttle;
pub mod trace;

pub use log::{ACCESS, start, start_for_command};
pub use log_queue::end;
pub use throttle::Throttle;
