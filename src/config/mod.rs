//! The configuration: command-line flags, each with an environment variable.
//!
//! `--help` is the reference; a test compares `docs/CONFIGURATION.md` with `--help`.

mod cli;
mod commands;
mod environment;
mod redis;
mod secret;
mod store;
mod values;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use hyper::Uri;

use crate::domain::Limits;
pub use cli::{Cli, Command, from_environment};
pub use commands::StoreCommand;
pub use redis::RedisSettings;
pub use secret::Secret;
pub use store::{StoreChoice, StoreConfig};
use values::{
    parse_count, parse_delay, parse_endpoint, parse_host, parse_lanes, parse_part, parse_port,
    parse_prefix, parse_replicas, parse_secret, parse_switch, parse_threads, parse_wait,
    read_secret,
};

/// How the service runs. Every field has a default: it runs with nothing configured.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address to listen on
    #[arg(long, env, global = true, default_value = "0.0.0.0", value_parser = parse_host)]
    pub host: IpAddr,

    /// Port to listen on; 0 takes a free one and logs it
    #[arg(long, env, global = true, default_value = "80", value_parser = parse_port)]
    pub port: u16,

    /// Port for Prometheus to fetch metrics from, at /metrics; 0 takes a free one and logs it; without
    /// it there are none
    #[arg(long, env, global = true, value_parser = parse_port)]
    pub metrics_port: Option<u16>,

    /// Where sessions are kept; auto is redis where a Redis URL is given, else embedded
    #[arg(long, env, global = true, default_value = "auto")]
    pub store: StoreChoice,

    /// Directory of the embedded store, created where it is missing
    #[arg(long, env, global = true, default_value = "./data")]
    pub data_dir: PathBuf,

    /// Redis to use, such as redis://user:password@host:6379/0, redis+sentinel://host,host/master or
    /// redis+cluster://host,host; with rediss in place of redis over TLS. Other users of the machine
    /// see the password of a flag (ps): prefer the variable or a file
    // May have a password: hidden in `--help`, and not repeated by error messages of the store.
    #[arg(long, env, global = true, hide_env_values = true, value_parser = parse_secret)]
    pub redis_url: Option<Secret>,

    /// File with the address of Redis, in place of REDIS_URL
    #[arg(long, env, global = true, value_name = "FILE", value_parser = read_secret)]
    #[arg(conflicts_with = "redis_url")]
    pub redis_url_file: Option<Secret>,

    /// File with the password at Redis, in place of a password in the address
    #[arg(long, env, global = true, value_name = "FILE", value_parser = read_secret)]
    pub redis_password_file: Option<Secret>,

    /// Most connections to Redis that requests share, and one more for readiness; from 1 to 64
    #[arg(long, env, global = true, default_value = "4", value_parser = parse_lanes)]
    pub redis_lanes: usize,

    /// Longest wait for a connection to Redis; up to three times that where Sentinels or a Cluster
    /// must be asked first
    #[arg(long, env, global = true, default_value = "1s", value_parser = parse_wait)]
    pub redis_connect_timeout: Duration,

    /// User at the Sentinels, where they ask for one
    #[arg(long, env, global = true)]
    pub redis_sentinel_username: Option<String>,

    /// Password at the Sentinels, where they ask for one
    #[arg(long, env, global = true, hide_env_values = true, value_parser = parse_secret)]
    pub redis_sentinel_password: Option<Secret>,

    /// File with the password at the Sentinels, in place of REDIS_SENTINEL_PASSWORD
    #[arg(long, env, global = true, value_name = "FILE", value_parser = read_secret)]
    #[arg(conflicts_with = "redis_sentinel_password")]
    pub redis_sentinel_password_file: Option<Secret>,

    /// Certificates (PEM) of the authorities to trust for TLS to Redis, instead of the system's
    #[arg(long, env, global = true)]
    pub redis_ca_file: Option<PathBuf>,

    /// Certificate (PEM) to show to Redis, where it asks for one
    #[arg(long, env, global = true)]
    pub redis_cert_file: Option<PathBuf>,

    /// Key (PEM) of that certificate
    #[arg(long, env, global = true)]
    pub redis_key_file: Option<PathBuf>,

    /// How many replicas of Redis must have a write before it is acknowledged, up to 16
    #[arg(long, env, global = true, default_value = "0", value_parser = parse_replicas)]
    pub redis_wait_replicas: usize,

    /// What every key in Redis begins with: letters, digits, '.', '_' and '-'
    #[arg(long, env, global = true, default_value = "ss", value_parser = parse_prefix)]
    pub redis_key_prefix: String,

    /// Longest wait for an answer of the store; a failed call is tried once more
    #[arg(long, env, global = true, default_value = "1s", value_parser = parse_wait)]
    pub store_timeout: Duration,

    /// Most sessions of a learner in a course; a new session more is refused
    #[arg(long, env, global = true, default_value = "100000", value_parser = parse_count)]
    pub max_sessions: usize,

    /// Most courses of a learner; a session in a new course more is refused
    #[arg(long, env, global = true, default_value = "1000", value_parser = parse_count)]
    pub max_courses: usize,

    /// Number of threads that serve requests, by default one for each core
    #[arg(long, env, global = true, value_parser = parse_threads)]
    pub threads: Option<usize>,

    /// Longest time for a request, its body included
    #[arg(long, env, global = true, default_value = "5s", value_parser = parse_wait)]
    pub request_timeout: Duration,

    /// Most requests that use the store at once; one more is answered 503 without waiting. Long reads
    /// and batches wait up to a second for their turn
    #[arg(long, env, global = true, default_value = "1024", value_parser = parse_count)]
    pub max_requests: usize,

    /// Most connections of clients at once; for one more, the one that idles longest is closed
    #[arg(long, env, global = true, default_value = "10000", value_parser = parse_count)]
    pub max_connections: usize,

    /// Longest wait for the head of a connection's first request
    #[arg(long, env, global = true, default_value = "10s", value_parser = parse_wait)]
    pub header_timeout: Duration,

    /// Longest wait for the head of a connection's next request; more than a load balancer's own
    #[arg(long, env, global = true, default_value = "75s", value_parser = parse_wait)]
    pub idle_timeout: Duration,

    /// How long to go on serving, but not ready, after SIGTERM, for load balancers to notice
    #[arg(long, env, global = true, default_value = "3s", value_parser = parse_delay)]
    pub drain_delay: Duration,

    /// How long requests in flight may take to finish after that
    #[arg(long, env, global = true, default_value = "5s", value_parser = parse_delay)]
    pub shutdown_grace: Duration,

    /// Form of the log
    #[arg(long, env, global = true, default_value = "text")]
    pub log_format: LogFormat,

    /// Whether to log a line for each request
    #[arg(long, env, global = true, default_value = "false")]
    #[arg(action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    #[arg(value_parser = parse_switch)]
    pub access_log: bool,

    /// What to log: a level, or levels by module, as in info,study_stats=debug; without it, the
    /// service logs from info on, and a command on a store from warn on
    #[arg(long = "log", env = "RUST_LOG", global = true)]
    pub log: Option<String>,

    /// Collector of traces by OTLP over HTTP, such as http://localhost:4318; without it there are none
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", global = true, value_parser = parse_endpoint)]
    pub otlp_endpoint: Option<Uri>,

    /// Part of the requests to trace, from 0 to 1; what a caller traces or not is traced here or not
    #[arg(
        long,
        env = "OTEL_TRACES_SAMPLER_ARG",
        global = true,
        default_value = "1"
    )]
    #[arg(value_parser = parse_part)]
    pub trace_part: f64,

    /// Switch that turns all traces off
    #[arg(
        long,
        env = "OTEL_SDK_DISABLED",
        global = true,
        default_value = "false"
    )]
    #[arg(action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    #[arg(value_parser = parse_switch)]
    pub otel_sdk_disabled: bool,

    /// How traces are sent
    #[arg(
        long,
        env = "OTEL_TRACES_EXPORTER",
        global = true,
        default_value = "otlp"
    )]
    pub otel_traces_exporter: TracesExporter,

    /// Name of this service in its traces, instead of study-stats
    #[arg(long, env, global = true)]
    pub otel_service_name: Option<String>,
}

impl Config {
    /// Returns the socket address of the API's listener.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// Returns the socket address of the metrics listener, or `None` without metrics.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        let port = self.metrics_port?;
        Some(SocketAddr::new(self.host, port))
    }

    /// Returns the collector of traces; `None` where traces are off.
    #[must_use]
    pub fn traces_endpoint(&self) -> Option<&Uri> {
        let is_on = !self.otel_sdk_disabled && self.otel_traces_exporter == TracesExporter::Otlp;
        self.otlp_endpoint.as_ref().filter(|_| is_on)
    }

    /// Returns the maximum numbers of sessions and courses.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            sessions: self.max_sessions as u64,
            courses: self.max_courses as u64,
        }
    }

    /// Returns the longest pause of the process that needs no refusal of requests: a request that
    /// arrives before such a pause still ends within the request timeout, which clients wait for.
    #[must_use]
    pub fn longest_pause(&self) -> Duration {
        self.request_timeout.saturating_sub(2 * self.store_timeout)
    }
}

/// How traces are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TracesExporter {
    /// By OTLP over HTTP.
    Otlp,
    /// Not at all.
    None,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
