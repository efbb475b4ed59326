//! The image and the compose files under load, while containers are killed.
//!
//! `make test-containers` builds the image first.

#![allow(
    missing_docs,
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

#[path = "../it/support/mod.rs"]
#[allow(
    dead_code,
    reason = "shared with the other tests, which use more of it"
)]
mod support;

mod compose;
mod docker;
mod image;
mod replicas;
mod topologies;
