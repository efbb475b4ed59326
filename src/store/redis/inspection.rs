//! Looks at what would lose data: at the start, and every minute from then on.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use redis::{RedisResult, cmd};

use super::connection::Connection;
use super::failure::is_denied;
use super::keys::Keys;
use super::lanes::Lanes;
use super::scripts::PERMISSIONS;

/// How often Redis is looked at.
const EVERY: Duration = Duration::from_secs(60);
/// How often it is tried while there is no answer.
const AGAIN: Duration = Duration::from_secs(1);
/// The oldest Redis that has all that the scripts use.
const OLDEST: u32 = 7;

/// What was found at which server; that of the only one is not told.
type Findings = BTreeSet<(String, String)>;

/// Looks for ever, and tells each finding once, until it is gone and comes back.
pub(super) async fn watch(lanes: Arc<Lanes>, keys: Keys, wait_replicas: usize) {
    let mut told = Findings::new();
    loop {
        let found = match lanes.pick() {
            Some(mut lane) => inspect(&mut lane.connection, &keys, wait_replicas)
                .await
                .ok(),
            None => None,
        };
        let Some(found) = found else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        for (server, finding) in found.difference(&told) {
            tracing::warn!(server, "{finding}");
        }
        tracing::debug!(findings = found.len(), "Redis was looked at");
        told = found;
        tokio::time::sleep(EVERY).await;
    }
}

async fn inspect(
    connection: &mut Connection,
    keys: &Keys,
    wait_replicas: usize,
) -> RedisResult<Findings> {
    let mut findings = Findings::new();
    match connection.ask_masters::<String>(cmd("INFO")).await {
        Ok(servers) => {
            let mut save = cmd("CONFIG");
            save.arg("GET").arg("save");
            // Managed services refuse `CONFIG`. Then it is not known whether snapshots are made.
            let save = connection
                .ask_masters::<HashMap<String, String>>(save)
                .await;
            let save = save.unwrap_or_default();
            for (server, info) in servers {
                let save = save.get(&server).and_then(|options| options.get("save"));
                // `redis_mode`, at Valkey `server_mode`.
                if !connection.heals_itself() && info.contains("_mode:cluster") {
                    let finding = "this is one node of a Cluster, which answers for its own keys only: begin REDIS_URL with redis+cluster://";
                    findings.insert((server.clone(), finding.into()));
                }
                for finding in of_server(&info, save.map(String::as_str), wait_replicas) {
                    findings.insert((server.clone(), finding));
                }
            }
        }
        Err(error) if is_denied(&error) => {
            let finding = "it is not known whether Redis keeps its data: its user may not run INFO: allow it by +info";
            findings.insert((String::new(), finding.into()));
        }
        Err(error) => return Err(error),
    }
    if let Some(finding) = of_user(connection, keys, wait_replicas).await {
        findings.insert((String::new(), finding));
    }
    Ok(findings)
}

/// What the sections of a server's `INFO` and its option `save` tell.
fn of_server(info: &str, save: Option<&str>, wait_replicas: usize) -> Vec<String> {
    let info: HashMap<_, _> = info
        .lines()
        .filter_map(|line| line.split_once(':'))
        .collect();
    let is = |field: &str, value: &str| info.get(field).is_some_and(|found| *found == value);
    let mut findings = Vec::new();

    let version = info.get("redis_version").copied().unwrap_or_default();
    let major = version
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    if major.is_some_and(|major: u32| major < OLDEST) {
        findings.push(format!(
            "Redis {version} is too old: update it to {OLDEST}.0 or newer"
        ));
    }
    if let Some(policy) = info
        .get("maxmemory_policy")
        .filter(|policy| **policy != "noeviction")
    {
        findings.push(format!("Redis throws away sessions when its memory is full, as its maxmemory-policy is {policy}: set it to noeviction"));
    }
    if is("aof_enabled", "0") && save.is_some_and(str::is_empty) {
        findings.push("Redis keeps nothing over a restart: set appendonly yes".into());
    }
    if is("aof_enabled", "1") && is("aof_last_write_status", "err") {
        findings
            .push("Redis cannot write its append-only file: look at its disk and its log".into());
    }
    if is("rdb_last_bgsave_status", "err") {
        findings.push("Redis cannot write its snapshots: look at its disk and its log".into());
    }
    let replicas = info
        .get("connected_slaves")
        .and_then(|count| count.parse().ok());
    if replicas.is_some_and(|count: usize| count < wait_replicas) {
        let count = replicas.unwrap_or_default();
        findings.push(format!("no write can be acknowledged: REDIS_WAIT_REPLICAS is {wait_replicas}, but Redis has {count} replicas; start more of them, or set it lower"));
    }
    findings
}

/// What the user may not do, where that can be found out.
async fn of_user(connection: &mut Connection, keys: &Keys, wait_replicas: usize) -> Option<String> {
    let mut commands = vec![b"PING".to_vec()];
    if wait_replicas > 0 {
        commands.push(b"WAIT".to_vec());
    }
    let call = PERMISSIONS.by_text(&keys.of_nobody(), &commands);
    let denied: RedisResult<Vec<String>> = call.query_async(connection).await;
    let denied = match denied {
        Ok(denied) => denied,
        Err(error) if is_denied(&error) => vec!["EVAL".into()],
        Err(_) => return None,
    };
    let (commands, prefix) = (denied.join(", "), keys.prefix());
    (!denied.is_empty()).then(|| format!("requests will fail: the user at Redis may not run {commands}, or not on keys that begin with {prefix}: allow it by ACL SETUSER"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: &str = "# Server\r\nredis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\n\
        aof_enabled:1\r\naof_last_write_status:ok\r\nrdb_last_bgsave_status:ok\r\nconnected_slaves:1\r\n";

    #[test]
    fn a_server_that_is_well_has_no_findings() {
        assert_eq!(of_server(WELL, Some(""), 1), [""; 0]);
        // Without an append-only file, snapshots do, and where it is not known there is no finding.
        let snapshots = WELL.replace("aof_enabled:1", "aof_enabled:0");
        assert_eq!(of_server(&snapshots, Some("3600 1"), 0), [""; 0]);
        assert_eq!(of_server(&snapshots, None, 0), [""; 0]);
    }

    #[test]
    fn each_finding_says_what_is_to_be_done() {
        for (well, ill, finding) in [
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
                "append-only file: look at its disk",
            ),
            (
                "bgsave_status:ok",
                "bgsave_status:err",
                "snapshots: look at its disk",
            ),
            (
                "slaves:1",
                "slaves:0",
                "start more of them, or set it lower",
            ),
        ] {
            let findings = of_server(&WELL.replace(well, ill), Some(""), 1);
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert!(findings[0].contains(finding), "{findings:?}");
        }
    }
}
