//! Writes: one script call each, with one retry of a transient error.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use redis::{FromRedisValue, Pipeline, RedisResult, ToRedisArgs, Value};

use super::RETRY_AFTER;
use super::codec::too_late;
use super::connection::Connection;
use super::connection::cluster_slots::Grouping;
use super::connection::error::{is_transient, is_unknown_script, no_lane};
use super::connection::lanes::Lanes;
use super::connection::scatter::AT_ONCE;
use super::connection::server_clock::ServerClock;
use super::connection::wait_replicas::WaitReplicas;
use super::script_call::{Reply, ScriptCall};
use crate::telemetry::metrics;

/// Connections and timeout of writes.
pub(crate) struct Writes<'a> {
    pub(crate) lanes: &'a Lanes,
    /// Replicas to wait for, over connections of their own.
    pub(crate) replicas: Option<&'a WaitReplicas>,
    /// Timeout of a reply.
    pub(crate) response_timeout: Duration,
}

impl Writes<'_> {
    /// Makes all calls, and returns the replies in the order of the calls. Calls on one bucket are made in
    /// their order.
    pub(crate) async fn make<A: ToRedisArgs + Sync>(&self, calls: &[ScriptCall<A>]) -> Vec<Reply> {
        if let [call] = calls {
            return vec![self.make_one(call).await];
        }
        let all: Vec<_> = calls.iter().enumerate().collect();
        let groups = self.group(Grouping::ByServer, all);
        let attempt = Attempt::first(2 * self.response_timeout);
        let replies = groups
            .into_iter()
            .map(|group| self.make_group(group, attempt.clone()))
            .collect();
        let mut replies = gather(replies).await;
        replies.sort_unstable_by_key(|(index, _)| *index);
        replies.into_iter().map(|(_, reply)| reply).collect()
    }

    /// Makes one call.
    pub(crate) async fn make_one<A: ToRedisArgs + Sync>(&self, call: &ScriptCall<A>) -> Reply {
        let mut attempt = Attempt::first(2 * self.response_timeout);
        loop {
            let reply = self.send_one(call, &attempt).await;
            if !is_retryable(&reply) || !attempt.retries(&reply).await {
                return reply;
            }
        }
    }

    fn group<'c, A>(
        &self,
        grouping: Grouping,
        calls: Vec<Numbered<'c, A>>,
    ) -> Vec<Vec<Numbered<'c, A>>> {
        match self.lanes.any() {
            Some(connection) if calls.len() > 1 => {
                let calls = calls
                    .into_iter()
                    .map(|(index, call)| (call.bucket, (index, call)));
                connection.group(grouping, calls)
            }
            _ => vec![calls],
        }
    }

    /// Makes calls on one server in one pipeline, in order. After a transient error the rest of the calls
    /// is retried once, bucket by bucket.
    fn make_group<'s, A: ToRedisArgs + Sync>(
        &'s self,
        mut calls: Vec<Numbered<'s, A>>,
        mut attempt: Attempt,
    ) -> BoxFuture<'s, Vec<(usize, Reply)>> {
        let made = async move {
            let mut answers = self.send(&calls, &attempt).await;
            let failed = answers.iter().position(is_retryable);
            let retried = match failed {
                // Also the successful calls behind the failed call, to keep the order of the calls; a
                // repeated write changes nothing.
                Some(failed) if attempt.retries(&answers[failed]).await => {
                    answers.truncate(failed);
                    calls.split_off(failed)
                }
                _ => Vec::new(),
            };
            let mut replies: Vec<_> = calls.iter().map(|(index, _)| *index).zip(answers).collect();
            if !retried.is_empty() {
                let groups = self.group(Grouping::ByBucket, retried).into_iter();
                let retried = groups
                    .map(|group| self.make_group(group, attempt.clone()))
                    .collect();
                replies.extend(gather(retried).await);
            }
            replies
        };
        made.boxed()
    }

    /// Sends calls in one pipeline to the server of the first call. The deadline is the timeout of the
    /// replies.
    async fn send<A: ToRedisArgs>(
        &self,
        calls: &[Numbered<'_, A>],
        attempt: &Attempt,
    ) -> Vec<Reply> {
        let Some((_, first)) = calls.first() else {
            return Vec::new();
        };
        let pipeline = |connection: &Connection| {
            let deadline = attempt.deadline(connection, self.response_timeout);
            let mut pipeline = Pipeline::with_capacity(calls.len() + 1);
            for (number, (_, call)) in calls.iter().enumerate() {
                // The text in the first call makes the hash known for the rest.
                let by_text = attempt.by_text && number == 0;
                pipeline.add_command(call.command(by_text, deadline));
            }
            pipeline
        };
        let replies = match self.replicas {
            Some(replicas) => replicas.send(first.bucket, pipeline).await,
            None => self.send_over_lane(first.bucket, pipeline).await,
        };
        match replies {
            Ok(replies) => replies.into_iter().map(text).collect(),
            Err(error) => vec![Err(error); calls.len()],
        }
    }

    /// Sends one call. The deadline is the timeout of the reply.
    async fn send_one<A: ToRedisArgs + Sync>(
        &self,
        call: &ScriptCall<A>,
        attempt: &Attempt,
    ) -> Reply {
        if self.replicas.is_some() {
            // Boxed: rare, and large.
            let reply = Box::pin(self.send(&[(0, call)], attempt)).await.pop();
            return reply.unwrap_or_else(|| Err(no_lane()));
        }
        let mut lane = self.lanes.pick().ok_or_else(no_lane)?;
        let deadline = attempt.deadline(&lane.connection, self.response_timeout);
        let command = call.command(attempt.by_text, deadline);
        let reply = lane.connection.send(command).await;
        text(reply.inspect_err(|error| lane.report(error)))
    }

    async fn send_over_lane(
        &self,
        bucket: u16,
        pipeline: impl Fn(&Connection) -> Pipeline,
    ) -> RedisResult<Vec<RedisResult<Value>>> {
        let mut lane = self.lanes.pick().ok_or_else(no_lane)?;
        let pipeline = pipeline(&lane.connection);
        let replies = lane.connection.send_to(bucket, pipeline).await;
        let replies = replies.inspect_err(|error| lane.report(error))?;
        let errors = replies.iter().filter_map(|reply| reply.as_ref().err());
        errors.for_each(|error| lane.report(error));
        Ok(replies)
    }
}

