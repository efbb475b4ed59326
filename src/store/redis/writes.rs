//! How records are written: one script call each, in order where the order counts.

use std::collections::BTreeMap;
use std::time::Duration;

use deadpool::managed::{Object, Pool, PoolError};
use futures_util::future::join_all;
use redis::{ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, Value};

use super::RETRY_AFTER;
use super::connector::Connector;
use super::failure::{breaks_lane, is_transient, is_unknown_script, no_lane, too_few_replicas};
use super::keys::Keys;
use super::lanes::Lanes;
use super::reply::record_arguments;
use super::scripts::{LuaScript, RECORD, ScriptCall};
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
        let mut replies = self.attempt(records, LuaScript::by_hash).await;
        let may_pass = |reply: &Reply| reply.as_ref().is_err_and(is_transient);
        if let Some(from) = replies.iter().position(may_pass) {
            // An unknown script becomes known by the next attempt; there is nothing to wait for.
            if !replies[from].as_ref().is_err_and(is_unknown_script) {
                tokio::time::sleep(RETRY_AFTER).await;
            }
            // All from there on, also those that succeeded: they come after it, and to repeat a
            // record changes nothing.
            replies.truncate(from);
            replies.extend(self.attempt(&records[from..], LuaScript::by_text).await);
        }
        replies
    }

    /// The first call is by `first`, which can make the script known for the others.
    async fn attempt(&self, records: &[&Record], first: ScriptCall) -> Vec<Reply> {
        let mut calls = Pipeline::with_capacity(records.len() + 1);
        calls.ignore_errors();
        for (index, record) in records.iter().enumerate() {
            let call = if index == 0 {
                first
            } else {
                LuaScript::by_hash
            };
            let keys = self.keys.of_record(record);
            calls.add_command(call(&RECORD, &keys, &record_arguments(record)));
        }
        let replies = match self.replicas {
            Some(replicas) => replicas.send(calls).await,
            None => self.send(&calls).await,
        };
        replies.unwrap_or_else(|error| vec![Err(error); records.len()])
    }

    /// Sends over a lane.
    async fn send(&self, calls: &Pipeline) -> RedisResult<Vec<Reply>> {
        let mut lane = self.lanes.pick().ok_or_else(no_lane)?;
        let replies: RedisResult<Vec<Reply>> = calls.query_async(&mut lane.connection).await;
        let replies = replies.inspect_err(|error| lane.report(error))?;
        replies
            .iter()
            .filter_map(|reply| reply.as_ref().err())
            .for_each(|error| lane.report(error));
        Ok(replies)
    }
}

impl Replicas {
    /// Sends over a connection that nobody else uses meanwhile, and waits until the replicas have
    /// what was written.
    async fn send(&self, mut calls: Pipeline) -> RedisResult<Vec<Reply>> {
        let mut connection = self.pool.get().await.map_err(pool_error)?;
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
        let reached = replies.pop().unwrap_or_else(|| Err(no_lane()))?;
        let reached = usize::from_redis_value(reached)?;
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
