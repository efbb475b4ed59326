//! The Lua scripts, and how they are called.

use std::sync::LazyLock;

use redis::{Cmd, Script, ToRedisArgs};

/// A script that writes, by its own text: what stands in front of it refuses a call that is late.
macro_rules! writing {
    ($($file:literal),+) => {
        LuaScript::new(concat!(include_str!("scripts/deadline.lua"), $(include_str!($file)),+))
    };
}

/// A script that only reads, by its own text.
macro_rules! reading {
    ($($file:literal),+) => {
        LuaScript::new(concat!($(include_str!($file)),+))
    };
}

/// Stores one record; see the head of its text.
pub(crate) static RECORD: LazyLock<LuaScript> =
    LazyLock::new(|| writing!("scripts/arithmetic.lua", "scripts/record.lua"));

/// Forgets sessions; see the head of its text.
pub(crate) static FORGET: LazyLock<LuaScript> = LazyLock::new(|| {
    writing!(
        "scripts/arithmetic.lua",
        "scripts/latest.lua",
        "scripts/forget.lua"
    )
});

/// Notes that a learner is erased; see the head of its text.
pub(crate) static ERASE: LazyLock<LuaScript> = LazyLock::new(|| writing!("scripts/erase.lua"));

/// Reads a page of a list; see the head of its text.
pub(crate) static PAGE: LazyLock<LuaScript> = LazyLock::new(|| reading!("scripts/page.lua"));

/// Looks at a learner's course; see the head of its text.
pub(crate) static LOOK: LazyLock<LuaScript> =
    LazyLock::new(|| reading!("scripts/typed.lua", "scripts/look.lua"));

/// Reads aggregates at one moment; see the head of its text.
pub(crate) static AGGREGATES: LazyLock<LuaScript> =
    LazyLock::new(|| reading!("scripts/typed.lua", "scripts/aggregates.lua"));

/// Aligns entries of indexes with the sessions; see the head of its text.
pub(crate) static ALIGN: LazyLock<LuaScript> =
    LazyLock::new(|| writing!("scripts/latest.lua", "scripts/align.lua"));

/// Takes out of an index what is no entry; see the head of its text.
pub(crate) static STRIP: LazyLock<LuaScript> =
    LazyLock::new(|| writing!("scripts/typed.lua", "scripts/strip.lua"));

/// Adds to an aggregate what it lacks; see the head of its text.
pub(crate) static ADD: LazyLock<LuaScript> =
    LazyLock::new(|| writing!("scripts/arithmetic.lua", "scripts/add.lua"));

/// Sets an aggregate that has not changed; see the head of its text.
pub(crate) static SET: LazyLock<LuaScript> = LazyLock::new(|| {
    writing!(
        "scripts/arithmetic.lua",
        "scripts/typed.lua",
        "scripts/set.lua"
    )
});

/// Tells what the user may not do; see the head of its text.
pub(crate) static PERMISSIONS: LazyLock<LuaScript> =
    LazyLock::new(|| reading!("scripts/permissions.lua"));

/// A script by its text and its hash.
pub(crate) struct LuaScript {
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
    pub(crate) fn by_hash(&self, keys: &[String], arguments: impl ToRedisArgs) -> Cmd {
        call("EVALSHA", &self.hash, keys, arguments)
    }

    /// The call of the script by its text, which also makes it known by its hash. In one step: a
    /// `SCRIPT LOAD` before `EVALSHA` would leave a gap for the next flush.
    pub(crate) fn by_text(&self, keys: &[String], arguments: impl ToRedisArgs) -> Cmd {
        call("EVAL", self.text, keys, arguments)
    }
}

fn call(command: &str, script: &str, keys: &[String], arguments: impl ToRedisArgs) -> Cmd {
    // Room for most calls, so that it is not made bit by bit.
    let mut call = Cmd::with_capacity(32, script.len() + 1_000);
    call.arg(command)
        .arg(script)
        .arg(keys.len())
        .arg(keys)
        .arg(arguments);
    call
}
