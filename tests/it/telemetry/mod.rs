//! Logs, metrics and traces.

mod logs;
mod metrics;
mod metrics_documents;
mod metrics_stores;
mod traces;
