//! Calls of scripts: keys, arguments, and the form of the command.
//!
//! Arguments are encoded when a call is sent, straight into the command: the deadline of a write, which is
//! the first argument, is known only then.

use redis::{Cmd, FromRedisValue, RedisError, RedisResult, ToRedisArgs};

use super::connection::Connection;
use super::connection::auto_pipeline::{RecordCall, RecordPart};
use super::connection::scatter::RedisRequest;
use super::scripts::{LuaScript, RECORD};
use crate::domain::LearnerId;
use crate::store::bucket;

/// Reply of a script that writes, or the error of the call.
pub(crate) type Reply = Result<String, RedisError>;

/// Call of a script that writes. The call can be sent more than once, each time with a new deadline.
pub(crate) struct ScriptCall<A = Vec<Vec<u8>>> {
    script: &'static LuaScript,
    /// Bucket of all keys.
    pub(crate) bucket: u16,
    keys: Vec<String>,
    arguments: A,
}

impl<A: ToRedisArgs> ScriptCall<A> {
    /// Call on keys of a learner; `arguments` follow the deadline.
    pub(crate) fn new(
        script: &'static LuaScript,
        learner: LearnerId,
        keys: Vec<String>,
        arguments: A,
    ) -> Self {
        Self::in_bucket(script, bucket::of(learner), keys, arguments)
    }

    /// Call on keys of a bucket; `arguments` follow the deadline.
    pub(crate) fn in_bucket(
        script: &'static LuaScript,
        bucket: u16,
        keys: Vec<String>,
        arguments: A,
    ) -> Self {
        Self {
            script,
            bucket,
            keys,
            arguments,
        }
    }

    /// Returns whether the call has one record of a script that takes several.
    pub(crate) fn is_record(&self) -> bool {
        std::ptr::eq(self.script, &raw const *RECORD)
    }

    /// Returns the command, by the text of the script or by its hash; `deadline` is in ms by the server's
    /// clock.
    pub(crate) fn command(&self, by_text: bool, deadline: i64) -> Cmd {
        Self::group_command(&[self], by_text, deadline)
    }

    /// Returns the command with the records of several calls, or with a single call.
    pub(crate) fn group_command(calls: &[&Self], by_text: bool, deadline: i64) -> Cmd {
        let keys = calls.iter().map(|call| call.keys.len()).sum();
        let script = calls.first().map_or(&*RECORD, |call| call.script);
        let mut command = script.start(by_text, keys);
        for call in calls {
            command.arg(&call.keys);
        }
        for call in calls {
            command.arg(deadline).arg(&call.arguments);
        }
        command
    }
}

impl<A: ToRedisArgs> RecordCall for ScriptCall<A> {
    fn alone(&self, deadline: i64) -> Cmd {
        self.command(false, deadline)
    }

    fn part(&self, deadline: i64) -> RecordPart {
        let (mut keys, mut arguments) = (Cmd::new(), Cmd::new());
        keys.arg(&self.keys);
        arguments.arg(deadline).arg(&self.arguments);
        RecordPart { keys, arguments }
    }
}

/// Call of a script that reads, by its hash. Without a deadline: a late read changes nothing.
pub(crate) struct ScriptQuery<'a, A> {
    script: &'static LuaScript,
    keys: &'a [String],
    arguments: A,
}

impl<'a, A: ToRedisArgs> ScriptQuery<'a, A> {
    /// Call on keys of one bucket.
    pub(crate) fn new(script: &'static LuaScript, keys: &'a [String], arguments: A) -> Self {
        Self {
            script,
            keys,
            arguments,
        }
    }

    /// Same call by the text of the script, which also makes the hash known.
    pub(crate) fn by_text(&self) -> QueryByText<'_, A> {
        QueryByText(self)
    }
}

impl<A: ToRedisArgs + Sync> RedisRequest for ScriptQuery<'_, A> {
    async fn send<T: FromRedisValue>(&self, connection: &mut Connection) -> RedisResult<T> {
        let command = self.script.by_hash(self.keys, &self.arguments);
        Ok(T::from_redis_value(connection.send(command).await?)?)
    }
}

/// A [`ScriptQuery`] by the text of the script.
pub(crate) struct QueryByText<'a, A>(&'a ScriptQuery<'a, A>);

impl<A: ToRedisArgs + Sync> RedisRequest for QueryByText<'_, A> {
    async fn send<T: FromRedisValue>(&self, connection: &mut Connection) -> RedisResult<T> {
        let Self(query) = self;
        let command = query.script.by_text(query.keys, &query.arguments);
        Ok(T::from_redis_value(connection.send(command).await?)?)
    }
}
