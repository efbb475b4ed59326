//! Metrics of the Redis store.

use prometheus::{IntCounter, IntGauge, IntGaugeVec, Result};

use super::Register;

/// Metrics of the connections to Redis and of its servers.
pub struct RedisMetrics {
    /// Number of configured lanes.
    pub lanes: IntGauge,
    /// Number of open lanes.
    pub lanes_up: IntGauge,
    /// Number of broken connections.
    pub reconnects: IntCounter,
    /// Number of retries after transient errors.
    pub retries: IntCounter,
    /// Number of script calls that Redis answered with NOSCRIPT.
    pub script_reloads: IntCounter,
    /// Number of present warnings of the config watch.
    pub findings: IntGauge,
    servers: ServerGauges,
}

/// Gauges of the servers, labelled by address.
struct ServerGauges {
    memory_used: IntGaugeVec,
    memory_limit: IntGaugeVec,
    replicas: IntGaugeVec,
    replica_lag: IntGaugeVec,
    rejected_connections: IntGaugeVec,
}

/// Figures of a server, from INFO; `None` where INFO has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerFigures {
    /// Used memory, in bytes.
    pub memory_used: Option<u64>,
    /// Maximum memory, in bytes; 0 without a limit.
    pub memory_limit: Option<u64>,
    /// Number of replicas.
    pub replicas: Option<u64>,
    /// Time since the last acknowledgement of the slowest replica, in seconds.
    pub replica_lag: Option<u64>,
    /// Number of connections refused at the limit since the start of the server.
    pub rejected_connections: Option<u64>,
}

impl RedisMetrics {
    pub(super) fn new(register: &Register) -> Result<Self> {
        Ok(Self {
            lanes: register.gauge(
                "study_stats_redis_lanes",
                "Connections to be held open to Redis",
            )?,
            lanes_up: register.gauge(
                "study_stats_redis_lanes_up",
                "Connections to Redis that are open",
            )?,
            reconnects: register.counter(
                "study_stats_redis_reconnects_total",
                "Connections to Redis that were found broken and replaced",
            )?,
            retries: register.counter(
                "study_stats_redis_retries_total",
                "Calls that were sent to Redis once more, as their failure might pass",
            )?,
            script_reloads: register.counter(
                "study_stats_redis_script_reloads_total",
                "Calls that brought a script's text, as Redis did not know it",
            )?,
            findings: register.gauge(
                "study_stats_redis_findings",
                "What the last look at Redis found that would lose data or fail requests",
            )?,
            servers: ServerGauges::new(register)?,
        })
    }

    /// Replaces the gauges of the servers by figures, by address.
    pub fn servers<'a>(&self, servers: impl IntoIterator<Item = (&'a str, ServerFigures)>) {
        self.servers.set(servers);
    }
}

impl ServerGauges {
    fn new(register: &Register) -> Result<Self> {
        let of_server = |name, help| register.gauges(name, help, &["server"]);
        Ok(Self {
            memory_used: of_server(
                "study_stats_redis_memory_used_bytes",
                "Memory that a master uses, as of the last minute",
            )?,
            memory_limit: of_server(
                "study_stats_redis_memory_limit_bytes",
                "Memory that a master may use (maxmemory), 0 without a limit",
            )?,
            replicas: of_server(
                "study_stats_redis_replicas",
                "Replicas that a master has, as of the last minute",
            )?,
            replica_lag: of_server(
                "study_stats_redis_replica_lag_seconds",
                "Time since the slowest replica of a master answered it, as of the last minute",
            )?,
            rejected_connections: of_server(
                "study_stats_redis_rejected_connections",
                "Connections that a master has refused since it was started, as it had too many",
            )?,
        })
    }

    fn set<'a>(&self, servers: impl IntoIterator<Item = (&'a str, ServerFigures)>) {
        let families = [
            &self.memory_used,
            &self.memory_limit,
            &self.replicas,
            &self.replica_lag,
            &self.rejected_connections,
        ];
        // Removes servers that have left.
        families.iter().for_each(|family| family.reset());
        for (server, figures) in servers {
            let figures = [
                figures.memory_used,
                figures.memory_limit,
                figures.replicas,
                figures.replica_lag,
                figures.rejected_connections,
            ];
            for (family, figure) in families.iter().zip(figures) {
                if let Some(figure) = figure {
                    let figure = i64::try_from(figure).unwrap_or(i64::MAX);
                    family.with_label_values(&[server]).set(figure);
                }
            }
        }
    }
}
