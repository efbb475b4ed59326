//! Limits of the clients' connections.

use std::time::Duration;

use crate::config::Config;

/// Timeout of a write of which the client reads nothing.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time limit for a client that still sends after the server has closed its side.
const LINGER: Duration = Duration::from_secs(1);

/// Limits of the clients' connections.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum number of open connections.
    pub max_connections: usize,
    /// Timeout of the header of a connection's first request.
    pub header_timeout: Duration,
    /// Timeout of the header of a further request.
    pub idle_timeout: Duration,
    /// Timeout of a write of which the client reads nothing.
    pub write_timeout: Duration,
    /// Time limit for the client to close its side after the server has closed its own.
    pub linger: Duration,
    /// Time limit of the requests in flight at the shutdown.
    pub shutdown_grace: Duration,
}

impl From<&Config> for Limits {
    fn from(config: &Config) -> Self {
        Self {
            max_connections: config.max_connections,
            header_timeout: config.header_timeout,
            idle_timeout: config.idle_timeout,
            write_timeout: WRITE_TIMEOUT,
            linger: LINGER,
            shutdown_grace: config.shutdown_grace,
        }
    }
}
