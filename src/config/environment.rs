//! Environment variables that count as unset: empty variables, and variables of options that are not in use.

use std::env;
use std::ffi::OsString;

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, ValueEnum};

use super::StoreChoice;

/// Prefix of the value that Kubernetes sets for a Service (`METRICS_PORT=tcp://10.0.0.1:80` for a Service with
/// the name `metrics`), where service links are on.
const SERVICE_LINK: &str = "tcp://";
/// Options that only concern the listener of the API.
const LISTENER: [&str; 11] = [
    "host",
    "port",
    "metrics_port",
    "threads",
    "request_timeout",
    "max_requests",
    "max_connections",
    "header_timeout",
    "idle_timeout",
    "drain_delay",
    "shutdown_grace",
];
/// Options that only concern traces.
const TRACES: [&str; 4] = [
    "trace_part",
    "otel_service_name",
    "otel_sdk_disabled",
    "otel_traces_exporter",
];

/// Returns the command without the environment variables that count as unset for `arguments`.
pub(super) fn effective(command: Command, arguments: &[OsString]) -> Command {
    let without = |command: Command, is_unset: &dyn Fn(&Arg) -> bool| {
        command.mut_args(|arg| {
            if is_unset(&arg) {
                arg.env(Resettable::Reset)
            } else {
                arg
            }
        })
    };
    let command = without(command, &|arg| {
        value(arg).is_some_and(|value| counts_as_unset(arg, &value))
    });
    // A parse of the flags alone, whatever is wrong with them: errors are reported by the second parse.
    let flags = without(command.clone(), &|_| true).ignore_errors(true);
    let Ok(matches) = flags.try_get_matches_from(arguments) else {
        return command;
    };
    let in_use = InUse::of(&command, &matches);
    without(command, &|arg| !in_use.has(arg.get_id().as_str()))
}

/// Value of the environment variable of an option.
fn value(arg: &Arg) -> Option<OsString> {
    env::var_os(arg.get_env()?)
}

/// Returns whether the value of an option's variable counts as none.
fn counts_as_unset(arg: &Arg, value: &OsString) -> bool {
    let is_port = arg.get_id().as_str().ends_with("port");
    let is_link = || {
        value
            .to_str()
            .is_some_and(|value| value.starts_with(SERVICE_LINK))
    };
    value.is_empty() || (is_port && is_link())
}

/// Parts of the service that a command uses.
struct InUse {
    listener: bool,
    /// Host and port of the listener, which the `health` command asks.
    address: bool,
    store: bool,
    redis: bool,
    traces: bool,
}

impl InUse {
    fn of(command: &Command, matches: &ArgMatches) -> Self {
        let name = matches.subcommand_name().unwrap_or("serve");
        let variable = |id: &str| value(command.get_arguments().find(|arg| arg.get_id() == id)?);
        let is_set = |id: &str| matches.contains_id(id) || variable(id).is_some();
        let store_choice = || match matches.value_source("store") {
            Some(ValueSource::CommandLine) => matches.get_one::<StoreChoice>("store").copied(),
            _ => StoreChoice::from_str(variable("store")?.to_str()?, true).ok(),
        };
        let listener = name == "serve";
        let store = !matches!(name, "health" | "openapi" | "conformance");
        Self {
            listener,
            address: listener || name == "health",
            store,
            redis: store
                && (is_set("redis_url") || is_set("redis_url_file"))
                && store_choice() != Some(StoreChoice::Embedded),
            traces: listener && is_set("otlp_endpoint"),
        }
    }

    /// Returns whether the option with an id is used.
    fn has(&self, id: &str) -> bool {
        match id {
            "host" | "port" => self.address,
            // A value is needed to know whether Redis is in use.
            "redis_url" | "redis_url_file" => self.store,
            "otlp_endpoint" => self.listener,
            _ if LISTENER.contains(&id) => self.listener,
            _ if TRACES.contains(&id) => self.traces,
            _ if id.starts_with("redis_") => self.redis,
            _ => self.store,
        }
    }
}
