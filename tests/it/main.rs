//! Integration tests: one binary, which links once. Rooms by subject, as in `src`; `support` starts
//! stores, servers and clients.

#![allow(
    missing_docs,
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::float_cmp,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod support;

mod api;
mod commands;
mod configuration;
mod conformance;
mod server;
mod store;
mod telemetry;
