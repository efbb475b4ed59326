//! study-stats records study sessions and answers, exactly and in constant time, questions about a
//! learner in a course and about all learners of a course.
//!
//! `docs/GLOSSARY.md` defines the words; `docs/ARCHITECTURE.md` gives the reasons and follows one
//! POST, one batch and one `verify --repair` through the files.
//!
//! # Map
//!
//! Arrows point down only: `server` → `commands`, `api` → `store` → `domain`.
//!
//! - [`server`]: opens the store, serves the API on a listener until a signal; the metrics endpoint
//!   and the server of the control socket.
//! - [`commands`]: verify, export, import, inspect and doctor, on a store in this process or through
//!   the control socket.
//!   - `commands/control`: protocol and client of the control socket.
//!   - `commands/output`: the `Ui` of a command; terminal, files and progress bar.
//! - [`api`]: the HTTP API, a file per resource, and the OpenAPI document.
//!   - `api/extract`: extractors: learner, ids in the path, query, paging, JSON body.
//!   - `api/respond`: responses: the error shape, `ETag`, totals, large JSON.
//!   - `api/middleware`: request id, timeout and panic guard; access log; routes; memory budget.
//! - `wire`: JSON of records, batches and export lines, with validation; no HTTP.
//! - [`store`]: the traits [`StatsStore`](store::StatsStore) and
//!   [`Maintenance`](store::maintenance::Maintenance), the metrics decorator, and two stores.
//!   - `store/embedded`: the store in one redb file.
//!   - `store/embedded/maintenance`: verify, repair and inspect of the embedded store.
//!   - `store/redis`: the store in Redis: keys, scripts, codec, reads, writes, deletes.
//!   - `store/redis/connection`: URL, TLS, pool, lanes, automatic pipelining, Cluster slots.
//!   - `store/redis/maintenance`: verify, repair and inspect of the Redis store.
//!   - `store/redis/scan`: passes over all keys.
//!   - `store/redis/doctor`: the diagnoses of the doctor, and the config watch.
//! - [`domain`]: ids, enrolments, measures, sessions, exact totals; pure.
//! - [`conformance`]: checks of the API's contract against an instance, by address.
//!   - `conformance/harness`: HTTP client, requests, responses, sample records.
//!   - `conformance/writes`: checks of records, batches, deletions.
//!   - `conformance/reads`: checks of reads.
//!   - `conformance/http`: checks of methods, headers, health, documents.
//! - [`config`]: flags and environment variables.
//! - [`telemetry`]: log and throttle.
//!   - `telemetry/metrics`: metrics for Prometheus.
//!   - `telemetry/trace`: OpenTelemetry spans.
//! - [`error`]: the error that ends the process.
//! - [`health`]: the `health` command.
//! - [`pause_detector`]: detection of a process that did not run.
//! - `retry`: retry with backoff.
//!
//! # Invariants
//!
//! `tests/tidy` checks the imports behind these sentences in `make lint`.
//!
//! - Architecture invariant: the domain imports nothing of the crate, and no async, serialisation,
//!   HTTP or storage library.
//! - Architecture invariant: a store knows no HTTP, and no JSON of a request or response.
//! - Architecture invariant: the embedded store and the Redis store know nothing of each other. Only
//!   `store/open.rs` names both.
//! - Architecture invariant: `wire` knows no HTTP, so that `commands` and `api` read a record with the
//!   same code.
//! - Architecture invariant: `api` and `commands` know nothing of each other.
//! - Architecture invariant: `conformance` knows only the address of a service.
//! - Architecture invariant: no circle of imports between files. A child may use items of its parent
//!   module.
//! - Aggregates are integers of decimal digits. No float is added to or subtracted from a stored sum.
//! - A write is one transaction, or one Lua script on keys of one slot. Refusals come before the first
//!   change.
//! - A failure is logged once, where a response or exit code is made of the failure. No log line,
//!   metric or span has a learner's data.
//!
//! # Recipes
//!
//! A field of a session: `domain/session.rs` (type and range), `wire/record.rs` (parse, validate,
//! schema) and `wire/session_line.rs` (export), `api/sessions.rs` (response); `store/embedded/schema.rs`
//! (row) and `store/redis/codec.rs` with `scripts/record.lua` (hash); a check in `conformance/`;
//! `docs/DATA-MODEL.md` and `docs/API.md`; `make openapi`.
//!
//! An index: `store/mod.rs` (read operation of the trait), `domain/page.rs` (its items);
//! `store/embedded/schema.rs` (table), `transaction.rs` (writes) and `reads.rs`;
//! `store/redis/keys.rs` (key), `scripts/record.lua` and `scripts/delete.lua` (writes) and `reads.rs`;
//! verify, repair and inspect in both `maintenance` rooms; `tests/it/support` (recount of the index
//! after every test); `docs/DATA-MODEL.md`.
//!
//! An operation: a handler and its declaration in the resource's file of `api/`, and its place in
//! `api/mod.rs`; if the store answers a new question, a method of `StatsStore` in `store/mod.rs`, both
//! stores, `store/instrumented.rs` and `telemetry/metrics/store.rs`; checks in `conformance/`;
//! `docs/API.md`; `make openapi`.
//!
//! A store: a folder in `store/` with `impl StatsStore` and `impl Maintenance`; a variant of
//! `StoreConfig` in `config/`, opened in `store/open.rs`; a fixture in `tests/it/support`, which brings
//! every case of the store suite and of the conformance suite; `tests/tidy/arrows.rs` (its row).

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
