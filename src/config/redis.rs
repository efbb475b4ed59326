//! The part of the configuration that the Redis store needs.

use std::path::PathBuf;
use std::time::Duration;

use super::{Config, Secret};

/// What the Redis store needs to know besides the URL.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// What every key begins with; no braces.
    pub key_prefix: String,
    /// Connections held open, at least 1.
    pub lanes: usize,
    /// Most connections for writes that wait for replicas, at least 1: so many can wait at the same
    /// time.
    pub waiting_writes: usize,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for a reply.
    pub response_timeout: Duration,
    /// How many replicas must have a write before it is acknowledged.
    pub wait_replicas: usize,
    /// The user at the Sentinels, where they ask for one.
    pub sentinel_username: Option<String>,
    /// The password at the Sentinels.
    pub sentinel_password: Option<Secret>,
    /// Certificates of the authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The certificate to show to Redis.
    pub cert_file: Option<PathBuf>,
    /// The key of that certificate.
    pub key_file: Option<PathBuf>,
}

/// Connections of a process for writes that wait for replicas.
const WAITING_WRITES: usize = 32;

impl RedisSettings {
    /// The settings of each of so many stores that share the connections.
    #[must_use]
    pub fn shared_by(self, stores: usize) -> Self {
        let stores = stores.max(1);
        Self {
            lanes: self.lanes.div_ceil(stores),
            waiting_writes: self.waiting_writes.div_ceil(stores),
            ..self
        }
    }
}

impl Config {
    /// What the Redis store needs to know besides the URL.
    #[must_use]
    pub fn redis_settings(&self) -> RedisSettings {
        RedisSettings {
            key_prefix: self.redis_key_prefix.clone(),
            lanes: self.redis_lanes,
            waiting_writes: WAITING_WRITES,
            connect_timeout: self.redis_connect_timeout,
            response_timeout: self.store_timeout,
            wait_replicas: self.redis_wait_replicas,
            sentinel_username: self.redis_sentinel_username.clone(),
            sentinel_password: self.redis_sentinel_password.clone(),
            ca_file: self.redis_ca_file.clone(),
            cert_file: self.redis_cert_file.clone(),
            key_file: self.redis_key_file.clone(),
        }
    }
}
