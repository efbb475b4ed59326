//! Writes that wait for replicas (`WAIT`).

use std::time::Duration;

use deadpool::managed::{Object, Pool, PoolError};
use redis::{ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, Value};

use super::Connection;
use super::check::errors;
use super::error::{breaks_lane, too_few_replicas};
use super::manager::RedisManager;

/// Number of replicas that must have a write before the write is acknowledged.
///
/// `WAIT` blocks the connection until the slowest of the replicas has replied. So each write that waits
/// takes a connection of a separate pool: neither a read nor another write waits behind `WAIT`.
#[derive(Clone)]
pub(crate) struct WaitReplicas {
    /// Number of replicas.
    pub(crate) wanted: usize,
    /// Timeout of `WAIT`.
    pub(crate) timeout: Duration,
    /// Connections of writes that wait.
    pub(crate) pool: Pool<RedisManager>,
}

impl WaitReplicas {
    /// Sends commands over an exclusive connection, and waits until the replicas have the writes. Returns a
    /// reply for each command; a write that reached too few replicas is an error.
    pub(crate) async fn send(
        &self,
        bucket: u16,
        pipeline: impl Fn(&Connection) -> Pipeline,
    ) -> RedisResult<Vec<RedisResult<Value>>> {
        let mut connection = self.pool.get().await.map_err(pool_error)?;
        let mut pipeline = pipeline(&connection);
        // In one pipeline with the writes: `WAIT` counts only writes of the same connection.
        pipeline
            .cmd("WAIT")
            .arg(self.wanted)
            .arg(self.timeout.as_millis());
        let sent = connection.send_to(bucket, pipeline).await;
        let broken = |reply: &RedisResult<Value>| errors(reply).iter().any(breaks_lane);
        if sent
            .as_ref()
            .map_or(true, |replies| replies.iter().any(broken))
        {
            drop(Object::take(connection));
        }
        let mut replies = sent?;
        // A demoted master refuses `WAIT` as well.
        let reached = replies.pop().and_then(Result::ok);
        let reached = reached.and_then(|reached| usize::from_redis_value(reached).ok());
        let reached = reached.unwrap_or_default();
        if reached < self.wanted {
            for reply in &mut replies {
                if reply.is_ok() {
                    *reply = Err(too_few_replicas(reached, self.wanted));
                }
            }
        }
        Ok(replies)
    }
}

fn pool_error(error: PoolError<RedisError>) -> RedisError {
    match error {
        PoolError::Backend(error) => error,
        other => (
            ErrorKind::Io,
            "no connection for a write that waits for replicas",
            other.to_string(),
        )
            .into(),
    }
}
