//! Permissions of the user at Redis.

use redis::RedisResult;

use crate::store::doctor::Diagnosis;
use crate::store::redis::connection::Connection;
use crate::store::redis::connection::error::is_denied;
use crate::store::redis::connection::scatter::RedisRequest;
use crate::store::redis::keys::Keys;
use crate::store::redis::scripts::PERMISSIONS;

const SUBJECT: &str = "permissions";
/// Commands of maintenance, beside the commands of requests.
const MAINTENANCE: &[&str] = &["SCAN", "ZSCAN", "ZSCORE", "PEXPIRETIME"];

/// Diagnoses of the permissions for requests and for maintenance.
pub(crate) async fn diagnose(
    connection: &mut Connection,
    keys: &Keys,
    wait_replicas: usize,
) -> Vec<Diagnosis> {
    if let Some(problem) = request_problem(connection, keys, wait_replicas).await {
        return vec![problem];
    }
    let prefix = keys.prefix();
    let requests =
        format!("the user may do all that requests need on keys that begin with {prefix}");
    let denied = denied_commands(connection, keys, MAINTENANCE).await;
    let denied = denied.unwrap_or_default().join(", ");
    if denied.is_empty() {
        return vec![Diagnosis::ok(SUBJECT, requests)];
    }
    let maintenance = format!(
        "verify, export and inspect will fail: the user may not run {denied}: allow it by ACL SETUSER"
    );
    vec![
        Diagnosis::ok(SUBJECT, requests),
        Diagnosis::warning(SUBJECT, maintenance),
    ]
}

/// Diagnosis of missing permissions for requests; `None` when no permission is known to be missing.
pub(crate) async fn request_problem(
    connection: &mut Connection,
    keys: &Keys,
    wait_replicas: usize,
) -> Option<Diagnosis> {
    let mut commands = vec!["PING"];
    if wait_replicas > 0 {
        commands.push("WAIT");
    }
    let denied = denied_commands(connection, keys, &commands).await?;
    let (commands, prefix) = (denied.join(", "), keys.prefix());
    let detail = format!(
        "requests will fail: the user at Redis may not run {commands}, or not on keys that begin with {prefix}: allow it by ACL SETUSER"
    );
    (!denied.is_empty()).then(|| Diagnosis::problem(SUBJECT, detail))
}

/// Denied commands, among the commands of records and the `further` commands; `None` when the permissions are
/// unknown.
async fn denied_commands(
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
