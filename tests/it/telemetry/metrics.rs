//! Metrics of requests and of the process, and the metrics listener.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use poem::http::Method;
use tokio::io::AsyncWriteExt;

use crate::support::api::{body, new_id, send, session_path};
use crate::support::eventually;
use crate::support::http::raw;
use crate::support::load::service::becomes_ready;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::service::{Service, embedded, on_redis, output};
use crate::support::telemetry::scrape::Scraped;

/// Command of the service on an embedded store, with a metrics listener.
fn with_metrics(directory: &Path) -> Command {
    let mut command = embedded(directory);
    command.env("METRICS_PORT", "0");
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_counted_by_route_method_and_status_without_ids() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(&mut with_metrics(directory.path()));
    let client = service.client();
    let (learner, course, body) = (new_id(), new_id(), body(1, 2, 3));
    for _ in 0..3 {
        assert_eq!(client.post(&learner, &course, &body).await.status, 201);
    }
    client.totals(&learner, &course).await;
    client.totals(&learner, &new_id()).await;
    client.totals("nobody", &course).await;
    client.get(&learner, &session_path(&course, &body)).await;
    for (method, path) in [
        (Method::HEAD, format!("/courses/{course}")),
        (Method::PUT, format!("/courses/{course}")),
        (Method::GET, format!("/nothing/{learner}")),
        (
            Method::from_bytes(b"BREW").unwrap(),
            format!("/{learner}/{course}"),
        ),
        (Method::GET, "/docs".into()),
    ] {
        let request = client.request(method, &path).header("X-User-Id", &learner);
        send(request).await.unwrap();
    }
    let scraped = Scraped::of(&service).await;
    for (route, method, status, count) in [
        ("/courses/{courseId}", "POST", 201, 3.0),
        ("/courses/{courseId}", "GET", 200, 1.0),
        ("/courses/{courseId}", "GET", 404, 1.0),
        ("/courses/{courseId}", "GET", 400, 1.0),
        ("/courses/{courseId}", "HEAD", 200, 1.0),
        ("/courses/{courseId}", "PUT", 405, 1.0),
        ("/courses/{courseId}/sessions/{sessionId}", "GET", 200, 1.0),
        ("none", "GET", 404, 1.0),
        ("none", "other", 404, 1.0),
        ("/docs", "GET", 200, 1.0),
    ] {
        let counted = scraped.requests(route, method, status);
        assert_eq!(counted, count, "{route} {method} {status}: {scraped:?}");
    }
    let all = scraped.sum("study_stats_http_request_duration_seconds_count", &[]);
    assert_eq!(all, 12.0, "{scraped:?}");
    let in_last_bucket = scraped.sum(
        "study_stats_http_request_duration_seconds_bucket",
        &["le=\"+Inf\""],
    );
    assert_eq!(in_last_bucket, 12.0);
    assert!(scraped.sum("study_stats_http_request_duration_seconds_sum", &[]) > 0.0);
    assert_eq!(scraped.value("study_stats_http_requests_in_flight"), 0.0);
    let session = body["sessionId"].as_str().unwrap();
    for id in [&*learner, &*course, session, "nobody", "BREW"] {
        assert!(!scraped.0.contains(id), "{id} is in {scraped:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_in_flight_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(&mut with_metrics(directory.path()));
    let mut streams = raw::connect(service.address(), 1).await;
    let body = body(1, 2, 3).to_string();
    let rest = raw::partial_post(&mut streams[0], &body).await;
    let scraped = Scraped::of(&service).await;
    assert_eq!(scraped.value("study_stats_http_requests_in_flight"), 1.0);
    streams[0].write_all(rest.as_bytes()).await.unwrap();
    raw::answer(&mut streams[0]).await;
    let scraped = Scraped::of(&service).await;
    assert_eq!(scraped.value("study_stats_http_requests_in_flight"), 0.0);
}

/// Service on Redis, with a store timeout longer than the test.
async fn with_long_timeout(redis: &Redis) -> Service {
    let service = Service::start(
        on_redis(&redis.url())
            .envs([("STORE_TIMEOUT", "1h"), ("REQUEST_TIMEOUT", "1h")])
            .env("METRICS_PORT", "0"),
    );
    becomes_ready(&service.client()).await;
    service
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_requests_and_store_calls_are_counted() {
    let redis = Redis::start(IN_MEMORY).await;
    let service = with_long_timeout(&redis).await;
    redis.ask::<()>("CLIENT PAUSE 3600000 WRITE").await;
    let mut streams = raw::connect(service.address(), 1).await;
    let body = body(1, 2, 3).to_string();
    let rest = raw::partial_post(&mut streams[0], &body).await;
    streams[0].write_all(rest.as_bytes()).await.unwrap();
    eventually("the record waits at Redis", || async {
        let clients: String = redis.ask("CLIENT LIST").await;
        clients.contains(" flags=b ").then_some(())
    })
    .await;
    drop(streams);
    let scraped = Scraped::once(&service, "the request is counted", |scraped| {
        scraped.requests("/courses/{courseId}", "POST", 499) == 1.0
    })
    .await;
    assert_eq!(scraped.calls("record", "abandoned"), 1.0, "{scraped:?}");
    assert_eq!(scraped.value("study_stats_http_requests_in_flight"), 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_served_in_time_while_the_store_hangs() {
    let redis = Redis::start(IN_MEMORY).await;
    let service = with_long_timeout(&redis).await;
    let metrics = service.metrics().await;
    let is_ready = |scraped: Scraped| scraped.value("study_stats_ready");
    assert_eq!(is_ready(Scraped::from(&metrics).await), 1.0);
    redis.server.freeze().await;
    // The answer of the store is kept for a moment.
    eventually("it is not ready", || async {
        (is_ready(Scraped::from(&metrics).await) == 0.0).then_some(())
    })
    .await;
    redis.server.thaw().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shed_requests_are_counted() {
    const REQUESTS: u64 = 8;
    let redis = Redis::start(IN_MEMORY).await;
    let service = Service::start(
        on_redis(&redis.url())
            .envs([("MAX_REQUESTS", "1"), ("METRICS_PORT", "0")])
            .envs([("STORE_TIMEOUT", "1m"), ("REQUEST_TIMEOUT", "5m")]),
    );
    let client = service.client();
    becomes_ready(&client).await;
    redis.server.freeze().await;
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..REQUESTS {
        let client = client.clone();
        requests.spawn(async move { client.totals(&new_id(), &new_id()).await });
    }
    for _ in 1..REQUESTS {
        let refused = requests.join_next().await.unwrap().unwrap();
        assert_eq!(refused.message(), "overloaded");
    }
    redis.server.thaw().await;
    assert_eq!(requests.join_next().await.unwrap().unwrap().status, 404);
    let scraped = Scraped::of(&service).await;
    let shed = |reason| scraped.sum("study_stats_http_requests_shed_total", &[reason]);
    assert_eq!(shed("reason=\"requests\""), 7.0, "{scraped:?}");
    assert_eq!(shed("reason=\"bodies\""), 0.0, "{scraped:?}");
    assert_eq!(scraped.requests("/courses/{courseId}", "GET", 503), 7.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn process_and_runtime_are_measured() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(&mut with_metrics(directory.path()));
    let (client, metrics) = (service.client(), service.metrics().await);
    // The connection stays open: a task of the runtime.
    client.get("", "/health/live").await;
    let first = Scraped::from(&metrics).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let age = now.as_secs_f64() - first.value("process_start_time_seconds");
    assert!((-2.0..600.0).contains(&age), "{age}");
    for (name, least) in [
        ("process_resident_memory_bytes", 1e6),
        ("process_virtual_memory_bytes", 1e6),
        ("process_threads", 2.0),
        ("process_open_fds", 5.0),
        ("process_max_fds", 20.0),
        ("study_stats_runtime_workers", 1.0),
        ("study_stats_runtime_tasks", 1.0),
        ("study_stats_runtime_busy_seconds_total", 1e-6),
    ] {
        assert!(first.value(name) >= least, "{name}: {first:?}");
    }
    let version = env!("CARGO_PKG_VERSION");
    let build = format!("study_stats_build_info{{store=\"embedded\",version=\"{version}\"}}");
    assert_eq!(first.value(&build), 1.0, "{first:?}");
    // Counters continue from their values.
    let spent = |scraped: &Scraped| {
        let cpu = scraped.value("process_cpu_seconds_total");
        (cpu, scraped.value("study_stats_runtime_busy_seconds_total"))
    };
    let (cpu, busy) = spent(&first);
    eventually("time is spent", || async {
        client.get("", "/docs").await;
        let (more_cpu, more_busy) = spent(&Scraped::from(&metrics).await);
        assert!(more_cpu >= cpu && more_busy >= busy);
        (more_cpu > cpu && more_busy > busy).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_metrics_port_no_metrics_are_served() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(&mut embedded(directory.path()));
    assert_eq!(service.client().get("", "/metrics").await.status, 404);
    assert_eq!(service.log().matches("socket://").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metrics_port_serves_only_metrics() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(&mut with_metrics(directory.path()));
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("", "/").await.status, 404);
    assert_eq!(metrics.get("", "/health/live").await.status, 404);
    let post = metrics.request(Method::POST, "/metrics");
    assert_eq!(send(post).await.unwrap().status, 405);
    assert_eq!(service.client().get("", "/metrics").await.status, 404);
}

#[test]
fn a_taken_metrics_port_is_reported_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let refused = output(embedded(directory.path()).env("METRICS_PORT", port.to_string()));
    let line = String::from_utf8(refused.stderr).unwrap();
    assert_eq!((refused.status.code(), line.lines().count()), (Some(1), 1));
    let address = format!("cannot listen on 127.0.0.1:{port}");
    assert!(
        line.contains(&address) && line.contains("--metrics-port"),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_served_during_the_shutdown_and_show_the_drain() {
    let directory = tempfile::tempdir().unwrap();
    let mut service = Service::start(&mut with_metrics(directory.path()));
    let metrics = service.metrics().await;
    assert_eq!(
        Scraped::from(&metrics).await.value("study_stats_ready"),
        1.0
    );
    let mut streams = raw::connect(service.address(), 1).await;
    let body = body(1, 2, 3).to_string();
    let rest = raw::partial_post(&mut streams[0], &body).await;
    service.signal("TERM");
    let client = service.client();
    eventually("the API's listener is closed", || async {
        client.try_ready().await.is_err().then_some(())
    })
    .await;
    // The request in flight delays the shutdown.
    let scraped = Scraped::from(&metrics).await;
    assert_eq!(scraped.value("study_stats_ready"), 0.0);
    assert_eq!(scraped.value("study_stats_http_requests_in_flight"), 1.0);
    streams[0].write_all(rest.as_bytes()).await.unwrap();
    assert!(raw::closed(&mut streams[0]).await.contains("201 Created"));
    assert!(service.ended().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_the_metrics_port_does_not_block_the_shutdown() {
    let directory = tempfile::tempdir().unwrap();
    let mut service = Service::start(&mut with_metrics(directory.path()));
    let address = service.metrics().await.address;
    let mut streams = raw::connect(address, 2).await;
    raw::get(&mut streams[0], "/metrics").await;
    let start = std::time::Instant::now();
    service.signal("TERM");
    assert!(service.ended().await.success());
    // A client after a request, and a silent client: both far below the idle timeout.
    assert!(start.elapsed() < Duration::from_secs(10));
}
