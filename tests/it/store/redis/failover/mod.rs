//! Failures of Redis servers under load, in every topology.

mod cluster;
mod disk;
mod replicas;
mod sentinel;
mod single_server;
