//! How writes are made: one script call each, in order where the order counts.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use redis::{FromRedisValue, Pipeline, RedisError, RedisResult};

use super::RETRY_AFTER;
use super::codec::too_late;
use super::connection::Connection;
use super::connection::error::{is_transient, is_unknown_script, no_lane};
use super::connection::lanes::Lanes;
use super::connection::scatter::{AT_ONCE, Grouping};
use super::connection::server_clock::ServerClock;
use super::connection::wait_replicas::WaitReplicas;
use super::script_call::ScriptCall;
use crate::telemetry::metrics;

/// What a script answered, or why it did not.
pub(crate) type Reply = Result<String, RedisError>;

/// Where writes go.
pub(crate) struct Writes<'a> {
    pub(crate) lanes: &'a Lanes,
    /// Replicas to wait for.
    pub(crate) replicas: Option<&'a WaitReplicas>,
    /// How long a reply is waited for.
    pub(crate) within: Duration,
}

impl Writes<'_> {
    /// Makes each call; their replies are in the same order. Those on one bucket are made in their
    /// order.
    pub(crate) async fn make(&self, calls: &[ScriptCall]) -> Vec<Reply> {
        if let [call] = calls {
            return vec![self.make_one(call).await];
        }
        let all: Vec<_> = calls.iter().enumerate().collect();
        let groups = self.group(Grouping::ByServer, all);
        let attempt = Attempt::first(2 * self.within);
        let replies = groups
            .into_iter()
            .map(|group| self.make_group(group, attempt.clone()))
            .collect();
        let mut replies = together(replies).await;
        replies.sort_unstable_by_key(|(index, _)| *index);
        replies.into_iter().map(|(_, reply)| reply).collect()
    }

    /// Makes one call.
    pub(crate) async fn make_one(&self, call: &ScriptCall) -> Reply {
        let mut attempt = Attempt::first(2 * self.within);
        loop {
            let reply = self.send_one(call, &attempt).await;
            if !may_pass(&reply) || !attempt.is_followed_after(&reply).await {
                return reply;
            }
        }
    }

    fn group<'c>(&self, grouping: Grouping, calls: Vec<Numbered<'c>>) -> Vec<Vec<Numbered<'c>>> {
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

    /// Makes calls on one server in order, all together; once more, bucket by bucket, those whose
    /// failure may pass.
    fn make_group<'s>(
        &'s self,
        mut calls: Vec<Numbered<'s>>,
        mut attempt: Attempt,
    ) -> BoxFuture<'s, Vec<(usize, Reply)>> {
        let made = async move {
            let mut answers = self.send(&calls, &attempt).await;
            let failed = answers.iter().position(may_pass);
            let again = match failed {
                // All from there on, also those that succeeded: they come after it, and to repeat a
                // write changes nothing.
                Some(failed) if attempt.is_followed_after(&answers[failed]).await => {
                    answers.truncate(failed);
                    calls.split_off(failed)
                }
                _ => Vec::new(),
            };
            let mut replies: Vec<_> = calls.iter().map(|(index, _)| *index).zip(answers).collect();
            if !again.is_empty() {
                let groups = self.group(Grouping::ByBucket, again).into_iter();
                let again = groups
                    .map(|group| self.make_group(group, attempt.clone()))
                    .collect();
                replies.extend(together(again).await);
            }
            replies
        };
        made.boxed()
    }

    /// Sends calls to the server that has the first of them; they are good until their replies are
    /// given up.
    async fn send(&self, calls: &[Numbered<'_>], attempt: &Attempt) -> Vec<Reply> {
        let Some(&(_, &ScriptCall { bucket, .. })) = calls.first() else {
            return Vec::new();
        };
        let pipeline = |connection: &Connection| {
            let deadline = attempt.deadline(connection, self.within);
            let mut pipeline = Pipeline::with_capacity(calls.len() + 1);
            for (number, (_, call)) in calls.iter().enumerate() {
                // The first makes the script known for the others.
                let by_text = attempt.by_text && number == 0;
                pipeline.add_command(call.command(by_text, deadline));
            }
            pipeline
        };
        let replies = match self.replicas {
            Some(replicas) => replicas.send(bucket, pipeline).await,
            None => self.send_over_lane(bucket, pipeline).await,
        };
        replies.unwrap_or_else(|error| vec![Err(error); calls.len()])
    }

    /// Sends one call; it is good until its reply is given up.
    async fn send_one(&self, call: &ScriptCall, attempt: &Attempt) -> Reply {
        if self.replicas.is_some() {
            // Boxed: it is rare, and large.
            let reply = Box::pin(self.send(&[(0, call)], attempt)).await.pop();
            return reply.unwrap_or_else(|| Err(no_lane()));
        }
        let mut lane = self.lanes.pick().ok_or_else(no_lane)?;
        let deadline = attempt.deadline(&lane.connection, self.within);
        let command = call.command(attempt.by_text, deadline);
        let reply = lane.connection.send(command).await;
        let reply = reply.inspect_err(|error| lane.report(error))?;
        Ok(String::from_redis_value(reply)?)
    }

    async fn send_over_lane(
        &self,
        bucket: u16,
        pipeline: impl Fn(&Connection) -> Pipeline,
    ) -> RedisResult<Vec<Reply>> {
        let mut lane = self.lanes.pick().ok_or_else(no_lane)?;
        let pipeline = pipeline(&lane.connection);
        let replies = lane.connection.send_to(bucket, pipeline).await;
        let replies = replies.inspect_err(|error| lane.report(error))?;
        let replies = replies
            .into_iter()
            .map(|reply| Ok(String::from_redis_value(reply?)?));
        Ok(replies
            .inspect(|reply: &Reply| {
                if let Err(error) = reply {
                    lane.report(error);
                }
            })
            .collect())
    }
}

/// What all the groups came to.
async fn together(groups: Vec<BoxFuture<'_, Vec<(usize, Reply)>>>) -> Vec<(usize, Reply)> {
    let groups = stream::iter(groups).buffer_unordered(AT_ONCE);
    groups.flat_map(stream::iter).collect().await
}

/// A call and its place among all of them.
type Numbered<'c> = (usize, &'c ScriptCall);

/// How calls are sent.
#[derive(Clone)]
struct Attempt {
    /// When the first of them was. Not again when all that time has passed: nobody waits any more.
    since: Instant,
    within: Duration,
    /// Whether the first of them brings the script's text, which makes it known for the others.
    by_text: bool,
    /// The server's clock, where it is not the one that the connection knows.
    clock: Option<ServerClock>,
    /// Whether this is the one retry of a failure that may pass.
    is_retry: bool,
}

impl Attempt {
    fn first(within: Duration) -> Self {
        Self {
            since: Instant::now(),
            within,
            by_text: false,
            clock: None,
            is_retry: false,
        }
    }

    /// When a reply is given up, by the server's clock.
    fn deadline(&self, connection: &Connection, within: Duration) -> i64 {
        let clock = self.clock.unwrap_or(connection.clock);
        clock.after(within)
    }

    /// Whether there is to be another attempt; if so, waits for as long as it should, and becomes
    /// it.
    async fn is_followed_after(&mut self, failed: &Reply) -> bool {
        match failed {
            // It was in time, so that only the clock can have been another one.
            Ok(late) if self.clock.is_none() => self.clock = too_late(late),
            // It becomes known by its text.
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
        self.since.elapsed() < self.within
    }
}

/// Whether a call may succeed the next time.
fn may_pass(reply: &Reply) -> bool {
    match reply {
        Ok(reply) => too_late(reply).is_some(),
        Err(error) => is_transient(error),
    }
}
