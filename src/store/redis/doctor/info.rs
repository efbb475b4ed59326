//! What the servers tell of themselves, and what of that would lose data.

use std::collections::HashMap;

use redis::{RedisResult, cmd};

use crate::store::redis::connection::Connection;
use crate::telemetry::metrics::ServerFigures;

/// The oldest Redis that has all that the scripts use.
const OLDEST: u32 = 7;

/// A server of Redis, as it tells of itself.
#[derive(Debug)]
pub(crate) struct Server {
    /// Its address; empty where it is the only one.
    pub(crate) name: String,
    /// The answer to `INFO`.
    info: String,
    /// Some of its options, where it tells them.
    options: HashMap<String, String>,
    /// Whether it is known as one of several.
    is_of_cluster: bool,
}

/// Something that is not as it should be.
#[derive(Debug)]
pub(crate) struct Finding {
    /// What it is about.
    pub(crate) subject: Subject,
    /// What it is, and what is to be done.
    pub(crate) text: String,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Version,
    Topology,
    Persistence,
    Memory,
}

impl Server {
    /// All masters.
    pub(crate) async fn all(connection: &mut Connection) -> RedisResult<Vec<Self>> {
        let servers: HashMap<String, String> = connection.ask_masters(cmd("INFO")).await?;
        let mut options = cmd("CONFIG");
        options.arg("GET").arg("save").arg("appendfsync");
        // Managed services refuse `CONFIG`. Then it is not known whether snapshots are made.
        let options = connection.ask_masters(options).await;
        let mut options: HashMap<String, HashMap<String, String>> = options.unwrap_or_default();
        let servers = servers.into_iter().map(|(name, info)| Self {
            options: options.remove(&name).unwrap_or_default(),
            is_of_cluster: connection.heals_itself(),
            name,
            info,
        });
        let mut servers: Vec<_> = servers.collect();
        servers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(servers)
    }

    /// A field of its `INFO`.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.info.lines().filter_map(|line| line.split_once(':'));
        fields.find_map(|(field, value)| (field == name).then_some(value))
    }

    /// A field that is a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.field(name)?.parse().ok()
    }

    /// Whether a field has that value.
    pub(crate) fn is(&self, name: &str, value: &str) -> bool {
        self.field(name) == Some(value)
    }

    /// The value of `save` or `appendfsync`, where it tells that.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// What it tells of its memory, replicas and connections.
    pub(crate) fn figures(&self) -> ServerFigures {
        ServerFigures {
            memory_used: self.number("used_memory"),
            memory_limit: self.number("maxmemory"),
            replicas: self.number("connected_slaves"),
            replica_lag: self.lag(),
            rejected_connections: self.number("rejected_connections"),
        }
    }

    /// Seconds since the slowest replica answered.
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

    /// What would lose data, or keep requests from being served.
    pub(crate) fn findings(&self, wait_replicas: usize) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut find = |subject, text| findings.push(Finding { subject, text });
        let version = self.field("redis_version").unwrap_or_default();
        let major = version.split('.').next().and_then(|part| part.parse().ok());
        if major.is_some_and(|major: u32| major < OLDEST) {
            let text = format!("Redis {version} is too old: update it to {OLDEST}.0 or newer");
            find(Subject::Version, text);
        }
        // `redis_mode`, at Valkey `server_mode`.
        if !self.is_of_cluster && self.info.contains("_mode:cluster") {
            find(Subject::Topology, "this is one node of a Cluster, which answers for its own keys only: begin REDIS_URL with redis+cluster://".into());
        }
        let policy = self.field("maxmemory_policy");
        if let Some(policy) = policy.filter(|policy| *policy != "noeviction") {
            find(
                Subject::Memory,
                format!(
                    "Redis throws away sessions when its memory is full, as its maxmemory-policy is {policy}: set it to noeviction"
                ),
            );
        }
        for text in self.unkept() {
            find(Subject::Persistence, text.into());
        }
        let replicas = self.number("connected_slaves");
        let wanted = u64::try_from(wait_replicas).unwrap_or(u64::MAX);
        if let Some(count) = replicas.filter(|count| *count < wanted) {
            find(
                Subject::Topology,
                format!(
                    "no write can be acknowledged: REDIS_WAIT_REPLICAS is {wanted}, but Redis has {count} replicas; start more of them, or set it lower"
                ),
            );
        }
        findings
    }

    /// What keeps Redis from keeping its data.
    fn unkept(&self) -> Vec<&'static str> {
        let has_file = self.is("aof_enabled", "1");
        let keeps_nothing =
            self.is("aof_enabled", "0") && self.option("save").is_some_and(str::is_empty);
        let findings = [
            (
                keeps_nothing,
                "Redis keeps nothing over a restart: set appendonly yes",
            ),
            (
                has_file && self.is("aof_last_write_status", "err"),
                "Redis cannot write its append-only file: look at its disk and its log",
            ),
            (
                self.is("rdb_last_bgsave_status", "err"),
                "Redis cannot write its snapshots: look at its disk and its log",
            ),
        ];
        let findings = findings.into_iter();
        findings
            .filter_map(|(is_so, text)| is_so.then_some(text))
            .collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(in super::super) const WELL: &str = "# Server\r\nredis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\n\
        aof_enabled:1\r\naof_last_write_status:ok\r\nrdb_last_bgsave_status:ok\r\nconnected_slaves:1\r\n";

    /// The only server, with that `INFO` and those options.
    pub(in super::super) fn server(info: &str, options: &[(&str, &str)]) -> Server {
        let options = options.iter();
        let options = options.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Server {
            name: String::new(),
            info: info.into(),
            options: options.collect(),
            is_of_cluster: false,
        }
    }

    fn found(info: &str, options: &[(&str, &str)]) -> Vec<String> {
        let findings = server(info, options).findings(1);
        findings.into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn a_server_that_is_well_has_no_findings() {
        assert_eq!(found(WELL, &[("save", "")]), [""; 0]);
        // Without an append-only file, snapshots do, and where it is not known there is no finding.
        let snapshots = WELL.replace("aof_enabled:1", "aof_enabled:0");
        assert_eq!(found(&snapshots, &[("save", "3600 1")]), [""; 0]);
        assert_eq!(found(&snapshots, &[]), [""; 0]);
    }

    #[test]
    fn the_figures_are_those_of_info_and_the_lag_is_the_slowest_replicas() {
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
            (
                "# Server",
                "redis_mode:cluster",
                "begin REDIS_URL with redis+cluster://",
            ),
        ] {
            let findings = found(&WELL.replace(well, ill), &[("save", "")]);
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert!(findings[0].contains(finding), "{findings:?}");
        }
    }
}
