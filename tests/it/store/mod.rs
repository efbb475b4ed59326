//! The stores: cases for every store, and cases of one store.

mod activity;
mod concurrency;
mod conformance;
mod deletes;
mod embedded;
mod lists;
mod redis;
mod writers;
