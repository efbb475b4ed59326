//! Looks at all that could keep Redis from doing its work: what its servers tell, what the user may
//! do, and how they do when they are tried out.

mod latency;
mod probe;
mod scripts;
mod servers;
mod slots;

use std::time::Duration;

use redis::cmd;

use super::RedisStore;
use super::connection::Connection;
use super::failure::is_denied;
use super::info::Server;
use super::inspection::{self, UNKNOWN};
use super::lanes::OpenLane;
use crate::store::upkeep::{Check, Verdict};

/// What the upkeep of the store needs beside what requests need.
const UPKEEP: &[&str] = &["SCAN", "ZSCORE"];
/// Wait until it is looked again whether there is a connection.
const AGAIN: Duration = Duration::from_millis(10);

impl RedisStore {
    /// The connection to Redis comes first: without it there is one problem, and no more to look at.
    pub(super) async fn examine_redis(&self) -> Vec<Check> {
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
                    told.flat_map(|server| servers::examine(server, &self.topology, wait_replicas)),
                );
            }
            Err(error) if is_denied(&error) => {
                checks.push(check(Verdict::Warning, "persistence", UNKNOWN));
            }
            Err(error) => checks.push(unreachable(&error.to_string())),
        }
        checks.extend(slots::examine(connection).await);
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

    async fn examine_user(&self, connection: &mut Connection) -> Vec<Check> {
        const SUBJECT: &str = "permissions";
        let keys = &self.keys;
        if let Some(lacking) = inspection::of_user(connection, keys, self.wait_replicas()).await {
            return vec![check(Verdict::Problem, SUBJECT, lacking)];
        }
        let prefix = keys.prefix();
        let requests =
            format!("the user may do all that requests need on keys that begin with {prefix}");
        let denied = inspection::denied(connection, keys, UPKEEP).await;
        let denied = denied.unwrap_or_default().join(", ");
        if denied.is_empty() {
            return vec![well(SUBJECT, requests)];
        }
        let upkeep = format!(
            "verify, export and inspect will fail: the user may not run {denied}: allow it by ACL SETUSER"
        );
        vec![
            well(SUBJECT, requests),
            check(Verdict::Warning, SUBJECT, upkeep),
        ]
    }
}

fn check(verdict: Verdict, subject: &'static str, detail: impl Into<String>) -> Check {
    Check {
        verdict,
        subject,
        detail: detail.into(),
    }
}

fn well(subject: &'static str, detail: impl Into<String>) -> Check {
    check(Verdict::Well, subject, detail)
}

fn unreachable(reason: &str) -> Check {
    let detail = format!(
        "Redis cannot be reached: {reason}: see that it runs, and that REDIS_URL says where it is and as whom to come"
    );
    check(Verdict::Problem, "connection", detail)
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
