//! Reply to `INFO`, and some options, of a Redis server.

use std::collections::HashMap;

use redis::{RedisResult, cmd};

use crate::store::redis::connection::Connection;
use crate::telemetry::metrics::ServerFigures;

/// Option of a server that refuses writes after a failed snapshot.
pub(super) const STOP_WRITES: &str = "stop-writes-on-bgsave-error";

/// Reply to `INFO`, and some options, of a Redis server.
#[derive(Debug)]
pub(crate) struct ServerInfo {
    /// Address of the server; empty for a single server.
    pub(crate) address: String,
    /// Reply to `INFO`.
    info: String,
    /// Some of the options; empty when the server refuses `CONFIG GET`.
    options: HashMap<String, String>,
    /// Whether the connection is a connection to a Cluster.
    is_in_cluster: bool,
}

impl ServerInfo {
    /// Reads the `INFO` and the options of all masters, in the order of their addresses.
    pub(crate) async fn of_masters(connection: &mut Connection) -> RedisResult<Vec<Self>> {
        let servers: HashMap<String, String> = connection.ask_masters(cmd("INFO")).await?;
        let mut options = cmd("CONFIG");
        options
            .arg("GET")
            .arg(&["save", "appendfsync", STOP_WRITES]);
        // Managed services refuse `CONFIG`. Then the presence of snapshots is unknown.
        let options = connection.ask_masters(options).await;
        let mut options: HashMap<String, HashMap<String, String>> = options.unwrap_or_default();
        let servers = servers.into_iter().map(|(address, info)| Self {
            options: options.remove(&address).unwrap_or_default(),
            is_in_cluster: connection.is_cluster(),
            address,
            info,
        });
        let mut servers: Vec<_> = servers.collect();
        servers.sort_by(|a, b| a.address.cmp(&b.address));
        Ok(servers)
    }

    /// Value of a field of `INFO`.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.info.lines().filter_map(|line| line.split_once(':'));
        fields.find_map(|(field, value)| (field == name).then_some(value))
    }

    /// Value of a numeric field of `INFO`.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.field(name)?.parse().ok()
    }

    /// Whether a field of `INFO` has the value.
    pub(crate) fn is(&self, name: &str, value: &str) -> bool {
        self.field(name) == Some(value)
    }

    /// Value of the option `save`, `appendfsync` or [`STOP_WRITES`]; `None` when unknown.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// Whether the server is a Cluster node behind a connection to a single server.
    pub(crate) fn is_lone_cluster_node(&self) -> bool {
        // The field is `redis_mode`, in Valkey `server_mode`.
        !self.is_in_cluster && self.info.contains("_mode:cluster")
    }

    /// Memory, replicas and connections, for the metrics.
    pub(crate) fn figures(&self) -> ServerFigures {
        ServerFigures {
            memory_used: self.number("used_memory"),
            memory_limit: self.number("maxmemory"),
            replicas: self.number("connected_slaves"),
            replica_lag: self.lag(),
            rejected_connections: self.number("rejected_connections"),
        }
    }

    /// Seconds since the last acknowledgement of the slowest replica.
    fn lag(&self) -> Option<u64> {
        let fields = self.info.lines().filter_map(|line| line.split_once(':'));
        let replicas = fields.filter(|(field, _)| {
            let number = field.strip_prefix("slave").unwrap_or_default();
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        let lags = replicas.flat_map(|(_, replica)| replica.split(','));
        lags.filter_map(|part| part.strip_prefix("lag=")?.parse().ok())
            .max()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(in super::super) const HEALTHY: &str = "# Server\r\nredis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\n\
        aof_enabled:1\r\naof_last_write_status:ok\r\nrdb_last_bgsave_status:ok\r\nconnected_slaves:1\r\n";

    /// A single server with an `INFO` and options.
    pub(in super::super) fn server(info: &str, options: &[(&str, &str)]) -> ServerInfo {
        let options = options.iter();
        let options = options.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ServerInfo {
            address: String::new(),
            info: info.into(),
            options: options.collect(),
            is_in_cluster: false,
        }
    }

    #[test]
    fn figures_are_parsed_from_info_with_the_lag_of_the_slowest_replica() {
        let info = "used_memory:1048576\r\nmaxmemory:0\r\nconnected_slaves:2\r\n\
            slave0:ip=10.0.0.2,port=6379,state=online,offset=9,lag=0\r\n\
            slave1:ip=10.0.0.3,port=6379,state=online,offset=7,lag=3\r\n\
            slave_repl_offset:9\r\nrejected_connections:4\r\n";
        let expected = ServerFigures {
            memory_used: Some(1_048_576),
            memory_limit: Some(0),
            replicas: Some(2),
            replica_lag: Some(3),
            rejected_connections: Some(4),
        };
        assert_eq!(server(info, &[]).figures(), expected);
        assert_eq!(server("", &[]).figures(), ServerFigures::default());
    }
}
