//! How upkeep asks Redis: with more patience than a request has. It works for minutes, in which a
//! master may be replaced.

use std::time::{Duration, Instant};

use redis::{Cmd, FromRedisValue, RedisError, RedisResult, ServerError, Value};

use crate::store::StoreError;
use crate::store::redis::connection::Connection;
use crate::store::redis::connection::error::{is_denied, is_other_type, is_transient};
use crate::store::redis::connection::scatter::{Request, Scatter};
use crate::store::redis::script_call::ScriptCall;
use crate::store::redis::scripts::LuaScript;
use crate::store::redis::{RedisStore, codec};

/// How long a failure may take to pass.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first wait between attempts; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(10);
/// The longest wait between attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// A key is of another type than it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OtherType;

/// Waits between attempts, longer each time, until there was time enough.
pub(crate) struct Patience {
    since: Instant,
    wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            wait: FIRST_WAIT,
        }
    }
}

impl Patience {
    /// Waits; answers whether to try once more.
    pub(crate) async fn goes_on(&mut self) -> bool {
        tokio::time::sleep(self.wait).await;
        self.wait = LONGEST_WAIT.min(self.wait * 2);
        self.since.elapsed() < PATIENCE
    }
}

impl RedisStore {
    /// Sends a request until it is answered.
    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        request: &impl Request,
    ) -> Result<T, StoreError> {
        self.insist(request, request).await.map_err(explained)
    }

    /// Calls a script that reads.
    pub(crate) async fn ask_script<T: FromRedisValue>(
        &self,
        script: &LuaScript,
        keys: &[String],
        arguments: &[Vec<u8>],
    ) -> Result<T, StoreError> {
        let (by_hash, by_text) = calls(script, keys, arguments);
        self.insist(&by_hash, &by_text).await.map_err(explained)
    }

    /// Calls a script that reads a key which may be of another type.
    pub(crate) async fn ask_typed<T: FromRedisValue>(
        &self,
        script: &LuaScript,
        keys: &[String],
        arguments: &[Vec<u8>],
    ) -> Result<Result<T, OtherType>, StoreError> {
        let (by_hash, by_text) = calls(script, keys, arguments);
        match self.insist(&by_hash, &by_text).await {
            Err(error) if is_other_type(&error) => Ok(Err(OtherType)),
            reply => reply.map(Ok).map_err(explained),
        }
    }

    /// Sends commands, each with the bucket of its keys, which may be of any type, together.
    pub(crate) async fn ask_each<T: FromRedisValue>(
        &self,
        commands: Vec<(u16, Cmd)>,
    ) -> Result<Vec<Result<T, OtherType>>, StoreError> {
        let replies: Vec<RedisResult<T>> = self.ask(&Each(Scatter(commands))).await?;
        let replies = replies.into_iter().map(|reply| match reply {
            Err(error) if is_other_type(&error) => Ok(Err(OtherType)),
            reply => Ok(Ok(reply?)),
        });
        replies.collect()
    }

    /// Makes a call that writes, and answers whether it did so: else what it was to replace has
    /// changed.
    pub(crate) async fn put(&self, call: ScriptCall) -> Result<bool, StoreError> {
        let mut patience = Patience::default();
        loop {
            let reply = self.writes().make_one(&call).await;
            let denied = reply.as_ref().is_err_and(is_denied);
            let set = match reply {
                Ok(reply) => codec::is_set(&reply),
                Err(error) => Err(explained(error)),
            };
            match set {
                Err(error) if error.is_transient() && !denied && patience.goes_on().await => {}
                set => return set,
            }
        }
    }

    /// Sends a request; if its failure may pass, then the other one until it does.
    async fn insist<T: FromRedisValue>(
        &self,
        request: &impl Request,
        other: &impl Request,
    ) -> Result<T, RedisError> {
        let mut patience = Patience::default();
        let mut result = self.attempt(request).await;
        while let Err(error) = &result {
            if !is_transient(error) || is_denied(error) || !patience.goes_on().await {
                break;
            }
            result = self.attempt(other).await;
        }
        result
    }
}

/// The calls of a script by its hash and by its text.
fn calls(script: &LuaScript, keys: &[String], arguments: &[Vec<u8>]) -> (Cmd, Cmd) {
    let by_hash = script.by_hash(keys, arguments);
    (by_hash, script.by_text(keys, arguments))
}

/// What the failure is to the operator. What the user may not do does not pass by itself.
pub(crate) fn explained(error: RedisError) -> StoreError {
    if is_denied(&error) {
        let what = "the user at Redis may not do all that this needs: allow it by ACL SETUSER";
        StoreError::Unexpected(format!("{what}: {error}"))
    } else {
        error.into()
    }
}

/// Commands that are sent together, of which each may meet a key of another type: then that is its
/// reply.
struct Each(Scatter);

impl Request for Each {
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
