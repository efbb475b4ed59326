//! The service as a process: shutdown, logs, commands.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::AsyncWriteExt;

use crate::support::api::{body, new_id};
use crate::support::eventually;
use crate::support::http::raw;
use crate::support::processes::commands::run_with;
use crate::support::processes::server::free_port;
use crate::support::processes::service::{Service, embedded, on_redis, output};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_the_service_after_the_requests_in_flight() {
    for signal in ["TERM", "INT"] {
        let directory = tempfile::tempdir().unwrap();
        let mut service = Service::start(&mut embedded(directory.path()));
        let mut streams = raw::connect(service.address(), 3).await;
        let [in_flight, used, silent] = &mut streams[..] else {
            unreachable!()
        };
        let body = body(1, 2, 3).to_string();
        let rest = raw::partial_post(in_flight, &body).await;
        raw::get(used, "/health/live").await;
        service.signal(signal);
        for idle in [used, silent] {
            assert_eq!(raw::closed(idle).await, "", "{signal}");
        }
        in_flight.write_all(rest.as_bytes()).await.unwrap();
        let answer = raw::closed(in_flight).await;
        assert!(answer.starts_with("HTTP/1.1 201 "), "{signal}: {answer}");
        assert!(service.ended().await.success(), "{signal}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_sigterm_the_service_serves_until_the_delay_ends_or_a_second_signal() {
    let directory = tempfile::tempdir().unwrap();
    let mut service = Service::start(embedded(directory.path()).env("DRAIN_DELAY", "1h"));
    let client = service.client();
    assert_eq!(client.ready().await.status, 200);
    service.signal("TERM");
    eventually("it is not ready", || async {
        (client.ready().await.message() == "draining").then_some(())
    })
    .await;
    assert_eq!(
        client
            .post(&new_id(), &new_id(), &body(1, 2, 3))
            .await
            .status,
        201
    );
    service.signal("TERM");
    assert_eq!(service.ended().await.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_request_does_not_block_the_shutdown() {
    let directory = tempfile::tempdir().unwrap();
    let mut service = Service::start(
        embedded(directory.path()).envs([("SHUTDOWN_GRACE", "100ms"), ("REQUEST_TIMEOUT", "1h")]),
    );
    let mut streams = raw::connect(service.address(), 1).await;
    raw::partial_post(&mut streams[0], "{}").await;
    service.signal("TERM");
    assert!(service.ended().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_from_before_a_pause_of_the_process_is_not_executed() {
    let directory = tempfile::tempdir().unwrap();
    // The timeouts together: a pause of half a second is too long.
    let times = [("REQUEST_TIMEOUT", "1s"), ("STORE_TIMEOUT", "250ms")];
    let service = Service::start(embedded(directory.path()).envs(times));
    let client = service.client();
    let (learner, course, body) = (new_id(), new_id(), body(1, 2, 3));
    service.signal("STOP");
    let waiting = client.clone();
    let request = (learner.clone(), course.clone(), body.clone());
    let waiting =
        tokio::spawn(async move { waiting.post(&request.0, &request.1, &request.2).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    service.signal("CONT");
    assert_eq!(waiting.await.unwrap().message(), "request timeout");
    eventually("it is ready again", || async {
        (client.ready().await.status == 200).then_some(())
    })
    .await;
    assert_eq!(client.totals(&learner, &course).await.status, 404);
    assert_eq!(client.post(&learner, &course, &body).await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_survive_an_orderly_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (learner, course) = (new_id(), new_id());
    for sessions in 1..=3 {
        let mut service = Service::start(&mut embedded(directory.path()));
        assert_eq!(
            service
                .client()
                .post(&learner, &course, &body(1, 2, 3))
                .await
                .status,
            201
        );
        let totals = service.client().totals(&learner, &course).await.json();
        assert_eq!(totals["totalModulesStudied"], sessions);
        service.signal("TERM");
        assert!(service.ended().await.success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_without_times_replaces_a_session_of_a_later_clock_before_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (learner, course, record) = (new_id(), new_id(), body(1, 2, 3));
    let ahead = OffsetDateTime::now_utc() + Duration::from_secs(3_600);
    let mut line = record.clone();
    line["userId"] = learner.clone().into();
    line["courseId"] = course.clone().into();
    line["occurredAt"] = ahead.format(&Rfc3339).unwrap().into();
    line["updatedAt"] = Value::Null;
    let mut service = Service::start(&mut embedded(directory.path()));
    let imported = run_with(
        &mut embedded(directory.path()),
        &["import"],
        &line.to_string(),
    );
    imported.succeeded();
    service.signal("INT");
    assert!(service.ended().await.success());
    let service = Service::start(&mut embedded(directory.path()));
    let client = service.client();
    let mut next = body(4, 5, 6);
    next["sessionId"] = record["sessionId"].clone();
    assert_eq!(client.post(&learner, &course, &next).await.message(), "OK");
    let totals = client.totals(&learner, &course).await.json();
    assert_eq!(totals["totalModulesStudied"], 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_drains_the_service() {
    let directory = tempfile::tempdir().unwrap();
    let mut service = Service::start(embedded(directory.path()).env("DRAIN_DELAY", "1h"));
    service.signal("HUP");
    let client = service.client();
    eventually("it is not ready", || async {
        (client.ready().await.message() == "draining").then_some(())
    })
    .await;
    service.signal("HUP");
    assert_eq!(service.ended().await.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_command_reports_readiness() {
    let health = |port: u16| {
        let mut command = crate::support::processes::service::command();
        output(command.arg("health").env("PORT", port.to_string()))
    };
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(&mut embedded(directory.path()));
    assert_eq!(health(service.address().port()).status.code(), Some(0));

    let nobody = health(free_port());
    assert_eq!(nobody.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&nobody.stderr).lines().count(), 1);

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = health(silent.local_addr().unwrap().port());
    let error = String::from_utf8_lossy(&silent.stderr).into_owned();
    assert_eq!(silent.status.code(), Some(1));
    assert!(error.contains("none came within 2s"), "{error}");

    let without_redis =
        Service::start(&mut on_redis(&format!("redis://127.0.0.1:{}", free_port())));
    let not_ready = health(without_redis.address().port());
    assert_eq!(not_ready.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&not_ready.stderr).contains("503"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_is_reported_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = output(embedded(directory.path()).env("PORT", &port));
    let line = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(
        (refused.status.code(), line.lines().count()),
        (Some(1), 1),
        "{line}"
    );
    assert!(
        line.contains(&port) && line.contains("--port 8080"),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_log_names_no_learner() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(embedded(directory.path()).env("ACCESS_LOG", "true"));
    let (learner, course) = (new_id(), new_id());
    let body = body(1, 2, 3);
    let answer = service.client().post(&learner, &course, &body).await;
    let id = answer.header("x-request-id").unwrap();
    eventually("the request is logged", || async {
        service.log().contains(id).then_some(())
    })
    .await;
    let log = service.log();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(
            line["timestamp"].is_string()
                && line["level"].is_string()
                && line["message"].is_string(),
            "{line}"
        );
    }
    for secret in [&learner, &course, body["sessionId"].as_str().unwrap()] {
        assert!(!log.contains(secret), "{log}");
    }
    assert!(log.contains(r#""store":"embedded""#), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_text_by_default() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(embedded(directory.path()).env("LOG_FORMAT", "text"));
    let log = service.log();
    assert!(
        log.contains("store open") && !log.starts_with('{') && !log.contains('\u{1b}'),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_logged_once_with_the_request() {
    let service = Service::start(&mut on_redis(&format!("redis://127.0.0.1:{}", free_port())));
    let answer = service.client().totals(&new_id(), &new_id()).await;
    let id = answer.header("x-request-id").unwrap();
    eventually("the failure is logged", || async {
        service.log().contains(id).then_some(())
    })
    .await;
    let log = service.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains(id)).collect();
    assert_eq!(lines.len(), 1, "{log}");
    let line: Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(
        (line["status"].as_u64(), line["level"].as_str()),
        (Some(503), Some("WARN"))
    );
    assert_eq!(line["route"], "/courses/{courseId}");
}
