//! Arrows between rooms, and circles between files.

use std::collections::BTreeMap;

use crate::modules::{Modules, Target, parent};

/// Table of the rooms, a row per room: name, allowed rooms, and after a bar banned external crates. A
/// room is a module with all children, except children with a row of their own.
const ROOMS: &str = "\
domain           | futures_util hyper poem poem_openapi redb redis serde serde_json tokio
error            | hyper poem redb redis
retry            | hyper poem redb redis
pause_detector   | hyper poem redb redis
signals          | hyper poem redb redis
config           domain error | poem redb redis
telemetry        config error | poem redb redis
wire             domain | hyper poem redb redis tokio
store            domain error store::open telemetry | hyper poem poem_openapi redb redis
store::open      config error store store::embedded store::redis telemetry | hyper poem redb redis
store::embedded  domain error retry store telemetry | hyper poem poem_openapi redis
store::redis     config domain error retry store telemetry | hyper poem poem_openapi redb
api              domain pause_detector store telemetry wire | redb redis
commands         config domain error retry signals store store::open telemetry wire | hyper poem poem_openapi redb redis
server           api commands config error retry signals store store::open telemetry | poem_openapi redb redis
health           config error | poem redb redis
conformance      error | poem poem_openapi redb redis
main             api commands config conformance error health server telemetry | hyper poem redb redis
";

/// Row of the table for a module: room, allowed rooms, banned crates.
fn room(module: &str) -> Option<(&'static str, Vec<&'static str>, Vec<&'static str>)> {
    let lines = ROOMS.lines().filter_map(|line| line.split_once(' '));
    let lines = lines.filter(|(room, _)| {
        let below = module.strip_prefix(room);
        below.is_some_and(|below| below.is_empty() || below.starts_with("::"))
    });
    let (room, line) = lines.max_by_key(|(room, _)| room.len())?;
    let (rooms, crates) = line.split_once('|')?;
    let words = |text: &'static str| text.split_whitespace().collect();
    Some((room, words(rooms), words(crates)))
}

/// Reports uses of a room or crate against the table.
pub(crate) fn arrows(modules: &Modules<'_>) -> Vec<String> {
    let mut violations = BTreeMap::new();
    for used in modules.uses().filter(|used| !used.module.is_empty()) {
        let fault = match (room(used.module), used.target) {
            (None, _) => "room without arrows: add a row to ROOMS of tests/tidy/arrows.rs".into(),
            (Some((own, rooms, _)), Target::Module(to)) => match room(to) {
                Some((other, ..)) if other != own && !rooms.contains(&other) => {
                    format!(
                        "`{own}` uses `{to}`: `{own}` may use only [{}]",
                        rooms.join(" ")
                    )
                }
                _ => continue,
            },
            (Some((own, _, crates)), Target::Crate(name)) if crates.contains(&name) => {
                format!("`{own}` uses the crate `{name}`: move the code to a room that may")
            }
            _ => continue,
        };
        let file = &modules.file(used.module).path;
        violations.entry((file, fault)).or_insert(used.line);
    }
    let violations = violations.iter();
    violations
        .map(|((file, fault), line)| format!("{file}:{line}: {fault}"))
        .collect()
}

