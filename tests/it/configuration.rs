//! Flags and environment variables: errors are one line, and the documentation matches the program.

use clap::CommandFactory;
use study_stats::config::Cli;

use crate::support::processes::service::{Service, command, embedded, output};

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
        ("PORT", "", "a number from 0 to 65535"),
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
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "collector:4318",
            "such as http://localhost:4318",
        ),
        ("OTEL_TRACES_SAMPLER_ARG", "2", "a number from 0 to 1"),
    ] {
        let (code, line) = refused(&[(name, value)], &[]);
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
            "Redis cannot be used as configured",
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
