//! The Lua scripts, and how they are called.

use std::sync::LazyLock;

use redis::{Cmd, Script, cmd};

/// Stores one record; see the head of its text.
pub(super) static RECORD: LazyLock<LuaScript> = LazyLock::new(|| {
    LuaScript::new(concat!(
        include_str!("scripts/arithmetic.lua"),
        include_str!("scripts/record.lua")
    ))
});

/// Tells what the user may not do; see the head of its text.
pub(super) static PERMISSIONS: LazyLock<LuaScript> =
    LazyLock::new(|| LuaScript::new(include_str!("scripts/permissions.lua")));

/// A script by its text and its hash.
pub(super) struct LuaScript {
    text: &'static str,
    hash: String,
}

impl LuaScript {
    fn new(text: &'static str) -> Self {
        Self {
            text,
            hash: Script::new(text).get_hash().to_owned(),
        }
    }

    /// The call of the script by its hash, which fails with `NOSCRIPT` where Redis has never seen
    /// it, was restarted or has flushed its scripts.
    pub(super) fn by_hash(&self, keys: &[String], arguments: &[Vec<u8>]) -> Cmd {
        call("EVALSHA", &self.hash, keys, arguments)
    }

    /// The call of the script by its text, which also makes it known by its hash. In one step: a
    /// `SCRIPT LOAD` before `EVALSHA` would leave a gap for the next flush.
    pub(super) fn by_text(&self, keys: &[String], arguments: &[Vec<u8>]) -> Cmd {
        call("EVAL", self.text, keys, arguments)
    }
}

fn call(command: &str, script: &str, keys: &[String], arguments: &[Vec<u8>]) -> Cmd {
    let mut call = cmd(command);
    call.arg(script).arg(keys.len()).arg(keys).arg(arguments);
    call
}
