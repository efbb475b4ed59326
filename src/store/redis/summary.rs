//! A course's summary: the sum over all buckets, read in one round trip from each server.

use futures_util::{StreamExt, stream};
use redis::{FromRedisValue, Pipeline, RedisError, RedisResult, Value};

use super::connection::{AT_ONCE, Grouping};
use super::failure::{is_transient, no_lane};
use super::reads::fields;
use super::{RETRY_AFTER, RedisStore, reply};
use crate::domain::{CourseId, Summary};
use crate::store::StoreError;
use crate::store::bucket::BUCKETS;

impl RedisStore {
    pub(super) async fn read_summary(
        &self,
        course: CourseId,
    ) -> Result<Option<Summary>, StoreError> {
        let mut found = self
            .read_buckets(course, Grouping::ByServer, 0..BUCKETS)
            .await?;
        if !found.failed.is_empty() {
            tokio::time::sleep(RETRY_AFTER).await;
            let failed = found.failed.iter().map(|(bucket, _)| *bucket);
            let rest = self
                .read_buckets(course, Grouping::ByBucket, failed)
                .await?;
            if let Some((_, error)) = rest.failed.into_iter().next() {
                return Err(error.into());
            }
            found.summary = found.summary + rest.summary;
        }
        Ok(Some(found.summary).filter(|summary| summary.learners > 0))
    }

    /// Adds up the summaries of some buckets.
    async fn read_buckets(
        &self,
        course: CourseId,
        grouping: Grouping,
        buckets: impl Iterator<Item = u16>,
    ) -> Result<Found, StoreError> {
        let lane = self.lanes.pick().ok_or_else(no_lane)?;
        let buckets = buckets.map(|bucket| {
            let key = self.keys.summary_in(bucket, course);
            (bucket, (bucket, key))
        });
        let groups = lane.connection.group(grouping, buckets).into_iter();
        let replies = groups.map(|group| async {
            let mut pipeline = Pipeline::with_capacity(group.len());
            group.iter().for_each(|(_, key)| {
                pipeline.add_command(fields(key, &reply::SUMMARY_FIELDS));
            });
            let key = group.first().map_or("", |(_, key)| key);
            let replies = lane.connection.clone().send_to(key, pipeline).await;
            let replies = replies.unwrap_or_else(|error| vec![Err(error); group.len()]);
            group
                .into_iter()
                .map(|(bucket, _)| bucket)
                .zip(replies)
                .collect::<Vec<_>>()
        });
        let mut found = Found::default();
        let replies: Vec<_> = stream::iter(replies).buffered(AT_ONCE).collect().await;
        for (bucket, reply) in replies.into_iter().flatten() {
            if let Err(error) = &reply {
                lane.report(error);
            }
            found.add(bucket, reply)?;
        }
        Ok(found)
    }
}

/// What was found in some buckets.
#[derive(Default)]
struct Found {
    summary: Summary,
    /// The buckets whose part is not known, and why.
    failed: Vec<(u16, RedisError)>,
}

impl Found {
    fn add(&mut self, bucket: u16, reply: RedisResult<Value>) -> Result<(), StoreError> {
        let part = reply.and_then(|reply| Ok(FromRedisValue::from_redis_value(reply)?));
        match part {
            Ok(part) => self.summary = self.summary + reply::summary(part)?,
            Err(error) if is_transient(&error) => self.failed.push((bucket, error)),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
