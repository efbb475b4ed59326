//! Requests to Redis, each with one retry after a transient error, over an open lane.

use redis::{FromRedisValue, RedisError, ToRedisArgs};

use super::connection::error::{is_transient, is_unknown_script, no_lane};
use super::connection::lanes::Lanes;
use super::connection::scatter::RedisRequest;
use super::script_call::{ScriptCall, ScriptQuery};
use super::writes::Writes;
use super::{RETRY_AFTER, RedisStore};
use crate::store::StoreError;
use crate::telemetry::metrics;

impl RedisStore {
    /// Sends a request.
    pub(super) async fn query<T: FromRedisValue>(
        &self,
        request: &impl RedisRequest,
    ) -> Result<T, StoreError> {
        self.query_over(&self.lanes, request, request).await
    }

    /// Calls a script that reads.
    pub(super) async fn query_script<T: FromRedisValue>(
        &self,
        query: &ScriptQuery<'_, impl ToRedisArgs + Sync>,
    ) -> Result<T, StoreError> {
        self.query_over(&self.lanes, query, &query.by_text()).await
    }

    /// Calls a script that writes.
    pub(super) async fn write(
        &self,
        call: ScriptCall<impl ToRedisArgs + Sync>,
    ) -> Result<String, StoreError> {
        Ok(self.writes().make_one(&call).await?)
    }

    /// Sends a request over one of `lanes`; after a transient error `retried` in its stead.
    pub(super) async fn query_over<T: FromRedisValue>(
        &self,
        lanes: &Lanes,
        request: &impl RedisRequest,
        retried: &impl RedisRequest,
    ) -> Result<T, StoreError> {
        match attempt(lanes, request).await {
            Err(error) if is_transient(&error) => {
                if is_unknown_script(&error) {
                    metrics::redis(|redis| redis.script_reloads.inc());
                } else {
                    metrics::redis(|redis| redis.retries.inc());
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Ok(attempt(lanes, retried).await?)
            }
            result => Ok(result?),
        }
    }

    /// Sends a request once, and reports an error to the lane.
    pub(super) async fn attempt<T: FromRedisValue>(
        &self,
        request: &impl RedisRequest,
    ) -> Result<T, RedisError> {
        attempt(&self.lanes, request).await
    }

    pub(super) fn writes(&self) -> Writes<'_> {
        Writes {
            lanes: &self.lanes,
            replicas: self.replicas.as_ref(),
            response_timeout: self.response_timeout,
        }
    }
}

/// Sends a request once over one of `lanes`, and reports an error to the lane.
async fn attempt<T: FromRedisValue>(
    lanes: &Lanes,
    request: &impl RedisRequest,
) -> Result<T, RedisError> {
    let mut lane = lanes.pick().ok_or_else(no_lane)?;
    let result = request.send(&mut lane.connection).await;
    result.inspect_err(|error| lane.report(error))
}
