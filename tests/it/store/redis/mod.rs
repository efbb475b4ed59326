//! The Redis store: keys and values, connections, permissions and failures.

mod arithmetic;
mod config_watch;
mod connections;
mod data;
mod deletes;
mod doctor;
mod failover;
mod groups;
mod security;
