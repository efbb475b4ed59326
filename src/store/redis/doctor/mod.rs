//! Looks at all that could keep Redis from doing its work: what its servers tell, what the user may
//! do, and how they do when they are tried out.

pub(crate) mod config_watch;
pub(crate) mod info;
mod latency;
mod probe;
mod servers;
mod slots;
mod trial_scripts;

use std::time::Duration;

use redis::cmd;

use super::RedisStore;
use super::connection::Connection;
use super::connection::error::is_denied;
use super::connection::lanes::OpenLane;
use crate::store::doctor::{Diagnosis, Severity};
use config_watch::UNKNOWN;
use info::Server;

/// What the upkeep of the store needs beside what requests need.
const UPKEEP: &[&str] = &["SCAN", "ZSCORE"];
/// Wait until it is looked again whether there is a connection.
const AGAIN: Duration = Duration::from_millis(10);

impl RedisStore {
    /// The connection to Redis comes first: without it there is one problem, and no more to look at.
    pub(crate) async fn examine_redis(&self) -> Vec<Diagnosis> {
        let mut lane = match self.first_lane().await {
            Ok(lane) => lane,
            Err(reason) => return vec![unreachable(&reason)],
        };
        let connection = &mut lane.connection;
        let masters = match connection.ask_masters::<String>(cmd("PING")).await {
            Ok(answers) => answers.into_keys().collect::<Vec<_>>(),
            Err(error) => return vec![unreachable(&error.to_string())],
        };
        let mut checks = vec![well("connection", "Redis answers")];
        match Server::all(connection).await {
            Ok(servers) => {
                let wait_replicas = self.wait_replicas();
                let told = servers.iter();
                checks.extend(
                    told.flat_map(|server| {
                        servers::diagnose(server, &self.topology, wait_replicas)
                    }),
                );
            }
            Err(error) if is_denied(&error) => {
                checks.push(check(Severity::Warning, "persistence", UNKNOWN));
            }
            Err(error) => checks.push(unreachable(&error.to_string())),
        }
        checks.extend(slots::diagnose(connection).await);
        checks.extend(self.examine_user(connection).await);
        for probe in self.probes(connection, masters) {
            // In a box: so many futures within each other are too much for the compiler.
            checks.extend(Box::pin(probe.run(connection)).await);
        }
        checks
    }

    /// A lane, once one is open, or why none could be opened.
    async fn first_lane(&self) -> Result<OpenLane, String> {
        loop {
            if let Some(lane) = self.lanes.pick() {
                return Ok(lane);
            }
            if let Some(reason) = self.lanes.refusal() {
                return Err(reason);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn wait_replicas(&self) -> usize {
        let replicas = self.replicas.as_ref();
        replicas.map_or(0, |replicas| replicas.wanted)
    }

    async fn examine_user(&self, connection: &mut Connection) -> Vec<Diagnosis> {
        const SUBJECT: &str = "permissions";
        let keys = &self.keys;
        if let Some(lacking) = config_watch::of_user(connection, keys, self.wait_replicas()).await {
            return vec![check(Severity::Problem, SUBJECT, lacking)];
        }
        let prefix = keys.prefix();
        let requests =
            format!("the user may do all that requests need on keys that begin with {prefix}");
        let denied = config_watch::denied(connection, keys, UPKEEP).await;
        let denied = denied.unwrap_or_default().join(", ");
        if denied.is_empty() {
            return vec![well(SUBJECT, requests)];
        }
        let upkeep = format!(
            "verify, export and inspect will fail: the user may not run {denied}: allow it by ACL SETUSER"
        );
        vec![
            well(SUBJECT, requests),
            check(Severity::Warning, SUBJECT, upkeep),
        ]
    }
}

fn check(severity: Severity, subject: &'static str, detail: impl Into<String>) -> Diagnosis {
    Diagnosis {
        severity,
        subject,
        detail: detail.into(),
    }
}

fn well(subject: &'static str, detail: impl Into<String>) -> Diagnosis {
    check(Severity::Ok, subject, detail)
}

fn unreachable(reason: &str) -> Diagnosis {
    let detail = format!(
        "Redis cannot be reached: {reason}: see that it runs, and that REDIS_URL says where it is and as whom to come"
    );
    check(Severity::Problem, "connection", detail)
}

/// A detail that tells which server it is of, where there are several.
fn at(server: &str, detail: impl AsRef<str>) -> String {
    let detail = detail.as_ref();
    if server.is_empty() {
        detail.to_owned()
    } else {
        format!("{server}: {detail}")
    }
}
