//! Metrics of stores: calls, records, commits, connections, and the last verification.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::api::{at, body, body_at, new_id, session_path};
use crate::support::http::batch::{batch, new_record};
use crate::support::load::service::becomes_ready;
use crate::support::processes::commands::run;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::service::{Service, embedded, on_redis};
use crate::support::telemetry::scrape::Scraped;

/// The command with a metrics listener.
fn with_metrics(mut command: Command) -> Command {
    command.env("METRICS_PORT", "0");
    command
}

/// A service on each store, with its Redis.
async fn on_each_store(directory: &Path) -> [(Service, Option<Redis>); 2] {
    let redis = Redis::start(IN_MEMORY).await;
    let services = [
        (Service::start(&mut with_metrics(embedded(directory))), None),
        (
            Service::start(&mut with_metrics(on_redis(&redis.url()))),
            Some(redis),
        ),
    ];
    for (service, _) in &services {
        becomes_ready(&service.client()).await;
    }
    services
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_counted_by_outcome() {
    let directory = tempfile::tempdir().unwrap();
    for (service, _redis) in on_each_store(directory.path()).await {
        let client = service.client();
        let (learner, course) = (new_id(), new_id());
        let late = body_at("2026-02-01T00:00:00Z", 1, 2, 3);
        let early = at(&late, "2026-01-01T00:00:00Z");
        for (body, status) in [(&late, 201), (&late, 201), (&early, 200)] {
            assert_eq!(client.post(&learner, &course, body).await.status, status);
        }
        client.delete(&learner, "/learner").await;
        assert_eq!(client.post(&learner, &course, &early).await.status, 410);
        let record = |body: &Value, learner: &str| {
            let mut record = body.clone();
            record["userId"] = learner.into();
            record["courseId"] = course.clone().into();
            record
        };
        let other = new_id();
        let records = vec![
            record(&early, &learner),
            record(&late, &other),
            record(&late, &other),
            record(&body(1, 2, "three"), &other),
        ];
        assert_eq!(client.batch(batch(records)).await.status, 200);
        let scraped = Scraped::of(&service).await;
        for (outcome, count) in [
            ("created", 2.0),
            ("replaced", 2.0),
            ("superseded", 1.0),
            ("gone", 2.0),
            ("refused", 0.0),
            ("failed", 0.0),
        ] {
            assert_eq!(scraped.records(outcome), count, "{outcome}: {scraped:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_calls_are_counted_by_operation() {
    let directory = tempfile::tempdir().unwrap();
    for (service, _redis) in on_each_store(directory.path()).await {
        let client = service.client();
        let (learner, course, body) = (new_id(), new_id(), body(1, 2, 3));
        client.post(&learner, &course, &body).await;
        let session = session_path(&course, &body);
        let course = format!("/courses/{course}");
        for path in [
            &*session,
            &course,
            &format!("{course}/sessions"),
            &format!("{course}/activity"),
            &format!("{course}/summary"),
            &format!("{course}/learners"),
            "/courses",
            "/activity",
        ] {
            assert_eq!(client.get(&learner, path).await.status, 200, "{path}");
        }
        for path in [&*session, &course, "/learner"] {
            client.delete(&learner, path).await;
        }
        let scraped = Scraped::of(&service).await;
        for (operation, count) in [
            ("record", 1.0),
            ("session", 1.0),
            ("totals", 1.0),
            ("sessions", 1.0),
            ("activity", 2.0),
            ("summary", 1.0),
            ("roster", 1.0),
            ("courses", 1.0),
            ("forget_session", 1.0),
            ("forget_course", 1.0),
            ("erase", 1.0),
        ] {
            let calls = scraped.calls(operation, "ok");
            assert_eq!(calls, count, "{operation}: {scraped:?}");
        }
        assert!(scraped.calls("ping", "ok") >= 1.0);
        assert!(
            scraped.sum(
                "study_stats_store_call_duration_seconds_sum",
                &["\"erase\""]
            ) > 0.0
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_and_the_disk_are_measured() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(&mut with_metrics(embedded(directory.path())));
    let client = service.client();
    client.post(&new_id(), &new_id(), &body(1, 2, 3)).await;
    let records: Vec<_> = (0..20).map(|_| new_record()).collect();
    client.batch(batch(records)).await;
    let scraped = Scraped::of(&service).await;
    for (name, value) in [
        ("study_stats_embedded_commit_duration_seconds_count", 2.0),
        ("study_stats_embedded_commit_sessions_count", 2.0),
        ("study_stats_embedded_commit_sessions_sum", 21.0),
    ] {
        assert_eq!(scraped.value(name), value, "{name}: {scraped:?}");
    }
    assert!(scraped.value("study_stats_embedded_commit_duration_seconds_sum") > 0.0);
    let file = directory.path().join("study-stats.redb");
    let size = scraped.value("study_stats_embedded_file_bytes");
    assert_eq!(size, std::fs::metadata(file).unwrap().len() as f64);
    assert!(scraped.value("study_stats_embedded_disk_free_bytes") > 0.0);
    assert!(!scraped.0.contains("study_stats_redis"), "{scraped:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_retries_and_failures_of_redis_are_counted() {
    let mut redis = Redis::start(IN_MEMORY).await;
    // Without the version, another store with lanes of its own would look for data at the start.
    redis.ask::<()>("SET ss:schema 2").await;
    let service = Service::start(&mut with_metrics(on_redis(&redis.url())));
    let client = service.client();
    let up = |count| move |scraped: &Scraped| scraped.value("study_stats_redis_lanes_up") == count;
    // The configured number of lanes, by default one per serving thread.
    let lanes = Scraped::of(&service).await.value("study_stats_redis_lanes");
    assert!(lanes >= 4.0, "{lanes}");
    let scraped = Scraped::once(&service, "all lanes are open", up(lanes)).await;
    for name in ["reconnects", "retries"] {
        let name = format!("study_stats_redis_{name}_total");
        assert_eq!(scraped.value(&name), 0.0, "{name}");
    }

    let reloads = scraped.value("study_stats_redis_script_reloads_total");
    redis.ask::<()>("SCRIPT FLUSH").await;
    let (learner, course) = (new_id(), new_id());
    assert_eq!(
        client.post(&learner, &course, &body(1, 2, 3)).await.status,
        201
    );
    let scraped = Scraped::of(&service).await;
    let reloaded = scraped.value("study_stats_redis_script_reloads_total");
    assert_eq!(reloaded, reloads + 1.0);

    redis.kill().await;
    assert_eq!(client.totals(&learner, &course).await.status, 503);
    assert_eq!(
        client.post(&learner, &course, &body(1, 2, 3)).await.status,
        503
    );
    let scraped = Scraped::once(&service, "all lanes are closed", up(0.0)).await;
    assert_eq!(scraped.calls("totals", "unavailable"), 1.0, "{scraped:?}");
    assert_eq!(scraped.calls("record", "unavailable"), 1.0);
    assert_eq!(scraped.records("failed"), 1.0);
    assert!(scraped.value("study_stats_redis_reconnects_total") >= lanes);
    assert!(scraped.value("study_stats_redis_retries_total") >= 2.0);
    assert_eq!(scraped.value("study_stats_ready"), 0.0);
    // Each failed request and each lane logs a warning.
    let warned = scraped.value("study_stats_log_lines_total{level=\"warn\"}");
    assert_eq!(warned, service.lines("\"WARN\"").len() as f64);

    redis.restart().await;
    let scraped = Scraped::once(&service, "all lanes are open again", up(lanes)).await;
    assert_eq!(scraped.calls("totals", "wrong"), 0.0);
    becomes_ready(&client).await;
    assert_eq!(Scraped::of(&service).await.value("study_stats_ready"), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_of_redis_info_are_exposed() {
    // The config watch warns about a Redis without persistence.
    let redis = Redis::start(IN_MEMORY).await;
    let _replica = Redis::replica_of(&redis, IN_MEMORY).await;
    redis.ask::<()>("CONFIG SET maxmemory 123456789").await;
    let service = Service::start(&mut with_metrics(on_redis(&redis.url())));
    let scraped = Scraped::once(&service, "Redis was looked at", |scraped| {
        scraped.value("study_stats_redis_findings") == 1.0
    })
    .await;
    for (name, value) in [("memory_limit_bytes", 123_456_789.0), ("replicas", 1.0)] {
        let name = format!("study_stats_redis_{name}{{server=\"\"}}");
        assert_eq!(scraped.value(&name), value, "{name}: {scraped:?}");
    }
    assert!(scraped.value("study_stats_redis_memory_used_bytes{server=\"\"}") > 1e5);
    for name in ["replica_lag_seconds", "rejected_connections"] {
        let name = format!("study_stats_redis_{name}{{server=\"\"}} ");
        assert!(scraped.0.contains(&name), "{name}: {scraped:?}");
    }
    assert!(!scraped.0.contains("study_stats_embedded"), "{scraped:?}");
}

/// Figures of the last verification, without the time.
fn verified(scraped: &Scraped) -> [f64; 4] {
    ["sessions", "differences", "mended", "unsettled"]
        .map(|name| scraped.value(&format!("study_stats_verify_last_{name}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verification_over_the_control_socket_is_exposed() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(&mut with_metrics(embedded(directory.path())));
    for _ in 0..3 {
        service
            .client()
            .post(&new_id(), &new_id(), &body(1, 2, 3))
            .await;
    }
    let before = Scraped::of(&service).await;
    assert_eq!(
        before.value("study_stats_verify_last_timestamp_seconds"),
        0.0
    );
    run(&mut embedded(directory.path()), &["verify"]).succeeded();
    let after = Scraped::of(&service).await;
    assert_eq!(verified(&after), [3.0, 0.0, 0.0, 0.0]);
    let start = after.value("process_start_time_seconds");
    let ended = after.value("study_stats_verify_last_timestamp_seconds");
    assert!(ended >= start.floor() - 1.0, "{ended}, {start}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_service_exposes_the_last_verification_of_redis() {
    let redis = Redis::start(IN_MEMORY).await;
    let replicas = [0, 1].map(|_| Service::start(&mut with_metrics(on_redis(&redis.url()))));
    for replica in &replicas {
        becomes_ready(&replica.client()).await;
    }
    let client = replicas[0].client();
    for _ in 0..2 {
        client.post(&new_id(), &new_id(), &body(1, 2, 3)).await;
    }
    let totals: Vec<String> = redis.ask("KEYS ss:*:a:*").await;
    let mut connection = redis.connection().await;
    let set = redis::AsyncCommands::set(&mut connection, &totals[0], "1 2 2 3 1");
    let () = set.await.unwrap();
    let verify = |arguments: &[&str]| run(&mut on_redis(&redis.url()), arguments).code;
    assert_eq!(verify(&["verify"]), Some(1));
    for replica in &replicas {
        let scraped = Scraped::of(replica).await;
        assert_eq!(verified(&scraped), [2.0, 1.0, 0.0, 0.0], "{scraped:?}");
        assert!(scraped.value("study_stats_verify_last_timestamp_seconds") > 1e9);
    }
    assert_eq!(verify(&["verify", "--repair"]), Some(0));
    for replica in &replicas {
        let scraped = Scraped::of(replica).await;
        assert_eq!(verified(&scraped), [2.0, 0.0, 1.0, 0.0], "{scraped:?}");
    }
}