/// Text of a script's reply, or of the only reply of the record script.
fn text(reply: RedisResult<Value>) -> Reply {
    let reply = match reply? {
        Value::Array(mut replies) if replies.len() == 1 => replies.remove(0).extract_error()?,
        reply => reply,
    };
    Ok(String::from_redis_value(reply)?)
}

/// Awaits groups of calls, a limited number at once, and returns all replies in any order.
async fn gather(groups: Vec<BoxFuture<'_, Vec<(usize, Reply)>>>) -> Vec<(usize, Reply)> {
    let groups = stream::iter(groups).buffer_unordered(AT_ONCE);
    groups.flat_map(stream::iter).collect().await
}

/// Call with its index among all calls.
type Numbered<'c, A> = (usize, &'c ScriptCall<A>);

/// Attempt to send calls.
#[derive(Clone)]
struct Attempt {
    /// Start of the first attempt.
    since: Instant,
    /// Time limit for the start of a retry, from the start of the first attempt.
    limit: Duration,
    /// Sends the text of the script in the first call, which makes the hash known for the rest.
    by_text: bool,
    /// Clock of the server from a late call's reply, in place of the connection's clock.
    clock: Option<ServerClock>,
    /// Marks the one retry of a transient error.
    is_retry: bool,
}

impl Attempt {
    fn first(limit: Duration) -> Self {
        Self {
            since: Instant::now(),
            limit,
            by_text: false,
            clock: None,
            is_retry: false,
        }
    }

    /// Returns the deadline of a call, in ms by the server's clock.
    fn deadline(&self, connection: &Connection, timeout: Duration) -> i64 {
        let clock = self.clock.unwrap_or(connection.clock);
        clock.after(timeout)
    }

    /// Turns into the next attempt after a retryable reply, and waits where a wait is due. Returns false
    /// where no attempt is left.
    async fn retries(&mut self, failed: &Reply) -> bool {
        match failed {
            // The reply came before the timeout: the estimate of the server's clock was wrong.
            Ok(late) if self.clock.is_none() => self.clock = too_late(late),
            // The text makes the script known.
            Err(error) if is_unknown_script(error) && !self.by_text => {
                metrics::redis(|redis| redis.script_reloads.inc());
            }
            _ if self.is_retry => return false,
            _ => {
                self.is_retry = true;
                metrics::redis(|redis| redis.retries.inc());
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
        self.by_text = true;
        self.since.elapsed() < self.limit
    }
}

/// Returns true where the next attempt can succeed.
fn is_retryable(reply: &Reply) -> bool {
    match reply {
        Ok(reply) => too_late(reply).is_some(),
        Err(error) => is_transient(error),
    }
}
