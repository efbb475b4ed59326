//! HTTP requests: raw sockets and batches.

pub(crate) mod batch;
pub(crate) mod raw;
