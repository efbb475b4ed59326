//! The integration tests: one binary, so that it links once. A file for each subject; `support`
//! starts what they test against.

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
mod commands_interrupted;
mod commands_memory;
mod commands_topologies;
mod commands_transfer;
mod configuration;
mod conformance_checks;
mod conformance_command;
mod conformance_faults;
mod door;
mod embedded_failures;
mod logs;
mod metrics;
mod metrics_documents;
mod metrics_stores;
mod openapi;
mod process;
mod redis_arithmetic;
mod redis_cluster;
mod redis_connections;
mod redis_data;
mod redis_deletes;
mod redis_doctor;
mod redis_failures;
mod redis_inspection;
mod redis_replicas;
mod redis_security;
mod redis_sentinel;
mod server_limits;
mod server_memory;
mod store_activity;
mod store_concurrency;
mod store_conformance;
mod store_deletes;
mod store_lists;
mod store_writers;
mod traces;
mod upkeep_embedded;
mod upkeep_embedded_inspect;
mod upkeep_redis;
mod upkeep_redis_inspect;
mod upkeep_redis_load;
