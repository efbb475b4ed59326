//! Version of the layout of the data in Redis, in a key of its own.
//!
//! A program of another version would misread the data, so every new connection reads the version first, and
//! is refused where the version is not [`VERSION`]. The first version left no key: without the key, a
//! background task of the store finds out and stores the version.

mod upgrade;
pub(crate) mod watch;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind, cmd};
use tokio::sync::Notify;

use super::connection::Connection;
use super::connection::error::is_denied;

/// Version of the layout that this program reads and writes.
pub(crate) const VERSION: u32 = 2;
/// Version of the layout without a key for the version.
pub(crate) const FIRST_VERSION: u32 = 1;

/// Longest wait for the background task, which takes longer than this where Redis has many keys of others: a part
/// of the timeout of a connect.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// Check of the version over new connections.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) key: String,
    /// Wakes the task that stores a missing version.
    pub(crate) missing: Notify,
    /// Wakes the connections that wait for the task.
    pub(crate) stored: Notify,
}

impl Schema {
    /// Returns the check of the version at `key`.
    pub(crate) fn new(key: String) -> Arc<Self> {
        Arc::new(Self {
            key,
            missing: Notify::new(),
            stored: Notify::new(),
        })
    }

    /// Checks the version of the data over a new connection.
    ///
    /// # Errors
    ///
    /// The data have another version, or the background task has not stored the version in time.
    pub(crate) async fn check(&self, connection: &mut Connection) -> RedisResult<()> {
        let version = match self.version(connection).await {
            // A user who may not read, and a node of a Cluster in place of a single server: every request
            // fails too, and the config watch says why.
            Err(error) if is_denied(&error) || is_of_a_node(connection, &error) => return Ok(()),
            Ok(None) => self.wait(connection).await?,
            version => version?,
        };
        match version {
            Some(VERSION) => Ok(()),
            Some(version) => Err(other_version(version)),
            None => {
                let text = "the version of the data in Redis is not known yet";
                Err((ErrorKind::Io, text).into())
            }
        }
    }

    async fn version(&self, connection: &mut Connection) -> RedisResult<Option<u32>> {
        let reply = connection.send(read(&self.key)).await?;
        Ok(Option::from_redis_value(reply)?)
    }

    /// Wakes the background task, and reads the version again once the task has stored a version.
    async fn wait(&self, connection: &mut Connection) -> RedisResult<Option<u32>> {
        let mut stored = pin!(self.stored.notified());
        stored.as_mut().enable();
        self.missing.notify_one();
        // After the timeout, a later connection reads the version.
        let _ = tokio::time::timeout(LONGEST_WAIT, stored).await;
        self.version(connection).await
    }
}

/// Returns whether an error shows that a single server is a node of a Cluster.
fn is_of_a_node(connection: &Connection, error: &RedisError) -> bool {
    let is_down = error.kind() == ErrorKind::Server(ServerErrorKind::ClusterDown);
    !connection.is_cluster() && (is_down || error.redirect_node().is_some())
}

/// Command that reads the version.
pub(crate) fn read(key: &str) -> Cmd {
    let mut get = cmd("GET");
    get.arg(key);
    get
}

/// Error of data of another version, with the remedy.
pub(crate) fn other_version(version: u32) -> RedisError {
    let remedy = if version < VERSION {
        "stop all replicas of the former version, and run study-stats upgrade"
    } else {
        "start the newer version of study-stats"
    };
    let detail =
        format!("the data have version {version}, and this program reads {VERSION}: {remedy}");
    (ErrorKind::Client, "other data in Redis", detail).into()
}
