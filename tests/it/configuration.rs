//! Flags and environment variables: errors are one line, and the documentation matches the program.

use clap::CommandFactory;
use study_stats::config::Cli;

use crate::support::api::new_id;
use crate::support::load::service::becomes_ready;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::service::{Service, command, embedded, on_redis, output};
use crate::support::telemetry::scrape::Scraped;

/// Exit code and standard error of the service, with parts of the environment set.
fn refused(environment: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String) {
    let output = output(command().envs(environment.iter().copied()).args(arguments));
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn a_wrong_value_is_reported_in_one_line_with_the_accepted_values() {
    for (name, value, hint) in [
        ("PORT", "x", "a number from 0 to 65535"),
        ("PORT", "65536", "a number from 0 to 65535"),
        ("HOST", "example.org", "an IP address"),
        ("STORE", "mysql", "auto, embedded, redis"),
        ("LOG_FORMAT", "xml", "text, json"),
        ("RUST_LOG", "=x=y", "info,study_stats=debug"),
        ("REDIS_LANES", "0", "a number from 1 to 64"),
        ("REDIS_KEY_PREFIX", "{x}", "letters, digits"),
        ("REDIS_WAIT_REPLICAS", "17", "a number from 0 to 16"),
        ("REDIS_CONNECT_TIMEOUT", "0s", "such as 500ms or 2s"),
        ("STORE_TIMEOUT", "soon", "such as 500ms or 2s"),
        ("REQUEST_TIMEOUT", "2h", "such as 500ms or 2s"),
        ("MAX_REQUESTS", "0", "a number from 1 to 1000000"),
        ("MAX_SESSIONS", "0", "a number from 1 to 1000000"),
        ("MAX_COURSES", "1e3", "a number from 1 to 1000000"),
        ("MAX_CONNECTIONS", "many", "a number from 1 to 1000000"),
        ("HEADER_TIMEOUT", "0s", "such as 500ms or 2s"),
        ("IDLE_TIMEOUT", "75", "such as 500ms or 2s"),
        ("DRAIN_DELAY", "-1s", "such as 500ms or 2s"),
        ("SHUTDOWN_GRACE", "5", "such as 500ms or 2s"),
        ("METRICS_PORT", "70000", "a number from 0 to 65535"),
        ("ACCESS_LOG", "perhaps", "true or false"),
        ("THREADS", "0", "a number from 1 to 1024"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "collector:4318",
            "such as http://localhost:4318",
        ),
        ("OTEL_TRACES_SAMPLER_ARG", "2", "a number from 0 to 1"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "otlp, none"),
        ("RUST_LOG", "loud", "off, error, warn, info, debug or trace"),
    ] {
        // Options of Redis and of traces are in use with these.
        let mut environment = vec![("REDIS_URL", "redis://127.0.0.1:1"), (name, value)];
        if name.starts_with("OTEL_TRACES") {
            environment.push(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"));
        }
        let (code, line) = refused(&environment, &[]);
        assert_eq!(
            (code, line.lines().count()),
            (Some(2), 1),
            "{name}={value}: {line}"
        );
        assert!(
            line.starts_with("error: ") && line.contains(hint),
            "{name}={value}: {line}"
        );
    }
    let (code, line) = refused(&[], &["--nonsense"]);
    assert_eq!((code, line.lines().count()), (Some(2), 1), "{line}");
}

/// Environment variables of all options.
fn variables() -> Vec<String> {
    let cli = Cli::command();
    let variables = cli.get_arguments().filter_map(|option| option.get_env());
    variables
        .map(|name| name.to_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_variable_is_an_unset_variable_for_every_option() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = embedded(directory.path());
    let own = ["HOST", "PORT", "DATA_DIR", "LOG_FORMAT", "DRAIN_DELAY"];
    let empty = variables()
        .into_iter()
        .filter(|name| !own.contains(&name.as_str()));
    command.envs(empty.map(|name| (name, "")));
    let service = Service::start(&mut command);
    assert_eq!(service.client().ready().await.json()["store"], "embedded");
    for name in own {
        let mut command = embedded(directory.path());
        let ran = output(command.env(name, "").env("STORE", "nonsense"));
        let line = String::from_utf8(ran.stderr).unwrap();
        assert!(line.contains("'nonsense'"), "{name}: {line}");
    }
}

#[test]
fn variables_of_options_that_are_not_in_use_are_not_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let of = |prefix: &str| {
        let names = variables().into_iter();
        names
            .filter(|name| name.starts_with(prefix))
            .collect::<Vec<_>>()
    };
    // The document and the conformance need none.
    let ran = output(
        command()
            .envs(variables().iter().map(|name| (name, "nonsense")))
            .arg("openapi"),
    );
    assert!(ran.status.success(), "{ran:?}");
    let listener = [
        ("HOST", "x86_64-conda-linux-gnu"),
        ("PORT", "tcp://10.0.0.1:80"),
        ("METRICS_PORT", "nonsense"),
        ("THREADS", "nonsense"),
        ("MAX_CONNECTIONS", "nonsense"),
    ];
    let mut export = embedded(directory.path());
    export.envs(listener).arg("export");
    export.envs(
        of("REDIS_")
            .iter()
            .filter(|name| !name.contains("URL"))
            .map(|name| (name, "nonsense")),
    );
    export.envs(of("OTEL_").iter().map(|name| (name, "nonsense")));
    let line = String::from_utf8(output(&mut export).stderr).unwrap();
    assert!(line.contains("no database"), "{line}");
    let mut health = command();
    health
        .env("STORE", "nonsense")
        .env("PORT", "1")
        .arg("health");
    let line = String::from_utf8(output(&mut health).stderr).unwrap();
    assert!(line.contains("127.0.0.1:1"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_link_of_kubernetes_is_no_port_of_the_metrics() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = embedded(directory.path());
    command.envs([
        ("METRICS_PORT", "tcp://10.96.0.7:9090"),
        ("OTEL_TRACES_SAMPLER_ARG", "endpoint=http://x"),
        ("REDIS_LANES", "nonsense"),
        ("ACCESS_LOG", "True"),
    ]);
    let service = Service::start(&mut command);
    assert_eq!(service.client().ready().await.status, 200);
    assert!(!service.log().contains("metrics"), "{}", service.log());
    assert!(
        service.log().contains("study_stats::access"),
        "{}",
        service.log()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_comes_from_a_file() {
    let redis = Redis::start(IN_MEMORY).await;
    redis.ask::<()>("CONFIG SET requirepass p/a@s:s").await;
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let url = file("url", &format!("{}\n", redis.url()));
    let password = file("password", "p/a@s:s\r\n");
    let service = Service::start(command().envs([
        ("REDIS_URL_FILE", url.as_str()),
        ("REDIS_PASSWORD_FILE", &password),
    ]));
    becomes_ready(&service.client()).await;
    let empty = file("empty", "\n");
    for (name, value, hint) in [
        ("REDIS_URL_FILE", "/nothing", "cannot be read"),
        ("REDIS_PASSWORD_FILE", &empty, "no secret"),
        ("REDIS_URL_FILE", &url, "cannot be used with"),
    ] {
        let (code, line) = refused(&[("REDIS_URL", "redis://:secret@h"), (name, value)], &[]);
        assert_eq!((code, line.lines().count()), (Some(2), 1), "{line}");
        assert!(line.contains(hint) && !line.contains("secret@"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_and_lanes_are_as_many_as_configured() {
    let redis = Redis::start(IN_MEMORY).await;
    for (threads, lanes) in [(8, 2), (2, 5)] {
        let count = |number: usize| number.to_string();
        let service = Service::start(on_redis(&redis.url()).envs([
            ("THREADS", count(threads)),
            ("REDIS_LANES", count(lanes)),
            ("METRICS_PORT", "0".to_owned()),
        ]));
        becomes_ready(&service.client()).await;
        let scraped = Scraped::of(&service).await;
        // One more for readiness.
        assert_eq!(scraped.value("study_stats_redis_lanes"), (lanes + 1) as f64);
        assert_eq!(scraped.value("study_stats_runtime_workers"), threads as f64);
        for _ in 0..4 * threads {
            assert_eq!(
                service.client().totals(&new_id(), &new_id()).await.status,
                404
            );
        }
    }
}

#[test]
fn redis_without_a_url_is_an_error() {
    for environment in [
        &[("STORE", "redis")][..],
        &[("STORE", "redis"), ("REDIS_URL", "")],
    ] {
        let (code, line) = refused(environment, &[]);
        assert_eq!((code, line.lines().count()), (Some(2), 1), "{line}");
        assert!(
            line.contains("REDIS_URL") && line.contains("redis://"),
            "{line}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_url_counts_as_no_url() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(embedded(directory.path()).env("REDIS_URL", ""));
    assert_eq!(service.client().ready().await.json()["store"], "embedded");
    let service = Service::start(
        embedded(&directory.path().join("other"))
            .envs([("REDIS_URL", "redis://x"), ("STORE", "embedded")]),
    );
    assert_eq!(service.client().ready().await.json()["store"], "embedded");
}

#[test]
fn an_invalid_url_is_not_printed() {
    for url in [
        "http://:secret@host",
        "secret",
        "redis://:secret@host:port",
        "redis+unix:///secret",
        "redis://h/secret",
    ] {
        let (code, line) = refused(&[("REDIS_URL", url)], &[]);
        assert_eq!((code, line.lines().count()), (Some(2), 1), "{line}");
        assert!(
            line.contains("redis://[user:password@]host") && !line.contains("secret"),
            "{line}"
        );
    }
}

#[test]
fn unusable_tls_files_are_reported_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let nothing = directory.path().join("nothing").display().to_string();
    let no_certificate = directory.path().join("empty").display().to_string();
    std::fs::write(&no_certificate, "-----BEGIN CERTIFICATE-----\nx").unwrap();
    let (plain, tls) = ("redis://host", "rediss://host");
    for (url, file, path, hint) in [
        (tls, "REDIS_CA_FILE", &nothing, "REDIS_CA_FILE: cannot read"),
        (
            tls,
            "REDIS_CA_FILE",
            &no_certificate,
            "has no certificate, or a damaged one",
        ),
        (tls, "REDIS_CERT_FILE", &no_certificate, "set both or none"),
        (tls, "REDIS_KEY_FILE", &no_certificate, "set both or none"),
        (
            plain,
            "REDIS_CA_FILE",
            &no_certificate,
            "begin it with rediss",
        ),
    ] {
        let (code, line) = refused(&[("REDIS_URL", url), (file, path)], &[]);
        assert_eq!((code, line.lines().count()), (Some(2), 1), "{line}");
        assert!(line.contains(hint), "{line}");
    }
}

#[test]
fn help_shows_no_secret() {
    let help = output(
        command()
            .env("REDIS_URL", "redis://:secret@host")
            .env("REDIS_SENTINEL_PASSWORD", "secret")
            .arg("--help"),
    );
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(
        help.contains("REDIS_URL") && !help.contains("secret"),
        "{help}"
    );
}

#[test]
fn a_flag_wins_over_the_environment_variable() {
    let (_, line) = refused(&[("PORT", "1")], &["--port", "x"]);
    assert!(line.contains("'x'"), "{line}");
    let (_, line) = refused(&[("PORT", "y")], &["serve", "--port", "x"]);
    assert!(line.contains("'x'"), "{line}");
}

#[test]
fn every_option_is_documented_as_in_the_program() {
    let cli = Cli::command();
    let options = cli
        .get_arguments()
        .filter(|argument| argument.get_env().is_some());
    let mut expected: Vec<_> = options
        .map(|option| {
            let default = option
                .get_default_values()
                .first()
                .map_or("none".into(), |value| {
                    format!("`{}`", value.to_string_lossy())
                });
            let (flag, variable) = (
                option.get_long().unwrap(),
                option.get_env().unwrap().to_string_lossy(),
            );
            format!(
                "| `--{flag}` | `{variable}` | {default} | {} |",
                option.get_help().unwrap()
            )
        })
        .collect();
    let document = include_str!("../../docs/CONFIGURATION.md");
    let mut documented: Vec<_> = document
        .lines()
        .filter(|line| line.starts_with("| `--"))
        .map(str::to_owned)
        .collect();
    expected.sort();
    documented.sort();
    assert_eq!(
        documented,
        expected,
        "docs/CONFIGURATION.md must have these rows:\n{}",
        expected.join("\n")
    );
}

#[test]
fn every_command_is_documented_with_the_arguments() {
    let document = include_str!("../../docs/CONFIGURATION.md");
    for command in Cli::command().get_subcommands() {
        let arguments = command.get_arguments().map(|argument| {
            let values = argument.get_value_names().unwrap_or_default();
            let value = values.first().map_or(String::new(), ToString::to_string);
            let takes_value = argument.get_action().takes_values();
            let usage = match argument.get_long() {
                Some(flag) if takes_value => format!("--{flag} {value}"),
                Some(flag) => format!("--{flag}"),
                None => value,
            };
            if argument.is_required_set() {
                format!(" {usage}")
            } else {
                format!(" [{usage}]")
            }
        });
        let usage = format!(
            "`study-stats {}{}`",
            command.get_name(),
            arguments.collect::<String>()
        );
        assert!(
            document.contains(&usage),
            "docs/CONFIGURATION.md must have {usage}"
        );
    }
}
