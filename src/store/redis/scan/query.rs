//! Queries and writes of maintenance, retried for a minute: a pass takes minutes, in which a failover
//! may replace a master.

use std::time::Duration;

use redis::{Cmd, FromRedisValue, RedisError, RedisResult, ServerError, Value};

use crate::retry::{Backoff, Retry, retry};
use crate::store::StoreError;
use crate::store::redis::connection::Connection;
use crate::store::redis::connection::error::{is_denied, is_other_type, is_transient};
use crate::store::redis::connection::scatter::{RedisRequest, Scatter};
use crate::store::redis::script_call::{ScriptCall, ScriptQuery};
use crate::store::redis::scripts::LuaScript;
use crate::store::redis::{RedisStore, codec};

/// Time limit of the retries of a request.
const LIMIT: Duration = Duration::from_secs(60);
/// First wait between attempts; the wait doubles after each attempt.
const FIRST_WAIT: Duration = Duration::from_millis(10);
/// Longest wait between attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Error of a key of the wrong type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WrongType;

/// Returns the retry of a request of maintenance.
pub(crate) const fn maintenance_retry() -> Retry {
    Retry::new(LIMIT, Backoff::new(FIRST_WAIT, LONGEST_WAIT))
}

impl RedisStore {
    /// Sends a request, with retries.
    pub(crate) async fn query_retried<T: FromRedisValue>(
        &self,
        request: &impl RedisRequest,
    ) -> Result<T, StoreError> {
        let reply = self.attempt_retried(request, request).await;
        reply.map_err(operator_error)
    }

    /// Calls a script that reads, with retries.
    pub(crate) async fn query_script_retried<T: FromRedisValue>(
        &self,
        script: &'static LuaScript,
        keys: &[String],
        arguments: &[Vec<u8>],
    ) -> Result<T, StoreError> {
        let query = ScriptQuery::new(script, keys, arguments);
        let reply = self.attempt_retried(&query, &query.by_text()).await;
        reply.map_err(operator_error)
    }

    /// Calls a script that reads a key of any type, with retries.
    pub(crate) async fn query_typed_script_retried<T: FromRedisValue>(
        &self,
        script: &'static LuaScript,
        keys: &[String],
        arguments: &[Vec<u8>],
    ) -> Result<Result<T, WrongType>, StoreError> {
        let query = ScriptQuery::new(script, keys, arguments);
        match self.attempt_retried(&query, &query.by_text()).await {
            Err(error) if is_other_type(&error) => Ok(Err(WrongType)),
            reply => reply.map(Ok).map_err(operator_error),
        }
    }

    /// Scatters commands on keys of any type, each with the bucket of its keys, with retries.
    pub(crate) async fn query_typed_retried<T: FromRedisValue>(
        &self,
        commands: Vec<(u16, Cmd)>,
    ) -> Result<Vec<Result<T, WrongType>>, StoreError> {
        let request = TypedScatter(Scatter(commands));
        let replies: Vec<RedisResult<T>> = self.query_retried(&request).await?;
        let replies = replies.into_iter().map(|reply| match reply {
            Err(error) if is_other_type(&error) => Ok(Err(WrongType)),
            reply => Ok(Ok(reply?)),
        });
        replies.collect()
    }

    /// Makes a script call that writes, with retries. Returns false, without a write, when the value that
    /// the script replaces has changed.
    pub(crate) async fn write_retried(&self, call: ScriptCall) -> Result<bool, StoreError> {
        retry(maintenance_retry(), StoreError::is_transient, async || {
            let reply = self.writes().make_one(&call).await;
            codec::is_set(&reply.map_err(operator_error)?)
        })
        .await
    }

    /// Sends `request`, and after a transient error `retried` in its stead until the reply is not a
    /// transient error or the time limit has passed.
    async fn attempt_retried<T: FromRedisValue>(
        &self,
        request: &impl RedisRequest,
        retried: &impl RedisRequest,
    ) -> Result<T, RedisError> {
        let mut retry = maintenance_retry();
        let mut result = self.attempt(request).await;
        while let Err(error) = result {
            let is_transient = is_transient(&error) && !is_denied(&error);
            retry.wait(error, is_transient).await?;
            result = self.attempt(retried).await;
        }
        result
    }
}

/// Error as the operator reads it. A missing permission is permanent, and the message names the remedy.
pub(crate) fn operator_error(error: RedisError) -> StoreError {
    if is_denied(&error) {
        let what = "the user at Redis may not do all that this needs: allow it by ACL SETUSER";
        StoreError::Unexpected(format!("{what}: {error}"))
    } else {
        error.into()
    }
}

/// Scattered commands; a wrong type is the reply of its command, not an error of the request.
struct TypedScatter(Scatter);

impl RedisRequest for TypedScatter {
    async fn send<T: FromRedisValue>(&self, connection: &mut Connection) -> RedisResult<T> {
        let replies = self.0.replies(connection).await.into_iter();
        let replies = replies.map(|reply| match reply {
            Err(error) if is_other_type(&error) => {
                ServerError::try_from(error).map(Value::ServerError)
            }
            reply => reply,
        });
        let replies = replies.collect::<RedisResult<_>>()?;
        Ok(T::from_redis_value(Value::Array(replies))?)
    }
}
