//! Doctor of the Redis store: diagnoses of the servers' settings, of the user's permissions, and of the
//! latency and the memory of a trial.

mod clock;
pub(crate) mod config_watch;
mod latency;
mod permissions;
mod probe;
mod server_diagnosis;
mod server_info;
mod server_problems;
mod slots;
mod trial_scripts;

use std::time::Duration;

use redis::{FromRedisValue, Value, cmd};

use super::RedisStore;
use super::connection::Connection;
use super::connection::error::is_denied;
use super::connection::lanes::OpenLane;
use super::schema;
use crate::store::doctor::Diagnosis;
use server_info::ServerInfo;

/// Interval between two attempts to pick an open lane.
const LANE_INTERVAL: Duration = Duration::from_millis(10);

impl RedisStore {
    /// Diagnoses Redis. Without a connection to Redis, the only diagnosis is the reason.
    pub(crate) async fn diagnose_redis(&self) -> Vec<Diagnosis> {
        let mut lane = match self.first_lane().await {
            Ok(lane) => lane,
            Err(reason) => return vec![unreachable(&reason)],
        };
        let connection = &mut lane.connection;
        let masters = match connection.ask_masters::<Value>(cmd("TIME")).await {
            Ok(answers) => answers.into_keys().collect::<Vec<_>>(),
            Err(error) => return vec![unreachable(&error.to_string())],
        };
        let mut diagnoses = vec![Diagnosis::ok("connection", "Redis answers")];
        let wait_replicas = self.wait_replicas();
        match ServerInfo::of_masters(connection).await {
            Ok(servers) => diagnoses.extend(servers.iter().flat_map(|server| {
                let diagnoses = server_diagnosis::diagnose(server, &self.topology, wait_replicas);
                diagnoses.into_iter().map(|diagnosis| Diagnosis {
                    detail: at(&server.address, &diagnosis.detail),
                    ..diagnosis
                })
            })),
            Err(error) if is_denied(&error) => diagnoses.push(server_diagnosis::info_denied()),
            Err(error) => diagnoses.push(unreachable(&error.to_string())),
        }
        diagnoses.extend(slots::diagnose(connection).await);
        diagnoses.extend(data_version(connection, &self.keys.schema()).await);
        diagnoses.extend(permissions::diagnose(connection, &self.keys, wait_replicas).await);
        let (probes, left) = self.probes(connection, masters);
        diagnoses.extend(left.iter().map(|server| not_measured(server)));
        for probe in probes {
            // The box keeps the depth of nested futures within the limit of the compiler.
            diagnoses.extend(Box::pin(probe.run(connection)).await);
        }
        diagnoses
    }

    /// Returns an open lane, or the reason why no lane opens.
    async fn first_lane(&self) -> Result<OpenLane, String> {
        loop {
            if let Some(lane) = self.lanes.pick() {
                return Ok(lane);
            }
            if let Some(reason) = self.lanes.refusal() {
                return Err(reason);
            }
            tokio::time::sleep(LANE_INTERVAL).await;
        }
    }

    fn wait_replicas(&self) -> usize {
        let replicas = self.replicas.as_ref();
        replicas.map_or(0, |replicas| replicas.wanted)
    }
}

/// Diagnosis of the version of the data; `None` where the user may not read the version.
async fn data_version(connection: &mut Connection, key: &str) -> Option<Diagnosis> {
    let reply = connection.send(schema::read(key)).await.ok()?;
    Some(match Option::<u32>::from_redis_value(reply) {
        Ok(None) => Diagnosis::ok(
            "data",
            "no version yet: the service stores one at the start",
        ),
        Ok(Some(schema::VERSION)) => Diagnosis::ok("data", format!("version {}", schema::VERSION)),
        Ok(Some(version)) => Diagnosis::problem("data", schema::other_version(version).to_string()),
        Err(_) => Diagnosis::problem("data", format!("the key {key} has no version")),
    })
}

fn unreachable(reason: &str) -> Diagnosis {
    let detail = format!(
        "Redis cannot be reached: {reason}: see that it runs, and that REDIS_URL says where it is and as whom to come"
    );
    Diagnosis::problem("connection", detail)
}

/// Diagnosis of a master for whose slots no learner is found.
fn not_measured(server: &str) -> Diagnosis {
    let detail = "its clock, latency, memory and scripts were not measured: CLUSTER SLOTS has no slots, or no host, for this address: set cluster-announce-ip, or cluster-announce-hostname with cluster-preferred-endpoint-type hostname";
    Diagnosis::warning("probe", at(server, detail))
}

/// Detail with the address of the server; without, for a single server.
fn at(server: &str, detail: impl AsRef<str>) -> String {
    let detail = detail.as_ref();
    if server.is_empty() {
        detail.to_owned()
    } else {
        format!("{server}: {detail}")
    }
}
