//! What is sent over a connection: one command, or commands on keys of several buckets, together.

use futures_util::{StreamExt, stream};
use redis::{Cmd, FromRedisValue, Pipeline, RedisResult, Value};

use super::Connection;
use super::error::{breaks_lane, is_transient};

/// What one request has under way to a Cluster at once: not all of a thousand, which would keep those
/// of others waiting.
pub(crate) const AT_ONCE: usize = 24;

/// What can be sent over a connection.
pub(crate) trait Request: Sync {
    /// Sends it, and reads the reply.
    fn send<T: FromRedisValue>(
        &self,
        connection: &mut Connection,
    ) -> impl Future<Output = RedisResult<T>> + Send;
}

impl Request for Cmd {
    async fn send<T: FromRedisValue>(&self, connection: &mut Connection) -> RedisResult<T> {
        Ok(T::from_redis_value(connection.send(self.clone()).await?)?)
    }
}

/// How what goes to a Cluster is sent together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grouping {
    /// All that goes to one server, as far as it is known where the slots are: few round trips.
    ByServer,
    /// What is in one bucket: what one server refuses for another is found all the same.
    ByBucket,
}

/// Commands, each with the bucket of its keys, that are sent together: a round trip to each server.
pub(crate) struct Scatter(pub(crate) Vec<(u16, Cmd)>);

impl Scatter {
    /// The reply to each, or why there is none.
    pub(crate) async fn replies(&self, connection: &Connection) -> Vec<RedisResult<Value>> {
        let all = (0..self.0.len()).collect();
        let mut replies = self.send_some(connection, Grouping::ByServer, all).await;
        replies.sort_unstable_by_key(|(number, _)| *number);
        let refused = replies.iter().filter(|(_, reply)| is_refused(reply));
        let refused: Vec<_> = refused.map(|(number, _)| *number).collect();
        if connection.heals_itself() && !refused.is_empty() {
            let again = self
                .send_some(connection, Grouping::ByBucket, refused)
                .await;
            for (number, reply) in again {
                replies[number].1 = reply;
            }
        }
        replies.into_iter().map(|(_, reply)| reply).collect()
    }

    /// Sends the commands of these numbers; their replies are in any order.
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

    /// Sends commands to the server that has the first of them.
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

/// Whether another server may answer. One that cannot be reached, or does not answer in time, is not
/// asked again here.
fn is_refused(reply: &RedisResult<Value>) -> bool {
    let refusal = reply.as_ref().err().filter(|error| is_transient(error));
    refusal.is_some_and(|error| !breaks_lane(error))
}

impl Request for Scatter {
    async fn send<T: FromRedisValue>(&self, connection: &mut Connection) -> RedisResult<T> {
        let replies = self.replies(connection).await.into_iter();
        let replies = replies.collect::<RedisResult<_>>()?;
        Ok(T::from_redis_value(Value::Array(replies))?)
    }
}
