//! study-stats records study sessions and answers, exactly and in constant time, what a learner has
//! done in a course.
//!
//! # Map
//!
//! Arrows point down only:
//!
//! - [`server`] puts the parts together: the HTTP endpoint on a store, and the listener that serves
//!   it until it is told to stop. `main.rs` stands above it and dispatches the commands.
//! - [`commands`] are what operators do with a store.
//! - [`api`] speaks HTTP: one file for each resource, the error shape, ids and bodies as they
//!   arrive, the OpenAPI document.
//! - [`store`] keeps the sessions: the trait [`StatsStore`](store::StatsStore) and its two
//!   implementations, an embedded database and Redis.
//! - [`domain`] is what it is all about: ids, a session, and the exact arithmetic of totals.
//!
//! [`conformance`] stands apart: it knows the service by its address only.
//!
//! [`config`] is read by all but the domain; [`telemetry`] is the log, the metrics and the traces;
//! [`pulse`] notices that the process was stopped for a while. `docs/ARCHITECTURE.md` follows one POST
//! through all of them.

pub mod api;
pub mod commands;
pub mod config;
pub mod conformance;
pub mod domain;
pub mod error;
pub mod health;
pub mod pause_detector;
mod retry;
pub mod server;
mod signals;
pub mod store;
pub mod telemetry;
mod wire;
