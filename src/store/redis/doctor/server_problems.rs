//! Problems of a server: settings and states that lose data, or that make requests fail.

use super::server_info::{STOP_WRITES, ServerInfo};

/// Oldest major version of Redis with all commands of the scripts.
const OLDEST: u32 = 7;

/// Problems of the version.
pub(crate) fn version(server: &ServerInfo) -> Vec<String> {
    let version = server.field("redis_version").unwrap_or_default();
    let major = version.split('.').next().and_then(|part| part.parse().ok());
    let is_old = major.is_some_and(|major: u32| major < OLDEST);
    let old = || format!("Redis {version} is too old: update it to {OLDEST}.0 or newer");
    is_old.then(old).into_iter().collect()
}

/// Problems of the nodes and replicas, where writes wait for `wait_replicas` replicas.
pub(crate) fn topology(server: &ServerInfo, wait_replicas: usize) -> Vec<String> {
    let mut problems = Vec::new();
    if server.is_lone_cluster_node() {
        problems.push("this is one node of a Cluster, which answers for its own keys only: begin REDIS_URL with redis+cluster://".into());
    }
    let replicas = server.number("connected_slaves");
    let wanted = u64::try_from(wait_replicas).unwrap_or(u64::MAX);
    if let Some(count) = replicas.filter(|count| *count < wanted) {
        problems.push(format!(
            "no write can be acknowledged: REDIS_WAIT_REPLICAS is {wanted}, but Redis has {count} replicas; start more of them, or set it lower"
        ));
    }
    problems
}

/// Problems of the snapshots and of the append-only file.
pub(crate) fn persistence(server: &ServerInfo) -> Vec<String> {
    let has_file = server.is("aof_enabled", "1");
    let keeps_nothing =
        server.is("aof_enabled", "0") && server.option("save").is_some_and(str::is_empty);
    let cannot_save = server.is("rdb_last_bgsave_status", "err");
    let makes_snapshots = server.option("save").is_some_and(|save| !save.is_empty());
    let refuses_writes =
        cannot_save && makes_snapshots && server.option(STOP_WRITES) == Some("yes");
    let problems = [
        (
            keeps_nothing,
            "Redis keeps nothing over a restart: set appendonly yes",
        ),
        (
            has_file && server.is("aof_last_write_status", "err"),
            "Redis refuses all writes, as it cannot write its append-only file: see its log, and free its disk",
        ),
        (
            refuses_writes,
            "Redis refuses all writes, as it cannot write its snapshots: see its log, and free its disk",
        ),
        (
            cannot_save && !refuses_writes,
            "Redis cannot write its snapshots: see its log, and free its disk",
        ),
    ];
    let problems = problems.into_iter();
    problems
        .filter(|(is_present, _)| *is_present)
        .map(|(_, text)| text.into())
        .collect()
}

/// Problems of the memory.
pub(crate) fn memory(server: &ServerInfo) -> Vec<String> {
    let policy = server.field("maxmemory_policy");
    let policy = policy.filter(|policy| *policy != "noeviction");
    let problem = policy.map(|policy| format!("Redis throws away sessions when its memory is full, as its maxmemory-policy is {policy}: set it to noeviction"));
    problem.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::redis::doctor::server_info::tests::{HEALTHY, server};

    /// Texts of all problems, where writes wait for a replica.
    fn problems(info: &str, options: &[(&str, &str)]) -> Vec<String> {
        let server = server(info, options);
        let problems = [
            version(&server),
            topology(&server, 1),
            persistence(&server),
            memory(&server),
        ];
        problems.concat()
    }

    #[test]
    fn a_healthy_server_has_no_problems() {
        assert_eq!(problems(HEALTHY, &[("save", "")]), [""; 0]);
        // Snapshots suffice without an append-only file, and unknown options are no problem.
        let snapshots = HEALTHY.replace("aof_enabled:1", "aof_enabled:0");
        assert_eq!(problems(&snapshots, &[("save", "3600 1")]), [""; 0]);
        assert_eq!(problems(&snapshots, &[]), [""; 0]);
    }

    #[test]
    fn failed_snapshots_that_stop_the_writes_are_named() {
        let info = HEALTHY.replace("bgsave_status:ok", "bgsave_status:err");
        let found = problems(&info, &[("save", "3600 1"), (STOP_WRITES, "yes")]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("Redis refuses all writes"),
            "{found:?}"
        );
    }

    #[test]
    fn each_problem_advises_a_remedy() {
        for (healthy, damaged, advice) in [
            (
                "7.0.15",
                "6.2.1",
                "Redis 6.2.1 is too old: update it to 7.0 or newer",
            ),
            ("noeviction", "volatile-ttl", "set it to noeviction"),
            ("aof_enabled:1", "aof_enabled:0", "set appendonly yes"),
            (
                "write_status:ok",
                "write_status:err",
                "refuses all writes, as it cannot write its append-only file",
            ),
            (
                "bgsave_status:ok",
                "bgsave_status:err",
                "cannot write its snapshots: see its log",
            ),
            (
                "slaves:1",
                "slaves:0",
                "start more of them, or set it lower",
            ),
            (
                "# Server",
                "redis_mode:cluster",
                "begin REDIS_URL with redis+cluster://",
            ),
        ] {
            let found = problems(&HEALTHY.replace(healthy, damaged), &[("save", "")]);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(advice), "{found:?}");
        }
    }
}
