//! Config watch: background task that logs a warning about each new risk of data loss.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use redis::RedisResult;

use super::server_info::ServerInfo;
use super::{permissions, server_diagnosis};
use crate::store::doctor::{Diagnosis, Severity};
use crate::store::redis::connection::Connection;
use crate::store::redis::connection::error::is_denied;
use crate::store::redis::connection::lanes::Lanes;
use crate::store::redis::connection::url::Topology;
use crate::store::redis::keys::Keys;
use crate::telemetry::metrics;

/// Interval between two checks of Redis.
const INTERVAL: Duration = Duration::from_secs(60);
/// Interval between attempts while Redis does not reply.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Address of a server, empty for a single server, and text of a warning.
type Warnings = BTreeSet<(String, String)>;

/// Checks Redis until the task is aborted. A warning is logged once, and again after a check without the
/// warning.
pub(crate) async fn watch(lanes: Arc<Lanes>, keys: Keys, topology: Topology, wait_replicas: usize) {
    let mut logged = Warnings::new();
    loop {
        let warnings = match lanes.pick() {
            Some(mut lane) => check(&mut lane.connection, &keys, &topology, wait_replicas)
                .await
                .ok(),
            None => None,
        };
        let Some(warnings) = warnings else {
            tokio::time::sleep(RETRY_INTERVAL).await;
            continue;
        };
        for (server, warning) in warnings.difference(&logged) {
            tracing::warn!(server, "{warning}");
        }
        tracing::debug!(findings = warnings.len(), "Redis was looked at");
        let count = i64::try_from(warnings.len()).unwrap_or(i64::MAX);
        metrics::redis(|redis| redis.findings.set(count));
        logged = warnings;
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Updates the gauges of the servers, and returns the present warnings.
async fn check(
    connection: &mut Connection,
    keys: &Keys,
    topology: &Topology,
    wait_replicas: usize,
) -> RedisResult<Warnings> {
    let mut warnings = Warnings::new();
    match ServerInfo::of_masters(connection).await {
        Ok(servers) => {
            metrics::redis(|redis| {
                let figures = servers
                    .iter()
                    .map(|server| (&*server.address, server.figures()));
                redis.servers(figures);
            });
            for server in servers {
                let diagnoses = server_diagnosis::diagnose(&server, topology, wait_replicas);
                let problems = diagnoses.into_iter().filter(is_problem);
                warnings.extend(problems.map(|problem| (server.address.clone(), problem.detail)));
            }
        }
        Err(error) if is_denied(&error) => {
            warnings.insert((String::new(), server_diagnosis::info_denied().detail));
        }
        Err(error) => return Err(error),
    }
    if let Some(problem) = permissions::request_problem(connection, keys, wait_replicas).await {
        warnings.insert((String::new(), problem.detail));
    }
    Ok(warnings)
}

fn is_problem(diagnosis: &Diagnosis) -> bool {
    diagnosis.severity == Severity::Problem
}
