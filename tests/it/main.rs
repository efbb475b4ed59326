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

mod api_bodies;
mod api_erasure;
mod api_failures;
mod api_large_deletes;
mod api_overload;
mod api_pages;
mod api_protocol;
mod api_storage;
mod api_texts;
mod commands;
mod configuration;
mod conformance_checks;
mod conformance_command;
mod conformance_faults;
mod openapi;
mod server;
mod store;
mod telemetry;
