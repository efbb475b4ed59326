//! Lua scripts: texts, hashes and commands. The head of each text documents keys, arguments and reply.

use std::sync::LazyLock;

use redis::{Cmd, Script, ToRedisArgs};

/// Script that writes. The prefix refuses a call after the deadline.
macro_rules! writing {
    ($($file:literal),+) => {
        LuaScript::new(concat!(include_str!("scripts/deadline.lua"), $(include_str!($file)),+))
    };
}

/// Script that reads.
macro_rules! reading {
    ($($file:literal),+) => {
        LuaScript::new(concat!($(include_str!($file)),+))
    };
}

/// Stores records.
pub(crate) static RECORD: LazyLock<LuaScript> = LazyLock::new(|| {
    reading!(
        "scripts/call.lua",
        "scripts/arithmetic.lua",
        "scripts/record.lua"
    )
});

/// Deletes sessions.
pub(crate) static DELETE: LazyLock<LuaScript> = LazyLock::new(|| {
    writing!(
        "scripts/arithmetic.lua",
        "scripts/course_index.lua",
        "scripts/delete.lua"
    )
});

/// Writes the tombstone of a learner.
pub(crate) static ERASE: LazyLock<LuaScript> = LazyLock::new(|| writing!("scripts/erase.lua"));

/// Reads a page of an index.
pub(crate) static PAGE: LazyLock<LuaScript> =
    LazyLock::new(|| reading!("scripts/index_page.lua", "scripts/page.lua"));

/// Reads an enrolment and sessions at one moment.
pub(crate) static ENROLMENT: LazyLock<LuaScript> = LazyLock::new(|| {
    reading!(
        "scripts/index_page.lua",
        "scripts/typed.lua",
        "scripts/base64url.lua",
        "scripts/enrolment.lua"
    )
});

/// Reads a summary and totals at one moment.
pub(crate) static SUMMARY: LazyLock<LuaScript> = LazyLock::new(|| {
    reading!(
        "scripts/call.lua",
        "scripts/typed.lua",
        "scripts/base64url.lua",
        "scripts/summary.lua"
    )
});

/// Makes indexes agree with the sessions.
pub(crate) static ALIGN: LazyLock<LuaScript> =
    LazyLock::new(|| writing!("scripts/course_index.lua", "scripts/align.lua"));

/// Removes invalid members from an index.
pub(crate) static STRIP: LazyLock<LuaScript> =
    LazyLock::new(|| writing!("scripts/typed.lua", "scripts/strip.lua"));

/// Repairs an aggregate.
pub(crate) static REPAIR_AGGREGATE: LazyLock<LuaScript> = LazyLock::new(|| {
    writing!(
        "scripts/arithmetic.lua",
        "scripts/typed.lua",
        "scripts/repair_aggregate.lua"
    )
});

/// Stores an erasure of an export.
pub(crate) static RESTORE_ERASURE: LazyLock<LuaScript> =
    LazyLock::new(|| writing!("scripts/restore_erasure.lua"));

/// Checks the permissions of the user.
pub(crate) static PERMISSIONS: LazyLock<LuaScript> =
    LazyLock::new(|| reading!("scripts/permissions.lua"));

/// Script with its text and hash.
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

    /// Start of a command, for keys and arguments; `by_text` as in [`by_text`](Self::by_text).
    pub(crate) fn start(&self, by_text: bool, keys: usize) -> Cmd {
        let (name, script) = if by_text {
            ("EVAL", self.text)
        } else {
            ("EVALSHA", &*self.hash)
        };
        // Capacity for most calls, to avoid repeated growth.
        let mut command = Cmd::with_capacity(32, script.len() + 1_000);
        command.arg(name).arg(script).arg(keys);
        command
    }

    /// Command by the hash of the script. Fails with `NOSCRIPT` where Redis does not know the hash: before
    /// the first call, after a restart, after `SCRIPT FLUSH`.
    pub(crate) fn by_hash(&self, keys: &[String], arguments: impl ToRedisArgs) -> Cmd {
        let mut command = self.start(false, keys.len());
        command.arg(keys).arg(arguments);
        command
    }

    /// Command by the text of the script, which also makes the hash known. A `SCRIPT LOAD` before the
    /// `EVALSHA` would leave a gap for a flush between the two.
    pub(crate) fn by_text(&self, keys: &[String], arguments: impl ToRedisArgs) -> Cmd {
        let mut command = self.start(true, keys.len());
        command.arg(keys).arg(arguments);
        command
    }
}
