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
//! - [`server`]: opens the store, serves the API on a listener until a signal; the metrics endpoint.
//!   - `server/control`: the server of the control socket.
//! - [`commands`]: verify, export, import, inspect, doctor and upgrade, on a store in this process or through
//!   the control socket.
//!   - `commands/control`: protocol and client of the control socket.
//!   - `commands/output`: the `Ui` of a command; terminal, files and progress bar.
//! - [`api`]: the HTTP API, a file per resource, and the OpenAPI document.
//!   - `api/docs`: the pages, and the last steps of the OpenAPI document.
//!   - `api/extract`: extractors: learner, ids in the path, query, paging, JSON body.
//!   - `api/respond`: responses: the error shape, `ETag`, totals, large JSON.
//!   - `api/middleware`: request id, timeout and panic guard; access log; routes; memory budget.
//! - `wire`: JSON of records, batches and export lines, with validation; no HTTP.
//! - [`store`]: the traits [`StatsStore`](store::StatsStore) and
//!   [`Maintenance`](store::maintenance::Maintenance), the decorators for admission and metrics, and two
//!   stores.
//!   - `store/maintenance`: the traits of maintenance and of the ledger; inspect.
//!   - `store/maintenance/verify`: verify and repair, over the ledger of either store.
//!   - `store/embedded`: the store in one redb file.
//!   - `store/embedded/ledger`: the tables as maintenance reads and repairs them.
//!   - `store/embedded/maintenance`: the operations for operators.
//!   - `store/redis`: the store in Redis: keys, scripts, codec, reads, writes, deletes.
//!   - `store/redis/connection`: URL, TLS, pool, lanes, automatic pipelining, Cluster slots.
//!   - `store/redis/connection/lanes`: the shared connections, and their keepers.
//!   - `store/redis/schema`: the version of the data, and the upgrade.
//!   - `store/redis/ledger`: the keys as maintenance reads and repairs them.
//!   - `store/redis/maintenance`: the operations for operators.
//!   - `store/redis/scan`: passes over all keys.
//!   - `store/redis/doctor`: the diagnoses of the doctor, and the config watch.
//! - [`domain`]: ids, enrolments, measures, sessions, exact totals; pure.
//! - [`conformance`]: checks of the API's contract against an instance, by address.
//!   - `conformance/harness`: HTTP client, requests, responses, sample records.
//!   - `conformance/writes`: checks of records, batches, deletes.
//!   - `conformance/reads`: checks of reads.
//!   - `conformance/lists`: checks of lists and their pages.
//!   - `conformance/http`: checks of methods, query parameters, headers, health, documents.
//! - [`config`]: flags and environment variables.
//! - [`telemetry`]: log and throttle.
//!   - `telemetry/metrics`: metrics for Prometheus.
//!   - `telemetry/trace`: OpenTelemetry spans.
//! - [`error`]: the error that ends the process.
//! - [`health`]: the `health` command.
//! - [`pause_detector`]: detection of a process that did not run.
//! - `retry`: retry with backoff.
//! - `signals`: SIGTERM, SIGINT and SIGHUP.
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
//! - A failure is logged once, where the failure becomes a response or an exit code. No metric, no span
//!   and no log line above the level debug has a learner's data.
//!
//! # Recipes
//!
//! The compiler names further Rust files; no compiler names a Lua script, a row layout or a document.
//!
//! A field of a session: `domain/session.rs` (type and range); `wire/record.rs` (parse, validate, schema),
//! `wire/batch.rs` (list of the fields) and `wire/export_line.rs` (export); `api/sessions.rs` (response).
//! In `store/embedded`: `schema.rs` (row), `tuples.rs` (layout of the row; redb refuses a table of another
//! layout, so files of users need a migration), `maintenance/display.rs`. In `store/redis`: `codec.rs`,
//! `scripts/record.lua` and `scripts/snapshot.lua` (hash; stored hashes lack the field),
//! `maintenance/snapshot.rs` and `maintenance/inspect.rs`. `conformance/harness/samples.rs` and a check;
//! `tests/it/support/stores/tables.rs`; `docs/DATA-MODEL.md`, `docs/API.md`, `CHANGELOG.md`;
//! `make openapi`. A field with a sum is a measure: also `domain/measures.rs`,
//! `store/redis/maintenance/aggregate.rs`, and every script with the fields of an aggregate.
//!
//! An index: `domain/page.rs` (its items), and an operation that reads the index, as below. In
//! `store/embedded`: `schema.rs` (table and key), `tuples.rs` (layout of the key), `transaction.rs`
//! (writes), `reads.rs`; in `maintenance`: `enrolment.rs` and `chunks.rs` (verify), `repair.rs`,
//! `display.rs`, `inspect.rs`. In `store/redis`: `keys.rs` (key, and the keys of the scripts),
//! `scripts/record.lua` and `scripts/delete.lua` (writes), `scripts/permissions.lua` (commands on the key),
//! `reads.rs`; in `maintenance`: `survey.rs`, `snapshot.rs` with `scripts/snapshot.lua`, `indexes.rs`
//! (verify), `repair.rs` with `scripts/reindex.lua`, `inspect.rs`. `tests/it/support/audit` (recount after
//! every test) and `tests/it/support/faults` (corruptions); `docs/DATA-MODEL.md`, `CHANGELOG.md`.
//! `verify --repair` then builds the index of stored sessions.
//!
//! An operation: a handler with its declaration in the resource's file of `api/`; a new resource in the
//! lists of `api/mod.rs`; a new failure in `api/respond/error_docs.rs`. If the store answers a new
//! question: a method of `StatsStore` in `store/mod.rs`, both stores, `store/instrumented.rs` with a
//! `StoreOp` of `telemetry/metrics/store.rs`, and the stores of tests and benches
//! (`tests/it/support/stores/hooked.rs`, `benches/micro/fixed_store.rs`). Checks in `conformance/`, with
//! their names in `tests/it/conformance/checks.rs`; cases in `tests/it/store`; `README.md`, `docs/API.md`,
//! `CHANGELOG.md`; `make openapi`.
//!
//! A store: a folder in `store/` with `impl StatsStore` and `impl Maintenance`, declared in `store/mod.rs`;
//! a variant of `StoreConfig` and of `StoreChoice` in `config/store.rs`, opened in `store/open.rs`. A
//! fixture in `tests/it/support/stores/fixture.rs`, with a recount in `tests/it/support/audit`; a line in
//! `for_every_store!` there, and a line in `test_checks!` of `tests/it/conformance/checks.rs`, run every
//! case of the store suite and every conformance check on the store. A row in `tests/tidy/arrows.rs`, and
//! the room on the map above.

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
