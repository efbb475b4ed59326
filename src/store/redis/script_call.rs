//! A call of a script that writes, as it is kept until it is sent, perhaps more than once.

use redis::{Arg, Cmd, RedisWrite, ToRedisArgs};

use super::scripts::LuaScript;
use crate::domain::LearnerId;
use crate::store::bucket;

/// A call of a script that writes, but for the time until which it is good.
pub(crate) struct ScriptCall {
    script: &'static LuaScript,
    /// Of the one bucket that all the keys belong to.
    pub(crate) bucket: u16,
    keys: Vec<String>,
    /// No command yet: all of its words are arguments.
    arguments: Cmd,
}

impl ScriptCall {
    /// A call on keys of the learner; `arguments` are what follows the deadline.
    pub(crate) fn new(
        script: &'static LuaScript,
        learner: LearnerId,
        keys: Vec<String>,
        arguments: impl ToRedisArgs,
    ) -> Self {
        Self::in_bucket(script, bucket::of(learner), keys, arguments)
    }

    /// A call on keys of the bucket; `arguments` are what follows the deadline.
    pub(crate) fn in_bucket(
        script: &'static LuaScript,
        bucket: u16,
        keys: Vec<String>,
        arguments: impl ToRedisArgs,
    ) -> Self {
        let mut words = Cmd::new();
        words.arg(arguments);
        Self {
            script,
            bucket,
            keys,
            arguments: words,
        }
    }

    /// As it is sent, by the script's text or by its hash; `deadline` is in ms by the server's clock.
    pub(crate) fn command(&self, by_text: bool, deadline: i64) -> Cmd {
        let arguments = (deadline, Words(&self.arguments));
        if by_text {
            self.script.by_text(&self.keys, arguments)
        } else {
            self.script.by_hash(&self.keys, arguments)
        }
    }
}

/// The words of a command, as arguments of another one.
struct Words<'a>(&'a Cmd);

impl ToRedisArgs for Words<'_> {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        for word in self.0.args_iter() {
            if let Arg::Simple(word) = word {
                out.write_arg(word);
            }
        }
    }
}
