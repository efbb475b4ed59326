//! Parsers of option values, with the error messages for invalid values.

use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use hyper::Uri;
use uuid::Uuid;

use super::Secret;
use crate::domain::SessionId;

pub(super) fn parse_host(text: &str) -> Result<IpAddr, &'static str> {
    text.parse()
        .map_err(|_| "must be an IP address, such as 0.0.0.0, 127.0.0.1 or ::")
}

pub(super) fn parse_port(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "must be a number from 0 to 65535")
}

#[allow(clippy::unnecessary_wraps, reason = "signature of a parser of clap")]
pub(super) fn parse_secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

/// Reads a secret from a file, without the end of the last line.
pub(super) fn read_secret(file: &str) -> Result<Secret, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err("has no secret in its first line".into());
    }
    Ok(Secret::new(text))
}

pub(super) fn parse_threads(text: &str) -> Result<usize, &'static str> {
    let threads = text.parse().ok().filter(|n| (1..=1_024).contains(n));
    threads.ok_or("must be a number from 1 to 1024")
}

pub(super) fn parse_lanes(text: &str) -> Result<usize, &'static str> {
    let lanes = text.parse().ok().filter(|lanes| (1..=64).contains(lanes));
    lanes.ok_or("must be a number from 1 to 64")
}

pub(super) fn parse_replicas(text: &str) -> Result<usize, &'static str> {
    let replicas = text.parse().ok().filter(|replicas| *replicas <= 16);
    replicas.ok_or("must be a number from 0 to 16")
}

pub(super) fn parse_count(text: &str) -> Result<usize, &'static str> {
    let count = text.parse().ok().filter(|n| (1..=1_000_000).contains(n));
    count.ok_or("must be a number from 1 to 1000000")
}

pub(super) fn parse_prefix(text: &str) -> Result<String, &'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if (1..=32).contains(&text.len()) && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 32 letters, digits, '.', '_' or '-'")
    }
}

/// Parses the URL of a service: scheme http or https, a host without credentials, an optional path.
pub(super) fn parse_url(text: &str) -> Result<Uri, &'static str> {
    let is_service = |url: &Uri| {
        let host = url.authority().map(|authority| authority.as_str());
        matches!(url.scheme_str(), Some("http" | "https"))
            && host.is_some_and(|host| !host.contains('@'))
            && url.query().is_none()
    };
    let url = text.parse().ok().filter(is_service);
    url.ok_or("must be an address such as http://localhost:8080 or https://example.org/prefix")
}

/// Parses the URL of a trace collector.
pub(super) fn parse_endpoint(text: &str) -> Result<Uri, &'static str> {
    parse_url(text).map_err(|_| "must be an address such as http://localhost:4318")
}

/// Parses a switch, by the usual words for on and off.
pub(super) fn parse_switch(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Ok(true),
        "false" | "off" | "no" | "0" => Ok(false),
        _ => Err("must be true or false"),
    }
}

/// Parses a ratio.
pub(super) fn parse_part(text: &str) -> Result<f64, &'static str> {
    let part = text.parse().ok().filter(|part| (0.0..=1.0).contains(part));
    part.ok_or("must be a number from 0 to 1")
}

pub(super) fn parse_lines(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "must be a number of lines")
}

/// Parses the id of a learner, course or session.
pub(super) fn parse_id(text: &str) -> Result<Uuid, &'static str> {
    let id = SessionId::parse(text).map(Uuid::from);
    id.map_err(|_| "must be a hyphenated UUID, such as 0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f")
}

/// Parses a timeout: at least a millisecond, the least that a response can meet.
pub(super) fn parse_wait(text: &str) -> Result<Duration, &'static str> {
    let wait = parse_delay(text)
        .ok()
        .filter(|wait| *wait >= Duration::from_millis(1));
    wait.ok_or("must be a time from 1ms to 1h, such as 500ms or 2s")
}

/// Parses a delay, which may be zero.
pub(super) fn parse_delay(text: &str) -> Result<Duration, &'static str> {
    let delay = humantime::parse_duration(text)
        .ok()
        .filter(|delay| *delay <= Duration::from_secs(3_600));
    delay.ok_or("must be a time from 0s to 1h, such as 500ms or 2s")
}
