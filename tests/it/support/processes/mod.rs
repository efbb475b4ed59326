//! Processes: redis-server in every topology, the service, its commands.

pub(crate) mod cluster;
pub(crate) mod commands;
pub(crate) mod redis;
pub(crate) mod sentinel;
pub(crate) mod server;
pub(crate) mod service;
pub(crate) mod tls;
