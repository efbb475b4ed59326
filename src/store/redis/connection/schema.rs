//! Version of the layout of the data in Redis, in a key of its own.
//!
//! A program of another version would misread the data, so every new connection reads the version first, and
//! is refused where the version is not [`VERSION`]. The first version left no key: without the key, a
//! background task of the store finds out and stores the version.

use std::sync::Arc;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, cmd};
use tokio::sync::Notify;

use super::Connection;

/// Version of the layout that this program reads and writes.
pub(crate) const VERSION: u32 = 2;
/// Version of the layout without a key for the version.
pub(crate) const FIRST_VERSION: u32 = 1;

/// Check of the version over new connections.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) key: String,
    /// Wakes the task that stores a missing version.
    pub(crate) missing: Notify,
}

impl Schema {
    /// Returns the check of the version at `key`.
    pub(crate) fn new(key: String) -> Arc<Self> {
        let missing = Notify::new();
        Arc::new(Self { key, missing })
    }

    /// Checks the version of the data over a new connection.
    ///
    /// # Errors
    ///
    /// The data have another version, or no version yet; then the background task runs.
    pub(crate) async fn check(&self, connection: &mut Connection) -> RedisResult<()> {
        let reply = connection.send(read(&self.key)).await?;
        match Option::<u32>::from_redis_value(reply)? {
            Some(VERSION) => Ok(()),
            Some(version) => Err(other_version(version)),
            None => {
                self.missing.notify_one();
                let text = "the version of the data in Redis is not known yet";
                Err((ErrorKind::Io, text).into())
            }
        }
    }
}

/// Command that reads the version.
pub(crate) fn read(key: &str) -> Cmd {
    let mut get = cmd("GET");
    get.arg(key);
    get
}

/// Error of data of another version, with the remedy.
fn other_version(version: u32) -> RedisError {
    let remedy = if version < VERSION {
        "stop all replicas of the former version, and run study-stats upgrade"
    } else {
        "start the newer version of study-stats"
    };
    let detail =
        format!("the data have version {version}, and this program reads {VERSION}: {remedy}");
    (ErrorKind::Client, "other data in Redis", detail).into()
}
