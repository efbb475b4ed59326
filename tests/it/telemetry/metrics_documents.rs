//! Metrics in documents: the table of docs/OPERATIONS.md, the alerts and the dashboard.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::api::{body, new_id};
use crate::support::load::service::becomes_ready;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::service::{Service, embedded, on_redis};
use crate::support::telemetry::scrape::Scraped;

const OPERATIONS: &str = include_str!("../../../docs/OPERATIONS.md");
const RULES: &str = include_str!("../../../deploy/observability/rules.yml");
const RULES_TEST: &str = include_str!("../../../deploy/observability/rules_test.yml");
const DASHBOARD: &str = include_str!("../../../deploy/observability/grafana/study-stats.json");

/// Types and help texts of all metrics of services on both stores, by name.
async fn exposed() -> BTreeMap<String, (String, String)> {
    let directory = tempfile::tempdir().unwrap();
    // Only a master with replicas reports the lag of replicas.
    let redis = Redis::start(IN_MEMORY).await;
    let _replica = Redis::replica_of(&redis, IN_MEMORY).await;
    let mut exposed = BTreeMap::new();
    for mut command in [embedded(directory.path()), on_redis(&redis.url())] {
        let service = Service::start(command.env("METRICS_PORT", "0"));
        let client = service.client();
        becomes_ready(&client).await;
        client.post(&new_id(), &new_id(), &body(1, 2, 3)).await;
        let scraped = Scraped::once(&service, "Redis was looked at", |scraped| {
            let is_redis = scraped.0.contains("store=\"redis\"");
            !is_redis || scraped.0.contains("study_stats_redis_memory_used_bytes")
        })
        .await;
        exposed.extend(scraped.described());
    }
    exposed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_exposed_metric_is_documented() {
    let rows = exposed().await.into_iter();
    let expected: Vec<_> = rows
        .map(|(name, (kind, help))| format!("| `{name}` | {kind} | {help} |"))
        .collect();
    let is_metric =
        |line: &&str| line.starts_with("| `study_stats_") || line.starts_with("| `process_");
    let documented: Vec<_> = OPERATIONS.lines().filter(is_metric).collect();
    assert_eq!(
        documented,
        expected,
        "docs/OPERATIONS.md must have these rows:\n{}",
        expected.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_of_the_alerts_and_the_dashboard_is_exposed() {
    let exposed = exposed().await;
    for (document, text) in [("rules", RULES), ("dashboard", DASHBOARD)] {
        let named = metrics_in(text);
        assert!(named.len() > 10, "{document}: {named:?}");
        for name in named {
            let is_exposed = |name: &str| exposed.contains_key(name);
            let of_histogram = ["_bucket", "_sum", "_count"].iter().any(|part| {
                let name = name.strip_suffix(part).unwrap_or_default();
                exposed
                    .get(name)
                    .is_some_and(|(kind, _)| kind == "histogram")
            });
            assert!(is_exposed(name) || of_histogram, "{document}: {name}");
        }
    }
}

/// Names of metrics in a text.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|word| word.starts_with("study_stats_") || word.starts_with("process_"))
        .collect()
}

/// Rests of the lines that start with `beginning`.
fn after<'a>(text: &'a str, beginning: &str) -> BTreeSet<&'a str> {
    let lines = text.lines().map(str::trim_start);
    lines
        .filter_map(|line| line.strip_prefix(beginning))
        .collect()
}

#[test]
fn every_alert_is_documented_and_tested() {
    let alerts = after(RULES, "- alert: ");
    assert!(alerts.len() >= 20, "{alerts:?}");
    let rows = after(OPERATIONS, "| `StudyStats");
    let documented: BTreeSet<_> = rows
        .iter()
        .map(|row| row.split_once("` (").unwrap().0)
        .map(|rest| format!("StudyStats{rest}"))
        .collect();
    let alerts_documented: BTreeSet<_> = documented.iter().map(String::as_str).collect();
    assert_eq!(alerts, alerts_documented);
    // The block form has the expected annotations of the firing alert.
    assert_eq!(alerts, after(RULES_TEST, "alertname: "));
}
