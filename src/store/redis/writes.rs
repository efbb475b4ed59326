//! Writes: one script call each, with one retry of a transient error.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use redis::{FromRedisValue, Pipeline, RedisResult, ToRedisArgs, Value};

use super::RETRY_AFTER;
use super::codec::too_late;
use super::connection::Connection;
use super::connection::auto_pipeline::MAX_RECORDS;
use super::connection::check::{errors, unexpected};
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

    /// Sends calls in one pipeline to the server of the first call; records that follow each other share a call.
    /// The deadline is the timeout of the replies.
    async fn send<A: ToRedisArgs>(
        &self,
        calls: &[Numbered<'_, A>],
        attempt: &Attempt,
    ) -> Vec<Reply> {
        let Some((_, first)) = calls.first() else {
            return Vec::new();
        };
        let connection = self.lanes.any();
        let mixes_buckets = connection.is_some_and(|connection| connection.mixes_buckets);
        let groups = groups(calls, mixes_buckets);
        let pipeline = |connection: &Connection| {
            let deadline = attempt.deadline(connection, self.response_timeout);
            let mut pipeline = Pipeline::with_capacity(groups.len() + 1);
            for (number, group) in groups.iter().enumerate() {
                // The text in the first call makes the hash known for the rest.
                let by_text = attempt.by_text && number == 0;
                let group: Vec<_> = group.iter().map(|(_, call)| *call).collect();
                pipeline.add_command(ScriptCall::group_command(&group, by_text, deadline));
            }
            pipeline
        };
        let replies = match self.replicas {
            Some(replicas) => replicas.send(first.bucket, pipeline).await,
            None => self.send_over_lane(first.bucket, pipeline).await,
        };
        match replies {
            Ok(replies) => {
                let groups = groups.iter().map(|group| group.len());
                groups
                    .zip(replies)
                    .flat_map(|(count, reply)| texts(count, reply))
                    .collect()
            }
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
        let is_shared = lane.connection.mixes_buckets && call.is_record() && !attempt.by_text;
        let reply = if is_shared {
            lane.connection.send_record(call, deadline).await
        } else {
            let command = call.command(attempt.by_text, deadline);
            lane.connection.send(command).await
        };
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
        let errors = replies.iter().flat_map(errors);
        errors.for_each(|error| lane.report(&error));
        Ok(replies)
    }
}

/// Groups calls: up to [`MAX_RECORDS`] records that follow each other, of one bucket unless the server mixes buckets.
fn groups<'s, 'c, A: ToRedisArgs>(
    calls: &'s [Numbered<'c, A>],
    mixes_buckets: bool,
) -> Vec<&'s [Numbered<'c, A>]> {
    let share = |(_, a): &Numbered<'c, A>, (_, b): &Numbered<'c, A>| {
        a.is_record() && b.is_record() && (mixes_buckets || a.bucket == b.bucket)
    };
    let runs = calls.chunk_by(share);
    runs.flat_map(|run| run.chunks(MAX_RECORDS)).collect()
}

/// Texts of the reply to a call with a number of records, or with a call of another script.
fn texts(count: usize, reply: RedisResult<Value>) -> Vec<Reply> {
    match reply {
        Ok(Value::Array(replies)) if replies.len() == count => replies
            .into_iter()
            .map(|reply| text(reply.extract_error()))
            .collect(),
        Ok(reply) if count == 1 => vec![text(Ok(reply))],
        Ok(_) => vec![Err(unexpected()); count],
        Err(error) => vec![Err(error); count],
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
