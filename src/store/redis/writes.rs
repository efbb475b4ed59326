//! How records are written: one script call each, in order where the order counts.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use deadpool::managed::{Object, Pool, PoolError};
use futures_util::future::join_all;
use redis::{ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, Value};

use super::RETRY_AFTER;
use super::clock::Clock;
use super::connection::Connection;
use super::connector::Connector;
use super::failure::{breaks_lane, is_transient, is_unknown_script, no_lane, too_few_replicas};
use super::keys::Keys;
use super::lanes::Lanes;
use super::reply::{record_arguments, too_late};
use super::scripts::RECORD;
use crate::domain::Record;
use crate::store::bucket;

/// What the record script answered, or why it did not.
pub(super) type Reply = Result<String, RedisError>;

/// Where records are written to.
pub(super) struct Writes<'a> {
    pub(super) keys: &'a Keys,
    pub(super) lanes: &'a Lanes,
    /// Replicas to wait for.
    pub(super) replicas: Option<&'a Replicas>,
    /// Whether records of several buckets need several calls, as their slots may be on several
    /// servers.
    pub(super) by_bucket: bool,
    /// How long a reply is waited for.
    pub(super) within: Duration,
}

/// Replicas that must have a write before it is acknowledged.
///
/// `WAIT` holds up all that is sent after it over the same connection, until the slowest replica
/// answers. So such writes have connections of their own, one at a time each, and neither reads
/// nor each other wait behind them.
pub(super) struct Replicas {
    /// How many.
    pub(super) wanted: usize,
    /// How long to wait for them.
    pub(super) within: Duration,
    /// The connections.
    pub(super) pool: Pool<Connector>,
}

impl Writes<'_> {
    /// Writes each record; its replies are in the order of the records.
    pub(super) async fn record_all(&self, records: &[Record]) -> Vec<Reply> {
        if !self.by_bucket {
            let records: Vec<_> = records.iter().collect();
            return self.record_group(&records).await;
        }
        // Only the records of one session must keep their order, and they are in one bucket.
        let mut groups: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        for (index, record) in records.iter().enumerate() {
            let group = groups.entry(bucket::of(record.learner)).or_default();
            group.push(index);
        }
        let replies = join_all(groups.into_values().map(|group| async move {
            let records: Vec<_> = group.iter().map(|&index| &records[index]).collect();
            let replies = self.record_group(&records).await;
            group.into_iter().zip(replies).collect::<Vec<_>>()
        }));
        let mut replies = replies.await.concat();
        replies.sort_unstable_by_key(|(index, _)| *index);
        replies.into_iter().map(|(_, reply)| reply).collect()
    }

    /// Calls the script for each in order, all together; once more for those whose failure may
    /// pass.
    async fn record_group(&self, records: &[&Record]) -> Vec<Reply> {
        let mut replies: Vec<Reply> = Vec::with_capacity(records.len());
        let mut attempt = Attempt::first(2 * self.within);
        loop {
            let mut answers = self.send(&records[replies.len()..], &attempt).await;
            let failed = answers.iter().position(may_pass);
            match failed {
                Some(failed) if attempt.is_followed_after(&answers[failed]).await => {
                    // All from there on, also those that succeeded: they come after it, and to
                    // repeat a record changes nothing.
                    answers.truncate(failed);
                    replies.extend(answers);
                }
                _ => {
                    replies.extend(answers);
                    return replies;
                }
            }
        }
    }

    /// Sends the calls, which are good until their replies are given up.
    async fn send(&self, records: &[&Record], attempt: &Attempt) -> Vec<Reply> {
        let calls = |connection: &Connection| {
            let clock = attempt.clock.unwrap_or(connection.clock);
            self.calls(records, attempt.by_text, clock.after(self.within))
        };
        let replies = match self.replicas {
            Some(replicas) => replicas.send(calls).await,
            None => self.send_over_lane(calls).await,
        };
        replies.unwrap_or_else(|error| vec![Err(error); records.len()])
    }

    fn calls(&self, records: &[&Record], by_text: bool, deadline: i64) -> Pipeline {
        let mut calls = Pipeline::with_capacity(records.len() + 1);
        calls.ignore_errors();
        for (index, record) in records.iter().enumerate() {
            let keys = self.keys.of_record(record);
            let arguments = record_arguments(record, deadline);
            calls.add_command(if by_text && index == 0 {
                RECORD.by_text(&keys, &arguments)
            } else {
                RECORD.by_hash(&keys, &arguments)
            });
        }
        calls
    }

    async fn send_over_lane(
        &self,
        calls: impl Fn(&Connection) -> Pipeline,
    ) -> RedisResult<Vec<Reply>> {
        let mut lane = self.lanes.pick().ok_or_else(no_lane)?;
        let calls = calls(&lane.connection);
        let replies: RedisResult<Vec<Reply>> = calls.query_async(&mut lane.connection).await;
        let replies = replies.inspect_err(|error| lane.report(error))?;
        replies
            .iter()
            .filter_map(|reply| reply.as_ref().err())
            .for_each(|error| lane.report(error));
        Ok(replies)
    }
}

/// How calls are sent.
struct Attempt {
    /// When the first of them was. Not again when all that time has passed: nobody waits any more.
    since: Instant,
    within: Duration,
    /// Whether the first of them brings the script's text, which makes it known for the others.
    by_text: bool,
    /// The server's clock, where it is not the one that the connection knows.
    clock: Option<Clock>,
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

    /// Whether there is to be another attempt; if so, waits for as long as it should, and becomes
    /// it.
    async fn is_followed_after(&mut self, failed: &Reply) -> bool {
        match failed {
            // It was in time, so that only the clock can have been another one.
            Ok(late) if self.clock.is_none() => self.clock = too_late(late),
            // It becomes known by its text.
            Err(error) if is_unknown_script(error) && !self.by_text => {}
            _ if self.is_retry => return false,
            _ => {
                self.is_retry = true;
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

impl Replicas {
    /// Sends over a connection that nobody else uses meanwhile, and waits until the replicas have
    /// what was written.
    async fn send(&self, calls: impl Fn(&Connection) -> Pipeline) -> RedisResult<Vec<Reply>> {
        let mut connection = self.pool.get().await.map_err(pool_error)?;
        let mut calls = calls(&connection);
        // In one pipeline with the calls: over another connection, `WAIT` would not know of them.
        calls
            .cmd("WAIT")
            .arg(self.wanted)
            .arg(self.within.as_millis());
        let sent: RedisResult<Vec<RedisResult<Value>>> = calls.query_async(&mut *connection).await;
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
