//! The log: a line per server error, the access log, and no ids.

use crate::support::api::{Answer, body, new_id, session_path};
use crate::support::eventually;
use crate::support::load::service::becomes_ready;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::server::free_port;
use crate::support::processes::service::{Service, embedded, on_redis};

/// Waits for a number of log lines with the request id of a response.
async fn lines_of(service: &Service, answer: &Answer, count: usize) -> Vec<serde_json::Value> {
    let id = answer.header("x-request-id").unwrap();
    eventually("the request is logged", || async {
        let lines = service.lines(id);
        (lines.len() >= count).then_some(lines)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_access_log_has_a_line_per_request() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(embedded(directory.path()).env("ACCESS_LOG", "true"));
    let client = service.client();
    let (learner, course) = (new_id(), new_id());
    let created = client.post(&learner, &course, &body(1, 2, 3)).await;
    let missing = client.get(&learner, &format!("/nothing/{course}")).await;
    for (answer, method, route, status) in [
        (&created, "POST", Some("/courses/{courseId}"), 201),
        (&missing, "GET", None, 404),
    ] {
        let lines = lines_of(&service, answer, 1).await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        let line = &lines[0];
        assert_eq!(
            (&line["level"], &line["target"]),
            (&"INFO".into(), &"study_stats::access".into())
        );
        assert_eq!(
            (line["method"].as_str(), line["route"].as_str()),
            (Some(method), route)
        );
        assert_eq!(line["status"], status);
        assert!(line["micros"].as_u64().is_some());
    }
    for id in [learner, course] {
        assert!(!service.log().contains(&id), "{}", service.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn successful_requests_are_not_logged_by_default() {
    let directory = tempfile::tempdir().unwrap();
    let mut service = Service::start(&mut embedded(directory.path()));
    let answer = service
        .client()
        .post(&new_id(), &new_id(), &body(1, 2, 3))
        .await;
    service.signal("TERM");
    assert!(service.ended().await.success());
    let id = answer.header("x-request-id").unwrap();
    assert!(!service.log().contains(id), "{}", service.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_access_log_is_independent_of_the_log_levels() {
    let directory = tempfile::tempdir().unwrap();
    for (levels, is_on) in [("error", true), ("debug", false)] {
        let mut command = embedded(&directory.path().join(levels));
        command.envs([
            ("RUST_LOG", levels),
            ("ACCESS_LOG", if is_on { "on" } else { "off" }),
        ]);
        // At the level `error` the log has no line about the listener.
        let mut service = Service::start_at(&mut command, free_port()).await;
        let answer = service.client().get("", "/health/live").await;
        service.signal("TERM");
        assert!(service.ended().await.success());
        let id = answer.header("x-request-id").unwrap();
        let log = service.log();
        let mut lines = log.lines().filter(|line| line.contains(id));
        assert_eq!(
            lines.any(|line| line.contains("study_stats::access")),
            is_on,
            "{log}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_errors_are_logged_with_the_route_and_without_ids() {
    let redis = Redis::start(IN_MEMORY).await;
    let service = Service::start(&mut on_redis(&redis.url()));
    let client = service.client();
    becomes_ready(&client).await;
    let (learner, course, body) = (new_id(), new_id(), body(1, 2, 3));
    client.post(&learner, &course, &body).await;
    let sessions: Vec<String> = redis.ask("KEYS ss:*:s:*").await;
    redis
        .ask::<()>(&format!("HSET {} m nonsense", sessions[0]))
        .await;
    let answer = client.get(&learner, &session_path(&course, &body)).await;
    assert_eq!(answer.status, 500, "{answer:?}");
    let lines = lines_of(&service, &answer, 1).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["level"], "ERROR");
    assert_eq!(
        lines[0]["route"],
        "/courses/{courseId}/sessions/{sessionId}"
    );
    let session = body["sessionId"].as_str().unwrap();
    for id in [&*learner, &*course, session] {
        assert!(!service.log().contains(id), "{}", service.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timed_out_request_is_logged_with_the_route() {
    let redis = Redis::start(IN_MEMORY).await;
    let times = [("REQUEST_TIMEOUT", "100ms"), ("STORE_TIMEOUT", "1h")];
    let service = Service::start(on_redis(&redis.url()).envs(times));
    becomes_ready(&service.client()).await;
    redis.server.freeze().await;
    let answer = service.client().totals(&new_id(), &new_id()).await;
    assert_eq!(answer.message(), "request timeout");
    let lines = lines_of(&service, &answer, 1).await;
    assert_eq!(lines[0]["level"], "WARN");
    assert_eq!(lines[0]["route"], "/courses/{courseId}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_debug_a_line_names_the_ids_of_a_request() {
    let directory = tempfile::tempdir().unwrap();
    let service =
        Service::start(embedded(directory.path()).env("RUST_LOG", "info,study_stats=debug"));
    let (learner, course) = (new_id(), new_id());
    let answer = service.client().totals(&learner, &course).await;
    let lines = lines_of(&service, &answer, 1).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    assert_eq!(
        (&line["level"], &line["learner"]),
        (&"DEBUG".into(), &learner.into())
    );
    assert_eq!(line["path"], format!("/courses/{course}"));
}