/// Reports circles of files: file A uses B, and B uses A, directly or through further files.
///
/// A child may use its ancestors: `mod.rs` defines a type and the children implement parts of the
/// type, so `mod.rs` and its children count as a unit. Circles between siblings are reported.
pub(crate) fn circles(modules: &Modules<'_>) -> Vec<String> {
    let mut edges = BTreeMap::<&str, BTreeMap<&str, usize>>::new();
    for used in modules.uses() {
        if let Target::Module(to) = used.target
            && !is_ancestor(to, used.module)
        {
            edges
                .entry(used.module)
                .or_default()
                .entry(to)
                .or_insert(used.line);
        }
    }
    let mut violations = Vec::new();
    loop {
        // A file without uses in the graph is on no circle.
        let is_end = |to: &BTreeMap<&str, usize>| !to.keys().any(|to| edges.contains_key(to));
        if let Some(end) = edges
            .iter()
            .find(|(_, to)| is_end(to))
            .map(|(from, _)| *from)
        {
            edges.remove(end);
            continue;
        }
        let mut way: Vec<_> = edges.keys().take(1).copied().collect();
        let circle = loop {
            let Some(last) = way.last() else {
                return violations;
            };
            let next = edges[last].keys().find(|to| edges.contains_key(*to));
            let Some(next) = next.copied() else {
                return violations;
            };
            let start = way.iter().position(|module| *module == next);
            way.push(next);
            if let Some(start) = start {
                break way.split_off(start);
            }
        };
        let paths = circle
            .iter()
            .map(|module| modules.file(module).path.as_str());
        let paths = paths.collect::<Vec<_>>();
        let line = edges
            .get_mut(circle[0])
            .and_then(|uses| uses.remove(circle[1]));
        violations.push(format!(
            "{}:{}: circle {}: move the items that both ends use to a file that uses neither",
            paths[0],
            line.unwrap_or(1),
            paths.join(" → "),
        ));
    }
}

/// Returns whether `module` is `of` or an ancestor of `of`.
fn is_ancestor(module: &str, of: &str) -> bool {
    module == of || (!of.is_empty() && is_ancestor(module, parent(of)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{assert_found, planted};

    #[test]
    fn a_use_of_a_room_above_is_a_violation() {
        let files = planted(&[
            ("src/api/mod.rs", "mod error;\npub use error::ApiError;"),
            (
                "src/api/error.rs",
                "use crate::store::{StoreError, bucket};",
            ),
            ("src/attic.rs", "use std::env;"),
            ("src/config.rs", "use std::env;"),
            (
                "src/domain.rs",
                "use serde::Serialize;\n/// [`crate::api`]\nfn api() {}",
            ),
            (
                "src/store/mod.rs",
                "use std::fmt;\nuse crate::{config::Cli, api::ApiError as E};",
            ),
            ("src/store/bucket.rs", "fn f() -> crate::api::ApiError {}"),
            (
                "src/store/open.rs",
                "use super::redis;\nfn open() { redis::start(); }",
            ),
            (
                "src/store/redis.rs",
                "use crate::store::bucket;\nuse ::redis::Client;\nfn f() { ::hyper::f() }",
            ),
            (
                "src/store/embedded.rs",
                "use crate::store::redis;\n#[cfg(test)]\nuse crate::api;",
            ),
        ]);
        let expected = [
            "src/attic.rs:1: room without arrows: add a row",
            "src/domain.rs:1: `domain` uses the crate `serde`: move the code",
            "src/store/bucket.rs:1: `store` uses `api::error`: `store` may",
            "src/store/embedded.rs:1: `store::embedded` uses `store::redis`: `store::embedded` may",
            "src/store/mod.rs:2: `store` uses `api::error`: `store` may",
            "src/store/mod.rs:2: `store` uses `config`: `store` may use only [domain error store::open telemetry]",
            "src/store/redis.rs:3: `store::redis` uses the crate `hyper`: move the code",
        ];
        assert_found(&arrows(&Modules::of(&files)), &expected);
    }

    #[test]
    fn a_circle_between_files_is_a_violation() {
        let found = |keys: &str, api: &str| {
            let files = planted(&[
                (
                    "src/store/mod.rs",
                    "mod keys;\npub use keys::Key;\npub struct Store;\nuse reads::Page;",
                ),
                ("src/store/reads.rs", "use super::{Key, Store};"),
                ("src/store/keys.rs", keys),
                ("src/api.rs", api),
            ]);
            circles(&Modules::of(&files))
        };
        assert_found(&found("use super::Store;", "use crate::store::Page;"), &[]);
        let direct = "src/store/keys.rs:2: circle src/store/keys.rs → src/store/reads.rs → src/store/keys.rs: move";
        assert_found(&found("\nuse super::reads::{self, Page};", ""), &[direct]);
        let across = "src/api.rs:1: circle src/api.rs → src/store/reads.rs → src/store/keys.rs → src/api.rs: move";
        assert_found(
            &found("use crate::api::Id;", "use crate::store::Page;"),
            &[across],
        );
    }
}
