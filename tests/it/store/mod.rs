//! Stores: cases for every store, and cases of one store.

mod activity;
mod attacks;
mod clock;
mod concurrency;
mod deletes;
mod embedded;
mod limits;
mod lists;
mod maintenance;
mod records;
mod redis;
mod roster;
mod upgrade;
mod writers;
