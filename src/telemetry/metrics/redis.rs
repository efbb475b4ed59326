//! Redis, as the service sees it.

use prometheus::{IntCounter, IntGauge, IntGaugeVec, Result};

use super::Register;

/// The way to Redis, and what its servers tell of themselves.
pub struct Redis {
    /// Connections that are to be held open.
    pub lanes: IntGauge,
    /// Those that are.
    pub lanes_up: IntGauge,
    /// Connections that were found broken.
    pub reconnects: IntCounter,
    /// Calls that were sent once more, as their failure might pass.
    pub retries: IntCounter,
    /// Scripts that Redis did not know.
    pub script_reloads: IntCounter,
    /// What is not as it should be.
    pub findings: IntGauge,
    memory_used: IntGaugeVec,
    memory_limit: IntGaugeVec,
    replicas: IntGaugeVec,
    replica_lag: IntGaugeVec,
    rejected_connections: IntGaugeVec,
}

/// What a server tells of itself, where it does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerFigures {
    /// Bytes that it uses.
    pub memory_used: Option<u64>,
    /// Bytes that it may use; 0 without a limit.
    pub memory_limit: Option<u64>,
    /// How many replicas it has.
    pub replicas: Option<u64>,
    /// Seconds since the slowest of them answered.
    pub replica_lag: Option<u64>,
    /// Connections that it has refused since it was started, as it had too many.
    pub rejected_connections: Option<u64>,
}

impl Redis {
    pub(super) fn new(register: &Register) -> Result<Self> {
        let of_server = |name, help| register.gauges(name, help, &["server"]);
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

    /// Takes over what the servers tell of themselves now, each by its address.
    pub fn servers<'a>(&self, servers: impl IntoIterator<Item = (&'a str, ServerFigures)>) {
        let families = [
            &self.memory_used,
            &self.memory_limit,
            &self.replicas,
            &self.replica_lag,
            &self.rejected_connections,
        ];
        // There may be others than the last time.
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
