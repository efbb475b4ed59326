//! The Redis store: keys and values, connections, permissions, failures and maintenance.

mod arithmetic;
mod config_watch;
mod connections;
mod data;
mod deletes;
mod doctor;
mod failover;
mod maintenance;
mod security;
