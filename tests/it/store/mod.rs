//! Stores: cases for every store, and cases of one store.

mod activity;
mod concurrency;
mod deletes;
mod embedded;
mod lists;
mod records;
mod redis;
mod writers;
