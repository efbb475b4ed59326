//! Configuration of the Redis store.

use std::path::PathBuf;
use std::time::Duration;

use super::{Config, Secret};
use crate::domain::Limits;

/// Settings of the Redis store, without the URL.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// Prefix of every key, without braces.
    pub key_prefix: String,
    /// Number of lanes: shared connections that stay open; at least 1.
    pub lanes: usize,
    /// Maximum number of connections for writes that wait for replicas, and so of concurrent waits;
    /// at least 1.
    pub waiting_writes: usize,
    /// Timeout of a connect.
    pub connect_timeout: Duration,
    /// Timeout of a reply.
    pub response_timeout: Duration,
    /// Maximum numbers of sessions and courses.
    pub limits: Limits,
    /// Number of replicas that must have a write before the acknowledgement.
    pub wait_replicas: usize,
    /// Password for Redis, in place of a password in the URL.
    pub password: Option<Secret>,
    /// User name for the Sentinels.
    pub sentinel_username: Option<String>,
    /// Password for the Sentinels.
    pub sentinel_password: Option<Secret>,
    /// Certificates of trusted authorities, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// Client certificate for Redis.
    pub cert_file: Option<PathBuf>,
    /// Private key of the client certificate.
    pub key_file: Option<PathBuf>,
}

/// Maximum number of a process's connections for writes that wait for replicas.
const WAITING_WRITES: usize = 32;

impl RedisSettings {
    /// Divides the connections among as many stores as have a lane each, at most `threads`, and returns the
    /// settings of each store.
    #[must_use]
    pub fn divided(&self, threads: usize) -> Vec<Self> {
        let stores = self.lanes.clamp(1, threads.max(1));
        let stores = (0..stores).map(|number| Self {
            lanes: (self.lanes + number) / stores,
            waiting_writes: self.waiting_writes.div_ceil(stores),
            ..self.clone()
        });
        stores.collect()
    }
}

impl Config {
    /// Returns the settings of the Redis store, without the URL.
    #[must_use]
    pub fn redis_settings(&self) -> RedisSettings {
        RedisSettings {
            key_prefix: self.redis_key_prefix.clone(),
            lanes: self.redis_lanes,
            waiting_writes: WAITING_WRITES,
            connect_timeout: self.redis_connect_timeout,
            response_timeout: self.store_timeout,
            limits: self.limits(),
            wait_replicas: self.redis_wait_replicas,
            sentinel_username: self.redis_sentinel_username.clone(),
            password: self.redis_password_file.clone(),
            sentinel_password: self
                .redis_sentinel_password
                .clone()
                .or_else(|| self.redis_sentinel_password_file.clone()),
            ca_file: self.redis_ca_file.clone(),
            cert_file: self.redis_cert_file.clone(),
            key_file: self.redis_key_file.clone(),
        }
    }
}
