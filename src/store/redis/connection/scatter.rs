//! Requests over a connection: a single command, a ping, or a scatter of commands on keys of many buckets.

use futures_util::{StreamExt, stream};
use redis::{Cmd, FromRedisValue, Pipeline, RedisResult, Value};

use super::Connection;
use super::cluster_slots::Grouping;
use super::error::{breaks_lane, is_transient};

/// Maximum number of pipelines of one request that are sent to a Cluster at once: a thousand would delay
/// the requests of other clients.
pub(crate) const AT_ONCE: usize = 24;

/// Request that can be sent over a connection, more than once.
pub(crate) trait RedisRequest: Sync {
    /// Sends the request, and parses the reply.
    fn send<T: FromRedisValue>(
        &self,
        connection: &mut Connection,
    ) -> impl Future<Output = RedisResult<T>> + Send;
}

impl RedisRequest for Cmd {
    async fn send<T: FromRedisValue>(&self, connection: &mut Connection) -> RedisResult<T> {
        Ok(T::from_redis_value(connection.send(self.clone()).await?)?)
    }
}

/// Check that Redis serves requests.
pub(crate) struct Ping;

impl RedisRequest for Ping {
    async fn send<T: FromRedisValue>(&self, connection: &mut Connection) -> RedisResult<T> {
        connection.ping().await?;
        Ok(T::from_redis_value(Value::Nil)?)
    }
}

/// Commands, each with the bucket of its keys, sent in one pipeline per server.
pub(crate) struct Scatter(pub(crate) Vec<(u16, Cmd)>);

impl Scatter {
    /// Returns the reply or error of each command, in the order of the commands. Commands that a server
    /// of a Cluster refused are retried once, bucket by bucket.
    pub(crate) async fn replies(&self, connection: &Connection) -> Vec<RedisResult<Value>> {
        let all = (0..self.0.len()).collect();
        let mut replies = self.send_some(connection, Grouping::ByServer, all).await;
        replies.sort_unstable_by_key(|(number, _)| *number);
        let refused = replies.iter().filter(|(_, reply)| is_refused(reply));
        let refused: Vec<_> = refused.map(|(number, _)| *number).collect();
        if connection.is_cluster() && !refused.is_empty() {
            let retried = self
                .send_some(connection, Grouping::ByBucket, refused)
                .await;
            for (number, reply) in retried {
                replies[number].1 = reply;
            }
        }
        replies.into_iter().map(|(_, reply)| reply).collect()
    }

    /// Sends the commands with these numbers; returns numbered replies in any order.
    async fn send_some(
        &self,
        connection: &Connection,
        grouping: Grouping,
        numbers: Vec<usize>,
    ) -> Vec<(usize, RedisResult<Value>)> {
        if numbers.is_empty() {
            return Vec::new();
        }
        let numbers = numbers.into_iter().map(|number| (self.0[number].0, number));
        let groups = connection.group(grouping, numbers).into_iter();
        let replies = groups.map(|group| self.send_group(connection.clone(), group));
        let replies = stream::iter(replies).buffer_unordered(AT_ONCE);
        replies.flat_map(stream::iter).collect().await
    }

    /// Sends commands in one pipeline to the server of the first command.
    async fn send_group(
        &self,
        mut connection: Connection,
        group: Vec<usize>,
    ) -> Vec<(usize, RedisResult<Value>)> {
        let bucket = group.first().map_or(0, |&first| self.0[first].0);
        let mut pipeline = Pipeline::with_capacity(group.len());
        for &number in &group {
            pipeline.add_command(self.0[number].1.clone());
        }
        let replies = connection.send_to(bucket, pipeline).await;
        let replies = replies.unwrap_or_else(|error| vec![Err(error); group.len()]);
        group.into_iter().zip(replies).collect()
    }
}

/// Returns true where another server may accept the command. After a lost connection or a timeout the
/// command is not retried here.
fn is_refused(reply: &RedisResult<Value>) -> bool {
    let refusal = reply.as_ref().err().filter(|error| is_transient(error));
    refusal.is_some_and(|error| !breaks_lane(error))
}

impl RedisRequest for Scatter {
    async fn send<T: FromRedisValue>(&self, connection: &mut Connection) -> RedisResult<T> {
        let replies = self.replies(connection).await.into_iter();
        let replies = replies.collect::<RedisResult<_>>()?;
        Ok(T::from_redis_value(Value::Array(replies))?)
    }
}
