//! Looks at what would lose data: at the start, and every minute from then on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use redis::RedisResult;

use super::info::Server;
use crate::store::redis::connection::Connection;
use crate::store::redis::connection::error::is_denied;
use crate::store::redis::connection::lanes::Lanes;
use crate::store::redis::connection::scatter::Request;
use crate::store::redis::keys::Keys;
use crate::store::redis::scripts::PERMISSIONS;
use crate::telemetry::metrics;

/// How often Redis is looked at.
const EVERY: Duration = Duration::from_secs(60);
/// How often it is tried while there is no answer.
const AGAIN: Duration = Duration::from_secs(1);
/// What is found where the user may not ask the servers for more.
pub(crate) const UNKNOWN: &str =
    "it is not known whether Redis keeps its data: its user may not run INFO: allow it by +info";

/// What was found at which server; that of the only one is not told.
type Findings = BTreeSet<(String, String)>;

/// Looks for ever, and tells each finding once, until it is gone and comes back.
pub(crate) async fn watch(lanes: Arc<Lanes>, keys: Keys, wait_replicas: usize) {
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
        let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
        metrics::redis(|redis| redis.findings.set(count));
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
    match Server::all(connection).await {
        Ok(servers) => {
            metrics::redis(|redis| {
                redis.servers(
                    servers
                        .iter()
                        .map(|server| (&*server.name, server.figures())),
                );
            });
            for server in servers {
                let found = server.findings(wait_replicas).into_iter();
                findings.extend(found.map(|finding| (server.name.clone(), finding.text)));
            }
        }
        Err(error) if is_denied(&error) => {
            findings.insert((String::new(), UNKNOWN.into()));
        }
        Err(error) => return Err(error),
    }
    if let Some(finding) = of_user(connection, keys, wait_replicas).await {
        findings.insert((String::new(), finding));
    }
    Ok(findings)
}

/// What the user may not do of what requests need, where that can be found out.
pub(crate) async fn of_user(
    connection: &mut Connection,
    keys: &Keys,
    wait_replicas: usize,
) -> Option<String> {
    let mut commands = vec!["PING"];
    if wait_replicas > 0 {
        commands.push("WAIT");
    }
    let denied = denied(connection, keys, &commands).await?;
    let (commands, prefix) = (denied.join(", "), keys.prefix());
    (!denied.is_empty()).then(|| format!("requests will fail: the user at Redis may not run {commands}, or not on keys that begin with {prefix}: allow it by ACL SETUSER"))
}

/// Which commands the user may not run, of those that records need and of `further` ones; `None`
/// where that cannot be found out.
pub(crate) async fn denied(
    connection: &mut Connection,
    keys: &Keys,
    further: &[&str],
) -> Option<Vec<String>> {
    let call = PERMISSIONS.by_text(&keys.of_nobody(), further);
    let denied: RedisResult<Vec<String>> = call.send(connection).await;
    match denied {
        Ok(denied) => Some(denied),
        Err(error) if is_denied(&error) => Some(vec!["EVAL".into()]),
        Err(_) => None,
    }
}
