//! Writes that wait for replicas.

use std::time::Duration;

use deadpool::managed::{Object, Pool, PoolError};
use redis::{ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, Value};

use super::Connection;
use super::error::{breaks_lane, too_few_replicas};
use super::manager::RedisManager;
use crate::store::redis::writes::Reply;

/// Replicas that must have a write before it is acknowledged.
///
/// `WAIT` holds up all that is sent after it over the same connection, until the slowest replica
/// answers. So such writes have connections of their own, one at a time each, and neither reads
/// nor each other wait behind them.
#[derive(Clone)]
pub(crate) struct WaitReplicas {
    /// How many.
    pub(crate) wanted: usize,
    /// How long to wait for them.
    pub(crate) within: Duration,
    /// The connections.
    pub(crate) pool: Pool<RedisManager>,
}

impl WaitReplicas {
    /// Sends over a connection that nobody else uses meanwhile, and waits until the replicas have
    /// what was written.
    pub(crate) async fn send(
        &self,
        bucket: u16,
        pipeline: impl Fn(&Connection) -> Pipeline,
    ) -> RedisResult<Vec<Reply>> {
        let mut connection = self.pool.get().await.map_err(pool_error)?;
        let mut pipeline = pipeline(&connection);
        // In one pipeline with the calls: over another connection, `WAIT` would not know of them.
        pipeline
            .cmd("WAIT")
            .arg(self.wanted)
            .arg(self.within.as_millis());
        let sent = connection.send_to(bucket, pipeline).await;
        let broken = |reply: &RedisResult<Value>| reply.as_ref().is_err_and(breaks_lane);
        if sent
            .as_ref()
            .map_or(true, |replies| replies.iter().any(broken))
        {
            drop(Object::take(connection));
        }
        let mut replies = sent?;
        // A server that is no master any more refuses `WAIT` as well.
        let reached = replies.pop().and_then(Result::ok);
        let reached = reached.and_then(|reached| usize::from_redis_value(reached).ok());
        let reached = reached.unwrap_or_default();
        let acknowledged = |reply: Value| {
            if reached < self.wanted {
                return Err(too_few_replicas(reached, self.wanted));
            }
            Ok(String::from_redis_value(reply)?)
        };
        Ok(replies
            .into_iter()
            .map(|reply| reply.and_then(acknowledged))
            .collect())
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
